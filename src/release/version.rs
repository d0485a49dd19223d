use std::cmp::Ordering;

/// The words that a version before a release ends with (semver.org, PEP 440 and what tags of images have). Any other
/// word is a kind of the image, such as `-alpine`.
const PRERELEASES: [&str; 16] = [
    "a",
    "alpha",
    "b",
    "beta",
    "c",
    "canary",
    "dev",
    "m",
    "milestone",
    "next",
    "nightly",
    "pre",
    "preview",
    "rc",
    "snapshot",
    "ea",
];

/// A version as tags of images have it: `1.4.0`, `v2`, `1.4.0-rc.1`, `1.4.0-alpine`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    text: String,
    has_v: bool,
    /// Digits without leading zeros: numbers of any length.
    numbers: Vec<String>,
    /// `rc`, `1` of `-rc.1`; empty in a release.
    prerelease: Vec<String>,
    /// `alpine` of `-alpine`.
    kind: String,
}

impl Version {
    /// Reads a version; `None` where it does not begin with a number, or is a tag that a commit gets.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if is_commit(text) {
            return None;
        }
        let bare = text.strip_prefix('v').unwrap_or(text);
        let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
        let (digits, rest) = bare.split_at(end);
        let numbers: Vec<&str> = digits.split('.').collect();
        if numbers.iter().any(|number| number.is_empty()) {
            return None;
        }
        let rest = match rest.strip_prefix(['-', '_']) {
            Some("") => return None,
            Some(rest) => rest,
            // `1.4.0rc1`; `3b2` is more likely a commit.
            None if rest.is_empty() => rest,
            None if numbers.len() > 1 && is_prerelease(word(rest)) => rest,
            None => return None,
        };
        let (prerelease, kind) = suffix(rest);
        Some(Self {
            text: text.to_owned(),
            has_v: bare.len() != text.len(),
            numbers: numbers.iter().map(|number| without_zeros(number)).collect(),
            prerelease,
            kind,
        })
    }

    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether both are written alike: with or without `v`, and for the same kind of image.
    pub(crate) fn has_form_of(&self, other: &Self) -> bool {
        self.has_v == other.has_v && self.kind == other.kind
    }

    /// Which of the two is the newer one, as far as numbers and prereleases say; a missing number is 0.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let zero = || "0".to_owned();
        for at in 0..self.numbers.len().max(other.numbers.len()) {
            let number = |version: &Self| version.numbers.get(at).cloned().unwrap_or_else(zero);
            match numeric(&number(self), &number(other)) {
                Ordering::Equal => {}
                order => return order,
            }
        }
        match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => identifiers(&self.prerelease, &other.prerelease),
        }
    }
}

/// Whether Shipwright itself makes tags like this: `latest`, `src-KEY`, `pr-N`, those of commits.
pub(crate) fn is_reserved(tag: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    tag == "latest"
        || tag.starts_with("src-")
        || tag.strip_prefix("pr-").is_some_and(is_number)
        || is_commit(tag)
}

fn is_commit(tag: &str) -> bool {
    matches!(tag.len(), 12 | 40 | 64)
        && tag.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len())]
}

fn is_prerelease(word: &str) -> bool {
    PRERELEASES.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The prerelease that a suffix begins with, in its identifiers, and the kind behind it.
fn suffix(rest: &str) -> (Vec<String>, String) {
    let mut parts: Vec<&str> = if rest.is_empty() { Vec::new() } else { rest.split(['-', '_']).collect() };
    let is_of_prerelease = |part: &&&str| {
        let word = word(part);
        let number = &part[word.len()..];
        (word.is_empty() || is_prerelease(word)) && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let count = parts.iter().take_while(is_of_prerelease).count();
    let kind = parts.split_off(count).join("-");
    let mut prerelease = Vec::new();
    for part in parts.iter().flat_map(|part| part.split('.')) {
        let word = word(part);
        let pieces = [word.to_ascii_lowercase(), part[word.len()..].to_owned()];
        prerelease.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
    }
    (prerelease, kind)
}

fn without_zeros(digits: &str) -> String {
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        rest => rest.to_owned(),
    }
}

fn numeric(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// As semver.org orders them: numbers below words, more of them above fewer.
fn identifiers(one: &[String], other: &[String]) -> Ordering {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    for (one, other) in one.iter().zip(other) {
        let order = match (is_number(one), is_number(other)) {
            (true, true) => numeric(&without_zeros(one), &without_zeros(other)),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    one.len().cmp(&other.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    #[test]
    fn versions_stand_in_their_order() {
        let ascending = [
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2",
            "1.10",
            "2",
            "2024.01.05",
            "2024.1.6",
            "20240105000000000000000000000000000001",
        ];
        for (at, lower) in ascending.iter().enumerate() {
            assert_eq!(version(lower).order(&version(lower)), Ordering::Equal, "{lower}");
            for higher in &ascending[at + 1..] {
                assert_eq!(version(lower).order(&version(higher)), Ordering::Less, "{lower} {higher}");
                assert_eq!(version(higher).order(&version(lower)), Ordering::Greater, "{lower} {higher}");
            }
        }
        assert_eq!(version("1").order(&version("1.0.0")), Ordering::Equal);
        assert_eq!(version("1.0rc1").order(&version("1.0-rc2")), Ordering::Less);
    }

    #[test]
    fn the_form_is_the_v_and_the_kind() {
        let same = |one: &str, other: &str| version(one).has_form_of(&version(other));
        assert!(same("1.0", "2.0.0") && same("v1", "v2") && same("1.0-alpine", "1.1-alpine"));
        assert!(same("1.0-rc.1", "1.0") && same("1.0-rc1-slim", "1.0-slim"));
        assert!(!same("v1.0", "1.0") && !same("1.0-alpine", "1.0") && !same("1.0-alpine", "1.0-slim"));
    }

    #[test]
    fn what_is_no_version() {
        for text in [
            "",
            "v",
            "latest",
            "stable",
            "main",
            ".1",
            "1.",
            "1..2",
            "1.x",
            "1-",
            "base-1.0",
            "src-0123456789abcdef",
            "123456789012",
            "3f9ac0d1e2b4",
            "7a12345",
            "vv1",
            "V1",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn tags_of_shipwright_s_own_are_reserved() {
        for tag in ["latest", "src-1.0", "pr-12", "123456789012", &"1a".repeat(20)] {
            assert!(is_reserved(tag), "{tag}");
        }
        for tag in ["1.0", "v1", "base-1.0", "pr-1.0", "12345678901", "20240105"] {
            assert!(!is_reserved(tag), "{tag}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_one(texts in prop::collection::vec("v?[0-9]{1,3}(\\.[0-9]{1,3}){0,3}(-(rc|beta|alpha)\\.?[0-9]{0,2})?", 3)) {
            let [a, b, c]: [Version; 3] = texts.iter().map(|text| version(text)).collect::<Vec<_>>().try_into().expect("three");
            prop_assert_eq!(a.order(&b), b.order(&a).reverse());
            if a.order(&b) != Ordering::Greater && b.order(&c) != Ordering::Greater {
                prop_assert_ne!(a.order(&c), Ordering::Greater);
            }
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,20}") {
            let _ = Version::parse(&text);
            let _ = is_reserved(&text);
        }
    }
}
