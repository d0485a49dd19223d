//! The settings' `names`: `"src/{repo}/{ver}" = "dotnet/{repo}:{ver}"`.

use std::collections::HashMap;

use bstr::BStr;

use super::template::{ComponentPattern, InvalidName, Piece, Values, pieces};
use super::words::{LONGEST_NAME, LONGEST_PREFIX, fingerprint, shorten, tag_words, variant_words, words};
use crate::discovery::FileNameForm;
use crate::image::{Repository, Tag};
use crate::path::TreePath;

/// A name that the settings give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SettledName {
    /// NAME; for an absolute one the whole repository.
    pub(super) name: String,
    /// Whether no namespace goes in front.
    pub(super) absolute: bool,
    pub(super) tag_prefix: Option<String>,
}

/// `NAME`, `NAME:PREFIX` or, with a `/` in front, a whole repository that no namespace goes in front of.
#[derive(Clone, Debug)]
pub(super) struct NameTemplate {
    text: String,
    name: Vec<Piece>,
    tag_prefix: Vec<Piece>,
    absolute: bool,
}

impl NameTemplate {
    pub(super) fn new(text: &str) -> Result<Self, InvalidName> {
        let (absolute, rest) = match text.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (name, tag_prefix) = match rest.rfind(':') {
            Some(colon) if !rest[colon..].contains('/') => (&rest[..colon], Some(&rest[colon + 1..])),
            _ => (rest, None),
        };
        let template = Self {
            text: text.to_owned(),
            name: pieces(name)?,
            tag_prefix: tag_prefix.map(pieces).transpose()?.unwrap_or_default(),
            absolute,
        };
        if tag_prefix == Some("") {
            return Err(InvalidName::Prefix(String::new()));
        }
        template.fill(&|_| b"x", None)?;
        Ok(template)
    }

    fn holes(&self) -> impl Iterator<Item = &str> {
        self.name.iter().chain(&self.tag_prefix).filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The name with `value` in place of the placeholders. A variant goes behind the tag prefix if there is
    /// one, as tags of published images have it (`8.0-alpine`), else behind the name.
    pub(super) fn fill<'a>(
        &self,
        value: &dyn Fn(&str) -> &'a [u8],
        variant: Option<&str>,
    ) -> Result<SettledName, InvalidName> {
        let mut name = String::new();
        for piece in &self.name {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Hole(hole) => name.push_str(&word_or_fingerprint(value(hole))),
            }
        }
        let mut prefix = String::new();
        for piece in &self.tag_prefix {
            match piece {
                Piece::Text(text) => prefix.push_str(text),
                Piece::Hole(hole) => prefix.push_str(&tag_words(value(hole))),
            }
        }
        if let Some(variant) = variant {
            let end = if prefix.is_empty() { &mut name } else { &mut prefix };
            end.push('-');
            end.push_str(variant);
        }
        let repository = if self.absolute {
            Repository::new(&name)
        } else {
            name = shorten(name, LONGEST_NAME);
            // The host in front keeps a NAME such as `a.b/c` from being read as host and path.
            Repository::new(&format!("registry.invalid/{name}"))
        };
        if repository.is_err() {
            return Err(InvalidName::Name(if name.is_empty() { self.text.clone() } else { name }));
        }
        // `:latest` is what no prefix at all gives.
        let tag_prefix = Some(prefix).filter(|prefix| !prefix.is_empty() && prefix != "latest");
        if let Some(prefix) = &tag_prefix
            && (prefix.len() > LONGEST_PREFIX || Tag::new(prefix).is_err())
        {
            return Err(InvalidName::Prefix(prefix.clone()));
        }
        Ok(SettledName { name, absolute: self.absolute, tag_prefix })
    }

    /// The name of an `[image.NAME]`, which has no placeholders.
    pub(super) fn settled(&self) -> Result<SettledName, InvalidName> {
        match self.holes().next() {
            Some(_) => Err(InvalidName::Name(self.text.clone())),
            None => self.fill(&|_| b"", None),
        }
    }
}

fn word_or_fingerprint(value: &[u8]) -> String {
    let name = words(value);
    if name.is_empty() { fingerprint(value) } else { name }
}

#[derive(Debug)]
struct Rule {
    key: String,
    components: Vec<ComponentPattern>,
    template: NameTemplate,
}

/// All lines of the settings' `names`.
#[derive(Debug, Default)]
pub(super) struct NameRules {
    rules: Vec<Rule>,
    /// Rules without placeholders, by their path.
    literal: HashMap<Vec<u8>, usize>,
    /// The others, the most specific first.
    patterns: Vec<usize>,
}

