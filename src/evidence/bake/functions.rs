//! The functions of bake's that names, tags and arguments are made with. `None` is unknown: what they are not given,
//! what they do not do, and functions that are not here.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;
use regex_automata::util::interpolate;

use super::evaluate::Evaluator;
use super::value::Value;
use crate::evidence::{Part, Text};
use crate::limits;

/// Compiling a pattern is as much work as this many steps.
const COMPILING: usize = 2_000;

/// The longest pattern, and the longest text to look through: a search for all matches may look at each place again
/// from each place.
const PATTERN: usize = 512;

pub(super) fn call(evaluator: &mut Evaluator<'_>, name: &str, arguments: &[Value]) -> Option<Value> {
    match (name, arguments) {
        ("regex_replace", [text, pattern, with]) => {
            evaluator.spend(COMPILING)?;
            regex_replace(&text.known_text()?, &pattern.known_text()?, &with.known_text()?)
        }
        ("distinct", [list]) => {
            let list = list.as_list()?;
            evaluator.spend(list.len().saturating_mul(arguments[0].size()))?;
            distinct(list)
        }
        ("setproduct", lists) => {
            let lists: Vec<&[Value]> = lists.iter().map(Value::as_list).collect::<Option<_>>()?;
            let count = lists.iter().fold(1_usize, |count, list| count.saturating_mul(list.len()));
            // Each list makes all ways that there are so far anew, so an empty one behind large ones saves nothing.
            if count == 0 {
                return Some(Value::list(Vec::new()));
            }
            evaluator.spend(count.saturating_mul(1 + lists.len() * lists.len()))?;
            (count <= limits::BAKE_VALUE).then(|| product(&lists))
        }
        _ => of_texts(name, arguments)
            .or_else(|| of_collections(name, arguments))
            .or_else(|| of_numbers(name, arguments))
            .or_else(|| of_truths(name, arguments)),
    }
}

/// `collection[key]`
pub(super) fn member(collection: &Value, key: &Value) -> Option<Value> {
    match collection {
        Value::List(list) => list.items.get(key.as_index()?).cloned(),
        Value::Map(map) => map.items.get(&key.known_text()?).cloned(),
        _ => None,
    }
}

fn of_texts(name: &str, arguments: &[Value]) -> Option<Value> {
    let known = |at: usize| arguments.get(at).and_then(Value::known_text);
    let text = match (name, arguments) {
        ("lower", [text]) => return Some(each_part(text, str::to_lowercase)),
        ("upper", [text]) => return Some(each_part(text, str::to_uppercase)),
        ("join", [separator, lists @ ..]) => return join(separator, lists),
        ("format", [format, values @ ..]) => return format_text(&format.known_text()?, values),
        ("split", [_, _]) => {
            let (separator, text) = (known(0)?, known(1)?);
            let parts: Vec<Value> = match &*separator {
                "" => text.chars().map(|part| Value::text(part.to_string())).collect(),
                separator => text.split(separator).map(Value::text).collect(),
            };
            return Some(Value::list(parts));
        }
        ("replace", [_, _, _]) => replace(&known(0)?, &known(1)?, &known(2)?)?,
        ("trimprefix", [_, _]) => {
            let (text, prefix) = (known(0)?, known(1)?);
            text.strip_prefix(&prefix).unwrap_or(&text).to_owned()
        }
        ("trimsuffix", [_, _]) => {
            let (text, suffix) = (known(0)?, known(1)?);
            text.strip_suffix(&suffix).unwrap_or(&text).to_owned()
        }
        ("trim", [_, _]) => {
            let set: Vec<char> = known(1)?.chars().collect();
            known(0)?.trim_matches(&set[..]).to_owned()
        }
        ("trimspace", [_]) => known(0)?.trim().to_owned(),
        ("chomp", [_]) => known(0)?.trim_end_matches(['\r', '\n']).to_owned(),
        ("reverse", [Value::Text(_)]) => known(0)?.chars().rev().collect(),
        ("substr", [_, start, length]) => {
            let letters = known(0)?.chars().skip(start.as_index()?).collect::<String>();
            match length.as_number()? {
                -1.0 => letters,
                _ => letters.chars().take(length.as_index()?).collect(),
            }
        }
        ("basename", [_]) => known(0)?.trim_end_matches('/').rsplit('/').next()?.to_owned(),
        ("dirname", [_]) => known(0)?.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned(),
        ("sanitize", [_]) => {
            let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
            known(0)?.chars().map(keep).collect()
        }
        ("title", [_]) => title(&known(0)?),
        _ => return None,
    };
    Some(Value::of_text(Text::from(&*text)))
}

