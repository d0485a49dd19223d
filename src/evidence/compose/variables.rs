use std::collections::BTreeMap;

use crate::evidence::{Door, Text};
use crate::path::TreePath;

/// Defaults within defaults that are looked into.
const DEPTH: usize = 16;

/// What the files of a folder give variables. The process environment is never asked: what is built must not depend on
/// who builds it.
#[derive(Default)]
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// `.env`, and for what it lacks the example that people copy it from.
    pub(super) fn of(folder: &TreePath, door: &Door<'_>) -> Self {
        let mut variables = Self::default();
        for name in [".env", ".env.example", ".env.template", ".env.sample"] {
            // An `.env` that cannot be read gives nothing: values stay unknown.
            if let Ok(Some(text)) = door.read(&folder.join(name)) {
                variables.take(&text, name == ".env");
            }
        }
        variables
    }

    fn take(&mut self, text: &str, is_real: bool) {
        let mut taken = BTreeMap::new();
        for line in text.lines() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            if key.is_empty() || !key.chars().all(is_of_name) {
                continue;
            }
            let value = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
                _ => value.split(" #").next().unwrap_or_default().trim_end(),
            };
            // A value that is to be filled in, or made out of others, is not known.
            if value.contains('$') || (value.is_empty() && !is_real) {
                continue;
            }
            taken.insert(key.to_owned(), value.to_owned());
        }
        for (key, value) in taken {
            self.0.entry(key).or_insert(value);
        }
    }

    /// Puts in values as compose does (`$V`, `${V:-x}`, `$$`).
    pub(super) fn expand(&self, text: &str) -> Text {
        let mut out = Text::default();
        self.expand_into(text, &mut out, 0);
        out
    }

    fn expand_into(&self, text: &str, out: &mut Text, depth: usize) {
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            out.push_str(before);
            rest = if let Some(after) = behind.strip_prefix('$') {
                out.push_str("$");
                after
            } else if let Some(inner) = behind.strip_prefix('{') {
                let Some(end) = closing(inner) else { return out.push_unknown() };
                self.braced(&inner[..end], out, depth);
                &inner[end + 1..]
            } else {
                let end = behind.find(|c| !is_of_name(c)).unwrap_or(behind.len());
                match (end, self.0.get(&behind[..end])) {
                    (0, _) => out.push_str("$"),
                    (_, Some(value)) => out.push_str(value),
                    (_, None) => out.push_unknown(),
                }
                &behind[end..]
            };
        }
        out.push_str(rest);
    }

    fn braced(&self, inner: &str, out: &mut Text, depth: usize) {
        let end = inner.find(|c| !is_of_name(c)).unwrap_or(inner.len());
        let (name, operation) = inner.split_at(end);
        let value = self.0.get(name);
        let filled = value.filter(|value| !value.is_empty());
        let (value, word) = match operation.strip_prefix(':') {
            Some(operation) => (filled, operation),
            None => (value, operation),
        };
        let (value, word) = match (word.chars().next(), value) {
            (Some('+'), Some(_)) => (None, Some(&word[1..])),
            (Some('+'), None) => (None, None),
            (Some('-'), None) => (None, Some(&word[1..])),
            (_, value) => (value, None),
        };
        match (value, word) {
            (Some(value), _) => out.push_str(value),
            (None, Some(word)) if depth < DEPTH => self.expand_into(word, out, depth + 1),
            _ => out.push_unknown(),
        }
    }
}

/// Where the brace closes that is open in front of `text`.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::default();
        variables.take("A=1\nexport B=\"b c\" # x\nE=\n#C=2\nD='d'\nX=$A\nF=f # g\n", true);
        variables.take("A=2\nG=\nH=h\n", false);
        variables
    }

    #[test]
    fn values_are_put_in_as_compose_does() {
        for (text, expected) in [
            ("$A-${B}${D}$F", Some("1-b cdf")),
            ("${U:-x}${U-y}${E:-z}${E-w}", Some("xyz")),
            ("${U:-${V:-${A}}}/${U:-a}b", Some("1/ab")),
            ("$$A $", Some("$A $")),
            ("${A:+s}${A:?no}", Some("s1")),
            ("${U}", None),
            ("${X}", None),
            ("${G}", None),
            ("$H", Some("h")),
            ("${U:?no}", None),
            ("${U", None),
        ] {
            assert_eq!(variables().expand(text).known().as_deref(), expected, "{text}");
        }
        assert_eq!(variables().expand(&"${U:-".repeat(100_000)).known(), None);
        assert_eq!(
            variables().expand(&format!("{}{}", "${U:-".repeat(9_000), "}".repeat(9_000))).known(),
            None
        );
    }

    proptest! {
        #[test]
        fn anything_ends(text in "([$]|[{}:?+A-]|\\PC){0,40}") {
            variables().expand(&text);
            Variables::default().take(&text, true);
        }
    }
}
