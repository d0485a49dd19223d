use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Lockfile, lockable};
use crate::diagnostic::{Diagnostic, LineIndex, Location};
use crate::image::{Digest, ImageReference};
use crate::path::TreePath;

/// The form of the file. A later program may write another, which this one must not misread.
pub(super) const VERSION: &str = "1";

/// What helps against most damage: nothing in the file is made by hand.
const RESTORE: &str =
    "`git checkout -- shipwright.lock` restores it; `shipwright lock` makes a new one when it is deleted";

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads a `shipwright.lock`. All that is wrong is reported, not only the first.
pub(crate) fn parse(text: &str, file: &TreePath) -> Result<Lockfile, Vec<Diagnostic>> {
    let mut reader = Reader { file, lines: LineIndex::new(text), errors: Vec::new() };
    let mut lock = Lockfile { path: Some(file.clone()), digests: BTreeMap::new() };
    if let Some(marker) = conflict(text) {
        reader.error(marker, "the lock file has a merge conflict".to_owned(), CONFLICT);
        return Err(reader.errors);
    }
    match DeTable::parse(text) {
        Ok(document) => reader.document(document.get_ref(), &mut lock),
        Err(error) => {
            let message = format!("the lock file is not TOML: {}", error.message());
            reader.error(error.span().unwrap_or(0..0), message, RESTORE);
        }
    }
    if reader.errors.is_empty() { Ok(lock) } else { Err(reader.errors) }
}

const CONFLICT: &str = "delete the markers and one line of each base that stands there twice; \
                        `shipwright lock --update` then asks again where you are not sure";

/// The first line that git leaves in a file it could not merge.
fn conflict(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker))
            || line.trim_end() == "======="
        {
            return Some(start..start + line.trim_end().len());
        }
        start += line.len();
    }
    None
}

struct Reader<'a> {
    file: &'a TreePath,
    lines: LineIndex,
    errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn document(&mut self, document: &DeTable<'_>, lock: &mut Lockfile) {
        let mut has_version = false;
        for (key, value) in sorted(document) {
            match key.get_ref().as_ref() {
                "version" => {
                    has_version = true;
                    self.version(value);
                }
                "bases" => self.bases(value, lock),
                unknown => {
                    let message = format!("`{unknown}` does not belong in a lock file");
                    self.error(key.span(), message, "it holds `version` and the table `bases`");
                }
            }
        }
        if !has_version && self.errors.is_empty() {
            self.error(0..0, "the lock file has no version".to_owned(), RESTORE);
        }
    }

    fn version(&mut self, value: &Value<'_>) {
        match value.get_ref() {
            DeValue::Integer(number) if number.as_str() == VERSION => {}
            _ => {
                let message = format!("the lock file's version is not {VERSION}");
                self.error(value.span(), message, "a later shipwright may have written it: use that one");
            }
        }
    }

    fn bases(&mut self, value: &Value<'_>, lock: &mut Lockfile) {
        let DeValue::Table(bases) = value.get_ref() else {
            self.error(value.span(), "bases must be a table".to_owned(), RESTORE);
            return;
        };
        let mut places: BTreeMap<ImageReference, Range<usize>> = BTreeMap::new();
        for (key, value) in sorted(bases) {
            let base = self.base(key);
            let digest = self.digest(key.get_ref(), value);
            let (Some(base), Some(digest)) = (base, digest) else { continue };
            if let Some(first) = places.insert(base.clone(), key.span()) {
                let message = format!("{base} is locked twice");
                let (first, second) = (self.locate(first), self.locate(key.span()));
                let error = Diagnostic::error(message).at(second).related(first, "here too");
                self.errors.push(error.hint("delete one of the two lines"));
            }
            lock.digests.insert(base, digest);
        }
    }

    fn base(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>) -> Option<ImageReference> {
        let hint = "write a name and a tag, such as \"alpine:3\"";
        match key.get_ref().parse::<ImageReference>() {
            Ok(reference) => lockable(&reference).or_else(|| {
                let message = format!("`{reference}` has a digest of its own");
                self.error(key.span(), message, hint);
                None
            }),
            Err(error) => {
                self.error(key.span(), error.to_string(), hint);
                None
            }
        }
    }

    fn digest(&mut self, base: &str, value: &Value<'_>) -> Option<Digest> {
        let digest = match value.get_ref() {
            DeValue::String(text) => Digest::new(text).ok(),
            _ => None,
        };
        if digest.is_none() {
            let message = format!("what {base} is locked to is not a digest");
            let hint = "a digest is \"sha256:\" and 64 hexadecimal digits; delete the line, and \
                        `shipwright lock` asks for it again";
            self.error(value.span(), message, hint);
        }
        digest
    }

    fn error(&mut self, span: Range<usize>, message: String, hint: &str) {
        let location = self.locate(span);
        self.errors.push(Diagnostic::error(message).at(location).hint(hint));
    }

    fn locate(&self, span: Range<usize>) -> Location {
        Location::span(self.file.clone(), self.lines.line_of(span.start), span)
    }
}

