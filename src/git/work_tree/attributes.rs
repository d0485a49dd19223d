//! The git attributes that can make a file on disk and its blob differ (gitattributes(5)): `text`, `crlf`,
//! `eol`, `ident`, `filter` and `working-tree-encoding`. All others are skipped while reading.

use std::collections::HashMap;
use std::path::Path;

use bstr::ByteSlice;

use crate::git::read_own;
use crate::git::work_tree::wildcard;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(in crate::git) enum Value {
    /// Nothing said, or `!text`.
    #[default]
    Unspecified,
    /// `text`
    Set,
    /// `-text`
    Unset,
    /// `text=auto`
    Text(Vec<u8>),
}

const COUNT: usize = 6;
const NAMES: [&[u8]; COUNT] = [b"text", b"crlf", b"eol", b"ident", b"filter", b"working-tree-encoding"];

type Assignments = [Option<Value>; COUNT];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) struct FileAttributes<'a> {
    pub(in crate::git) text: &'a Value,
    pub(in crate::git) crlf: &'a Value,
    pub(in crate::git) eol: &'a Value,
    pub(in crate::git) ident: &'a Value,
    pub(in crate::git) filter: &'a Value,
    pub(in crate::git) encoding: &'a Value,
}

/// All attribute files of a repository (or of one commit of it).
#[derive(Default)]
pub(in crate::git) struct Attributes {
    /// From the strongest to the weakest; files without a word on the six are not kept.
    files: Vec<AttributeFile>,
    macros: HashMap<Vec<u8>, Assignments>,
}

struct AttributeFile {
    folder: Vec<u8>,
    rules: Vec<Rule>,
}

struct Rule {
    pattern: Pattern,
    assignments: Assignments,
}

/// What a line of an attribute file is about. Nearly all patterns are of the first kinds, and each file is
/// compared with all of them.
enum Pattern {
    Any,
    /// `*.png`: the end of the file name.
    End(Vec<u8>),
    /// A pattern without slash: the file name.
    Name(Vec<u8>),
    /// Components of the path; `**` stands for any number of folders.
    Path(Vec<Vec<u8>>),
}

/// Where an attribute file stands, for its strength.
pub(in crate::git) struct AttributeText<'a> {
    pub(in crate::git) folder: &'a [u8],
    pub(in crate::git) text: &'a [u8],
}

impl FileAttributes<'_> {
    /// The same for a git that has no program for the filter.
    pub(in crate::git) fn without_filter(self) -> Self {
        Self { filter: &Value::Unspecified, ..self }
    }
}

impl Attributes {
    /// Takes the files that hold for the whole repository from the weakest (`core.attributesFile`, then the root's
    /// `.gitattributes` among `folders`), and `info/attributes`, which beats them all.
    pub(in crate::git) fn new(
        general: Option<&[u8]>,
        folders: &[AttributeText<'_>],
        info: Option<&[u8]>,
    ) -> Self {
        let mut attributes = Self::default();
        let mut binary = Assignments::default();
        binary[0] = Some(Value::Unset);
        attributes.macros.insert(b"binary".to_vec(), binary);
        let mut folders: Vec<&AttributeText<'_>> = folders.iter().collect();
        // A folder comes before what is in it, so in the end the deepest is the strongest.
        folders.sort_by_key(|source| source.folder.len());
        let general = general.map(|text| AttributeText { folder: b"", text });
        let info = info.map(|text| AttributeText { folder: b"", text });
        for source in general.iter().chain(folders).chain(info.iter()) {
            attributes.add(source);
        }
        attributes.files.reverse();
        attributes
    }

    fn add(&mut self, source: &AttributeText<'_>) {
        let text = source.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source.text);
        let mut rules = Vec::new();
        for line in text.lines() {
            let line = line.trim_start_with(|c| matches!(c, ' ' | '\t'));
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let Some((pattern, rest)) = first_word(line) else { continue };
            let assignments = self.assignments(rest);
            if let Some(name) = pattern.strip_prefix(b"[attr]") {
                // Only the files at the top may define macros.
                if source.folder.is_empty() {
                    self.macros.insert(name.to_owned(), assignments);
                }
                continue;
            }
            // Git refuses negative patterns here.
            if assignments.iter().all(Option::is_none) || pattern[0] == b'!' {
                continue;
            }
            // A pattern for folders never matches a file.
            if pattern.ends_with(b"/") {
                continue;
            }
            rules.push(Rule { pattern: Pattern::new(&pattern), assignments });
        }
        if !rules.is_empty() {
            self.files.push(AttributeFile { folder: source.folder.to_owned(), rules });
        }
    }

