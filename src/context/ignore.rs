//! `.dockerignore`: what is left out of a build context.
//!
//! The reference is moby/patternmatcher as the docker CLI and `BuildKit` use it, file by file on a walk
//! of the context: a later line wins, `!` takes back, and a path shares what was said of the folders
//! around it.

use std::ops::Range;

use bstr::ByteSlice;

use super::clean::clean;
use super::pattern::{Pattern, folder_ends};
use super::pattern_error::PatternError;
use crate::diagnostic::{Diagnostic, Location};
use crate::path::TreePath;

/// The rules of one ignore file.
#[derive(Debug, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
    has_exceptions: bool,
}

#[derive(Debug)]
struct Rule {
    exception: bool,
    pattern: Pattern,
}

/// A line of an ignore file that docker refuses as well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct IgnoreError {
    /// The line, from 1.
    pub line: usize,
    /// The pattern's bytes in the file.
    pub span: Range<usize>,
    pub message: String,
    pub hint: String,
}

impl IgnoreError {
    /// The error as a finding about the file at `path`.
    pub fn into_diagnostic(self, path: TreePath) -> Diagnostic {
        Diagnostic::error(self.message).at(Location::span(path, self.line, self.span)).hint(self.hint)
    }
}

/// Go's line scanner, which docker reads the file with, gives up on longer lines.
const LONGEST_LINE: usize = 64 * 1024 - 1;

impl IgnoreRules {
    /// Reads an ignore file. The first pattern that docker refuses is the error.
    pub fn parse(source: &[u8]) -> Result<Self, IgnoreError> {
        let mut rules = Self::default();
        let mut start = 0;
        for (index, full_line) in source.split_str("\n").enumerate() {
            let mut line = full_line.strip_suffix(b"\r").unwrap_or(full_line);
            let mut at = start;
            start += full_line.len() + 1;
            if full_line.len() > LONGEST_LINE {
                return Err(IgnoreError {
                    line: index + 1,
                    span: at..at,
                    message: "a line of more than 65535 bytes, which docker does not read".to_owned(),
                    hint: "split the line: every pattern stands on its own line".to_owned(),
                });
            }
            if index == 0
                && let Some(rest) = line.strip_prefix("\u{feff}".as_bytes())
            {
                at += line.len() - rest.len();
                line = rest;
            }
            // Only at the very start of a line: ` # x` is a pattern.
            if line.starts_with(b"#") {
                continue;
            }
            let text = line.trim();
            at += line.len() - line.trim_start().len();
            let error = |(message, hint): (String, &str)| IgnoreError {
                line: index + 1,
                span: at..at + text.len(),
                message,
                hint: hint.to_owned(),
            };
            let Some((exception, pattern)) = read_line(text).map_err(error)? else { continue };
            if exception && !rules.rules.iter().any(|rule| !rule.exception) {
                // There is nothing to take back. Docker never asks such a pattern, nor sees an error that
                // is found by asking.
                continue;
            }
            let pattern = Pattern::parse(&pattern).map_err(|failure| {
                error((format!("a pattern that docker refuses: {failure}"), hint(failure)))
            })?;
            rules.has_exceptions |= exception;
            rules.rules.push(Rule { exception, pattern });
        }
        Ok(rules)
    }

    /// Whether no line says anything.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether the file (or link) at a path of the context is left out.
    pub fn is_ignored(&self, path: &TreePath) -> bool {
        if path.is_root() {
            return false;
        }
        if !self.has_exceptions {
            let ends = folder_ends(path.as_bytes());
            let matches = |rule: &Rule| rule.pattern.matches_or_holds(path.as_bytes(), &ends);
            return self.rules.iter().any(matches);
        }
        self.walk().is_ignored(path)
    }

    /// Whether an exception is about this path of the context, and it is not left out in the end.
    pub fn takes_back(&self, path: &str) -> bool {
        let path = TreePath::from(path);
        let ends = folder_ends(path.as_bytes());
        let is_about = |rule: &Rule| rule.exception && rule.pattern.matches_or_holds(path.as_bytes(), &ends);
        self.rules.iter().any(is_about) && !self.is_ignored(&path)
    }

    /// Whether nothing below a folder of the context can be wanted: it is left out, and no exception
    /// could take back anything below it.
    pub fn may_prune(&self, folder: &TreePath) -> bool {
        self.walk().may_prune(folder)
    }

