use std::cell::Cell;
use std::collections::BTreeMap;

use crate::evidence::{Door, Place, Said, Text};
use crate::limits;
use crate::path::TreePath;

/// Defaults within defaults that are looked into.
const DEPTH: usize = 16;

/// What the files of a folder give variables. The process environment is never asked: what is built must not depend on
/// who builds it.
#[derive(Default)]
pub(super) struct Variables {
    known: BTreeMap<String, Said<String>>,
    /// There or not.
    pub(super) files: Vec<TreePath>,
}

/// Bytes that variables may still come to in one file.
pub(super) struct Room(Cell<usize>);

impl Default for Room {
    fn default() -> Self {
        Self(Cell::new(limits::COMPOSE_TEXT))
    }
}

impl Room {
    fn take(&self, value: &str) -> bool {
        let left = self.0.get().checked_sub(value.len());
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

impl Variables {
    /// `.env`, and for what it lacks the example that people copy it from.
    pub(super) fn of(folder: &TreePath, door: &Door<'_>) -> Self {
        let mut variables = Self::default();
        for name in [".env", ".env.example", ".env.template", ".env.sample"] {
            let path = folder.join(name);
            // An `.env` that cannot be read gives nothing: values stay unknown.
            if let Ok(Some(text)) = door.read(&path) {
                variables.take(&path, &text, name == ".env");
            }
            variables.files.push(path);
        }
        variables
    }

    /// What these files say; those that stand last win, as the first do here.
    pub(super) fn of_files(paths: &[TreePath], door: &Door<'_>) -> Self {
        let mut variables = Self { files: paths.to_vec(), ..Self::default() };
        for path in paths.iter().rev() {
            if let Ok(Some(text)) = door.read(path) {
                variables.take(path, &text, true);
            }
        }
        variables
    }

    fn take(&mut self, path: &TreePath, text: &str, is_real: bool) {
        let room = Room::default();
        for (line, text) in text.lines().enumerate() {
            let text = text.trim();
            let text = text.strip_prefix("export ").unwrap_or(text);
            let Some((key, value)) = text.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            if key.is_empty() || !key.chars().all(is_of_name) {
                continue;
            }
            // Files that stand first win, and of one file the last line.
            if self.known.get(key).is_some_and(|known| known.place.path != *path) {
                continue;
            }
            let (value, is_literal) = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    (value[1..].split(quote).next().unwrap_or_default(), quote == '\'')
                }
                _ => (value.split(" #").next().unwrap_or_default().trim_end(), false),
            };
            // Made out of others: known if they are, and they stand above.
            let value = if is_literal { Some(value.to_owned()) } else { self.expand(value, &room).known() };
            match value {
                // An example's value that is to be filled in is not known.
                Some(value) if is_real || !value.is_empty() => {
                    let place = Place { path: path.clone(), line: line + 1 };
                    self.known.insert(key.to_owned(), Said { value, place });
                }
                _ => {
                    self.known.remove(key);
                }
            }
        }
    }

    /// What a variable is, and where that is said.
    pub(super) fn get(&self, name: &str, room: &Room) -> Option<Said<String>> {
        self.known.get(name).filter(|said| room.take(&said.value)).cloned()
    }

    /// Where the value of a text is said that is one variable and nothing else: `$V`, `${V:-x}`.
    pub(super) fn place(&self, text: &str) -> Option<&Place> {
        let inner = text.strip_prefix('$')?;
        let name = match inner.strip_prefix('{') {
            Some(inner) if closing(inner)? + 1 == inner.len() => {
                let (name, operation) = inner.split_at(inner.find(|c| !is_of_name(c))?);
                if operation.starts_with('+') || operation.starts_with(":+") {
                    return None;
                }
                // An empty value is none for these: the default is said where it stands.
                let said = self.known.get(name)?;
                return (!operation.starts_with(':') || !said.value.is_empty()).then_some(&said.place);
            }
            Some(_) => return None,
            None => inner,
        };
        self.known.get(name).map(|said| &said.place)
    }

    /// Puts in values as compose does (`$V`, `${V:-x}`, `$$`).
    pub(super) fn expand(&self, text: &str, room: &Room) -> Text {
        let mut out = Text::default();
        self.expand_into(text, &mut out, room, 0);
        out
    }

    fn put(&self, name: &str, out: &mut Text, room: &Room) {
        match self.known.get(name).filter(|said| room.take(&said.value)) {
            Some(said) => out.push_str(&said.value),
            None => out.push_unknown(),
        }
    }

    fn expand_into(&self, text: &str, out: &mut Text, room: &Room, depth: usize) {
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            out.push_str(before);
            rest = if let Some(after) = behind.strip_prefix('$') {
                out.push_str("$");
                after
            } else if let Some(inner) = behind.strip_prefix('{') {
                let Some(end) = closing(inner) else { return out.push_unknown() };
                self.braced(&inner[..end], out, room, depth);
                &inner[end + 1..]
            } else {
                let end = behind.find(|c| !is_of_name(c)).unwrap_or(behind.len());
                match end {
                    0 => out.push_str("$"),
                    _ => self.put(&behind[..end], out, room),
                }
                &behind[end..]
            };
        }
        out.push_str(rest);
    }

    fn braced(&self, inner: &str, out: &mut Text, room: &Room, depth: usize) {
        let end = inner.find(|c| !is_of_name(c)).unwrap_or(inner.len());
        let (name, operation) = inner.split_at(end);
        let value = self.known.get(name).map(|said| &said.value);
        let (is_there, word) = match operation.strip_prefix(':') {
            Some(operation) => (value.is_some_and(|value| !value.is_empty()), operation),
            None => (value.is_some(), operation),
        };
        let word = match (word.chars().next(), is_there) {
            (Some('+'), true) | (Some('-'), false) => &word[1..],
            (_, true) => return self.put(name, out, room),
            (_, false) => return out.push_unknown(),
        };
        if depth < DEPTH {
            self.expand_into(word, out, room, depth + 1);
        } else {
            out.push_unknown();
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
        let text = "A=1\nexport B=\"b c\" # x\nE=\n#C=2\nD='d'\nX=$A-${B}\nF=f # g\nL='$A'\nY=$NONE\n";
        variables.take(&".env".into(), text, true);
        variables.take(&".env.example".into(), "A=2\nG=\nH=h\n", false);
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
            ("${X}", Some("1-b c")),
            ("$L", Some("$A")),
            ("$Y", None),
            ("${G}", None),
            ("$H", Some("h")),
            ("${U:?no}", None),
            ("${U", None),
        ] {
            assert_eq!(variables().expand(text, &Room::default()).known().as_deref(), expected, "{text}");
        }
        assert_eq!(variables().expand(&"${U:-".repeat(100_000), &Room::default()).known(), None);
        assert_eq!(
            variables()
                .expand(&format!("{}{}", "${U:-".repeat(9_000), "}".repeat(9_000)), &Room::default())
                .known(),
            None
        );
    }

    proptest! {
        #[test]
        fn anything_ends(text in "([$]|[{}:?+A-]|\\PC){0,40}") {
            variables().expand(&text, &Room::default());
            variables().place(&text);
            Variables::default().take(&".env".into(), &text, true);
        }
    }
}