impl NameRules {
    /// Reads the lines; those that are wrong are left out and reported with their key.
    pub(super) fn new(lines: &[(String, String)]) -> (Self, Vec<(String, InvalidName)>) {
        let mut rules = Self::default();
        let mut errors = Vec::new();
        for (key, name) in lines {
            match Rule::new(key, name) {
                Ok(rule) => rules.add(rule),
                Err(error) => errors.push((key.clone(), error)),
            }
        }
        let specific = |at: &usize| {
            let rule = &rules.rules[*at];
            let holes: usize = rule.components.iter().map(|part| part.holes().count()).sum();
            let literal: usize = rule.components.iter().map(ComponentPattern::literal_length).sum();
            (holes, std::cmp::Reverse(literal), *at)
        };
        rules.patterns.sort_by_key(specific);
        (rules, errors)
    }

    fn add(&mut self, rule: Rule) {
        let at = self.rules.len();
        match rule.literal_path() {
            Some(path) => {
                self.literal.entry(path).or_insert(at);
            }
            None => self.patterns.push(at),
        }
        self.rules.push(rule);
    }

    /// The name for a Dockerfile, with the key of the line that gives it. A line for the Dockerfile itself
    /// wins over one for its folder; one without placeholders over others; then the most specific.
    pub(super) fn name(&self, path: &TreePath) -> Option<(usize, Result<SettledName, InvalidName>)> {
        if self.rules.is_empty() {
            return None;
        }
        let folder = path.parent().unwrap_or_default();
        [(path, None), (&folder, variant(path))].into_iter().find_map(|(place, variant)| {
            let (at, values) = self.rule_for(place, place == path)?;
            let value = |hole: &str| values.iter().find(|(name, _)| *name == hole).map_or(&b""[..], |v| v.1);
            Some((at, self.rules[at].template.fill(&value, variant.as_deref())))
        })
    }

    fn rule_for<'a>(&'a self, place: &'a TreePath, is_file: bool) -> Option<(usize, Values<'a>)> {
        if let Some(at) = self.literal.get(place.as_bytes()) {
            return Some((*at, Values::new()));
        }
        if self.patterns.is_empty() {
            return None;
        }
        let components: Vec<&BStr> = place.components().collect();
        self.patterns.iter().find_map(|at| {
            let rule = &self.rules[*at];
            let patterns = &rule.components;
            let mut values = Values::new();
            let fits = (!is_file || rule.names_files())
                && patterns.len() == components.len()
                && patterns.iter().zip(&components).all(|(pattern, part)| pattern.matches(part, &mut values));
            fits.then_some((*at, values))
        })
    }

    pub(super) fn key(&self, rule: usize) -> &str {
        &self.rules[rule].key
    }

    /// The keys, by number.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.key.as_str())
    }
}

impl Rule {
    fn new(key: &str, name: &str) -> Result<Self, InvalidName> {
        let path = key.strip_prefix("./").unwrap_or(key);
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let components = match path {
            "" | "." => Vec::new(),
            path => path
                .split('/')
                .map(|part| match part {
                    "" | "." | ".." => Err(InvalidName::Path(key.to_owned())),
                    part => ComponentPattern::new(part),
                })
                .collect::<Result<_, _>>()?,
        };
        let template = NameTemplate::new(name)?;
        let mut holes: Vec<&str> = components.iter().flat_map(ComponentPattern::holes).collect();
        if let Some(unknown) = template.holes().find(|hole| !holes.contains(hole)) {
            return Err(InvalidName::Unknown { placeholder: unknown.to_owned(), pattern: key.to_owned() });
        }
        holes.sort_unstable();
        if holes.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(InvalidName::Repeated(key.to_owned()));
        }
        Ok(Self { key: key.to_owned(), components, template })
    }

    /// Whether a pattern is for Dockerfiles themselves: `src/{x}/Dockerfile.{v}` is, `src/{x}/{v}` is for
    /// folders only, though a placeholder could stand for the name of a file.
    fn names_files(&self) -> bool {
        self.components.last().is_some_and(|last| last.has_text("ockerfile") || last.has_text("ontainerfile"))
    }

    /// The path, if it has no placeholder.
    fn literal_path(&self) -> Option<Vec<u8>> {
        let parts: Option<Vec<String>> = self.components.iter().map(ComponentPattern::literal).collect();
        Some(parts?.join("/").into_bytes())
    }
}