    /// A reader that remembers the folders around the last path, for paths in order.
    pub(super) fn walk(&self) -> Walk<'_> {
        Walk { rules: self, folder: Vec::new(), ends: Vec::new(), matched: Vec::new() }
    }
}

/// What is wrong with a line, and what to write instead.
type Complaint = (String, &'static str);

/// Reads one line without the white space around it: whether it is an exception, and its pattern. The
/// order of the steps is that of docker's two readers (the file's, then the matcher's), which makes `/!a`
/// an exception and `!/` an error.
fn read_line(text: &[u8]) -> Result<Option<(bool, Vec<u8>)>, Complaint> {
    if text.is_empty() {
        return Ok(None);
    }
    let (inverted, rest) = match text.strip_prefix(b"!") {
        Some(rest) => (true, rest.trim()),
        None => (false, text),
    };
    let mut pattern = if inverted { b"!".to_vec() } else { Vec::new() };
    if !rest.is_empty() {
        let cleaned = clean(rest);
        let relative = cleaned.strip_prefix(b"/").filter(|rest| !rest.is_empty());
        pattern.extend_from_slice(relative.unwrap_or(&cleaned));
    }
    let trimmed = pattern.trim();
    if trimmed.is_empty() {
        return Ok(None);
    }
    let cleaned = clean(trimmed);
    let (exception, pattern) = match cleaned.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, cleaned.as_slice()),
    };
    if pattern.is_empty() {
        return Err((
            "an exception without a pattern".to_owned(),
            "write the path to keep behind the `!`, or remove the line",
        ));
    }
    let check = Pattern::check(pattern);
    check.map_err(|error| (format!("a pattern that docker refuses: {error}"), hint(error)))?;
    Ok(Some((exception, pattern.to_vec())))
}

fn hint(error: PatternError) -> &'static str {
    match error {
        PatternError::Glob(super::glob::GlobError::TrailingBackslash) => {
            "write `\\\\` for a backslash; folders are separated by `/`"
        }
        PatternError::Glob(_) => "write `\\[` for a bracket that stands for itself",
        PatternError::TooLarge => "write a shorter pattern, or several lines",
        PatternError::Dialect(_) => {
            "escape only what has a meaning of its own (`*`, `?`, `[`, `\\`); folders are separated by `/`"
        }
    }
}

/// Matches one path after the other, sharing what is known of the folders they have in common.
///
/// A rule that matched a folder holds below it. One that was not asked at a folder, because the folder's
/// state could not change by it any more, is not asked about that folder again further down: patternmatcher
/// does it so on a walk, and after `a`, `!a/b`, `a` the file `a/b` is kept.
#[derive(Debug)]
pub(super) struct Walk<'r> {
    rules: &'r IgnoreRules,
    folder: Vec<u8>,
    /// Where the folders of `folder` end.
    ends: Vec<usize>,
    /// For each of `ends`, whether each rule matched.
    matched: Vec<bool>,
}

