use std::ops::Range;

use bstr::ByteSlice;

use crate::image::ImageReference;

/// A comment at the very top that instructs the builder: `# syntax=docker/dockerfile:1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    pub value: String,
    /// Bytes of the value in the file.
    pub span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// `# syntax=`: the image that reads the rest.
    pub syntax: Option<Directive>,
    /// `# check=`: settings of the linter.
    pub check: Option<Directive>,
    /// `# escape=`: the character that escapes and continues lines, a backslash unless told otherwise.
    pub escape: u8,
}

impl Default for Directives {
    fn default() -> Self {
        Self { syntax: None, check: None, escape: b'\\' }
    }
}

impl Directives {
    pub fn frontend(&self) -> Frontend {
        self.syntax.as_ref().map_or(Frontend::Dockerfile, |syntax| Frontend::of(&syntax.value))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frontend {
    /// The Dockerfile frontend: `BuildKit`'s own or some version of docker/dockerfile.
    Dockerfile,
    /// Another image (`# syntax=`): the file may mean anything.
    Other(String),
}

impl Frontend {
    /// The frontend that a `syntax` value names. Its first word is the image, the rest arguments.
    pub(super) fn of(value: &str) -> Self {
        let image = value.split_whitespace().next().unwrap_or_default();
        let is_dockerfile = image.parse::<ImageReference>().is_ok_and(|reference| {
            reference.repository.host() == "docker.io"
                && matches!(reference.repository.path(), "docker/dockerfile" | "docker/dockerfile-upstream")
        });
        if is_dockerfile { Self::Dockerfile } else { Self::Other(image.to_owned()) }
    }
}

/// Reads directives until the first line that is none.
#[derive(Debug, Default)]
pub(super) struct DirectiveReader {
    pub(super) found: Directives,
    escape_seen: bool,
    done: bool,
}

/// What is wrong with a directive, and where in the line.
pub(super) type DirectiveError = (String, Range<usize>);

impl DirectiveReader {
    /// Looks at a physical line without its white space in front; `start` is where it stands in the file.
    pub(super) fn read(&mut self, line: &[u8], start: usize) -> Result<(), DirectiveError> {
        if self.done {
            return Ok(());
        }
        let Some((name, value)) = split(line) else {
            self.done = true;
            return Ok(());
        };
        let span = start + value.start..start + value.end;
        let text = line[value].to_str_lossy().into_owned();
        let seen = match name.as_str() {
            "syntax" => self.found.syntax.is_some(),
            "check" => self.found.check.is_some(),
            "escape" => std::mem::replace(&mut self.escape_seen, true),
            _ => {
                self.done = true;
                return Ok(());
            }
        };
        if seen {
            return Err((format!("only one {name} parser directive can be used"), span));
        }
        match (name.as_str(), text.as_str()) {
            ("syntax", _) => self.found.syntax = Some(Directive { value: text, span }),
            ("check", _) => self.found.check = Some(Directive { value: text, span }),
            (_, "\\") => self.found.escape = b'\\',
            (_, "`") => self.found.escape = b'`',
            _ => return Err((format!("invalid escape token '{text}' does not match ` or \\"), span)),
        }
        Ok(())
    }
}

/// `# name = value` into the name in lower case and the range of the value.
fn split(line: &[u8]) -> Option<(String, Range<usize>)> {
    let comment = line.strip_prefix(b"#")?.trim_start_with(char::is_whitespace);
    let equals = comment.find_byte(b'=')?;
    let name = comment[..equals].trim_end_with(is_space);
    if !name.first()?.is_ascii_alphabetic() || !name.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let after = line.len() - comment.len() + equals + 1;
    let rest = &line[after..];
    let trimmed = rest.trim_start_with(is_space);
    let start = match trimmed.first() {
        Some(_) => line.len() - trimmed.len(),
        // White space alone is a value of one blank: BuildKit's pattern wants one character.
        None => line.len().checked_sub(1).filter(|last| *last >= after)?,
    };
    let length = line[start..].trim_end_with(is_space).len().max(1);
    Some((name.to_str_lossy().to_ascii_lowercase(), start..start + length))
}

/// Go's `\s`.
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (Directives, Vec<DirectiveError>) {
        let mut reader = DirectiveReader::default();
        let errors = lines.iter().filter_map(|line| reader.read(line.as_bytes(), 0).err()).collect();
        (reader.found, errors)
    }

    #[test]
    fn reads_until_the_first_line_that_is_none() {
        let (found, errors) = read(&["#  SYNTAX = docker/dockerfile:1 ", "#escape=`", "# c", "# check=x"]);
        assert_eq!(found.syntax.map(|d| (d.value, d.span)), Some(("docker/dockerfile:1".into(), 12..31)));
        assert_eq!((found.escape, found.check, errors), (b'`', None, vec![]));
    }

    #[test]
    fn blanks_alone_are_a_value() {
        assert_eq!(read(&["# escape=  "]).1.len(), 1);
        assert_eq!(read(&["# escape="]).1.len(), 0);
    }

    #[test]
    fn knows_the_dockerfile_frontend() {
        for value in
            ["docker/dockerfile:1", "docker.io/docker/dockerfile-upstream:master", "docker/dockerfile"]
        {
            assert_eq!(Frontend::of(value), Frontend::Dockerfile, "{value}");
        }
        for value in ["example.com/docker/dockerfile:1", "docker/dockerfile2", "$X"] {
            assert_eq!(Frontend::of(value), Frontend::Other(value.into()), "{value}");
        }
    }
}
