//! The same history under other rules: it follows from the causes that were found.

use std::str::FromStr;

use super::record::{ChangedInput, ImageChange};
use crate::context::{IgnoreRules, covers_path};
use crate::ops::Error;
use crate::path::TreePath;
use crate::printable::printable;

/// Sources that a line of a Dockerfile would have instead of its own: `api/Dockerfile:3=src,package.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NarrowLine {
    /// From the root of the checkout.
    pub dockerfile: String,
    /// From 1.
    pub line: usize,
    /// Relative to the build context; patterns as COPY has them.
    pub sources: Vec<String>,
}

impl FromStr for NarrowLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write DOCKERFILE:LINE=SOURCE[,SOURCE], such as api/Dockerfile:3=src".to_owned();
        let (place, sources) = text.split_once('=').ok_or_else(form)?;
        let (dockerfile, line) = place.rsplit_once(':').ok_or_else(form)?;
        let line = line.parse().ok().filter(|line| *line > 0).ok_or_else(form)?;
        let sources: Vec<String> = sources.split(',').map(|it| it.trim().to_owned()).collect();
        if dockerfile.is_empty() || sources.iter().any(String::is_empty) {
            return Err(form());
        }
        let dockerfile = dockerfile.trim_start_matches("./").to_owned();
        Ok(Self { dockerfile, line, sources })
    }
}

/// Which inputs would not count.
pub(super) struct WhatIf {
    ignored: Option<IgnoreRules>,
    narrow: Vec<NarrowLine>,
}

impl WhatIf {
    pub(super) fn new(ignore: &[String], narrow: &[NarrowLine]) -> Result<Self, Error> {
        if let Some(back) = ignore.iter().find(|line| line.trim_start().starts_with('!')) {
            return Err(Error::usage_with_hint(
                format!(
                    "--what-if-ignore {}: what that would bring into images is not known",
                    printable(back)
                ),
                "name what would be left out",
            ));
        }
        let rules = IgnoreRules::parse(ignore.join("\n").as_bytes())
            .map_err(|error| Error::usage(format!("--what-if-ignore: {error}")))?;
        Ok(Self { ignored: (!ignore.is_empty()).then_some(rules), narrow: narrow.to_vec() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ignored.is_none() && self.narrow.is_empty()
    }

    /// Whether an input would still count.
    pub(super) fn counts(&self, change: &ImageChange, input: &ChangedInput) -> bool {
        let path = TreePath::new(change.in_context(&input.path));
        if self.ignored.as_ref().is_some_and(|rules| rules.is_ignored(&path)) {
            return false;
        }
        let narrower = |line: &usize| {
            self.narrow.iter().find(|narrow| narrow.line == *line && narrow.dockerfile == change.dockerfile)
        };
        let reads = |line: &usize| match narrower(line) {
            None => true,
            Some(narrow) => narrow.sources.iter().any(|source| covers_path(source, &path)),
        };
        input.lines.is_empty() || input.lines.iter().any(reads)
    }

    /// Whether anything of an image's own that differs would still count.
    pub(super) fn is_own(&self, change: &ImageChange) -> bool {
        let is_else = change.more_files > 0 || change.instruction.is_some() || !change.others.is_empty();
        is_else || change.files.iter().any(|input| self.counts(change, input))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(files: &[(&str, &[usize])]) -> ImageChange {
        let input =
            |(path, lines): &(&str, &[usize])| ChangedInput { path: (*path).into(), lines: lines.to_vec() };
        ImageChange {
            dockerfile: "api/Dockerfile".into(),
            context: "api".into(),
            files: files.iter().map(input).collect(),
            ..ImageChange::default()
        }
    }

    fn is_own(ignore: &[&str], narrow: &[&str], change: &ImageChange) -> bool {
        let ignore: Vec<String> = ignore.iter().map(|line| (*line).to_owned()).collect();
        let narrow: Vec<NarrowLine> = narrow.iter().map(|line| line.parse().expect("a line")).collect();
        WhatIf::new(&ignore, &narrow).expect("rules").is_own(change)
    }

    #[test]
    fn ignored_inputs_and_those_of_no_line_do_not_count() {
        let both = change(&[("api/docs/a.md", &[3]), ("api/src/x.py", &[3, 4])]);
        let docs = change(&[("api/docs/a.md", &[3])]);
        assert!(is_own(&[], &[], &docs));
        assert!(!is_own(&["docs"], &[], &docs) && !is_own(&["**/*.md"], &[], &docs));
        assert!(is_own(&["docs"], &[], &both), "another input is left");
        assert!(!is_own(&["docs", "src"], &[], &both));
        assert!(!is_own(&[], &["api/Dockerfile:3=src"], &docs));
        assert!(is_own(&[], &["api/Dockerfile:3=docs/*.md"], &docs));
        assert!(is_own(&[], &["web/Dockerfile:3=src"], &docs), "another Dockerfile");
        let also = change(&[("api/src/x.py", &[3, 4])]);
        assert!(is_own(&[], &["api/Dockerfile:3=docs"], &also), "another line reads it");
        assert!(is_own(&["docs"], &[], &ImageChange { instruction: Some(2), ..docs }));
    }

    #[test]
    fn odd_rules_are_refused() {
        for odd in
            ["api/Dockerfile", "api/Dockerfile:3", "api/Dockerfile:x=a", ":3=a", "a:0=b", "a:1=", "a:1=b,,c"]
        {
            assert!(odd.parse::<NarrowLine>().is_err(), "{odd}");
        }
        assert!(WhatIf::new(&["!src".to_owned()], &[]).is_err());
        assert!(WhatIf::new(&["a[".to_owned()], &[]).is_err());
    }
}