fn of_collections(name: &str, arguments: &[Value]) -> Option<Value> {
    match (name, arguments) {
        ("concat", lists) => {
            let lists: Vec<&[Value]> = lists.iter().map(Value::as_list).collect::<Option<_>>()?;
            Some(Value::list(lists.concat()))
        }
        ("merge", maps) => {
            let maps: Vec<_> = maps.iter().map(Value::as_map).collect::<Option<_>>()?;
            let pairs = maps.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
            Some(Value::map(pairs.collect::<BTreeMap<_, _>>()))
        }
        ("coalesce", values) => {
            let first = values.iter().find(|value| !matches!(value, Value::Null))?;
            Some(first.clone())
        }
        ("coalescelist", lists) => lists
            .iter()
            .find_map(|list| match list.as_list() {
                Some([]) => None,
                Some(_) => Some(Some(list.clone())),
                None => Some(None),
            })
            .flatten(),
        ("try", [first, ..]) => Some(first.clone()),
        ("lookup", [map, key, rest @ ..]) => {
            let found = map.as_map()?.get(&key.known_text()?);
            found.or(rest.first()).cloned()
        }
        ("element", [list, index]) => {
            let list = list.as_list()?;
            let at = index.as_index()?.checked_rem(list.len())?;
            list.get(at).cloned()
        }
        ("index", [collection, key]) => member(collection, key),
        ("length", [Value::List(list)]) => Some(number(list.items.len())),
        ("length", [Value::Map(map)]) => Some(number(map.items.len())),
        ("strlen", [text]) => Some(number(text.known_text()?.chars().count())),
        ("keys", [map]) => Some(Value::list(map.as_map()?.keys().map(Value::text).collect())),
        ("values", [map]) => Some(Value::list(map.as_map()?.values().cloned().collect())),
        ("compact", [list]) => {
            let texts: Vec<String> = known_texts(list)?;
            Some(Value::list(texts.iter().filter(|text| !text.is_empty()).map(Value::text).collect()))
        }
        ("sort", [list]) => {
            let mut texts: Vec<String> = known_texts(list)?;
            texts.sort();
            Some(Value::list(texts.iter().map(Value::text).collect()))
        }
        ("reverse" | "reverselist", [list]) => {
            Some(Value::list(list.as_list()?.iter().rev().cloned().collect()))
        }
        ("flatten", [list]) => {
            let mut flat = Vec::new();
            flatten(list.as_list()?, &mut flat);
            Some(Value::list(flat))
        }
        ("slice", [list, start, end]) => {
            let part = list.as_list()?.get(start.as_index()?..end.as_index()?)?;
            Some(Value::list(part.to_vec()))
        }
        ("zipmap", [keys, values]) => {
            let keys = known_texts(keys)?;
            Some(Value::map(keys.into_iter().zip(values.as_list()?.iter().cloned()).collect()))
        }
        _ => None,
    }
}

fn of_numbers(name: &str, arguments: &[Value]) -> Option<Value> {
    let numbers: Vec<f64> = arguments.iter().map(Value::as_number).collect::<Option<_>>()?;
    let result = match (name, &numbers[..]) {
        ("add", [a, b]) => a + b,
        ("subtract", [a, b]) => a - b,
        ("multiply", [a, b]) => a * b,
        ("divide", [a, b]) => a / b,
        ("modulo", [a, b]) => a % b,
        ("negate", [a]) => -a,
        ("absolute", [a]) => a.abs(),
        ("int", [a]) => a.trunc(),
        ("floor", [a]) => a.floor(),
        ("ceil", [a]) => a.ceil(),
        ("min", [first, rest @ ..]) => rest.iter().fold(*first, |a, b| a.min(*b)),
        ("max", [first, rest @ ..]) => rest.iter().fold(*first, |a, b| a.max(*b)),
        ("lessthan", [a, b]) => return Some(Value::Bool(a < b)),
        ("lessthanorequalto", [a, b]) => return Some(Value::Bool(a <= b)),
        ("greaterthan", [a, b]) => return Some(Value::Bool(a > b)),
        ("greaterthanorequalto", [a, b]) => return Some(Value::Bool(a >= b)),
        _ => return None,
    };
    // Beyond that a number is not exact any more.
    (result.is_finite() && result.abs() < 9e15).then_some(Value::Number(result))
}

fn of_truths(name: &str, arguments: &[Value]) -> Option<Value> {
    let truth = match (name, arguments) {
        ("equal", [a, b]) => a.equals(b)?,
        ("notequal", [a, b]) => !a.equals(b)?,
        ("not", [a]) => !a.as_bool()?,
        ("and", [a, b]) => match (a.as_bool(), b.as_bool()) {
            (Some(false), _) | (_, Some(false)) => false,
            (a, b) => a? && b?,
        },
        ("or", [a, b]) => match (a.as_bool(), b.as_bool()) {
            (Some(true), _) | (_, Some(true)) => true,
            (a, b) => a? || b?,
        },
        ("contains", [list, wanted]) => {
            let found: Vec<Option<bool>> = list.as_list()?.iter().map(|item| item.equals(wanted)).collect();
            match () {
                () if found.contains(&Some(true)) => true,
                () if found.contains(&None) => return None,
                () => false,
            }
        }
        ("hasindex", [Value::Map(map), key]) => map.items.contains_key(&key.known_text()?),
        ("hasindex", [Value::List(list), key]) => key.as_index()? < list.items.len(),
        _ => return None,
    };
    Some(Value::Bool(truth))
}

