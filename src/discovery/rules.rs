use bstr::{BStr, ByteSlice};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::diagnostic::Diagnostic;
use crate::path::TreePath;

/// Other people's Dockerfiles, or deliberately broken ones.
const LEFT_OUT: [&str; 6] = ["vendor", "node_modules", "third_party", "testdata", "fixtures", "_fixtures"];

/// Dockerfiles that are rarely meant to be built with the rest.
const ASIDE: [&str; 11] = [
    "test",
    "tests",
    "e2e",
    "integration",
    "example",
    "examples",
    "sample",
    "samples",
    "docs",
    "template",
    "templates",
];

/// Settings that move Dockerfiles between the classes: patterns of `.gitignore` files. `*` stays within a
/// component, `**` crosses folders; without a slash (but at the end) a pattern holds at any depth, else from the
/// root of the checkout; a folder stands for all that is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Takes back what would be left out or stand aside. Beats `exclude`.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

impl Rules {
    /// Those of `paths` that `include` does not take back. A faulty pattern is an error elsewhere.
    pub(crate) fn without_included<'p>(
        &self,
        paths: impl Iterator<Item = &'p TreePath>,
    ) -> impl Iterator<Item = &'p TreePath> {
        let include = compile("include", &self.include, &mut Vec::new());
        paths.filter(move |path| !matches(&include, path))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Build,
    Aside,
    /// Left out because of the folder of this name, or by the settings.
    LeftOut(Option<&'static str>),
}

/// [`Rules`], compiled.
pub(super) struct Classes<'a> {
    include: Gitignore,
    exclude: Gitignore,
    submodules: &'a [TreePath],
}

impl<'a> Classes<'a> {
    pub(super) fn new(rules: &Rules, submodules: &'a [TreePath], diagnostics: &mut Vec<Diagnostic>) -> Self {
        Self {
            include: compile("include", &rules.include, diagnostics),
            exclude: compile("exclude", &rules.exclude, diagnostics),
            submodules,
        }
    }

    pub(super) fn of(&self, path: &TreePath) -> Class {
        if matches(&self.include, path) {
            return Class::Build;
        }
        if matches(&self.exclude, path) {
            return Class::LeftOut(None);
        }
        let folder = path.parent().unwrap_or_default();
        let is_in = |names: &'static [&'static str]| {
            folder.components().find_map(|name| names.iter().copied().find(|other| name == BStr::new(other)))
        };
        if let Some(name) = is_in(&LEFT_OUT) {
            return Class::LeftOut(Some(name));
        }
        let in_devcontainer = folder.components().next().is_some_and(|name| name == ".devcontainer");
        let in_submodule = || self.submodules.iter().any(|submodule| path.is_under(submodule));
        // `{{cookiecutter.name}}/Dockerfile`
        let in_template = || folder.components().any(|name| name.contains_str("{{"));
        if is_in(&ASIDE).is_some() || in_devcontainer || in_template() || in_submodule() {
            return Class::Aside;
        }
        Class::Build
    }
}

/// What is wrong with a pattern of [`Rules`]. Stricter than git, which takes a `[` without its `]` for one that nothing
/// matches: nobody means that.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), String> {
    if lacks_bracket(pattern) {
        return Err("it is not a pattern: `[` has no `]` (`\\[` is a bracket)".to_owned());
    }
    let mut builder = GitignoreBuilder::new("");
    if let Err(error) = builder.add_line(None, pattern) {
        let error = error.to_string();
        // The place shows the pattern.
        let reason = error.rsplit_once("': ").map_or(error.as_str(), |(_, reason)| reason);
        return Err(format!("it is not a pattern: {reason}"));
    }
    match builder.build() {
        Ok(compiled) if compiled.is_empty() => {
            Err("it names nothing: it is a comment (`\\#` is a hash)".to_owned())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("it is not a pattern: {error}")),
    }
}

/// Whether a class of characters does not end. A `]` that comes first in it is one of its characters.
fn lacks_bracket(pattern: &str) -> bool {
    let mut rest = pattern.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'\\' => after.get(1..).unwrap_or_default(),
            b'[' => {
                let negated = usize::from(after.first().is_some_and(|byte| b"!^".contains(byte)));
                let members = after.get(negated + 1..).unwrap_or_default();
                let Some(end) = members.iter().position(|byte| *byte == b']') else { return true };
                &members[end + 1..]
            }
            _ => after,
        };
    }
    false
}

/// Warns of patterns that match none of the checkout's Dockerfiles: most are mistyped, and do silently nothing.
pub(super) fn unmatched<'p>(
    rules: &Rules,
    paths: &(impl Iterator<Item = &'p TreePath> + Clone),
) -> Vec<Diagnostic> {
    let settings = [("include", &rules.include), ("exclude", &rules.exclude)];
    let patterns =
        settings.into_iter().flat_map(|(setting, patterns)| patterns.iter().map(move |it| (setting, it)));
    let is_unmatched = |(_, pattern): &(&str, &String)| {
        let mut builder = GitignoreBuilder::new("");
        // One that takes back what another names is about that one.
        let is_about_files = !pattern.starts_with('!') && builder.add_line(None, pattern).is_ok();
        is_about_files
            && builder.build().is_ok_and(|compiled| !paths.clone().any(|path| matches(&compiled, path)))
    };
    let warning = |(setting, pattern): (&str, &String)| {
        Diagnostic::warning(format!(
            "{setting}: `{}` matches no Dockerfile",
            crate::printable::printable(pattern)
        ))
        .hint("in shipwright.toml, patterns are those of .gitignore, from the root of the checkout")
    };
    patterns.filter(is_unmatched).map(warning).collect()
}

