/// A text of which some parts may be unknown, because a variable without a known value stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Known(String),
    Unknown,
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        std::iter::once(Part::Known(text.to_owned())).collect()
    }
}

/// Neighbours that are known become one.
impl FromIterator<Part> for Text {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut text = Self::default();
        for part in parts {
            match part {
                Part::Known(known) => text.push_str(&known),
                Part::Unknown => text.push_unknown(),
            }
        }
        text
    }
}

impl Text {
    pub(crate) fn unknown() -> Self {
        Self(vec![Part::Unknown])
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Known(last)) => last.push_str(text),
            _ => self.0.push(Part::Known(text.to_owned())),
        }
    }

    pub(crate) fn push_unknown(&mut self) {
        if self.0.last() != Some(&Part::Unknown) {
            self.0.push(Part::Unknown);
        }
    }

    pub(crate) fn push(&mut self, other: &Self) {
        for part in &other.0 {
            match part {
                Part::Known(known) => self.push_str(known),
                Part::Unknown => self.push_unknown(),
            }
        }
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// All of it, if all of it is known.
    pub(crate) fn known(&self) -> Option<String> {
        match &self.0[..] {
            [] => Some(String::new()),
            [Part::Known(known)] => Some(known.clone()),
            _ => None,
        }
    }

    /// What is known where that is all in one piece, which a `-`, `_` or `.` parts from the rest.
    pub(super) fn only_known(&self) -> Option<String> {
        const SEPARATORS: [char; 3] = ['-', '_', '.'];
        let part = match &self.0[..] {
            [Part::Known(known)] => return Some(known.clone()),
            [Part::Known(known), Part::Unknown] => known.strip_suffix(SEPARATORS)?,
            [Part::Unknown, Part::Known(known)] => known.strip_prefix(SEPARATORS)?,
            _ => return None,
        };
        Some(part.to_owned())
    }

    /// What stands behind the last slash that is known, if there is one.
    pub(super) fn after_last_slash(&self) -> Option<Self> {
        let slash = |part: &Part| matches!(part, Part::Known(known) if known.contains('/'));
        let at = self.0.iter().rposition(slash)?;
        let Part::Known(known) = &self.0[at] else { return None };
        let behind = known.rsplit('/').next().unwrap_or_default().to_owned();
        Some(std::iter::once(Part::Known(behind)).chain(self.0[at + 1..].iter().cloned()).collect())
    }

    /// What stands in front of the first `@`.
    pub(super) fn without_digest(&self) -> Self {
        let mut front = Self::default();
        for part in &self.0 {
            match part {
                Part::Known(known) => {
                    let (before, is_cut) =
                        known.split_once('@').map_or((&**known, false), |(before, _)| (before, true));
                    front.push_str(before);
                    if is_cut {
                        break;
                    }
                }
                Part::Unknown => front.push_unknown(),
            }
        }
        front
    }

    /// Repository and tag: the tag is behind the last colon, if no slash follows it.
    pub(super) fn split_tag(&self) -> (Self, Option<Self>) {
        let mark = |part: &Part| matches!(part, Part::Known(known) if known.contains([':', '/']));
        let Some(at) = self.0.iter().rposition(mark) else { return (self.clone(), None) };
        let Part::Known(known) = &self.0[at] else { return (self.clone(), None) };
        match known.rfind([':', '/']) {
            Some(mark) if known[mark..].starts_with(':') => {
                let mut name: Self = self.0[..at].iter().cloned().collect();
                name.push_str(&known[..mark]);
                let mut tag = Self::from(&known[mark + 1..]);
                tag.push(&self.0[at + 1..].iter().cloned().collect());
                (name, Some(tag))
            }
            _ => (self.clone(), None),
        }
    }
}