    fn assignments(&self, text: &[u8]) -> Assignments {
        let mut result = Assignments::default();
        for word in text.fields_with(|c| matches!(c, ' ' | '\t' | '\r')) {
            let (name, value) = match word[0] {
                b'-' => (&word[1..], Value::Unset),
                b'!' => (&word[1..], Value::Unspecified),
                _ => match word.split_once_str("=") {
                    Some((name, value)) => (name, Value::Text(value.to_owned())),
                    None => (word, Value::Set),
                },
            };
            if let Some(known) = NAMES.iter().position(|known| *known == name) {
                result[known] = Some(value);
            } else if let (Some(expansion), Value::Set) = (self.macros.get(name), value) {
                for (slot, value) in result.iter_mut().zip(expansion) {
                    if value.is_some() {
                        slot.clone_from(value);
                    }
                }
            }
        }
        result
    }

    /// Whether any file is given to this filter.
    pub(in crate::git) fn names_filter(&self, filter: &[u8]) -> bool {
        let rules = self.files.iter().flat_map(|file| &file.rules);
        let is_it = |rule: &Rule| matches!(&rule.assignments[4], Some(Value::Text(name)) if name == filter);
        rules.into_iter().any(is_it)
    }

    /// Whether no file says a word on the six attributes.
    pub(in crate::git) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(in crate::git) fn of(&self, path: &[u8]) -> FileAttributes<'_> {
        let mut found: [Option<&Value>; COUNT] = [None; COUNT];
        let name = path.rfind_byte(b'/').map_or(path, |slash| &path[slash + 1..]);
        for file in &self.files {
            let relative = match file.folder.len() {
                0 => path,
                length => match path.strip_prefix(&file.folder[..]) {
                    Some(rest) if rest.first() == Some(&b'/') => &path[length + 1..],
                    _ => continue,
                },
            };
            for rule in file.rules.iter().rev() {
                let is_news =
                    rule.assignments.iter().zip(&found).any(|(new, old)| new.is_some() && old.is_none());
                if is_news && rule.pattern.matches(relative, name) {
                    for (slot, value) in found.iter_mut().zip(&rule.assignments) {
                        *slot = slot.or(value.as_ref());
                    }
                }
            }
        }
        let [text, crlf, eol, ident, filter, encoding] =
            found.map(|value| value.unwrap_or(&Value::Unspecified));
        FileAttributes { text, crlf, eol, ident, filter, encoding }
    }
}

impl Pattern {
    fn new(pattern: &[u8]) -> Self {
        if pattern.contains(&b'/') {
            let pattern = pattern.strip_prefix(b"/").unwrap_or(pattern);
            return Self::Path(pattern.split_str("/").map(<[u8]>::to_owned).collect());
        }
        match pattern.strip_prefix(b"*") {
            Some(b"") => Self::Any,
            Some(end) if !wildcard::has_wildcard(end) => Self::End(end.to_owned()),
            _ => Self::Name(pattern.to_owned()),
        }
    }

    fn matches(&self, relative: &[u8], name: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::End(end) => name.ends_with(end),
            Self::Name(pattern) => wildcard::matches(pattern, name),
            // Most paths are somewhere else.
            Self::Path(pattern)
                if !wildcard::has_wildcard(&pattern[0]) && !relative.starts_with(&pattern[0]) =>
            {
                false
            }
            Self::Path(pattern) => {
                let path: Vec<&[u8]> = relative.split_str("/").collect();
                components_match(pattern, &path)
            }
        }
    }
}

/// Whether a pattern of components matches a path; `**` is any number of folders, at the end anything below.
fn components_match(pattern: &[Vec<u8>], path: &[&[u8]]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return path.is_empty() };
    if first == b"**" {
        if rest.is_empty() {
            return !path.is_empty();
        }
        return (0..path.len()).any(|skip| components_match(rest, &path[skip..]));
    }
    path.split_first()
        .is_some_and(|(name, below)| wildcard::matches(first, name) && components_match(rest, below))
}