impl Walk<'_> {
    /// See [`IgnoreRules::is_ignored`].
    pub(super) fn is_ignored(&mut self, path: &TreePath) -> bool {
        if self.rules.rules.is_empty() || path.is_root() {
            return false;
        }
        let path = path.as_bytes();
        self.enter(path.rfind_byte(b'/').map_or(&[], |end| &path[..end]));
        let count = self.rules.rules.len();
        let above = self.matched.len().checked_sub(count).map(|at| &self.matched[at..]);
        let mut ignored = false;
        for (index, rule) in self.rules.rules.iter().enumerate() {
            if above.is_some_and(|above| above[index])
                || (rule.exception == ignored && rule.pattern.matches(path))
            {
                ignored = !rule.exception;
            }
        }
        ignored
    }

    /// See [`IgnoreRules::may_prune`].
    pub(super) fn may_prune(&mut self, folder: &TreePath) -> bool {
        self.is_ignored(folder)
            && !self
                .rules
                .rules
                .iter()
                .any(|rule| rule.exception && rule.pattern.may_match_below(folder.as_bytes()))
    }

    /// Makes `folder` the one whose results are last.
    fn enter(&mut self, folder: &[u8]) {
        let count = self.rules.rules.len();
        while let Some(&end) = self.ends.last() {
            if folder.len() >= end
                && folder[..end] == self.folder[..end]
                && matches!(folder.get(end), None | Some(b'/'))
            {
                break;
            }
            self.ends.pop();
            self.matched.truncate(self.ends.len() * count);
        }
        let known = self.ends.last().copied().unwrap_or(0);
        self.folder.clear();
        self.folder.extend_from_slice(folder);
        if folder.len() == known {
            return;
        }
        for end in folder_ends(folder).into_iter().chain([folder.len()]).skip(self.ends.len()) {
            let path = &folder[..end];
            let above = self.matched.len().checked_sub(count);
            let mut ignored = false;
            for (index, rule) in self.rules.rules.iter().enumerate() {
                let matched = above.is_some_and(|at| self.matched[at + index])
                    || (rule.exception == ignored && rule.pattern.matches(path));
                if matched {
                    ignored = !rule.exception;
                }
                self.matched.push(matched);
            }
            self.ends.push(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(source: &str) -> IgnoreRules {
        IgnoreRules::parse(source.as_bytes()).expect(source)
    }

    fn ignored(source: &str, path: &str) -> bool {
        rules(source).is_ignored(&path.into())
    }

    /// Each of these was compared with what the docker CLI sends, or with patternmatcher itself.
    #[test]
    fn files_as_docker_reads_them() {
        for (source, path, expected) in [
            ("", "a", false),
            ("a", "a", true),
            ("a", "a/b/c", true),
            ("a", "ab", false),
            ("a/", "a", true),
            ("/a", "a", true),
            ("//a", "a", true),
            ("./a", "a", true),
            ("a/../b", "b", true),
            ("../a", "a", false),
            ("/../a", "a", true),
            (".", "a", false),
            ("/", "a", false),
            ("*", "a/b", true),
            ("*.md", "a.md", true),
            ("*.md", "docs/a.md", false),
            ("**/*.md", "docs/x/a.md", true),
            ("a  ", "a", true),
            ("\t a\r", "a", true),
            ("a\u{a0}", "a", true),
            ("a b", "a b", true),
            ("#a", "#a", false),
            (" #a", "#a", true),
            ("\\#a", "#a", true),
            ("\u{feff}a", "a", true),
            ("\u{feff}#a\nb", "b", true),
            ("b\n\u{feff}a", "a", false),
            ("a\r\nb\r\n", "a", true),
            ("a\r\nb\r\n", "b", true),
            ("*\n!a", "a", false),
            ("*\n!a", "a/b", false),
            ("*\n! a", "a", false),
            ("*\n!/a", "a", false),
            ("*\n!./a/", "a/b", false),
            ("*\n/!a", "a", false),
            ("*\n./!a", "a", false),
            ("\\!a", "!a", true),
            ("*\n!!a", "!a", false),
            ("*\n!!a", "a", true),
            ("!a\n*", "a", true),
            ("!a", "a", false),
            ("a\n!a/b", "a/b", false),
            ("a\n!a/b", "a/c", true),
            ("a\n!a/b\na/b/c", "a/b/c", true),
            ("a\n!a/b\na/b/c", "a/b/d", false),
            ("*\n!src\nsrc/*.log", "src/a.log", true),
            ("*\n!src\nsrc/*.log", "src/x/a.log", false),
            ("**\n!**/keep", "a/b/keep", false),
            ("**\n!**/keep", "a/keep/c", false),
            ("node_modules\n!node_modules/x/**", "node_modules/x/y", false),
            ("node_modules\n!node_modules/x/**", "node_modules/x", true),
            ("**/node_modules", "a/node_modules/x/y", true),
            // What was not asked about a folder is not asked about it again below.
            ("a\n!a/b\na", "a/b", false),
            ("a\n!a/b\n*", "a/b", false),
            ("a\n!a/b\n*/b", "a/b", true),
            (".git", ".git/HEAD", true),
            (".git", ".gitignore", false),
            ("a\\*b", "a*b", true),
            ("[a]", "a", true),
            ("\\[a]", "[a]", true),
            ("caf\u{e9}?", "caf\u{e9}\u{e9}", true),
            ("!build\\out", "a", false),
            ("a*[", "ab", true),
        ] {
            if source == "a*[" {
                assert!(IgnoreRules::parse(source.as_bytes()).is_err());
                continue;
            }
            assert_eq!(ignored(source, path), expected, "{source:?} {path:?}");
        }
    }

    #[test]
    fn the_root_is_never_ignored() {
        assert!(!ignored("*\n**\n.", ""));
        assert!(!rules("**").may_prune(&TreePath::root()));
    }

    #[test]
    fn errors_name_the_place() {
        for (source, line, text) in [
            ("a\n  !  \nb", 2, "!"),
            ("!/", 1, "!/"),
            ("/!", 1, "/!"),
            ("\u{feff}[a", 1, "[a"),
            ("x\r\n # x\r\n\ta[]b \r\n", 3, "a[]b"),
            ("a\\", 1, ""),
            ("*\n!build\\out", 2, "!build\\out"),
        ] {
            if text.is_empty() {
                // Docker does not get as far as the backslash when it checks this one.
                assert!(IgnoreRules::parse(source.as_bytes()).is_err());
                continue;
            }
            let error = IgnoreRules::parse(source.as_bytes()).expect_err(source);
            assert_eq!((error.line, &source[error.span.clone()]), (line, text), "{source:?}");
            assert!(!error.hint.is_empty());
        }
    }

    #[test]
    fn a_line_beyond_gos_buffer_is_an_error() {
        let line = "a".repeat(LONGEST_LINE);
        assert!(IgnoreRules::parse(format!("b\n{line}\n").as_bytes()).is_ok());
        let error = IgnoreRules::parse(format!("b\n{line}a\n").as_bytes()).expect_err("too long");
        assert_eq!(error.line, 2);
        assert!(IgnoreRules::parse(format!("{line}a").as_bytes()).is_err());
    }

    #[test]
    fn prunes_what_nothing_takes_back() {
        for (source, folder, expected) in [
            ("node_modules", "node_modules", true),
            ("node_modules", "node_modules/x", true),
            ("node_modules", "src", false),
            ("**/node_modules\n!src/*.md", "web/node_modules", true),
            ("**/node_modules\n!src/*.md", "src/node_modules", true),
            ("*\n!src", "src", false),
            ("*\n!src", "docs", true),
            ("*\n!src/app", "src", false),
            ("*\n!src/app", "src/lib", true),
            ("*\n!src/app", "src/app/x", false),
            ("*\n!**/*.go", "docs", false),
            ("*\n!*/x/*.go", "docs/x", false),
            ("*\n!*/x/*.go", "docs/y", true),
            ("docs/*", "docs", false),
            ("docs/**", "docs/a", true),
            ("!docs\n*", "docs", true),
        ] {
            assert_eq!(rules(source).may_prune(&folder.into()), expected, "{source:?} {folder:?}");
        }
    }

    fn line() -> impl Strategy<Value = String> {
        let piece = proptest::sample::select(vec![
            "a", "b", "ab", "*", "**", "/", "/", "?", "[ab]", "[^a]", "*b", "**/", "/**", "|", "{2}", ".",
            "..",
        ]);
        (any::<bool>(), proptest::collection::vec(piece, 1..5)).prop_map(|(exception, pieces)| {
            format!("{}{}", if exception { "!" } else { "" }, pieces.concat())
        })
    }

    fn path() -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(vec!["a", "b", "ab", "aab", "c"]), 1..5)
            .prop_map(|names| names.join("/"))
    }

    proptest! {
        #[test]
        fn never_panics(source in proptest::collection::vec(prop_oneof![
            proptest::sample::select(b"*?[]^-\\!/#\n\r .{},|QE1".to_vec()), any::<u8>()], 0..40),
            path in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            if let Ok(rules) = IgnoreRules::parse(&source) {
                rules.is_ignored(&TreePath::new(&path));
                rules.may_prune(&TreePath::new(&path));
            }
        }

        #[test]
        fn all_below_a_pruned_folder_is_ignored(
            lines in proptest::collection::vec(line(), 1..6),
            folder in path(),
            below in proptest::collection::vec(path(), 20),
        ) {
            let Ok(rules) = IgnoreRules::parse(lines.join("\n").as_bytes()) else { return Ok(()) };
            let folder = TreePath::from(folder.as_str());
            if rules.may_prune(&folder) {
                for path in below {
                    prop_assert!(rules.is_ignored(&folder.join(&path)), "{path}");
                }
            }
        }

        /// What is remembered of the folders before never changes an answer.
        #[test]
        fn a_walk_in_any_order_agrees(
            lines in proptest::collection::vec(line(), 1..6),
            paths in proptest::collection::vec(path(), 1..20),
        ) {
            let Ok(rules) = IgnoreRules::parse(lines.join("\n").as_bytes()) else { return Ok(()) };
            let mut walk = rules.walk();
            for path in &paths {
                let path = TreePath::from(path.as_str());
                let alone = rules.walk().is_ignored(&path);
                prop_assert_eq!(walk.is_ignored(&path), alone);
                prop_assert_eq!(rules.is_ignored(&path), alone);
            }
        }
    }
}