/// What a line for the folder appends for a file that is one of several there.
fn variant(path: &TreePath) -> Option<String> {
    match FileNameForm::of(path.file_name()) {
        FileNameForm::Plain => None,
        FileNameForm::Suffix(variant) | FileNameForm::Prefix(variant) => Some(variant_words(&variant)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(lines: &[(&str, &str)]) -> NameRules {
        let lines: Vec<_> = lines.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (rules, errors) = NameRules::new(&lines);
        assert_eq!(errors, []);
        rules
    }

    fn name(rules: &NameRules, path: &str) -> Option<String> {
        rules.name(&path.into()).map(|(_, name)| {
            let name = name.expect("valid name");
            let slash = if name.absolute { "/" } else { "" };
            let prefix = name.tag_prefix.map_or(String::new(), |prefix| format!(":{prefix}"));
            format!("{slash}{}{prefix}", name.name)
        })
    }

    #[test]
    fn names_override_by_path_with_patterns() {
        let rules = rules(&[("src/{repo}/{ver}", "dotnet/{repo}:{ver}")]);
        assert_eq!(name(&rules, "src/sdk/8.0/Dockerfile").as_deref(), Some("dotnet/sdk:8.0"));
        assert_eq!(name(&rules, "src/NodeBase/8.0/Dockerfile").as_deref(), Some("dotnet/node-base:8.0"));
        assert_eq!(name(&rules, "src/sdk/8.0/Dockerfile.alpine").as_deref(), Some("dotnet/sdk:8.0-alpine"));
        assert_eq!(name(&rules, "src/sdk/Dockerfile"), None);
        assert_eq!(name(&rules, "src/sdk/8.0/x/Dockerfile"), None);
    }

    #[test]
    fn a_pattern_can_name_the_file() {
        let rules = rules(&[("{x}/Dockerfile.{v}", "{v}-of-{x}")]);
        assert_eq!(name(&rules, "a/Dockerfile.dev").as_deref(), Some("dev-of-a"));
        assert_eq!(name(&rules, "a/Dockerfile"), None);
    }

    #[test]
    fn keys_name_folders_dockerfiles_and_the_root() {
        let rules =
            rules(&[("/", "whole"), ("a/Dockerfile.x", "ax"), ("./a/", "a-image"), ("/b", "/other.io/b")]);
        assert_eq!(name(&rules, "Dockerfile").as_deref(), Some("whole"));
        assert_eq!(name(&rules, "a/Dockerfile.x").as_deref(), Some("ax"));
        assert_eq!(name(&rules, "a/Dockerfile").as_deref(), Some("a-image"));
        assert_eq!(name(&rules, "a/Dockerfile.y").as_deref(), Some("a-image-y"));
        assert_eq!(name(&rules, "b/Dockerfile").as_deref(), Some("/other.io/b"));
    }

    #[test]
    fn the_most_specific_line_wins_whatever_the_order() {
        let mut lines =
            vec![("{x}/{y}", "any-{x}-{y}"), ("a/{y}", "a-{y}"), ("a/b", "exact"), ("a/{y}b", "ends-{y}")];
        for _ in 0..2 {
            let rules = rules(&lines);
            assert_eq!(name(&rules, "a/b/Dockerfile").as_deref(), Some("exact"));
            assert_eq!(name(&rules, "a/c/Dockerfile").as_deref(), Some("a-c"));
            assert_eq!(name(&rules, "a/cb/Dockerfile").as_deref(), Some("ends-c"));
            assert_eq!(name(&rules, "z/c/Dockerfile").as_deref(), Some("any-z-c"));
            lines.reverse();
        }
    }

    #[test]
    fn bad_lines_are_errors_and_the_others_count() {
        let wrong = [
            ("a/{x", "n"),
            ("a/../b", "n"),
            ("a//b", "n"),
            ("{x}/{x}", "{x}"),
            ("a", "{x}"),
            ("a", "Upper"),
            ("a", "a b"),
            ("a", ""),
            ("a", "/"),
            ("a", "n:"),
            ("a", "n:-x"),
            ("a", "n:a:b"),
            ("a", "n/"),
        ];
        let mut lines: Vec<_> = wrong.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        lines.push(("ok".into(), "fine".into()));
        let (rules, errors) = NameRules::new(&lines);
        assert_eq!(errors.len(), wrong.len(), "{errors:?}");
        assert_eq!(name(&rules, "ok/Dockerfile").as_deref(), Some("fine"));
    }

    #[test]
    fn values_that_no_name_allows_are_made_to_fit() {
        let rules = rules(&[("{a}/{b}", "x-{a}:{b}")]);
        assert_eq!(name(&rules, "My App/1+2/Dockerfile").as_deref(), Some("x-my-app:1-2"));
        assert!(name(&rules, "日本/8/Dockerfile").is_some_and(|name| name.ends_with(":8")));
        let (_, bad) = rules.name(&"a/-x/Dockerfile".into()).expect("matches");
        assert!(matches!(bad, Err(InvalidName::Prefix(_))));
    }

    #[test]
    fn latest_as_a_prefix_is_none() {
        assert_eq!(name(&rules(&[("a", "n:latest")]), "a/Dockerfile").as_deref(), Some("n"));
    }

    #[test]
    fn an_image_table_has_no_placeholders() {
        assert!(NameTemplate::new("a{x}").expect("parses").settled().is_err());
        let settled = NameTemplate::new("dotnet/sdk:8.0").and_then(|t| t.settled()).expect("valid");
        assert_eq!((settled.name.as_str(), settled.tag_prefix.as_deref()), ("dotnet/sdk", Some("8.0")));
    }
}