fn compile(setting: &str, patterns: &[String], diagnostics: &mut Vec<Diagnostic>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        if let Err(error) = builder.add_line(None, pattern) {
            let text = crate::printable::printable(pattern).into_owned();
            diagnostics.push(Diagnostic::error(format!("`{setting}`: `{text}` is not a pattern: {error}")));
        }
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn matches(patterns: &Gitignore, path: &TreePath) -> bool {
    !patterns.is_empty()
        && patterns.matched_path_or_any_parents(path.as_bytes().to_path_lossy(), false).is_ignore()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(rules: &Rules, path: &str) -> Class {
        let submodules = ["deps/lib".into()];
        let mut diagnostics = Vec::new();
        let class = Classes::new(rules, &submodules, &mut diagnostics).of(&path.into());
        assert_eq!(diagnostics, []);
        class
    }

    #[test]
    fn left_out_at_any_depth() {
        for name in LEFT_OUT {
            for path in [format!("{name}/Dockerfile"), format!("a/{name}/b/Dockerfile")] {
                assert_eq!(class(&Rules::default(), &path), Class::LeftOut(Some(name)), "{path}");
            }
        }
        for path in ["vendors/Dockerfile", "a/vendor.Dockerfile", "my-fixtures/Dockerfile"] {
            assert_eq!(class(&Rules::default(), path), Class::Build, "{path}");
        }
    }

    #[test]
    fn aside_below_tests_examples_and_docs() {
        for name in ASIDE {
            for path in [format!("{name}/Dockerfile"), format!("a/{name}/b/Dockerfile")] {
                assert_eq!(class(&Rules::default(), &path), Class::Aside, "{path}");
            }
        }
        for path in ["testing/Dockerfile", "test.Dockerfile", "contest/Dockerfile", "doc/Dockerfile"] {
            assert_eq!(class(&Rules::default(), path), Class::Build, "{path}");
        }
    }

    #[test]
    fn aside_in_folders_whose_names_are_filled_in() {
        for (path, expected) in [
            ("{{cookiecutter.project}}/Dockerfile", Class::Aside),
            ("a/{{ name }}-api/docker/Dockerfile", Class::Aside),
            ("a/{name}/Dockerfile", Class::Build),
        ] {
            assert_eq!(class(&Rules::default(), path), expected, "{path}");
        }
    }

    #[test]
    fn aside_a_devcontainer_at_the_root_only() {
        assert_eq!(class(&Rules::default(), ".devcontainer/Dockerfile"), Class::Aside);
        assert_eq!(class(&Rules::default(), ".devcontainer/go/Dockerfile"), Class::Aside);
        assert_eq!(class(&Rules::default(), "a/.devcontainer/Dockerfile"), Class::Build);
    }

    #[test]
    fn aside_submodules() {
        assert_eq!(class(&Rules::default(), "deps/lib/Dockerfile"), Class::Aside);
        assert_eq!(class(&Rules::default(), "deps/library/Dockerfile"), Class::Build);
        assert_eq!(class(&Rules::default(), "deps/lib/vendor/Dockerfile"), Class::LeftOut(Some("vendor")));
    }

    #[test]
    fn exclude_adds_and_include_takes_back_from_both() {
        let rules = Rules {
            include: vec!["tests/keep".into(), "vendor/ours/".into(), "legacy/base".into()],
            exclude: vec!["legacy".into(), "services/*/Dockerfile.old".into(), "/top.Dockerfile".into()],
        };
        for (path, expected) in [
            ("tests/keep/Dockerfile", Class::Build),
            ("tests/other/Dockerfile", Class::Aside),
            ("vendor/ours/x/Dockerfile", Class::Build),
            ("vendor/theirs/Dockerfile", Class::LeftOut(Some("vendor"))),
            ("a/legacy/b/Dockerfile", Class::LeftOut(None)),
            ("legacy/base/Dockerfile", Class::Build),
            ("services/a/Dockerfile.old", Class::LeftOut(None)),
            ("services/a/b/Dockerfile.old", Class::Build),
            ("top.Dockerfile", Class::LeftOut(None)),
            ("a/top.Dockerfile", Class::Build),
        ] {
            assert_eq!(class(&rules, path), expected, "{path}");
        }
    }

    #[test]
    fn patterns_that_nobody_means_are_wrong() {
        for wrong in ["[", "a/[b", "[]", "[!]", "[^", "a{b", "a\\", "[z-a]", "#legacy", "a[b]c["] {
            assert!(check_pattern(wrong).is_err(), "{wrong}");
        }
        for right in ["a", "[ab]", "[]]", "[!]a]", "\\[", "\\#a", "a/**/b", "!a", "{a,b}", "a]"] {
            assert_eq!(check_pattern(right), Ok(()), "{right}");
        }
    }

    #[test]
    fn a_faulty_pattern_is_an_error() {
        let mut diagnostics = Vec::new();
        let rules = Rules { include: Vec::new(), exclude: vec!["a{b".into()] };
        Classes::new(&rules, &[], &mut diagnostics);
        assert_eq!(diagnostics.len(), 1);
        assert!(diagnostics[0].message.contains("a{b"));
    }
}