type Entry<'t, 'd> = (&'t Spanned<std::borrow::Cow<'d, str>>, &'t Value<'d>);

/// The entries in the order of the file.
fn sorted<'t, 'd>(table: &'t DeTable<'d>) -> Vec<Entry<'t, 'd>> {
    let mut entries: Vec<Entry<'t, 'd>> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "sha256:1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809";

    /// `LINE: [what the span covers] message`.
    fn errors(text: &str) -> Vec<String> {
        let show = |error: Diagnostic| {
            assert!(error.hint.is_some(), "{error:?}");
            let location = error.location.expect("a place");
            let covered = location.span.and_then(|span| text.get(span)).expect("a span of the text");
            format!("{}: [{covered}] {}", location.line.expect("a line"), error.message)
        };
        parse(text, &"shipwright.lock".into()).expect_err(text).into_iter().map(show).collect()
    }

    #[test]
    fn reads_bases_and_their_digests() {
        let text = format!(
            "# x\nversion = 1\r\n\n[bases]\r\n\"alpine\" = \"{DIGEST}\"\n'quay.io/a/b:1' = '{DIGEST}'\n"
        );
        let lock = parse(&text, &"shipwright.lock".into()).expect("valid");
        let bases: Vec<String> = lock.bases().map(ToString::to_string).collect();
        assert_eq!(bases, ["alpine:latest", "quay.io/a/b:1"]);
        assert_eq!(lock.digest(&"alpine".parse().expect("valid")).map(Digest::as_str), Some(DIGEST));
    }

    #[test]
    fn damage_is_an_error_with_a_place() {
        let locked = |lines: &str| format!("version = 1\n[bases]\n{lines}\n");
        let line = |name: &str| format!("\"{name}\" = \"{DIGEST}\"");
        for (text, error) in [
            (String::new(), "1: [] the lock file has no version".to_owned()),
            ("version = 2\n".into(), "1: [2] the lock file's version is not 1".into()),
            ("version = '1'\n".into(), "1: ['1'] the lock file's version is not 1".into()),
            ("version = 1\nbases = []\n".into(), "2: [[]] bases must be a table".into()),
            ("version = 1\n[base]\n".into(), "2: [base] `base` does not belong in a lock file".into()),
            (
                locked("\"a\" = \"sha256:12\""),
                "3: [\"sha256:12\"] what a is locked to is not a digest".into(),
            ),
            (locked("\"a\" = 3"), "3: [3] what a is locked to is not a digest".into()),
            (
                locked(&line("A b")),
                "3: [\"A b\"] `A b` is not an image reference: repository names are lower-case".into(),
            ),
            (
                locked(&line(&format!("a@{DIGEST}"))),
                format!("3: [\"a@{DIGEST}\"] `a@{DIGEST}` has a digest of its own"),
            ),
            (
                locked(&[line("a"), line("docker.io/library/a:latest")].join("\n")),
                "4: [\"docker.io/library/a:latest\"] a:latest is locked twice".into(),
            ),
        ] {
            assert_eq!(errors(&text), [error], "{text}");
        }
    }

    #[test]
    fn what_is_not_toml_and_what_git_could_not_merge() {
        let twice = format!("version = 1\n[bases]\n\"a\" = \"{DIGEST}\"\n\"a\" = \"{DIGEST}\"\n");
        let found = errors(&twice);
        assert!(found[0].starts_with("4: [\"a\"] the lock file is not TOML: duplicate key"), "{found:?}");
        assert!(errors("version = 1\n[bases\n")[0].contains("is not TOML"));
        let conflict = "version = 1\n[bases]\n<<<<<<< HEAD\n\"a\" = 1\n=======\n\"a\" = 2\n>>>>>>> b\n";
        assert_eq!(errors(conflict), ["3: [<<<<<<< HEAD] the lock file has a merge conflict"]);
        assert_eq!(errors("version = 1\n=======\n"), ["2: [=======] the lock file has a merge conflict"]);
    }

    proptest! {
        /// Whatever the file holds, the answer is a lock or errors with places inside the file.
        #[test]
        fn never_panics(text in r#"(version|\[bases\]|"a"|'é'|x|=|1|\n|\[|\]|sha256:|<<<<<<< |\{){0,12}"#) {
            if let Err(errors) = parse(&text, &"shipwright.lock".into()) {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    let span = error.location.and_then(|location| location.span).expect("a span");
                    prop_assert!(text.get(span).is_some());
                }
            }
        }
    }
}