pub(super) fn number(count: usize) -> Value {
    u32::try_from(count).map_or(Value::Unknown, |count| Value::Number(count.into()))
}

fn known_texts(list: &Value) -> Option<Vec<String>> {
    list.as_list()?.iter().map(Value::known_text).collect()
}

fn each_part(text: &Value, change: impl Fn(&str) -> String) -> Value {
    let parts = text.to_text();
    let changed = parts.parts().iter().map(|part| match part {
        Part::Known(known) => Part::Known(change(known)),
        Part::Unknown => Part::Unknown,
    });
    Value::of_text(changed.collect())
}

fn join(separator: &Value, lists: &[Value]) -> Option<Value> {
    let separator = separator.known_text()?;
    let mut text = Text::default();
    let mut size = 0_usize;
    let lists: Vec<&[Value]> = lists.iter().map(Value::as_list).collect::<Option<_>>()?;
    for (at, item) in lists.into_iter().flatten().enumerate() {
        size = size.saturating_add(separator.len() + item.size() * 16);
        if size > limits::BAKE_TEXT * 16 {
            return None;
        }
        if at > 0 {
            text.push_str(&separator);
        }
        text.push(&item.to_text());
    }
    Some(Value::of_text(text))
}

/// `%s`, `%v`, `%d` and `%%`; what else there is, is unknown.
fn format_text(format: &str, values: &[Value]) -> Option<Value> {
    let mut text = Text::default();
    let mut values = values.iter();
    let mut pieces = format.split('%');
    text.push_str(pieces.next()?);
    while let Some(piece) = pieces.next() {
        match piece.chars().next() {
            Some('s' | 'v' | 'd') => {
                text.push(&values.next()?.to_text());
                text.push_str(&piece[1..]);
            }
            Some(_) => return None,
            None => {
                text.push_str("%");
                text.push_str(pieces.next()?);
            }
        }
        if super::value::text_size(&text) > limits::BAKE_TEXT {
            return None;
        }
    }
    Some(Value::Text(text))
}

fn replace(text: &str, from: &str, to: &str) -> Option<String> {
    if from.is_empty() {
        return None;
    }
    let count = text.matches(from).count();
    let is_short = text.len().saturating_add(count.saturating_mul(to.len())) <= limits::BAKE_TEXT;
    is_short.then(|| text.replace(from, to))
}

fn regex_replace(text: &str, pattern: &str, with: &str) -> Option<Value> {
    if pattern.len().max(text.len()).max(with.len()) > PATTERN {
        return None;
    }
    let config = Regex::config().nfa_size_limit(Some(256 << 10)).hybrid_cache_capacity(256 << 10);
    let regex = Regex::builder().configure(config).build(pattern).ok()?;
    let mut replaced = String::new();
    let mut end = 0;
    for captures in regex.captures_iter(text) {
        let found = captures.get_match()?;
        replaced.push_str(&text[end..found.start()]);
        interpolate::string(
            with,
            |group, to| to.push_str(captures.get_group(group).map_or("", |span| &text[span.start..span.end])),
            |name| captures.group_info().to_index(captures.pattern()?, name),
            &mut replaced,
        );
        end = found.end();
        if replaced.len() > limits::BAKE_TEXT {
            return None;
        }
    }
    replaced.push_str(&text[end..]);
    Some(Value::of_text(Text::from(&*replaced)))
}

/// Every way to take one item of each list.
fn product(lists: &[&[Value]]) -> Value {
    let mut ways = vec![Vec::new()];
    for list in lists {
        let longer = |way: &Vec<Value>| {
            let longer = |item: &Value| [&way[..], std::slice::from_ref(item)].concat();
            list.iter().map(longer).collect::<Vec<_>>()
        };
        ways = ways.iter().flat_map(longer).collect();
    }
    Value::list(ways.into_iter().map(Value::list).collect())
}

fn distinct(list: &[Value]) -> Option<Value> {
    let mut distinct: Vec<Value> = Vec::new();
    for item in list {
        let alike: Vec<bool> = distinct.iter().map(|other| item.equals(other)).collect::<Option<_>>()?;
        if !alike.contains(&true) {
            distinct.push(item.clone());
        }
    }
    Some(Value::list(distinct))
}

/// Values are limited in how deep they nest.
fn flatten(list: &[Value], flat: &mut Vec<Value>) {
    for item in list {
        match item.as_list() {
            Some(inner) => flatten(inner, flat),
            None => flat.push(item.clone()),
        }
    }
}

fn title(text: &str) -> String {
    let mut is_start = true;
    let letter = |c: char| {
        let upper = if is_start { c.to_uppercase().next().unwrap_or(c) } else { c };
        is_start = !c.is_alphanumeric();
        upper
    };
    text.chars().map(letter).collect()
}
