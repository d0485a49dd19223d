//! What an expression of bake's comes to.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::evidence::{Part, Text};
use crate::limits;

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing is known of it.
    Unknown,
    Null,
    Bool(bool),
    Number(f64),
    Text(Text),
    List(Rc<Sized<Vec<Value>>>),
    Map(Rc<Sized<BTreeMap<String, Value>>>),
}

/// A collection that knows how much there is in it all in all, so that lists of lists of lists cannot grow for ever.
#[derive(Debug)]
pub(super) struct Sized<T> {
    pub items: T,
    size: usize,
    depth: usize,
}

impl Value {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Text::from(text.as_ref()))
    }

    /// A text that is too long is unknown.
    pub(super) fn of_text(text: Text) -> Self {
        if text_size(&text) > limits::BAKE_TEXT { Self::Unknown } else { Self::Text(text) }
    }

    /// A list that is too large or too deep is unknown.
    pub(super) fn list(items: Vec<Self>) -> Self {
        match measure(items.iter()) {
            Some((size, depth)) => Self::List(Rc::new(Sized { items, size, depth })),
            None => Self::Unknown,
        }
    }

    /// As for lists.
    pub(super) fn map(items: BTreeMap<String, Self>) -> Self {
        match measure(items.values()) {
            Some((size, depth)) => Self::Map(Rc::new(Sized { items, size, depth })),
            None => Self::Unknown,
        }
    }

    /// How much work it is to walk through all of it.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::List(list) => list.size,
            Self::Map(map) => map.size,
            Self::Text(text) => 1 + text_size(text) / 16,
            _ => 1,
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            _ => 0,
        }
    }

    pub(super) fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(&list.items),
            _ => None,
        }
    }

    pub(super) fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Map(map) => Some(&map.items),
            _ => None,
        }
    }

    /// As part of a text: what has no text, such as a list, is unknown there.
    pub(super) fn to_text(&self) -> Text {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bool(value) => Text::from(if *value { "true" } else { "false" }),
            // Rust writes numbers as cty does: no exponent, no needless zeros.
            Self::Number(number) => Text::from(&*number.to_string()),
            Self::Unknown | Self::Null | Self::List(_) | Self::Map(_) => Text::unknown(),
        }
    }

    /// The whole text, if all of it is known.
    pub(super) fn known_text(&self) -> Option<String> {
        self.to_text().known()
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.known()?.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub(super) fn as_index(&self) -> Option<usize> {
        let number = self.as_number()?;
        let index = format!("{number}");
        index.parse().ok()
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => match &*text.known()? {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether both are the same; `None` if that depends on what is unknown.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => None,
            (Self::Null, Self::Null) => Some(true),
            (Self::Bool(a), Self::Bool(b)) => Some(a == b),
            (Self::Number(a), Self::Number(b)) => Some(a.total_cmp(b).is_eq() || a - b == 0.0),
            (Self::Text(a), Self::Text(b)) => Some(a.known()? == b.known()?),
            (Self::List(a), Self::List(b)) => {
                let pairs = a.items.iter().zip(&b.items);
                all(a.items.len() == b.items.len(), pairs.map(|(a, b)| a.equals(b)))
            }
            (Self::Map(a), Self::Map(b)) => {
                let pairs = a.items.values().zip(b.items.values());
                all(a.items.keys().eq(b.items.keys()), pairs.map(|(a, b)| a.equals(b)))
            }
            _ => Some(false),
        }
    }

    /// What is true of both: one of them, without saying which.
    pub(super) fn either(self, other: Self) -> Self {
        if self.equals(&other) == Some(true) {
            return self;
        }
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Self::Text(common(&a, &b)),
            _ => Self::Unknown,
        }
    }
}

fn all(is_alike: bool, mut pairs: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    if !is_alike {
        return Some(false);
    }
    pairs.try_fold(true, |so_far, pair| Some(so_far && pair?))
}

fn measure<'v>(items: impl Iterator<Item = &'v Value>) -> Option<(usize, usize)> {
    let (mut size, mut depth) = (1_usize, 0);
    for item in items {
        size = size.saturating_add(item.size());
        depth = depth.max(item.depth());
    }
    (size <= limits::BAKE_VALUE && depth < limits::BAKE_DEPTH).then_some((size, depth + 1))
}

pub(super) fn text_size(text: &Text) -> usize {
    let size = |part: &Part| match part {
        Part::Known(known) => known.len(),
        Part::Unknown => 1,
    };
    text.parts().iter().map(size).sum()
}

/// What two texts begin and end with.
fn common(a: &Text, b: &Text) -> Text {
    let first = |text: &Text| match text.parts() {
        [Part::Known(known), ..] => known.clone(),
        _ => String::new(),
    };
    let (a, b) = (first(a), first(b));
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a);
    let mut common = Text::from(&*same.collect::<String>());
    common.push_unknown();
    common
}