/// The pattern of a line, which may be quoted as in C, and what follows it.
fn first_word(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if line[0] != b'"' {
        let end = line.find_byteset(b" \t\r").unwrap_or(line.len());
        return Some((line[..end].to_owned(), &line[end..]));
    }
    let mut word = Vec::new();
    let mut at = 1;
    loop {
        match *line.get(at)? {
            b'"' => break,
            b'\\' => {
                at += 1;
                match *line.get(at)? {
                    b'n' => word.push(b'\n'),
                    b't' => word.push(b'\t'),
                    b'r' => word.push(b'\r'),
                    b'a' => word.push(7),
                    b'b' => word.push(8),
                    b'f' => word.push(12),
                    b'v' => word.push(11),
                    digit @ b'0'..=b'3' => {
                        let digits = line.get(at + 1..at + 3)?;
                        let octal = |byte: u8| (byte as char).to_digit(8).and_then(|d| u8::try_from(d).ok());
                        word.push((digit - b'0') * 64 + octal(digits[0])? * 8 + octal(digits[1])?);
                        at += 2;
                    }
                    other => word.push(other),
                }
            }
            other => word.push(other),
        }
        at += 1;
    }
    (!word.is_empty()).then(|| (word, &line[at + 1..]))
}

/// One of the user's or the repository's own. Git goes on without one that cannot be read.
pub(in crate::git) fn own(path: &Path) -> Option<Vec<u8>> {
    read_own(path, limits::GIT_FILE).ok().flatten()
}

pub(in crate::git) const ATTRIBUTES: &[u8] = b".gitattributes";

pub(in crate::git) fn folder(path: &[u8]) -> Option<&[u8]> {
    match path.strip_suffix(ATTRIBUTES)? {
        b"" => Some(b""),
        folder => folder.strip_suffix(b"/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    #[test]
    fn the_nearest_file_and_the_last_line_win() {
        let root = b"* text=auto\n*.sh eol=lf\n*.png binary\n/docs/*.md text\n*.lfs filter=lfs -text\n# x\n";
        let below = b"*.sh eol=crlf\n*.md !text\n";
        let attributes = Attributes::new(
            None,
            &[AttributeText { folder: b"a/b", text: below }, AttributeText { folder: b"", text: root }],
            Some(b"secret.sh -text"),
        );
        assert_eq!(attributes.of(b"x.c").text, &text("auto"));
        assert_eq!(attributes.of(b"x.sh").eol, &text("lf"));
        assert_eq!(attributes.of(b"a/b/x.sh").eol, &text("crlf"));
        assert_eq!(attributes.of(b"a/bc/x.sh").eol, &text("lf"));
        assert_eq!(attributes.of(b"i/x.png").text, &Value::Unset);
        assert_eq!(attributes.of(b"docs/x.md").text, &Value::Set);
        assert_eq!(attributes.of(b"docs/y/x.md").text, &text("auto"));
        assert_eq!(attributes.of(b"a/b/x.md").text, &Value::Unspecified);
        assert_eq!(attributes.of(b"big.lfs").filter, &text("lfs"));
        assert_eq!(attributes.of(b"a/secret.sh").text, &Value::Unset);
    }

    #[test]
    fn macros_quotes_and_other_attributes() {
        let attributes = Attributes::new(
            None,
            &[AttributeText {
                folder: b"",
                text: b"[attr]dos eol=crlf ident\n\"a b.txt\" dos\n*.c diff=c\nd/ text\n",
            }],
            None,
        );
        assert_eq!(attributes.of(b"a b.txt").eol, &text("crlf"));
        assert_eq!(attributes.of(b"a b.txt").ident, &Value::Set);
        assert_eq!(attributes.of(b"d/x").text, &Value::Unspecified);
        assert!(
            Attributes::new(None, &[AttributeText { folder: b"", text: b"*.c diff=c\n* -diff\n" }], None)
                .is_empty()
        );
    }

    #[test]
    fn double_stars_cross_folders() {
        let attributes = Attributes::new(
            None,
            &[AttributeText { folder: b"", text: b"a/**/x text\n**/y text\nz/** text\n" }],
            None,
        );
        for path in ["a/x", "a/b/c/x", "y", "q/y", "z/1", "z/1/2"] {
            assert_eq!(attributes.of(path.as_bytes()).text, &Value::Set, "{path}");
        }
        for path in ["b/a/x", "z", "q/z/1"] {
            assert_eq!(attributes.of(path.as_bytes()).text, &Value::Unspecified, "{path}");
        }
    }
}
