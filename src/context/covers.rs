use super::glob::Glob;
use crate::dockerfile::{LocalSource, SourcePattern};
use crate::path::TreePath;

/// Whether a source names a path relative to the context, or a folder around it. What links lead to is not asked.
pub(crate) fn covers(source: &LocalSource, path: &TreePath) -> bool {
    match &source.pattern {
        SourcePattern::Path(pattern) => covers_path(pattern, path),
        SourcePattern::Below(folder) => path.is_under(&TreePath::clamped(folder)),
    }
}

/// The same for a source as it is written.
pub(crate) fn covers_path(pattern: &str, path: &TreePath) -> bool {
    let mut components = path.components();
    TreePath::clamped(pattern).components().all(|part| {
        components
            .next()
            .is_some_and(|name| name == part || Glob::parse(part).is_ok_and(|glob| glob.matches(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::source;
    use super::*;

    #[test]
    fn components_are_patterns_and_folders_cover_what_is_in_them() {
        for (pattern, path, expected) in [
            ("", "a/b", true),
            ("a", "a/b", true),
            ("a", "ab", false),
            ("a/*.py", "a/x.py", true),
            ("a/*.py", "a/x.pyc", false),
            ("a/*.py", "a/d/x.py", false),
            ("*/src", "a/src/x", true),
            ("a/b/c", "a/b", false),
        ] {
            assert_eq!(covers(&source(pattern), &path.into()), expected, "{pattern} {path}");
        }
    }
}
