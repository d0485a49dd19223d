//! Text of any kind as a component of a repository name.

use bstr::ByteSlice;
use sha2::{Digest, Sha256};

use crate::printable::hex;

/// How long a NAME may get. With a namespace of up to [`LONGEST_NAMESPACE`] the repository stays within the
/// 255 characters that distribution/reference allows.
pub(super) const LONGEST_NAME: usize = 128;

/// How long a tag prefix may be, so that the rest of a tag has room.
pub(super) const LONGEST_PREFIX: usize = 64;

/// How long a namespace may be.
pub(super) const LONGEST_NAMESPACE: usize = 120;

/// `text` in lower-case words joined by `-`: `NodeBase` is `node-base`. What a repository name allows stays
/// as it is (`3.12`, `my_app`, `a__b`). Empty if nothing of the text can stand in a repository name.
pub(super) fn words(text: &[u8]) -> String {
    let mut result = String::with_capacity(text.len() + 4);
    let mut separator = String::new();
    let mut previous = '-';
    let text = text.to_str_lossy();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_alphanumeric() {
            if !result.is_empty() {
                if separator.is_empty() {
                    let next_is_lower = chars.peek().is_some_and(char::is_ascii_lowercase);
                    if starts_word(previous, c, next_is_lower) {
                        result.push('-');
                    }
                } else {
                    result.push_str(allowed(&separator));
                }
            }
            separator.clear();
            result.push(c.to_ascii_lowercase());
        } else {
            separator.push(c);
        }
        previous = c;
    }
    result
}

/// A new word starts at `nB`, and at the last capital of a run of them: `HTTPServer` is `http-server`.
fn starts_word(previous: char, current: char, next_is_lower: bool) -> bool {
    current.is_ascii_uppercase()
        && (previous.is_ascii_lowercase()
            || previous.is_ascii_digit()
            || (previous.is_ascii_uppercase() && next_is_lower))
}

/// The separators of the grammar stay: one `.`, one or two `_`, any number of `-`.
fn allowed(separator: &str) -> &str {
    match separator {
        "." | "_" | "__" => separator,
        dashes if dashes.bytes().all(|byte| byte == b'-') => dashes,
        _ => "-",
    }
}

/// The first six hex digits of the SHA-256: tells apart what nothing readable does.
pub(super) fn fingerprint(text: &[u8]) -> String {
    hex(&Sha256::digest(text)[..3])
}

/// `name` within `limit` characters: what is longer ends in `-` and its fingerprint. ASCII only.
pub(super) fn shorten(name: String, limit: usize) -> String {
    if name.len() <= limit {
        return name;
    }
    let fingerprint = fingerprint(name.as_bytes());
    let kept = name.get(..limit - fingerprint.len() - 1).unwrap_or_default();
    format!("{}-{fingerprint}", kept.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()))
}

/// A folder's name as a part of a tag: `-` for what a tag does not allow.
pub(super) fn tag_words(text: &[u8]) -> String {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    text.iter().map(|byte| if allowed(byte) { char::from(*byte) } else { '-' }).collect()
}

/// The variant of a file's name as a part of an image's; never empty.
pub(super) fn variant_words(variant: &[u8]) -> String {
    let name = words(variant);
    if name.is_empty() { fingerprint(variant) } else { name }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::image::Repository;

    #[test]
    fn lower_case_words_joined_by_dashes() {
        for (text, name) in [
            ("NodeBase", "node-base"),
            ("StandaloneFirefox", "standalone-firefox"),
            ("HTTPServer", "http-server"),
            ("PHP7", "php7"),
            ("Python3Dev", "python3-dev"),
            ("SHOUTED_NAME", "shouted_name"),
            ("My App", "my-app"),
            ("a + b", "a-b"),
            ("-edges-", "edges"),
            ("{{cookiecutter.name}}", "cookiecutter.name"),
            ("café", "caf"),
            ("a\u{301}b", "a-b"),
            ("日本", ""),
            ("...", ""),
            ("", ""),
        ] {
            assert_eq!(words(text.as_bytes()), name, "{text}");
        }
        assert_eq!(words(b"bad\xff\xfebytes"), "bad-bytes");
    }

    #[test]
    fn what_a_repository_name_allows_stays_as_it_is() {
        for name in ["base", "3.12", "my_app", "a__b", "a---b", "0", "node-18.04_x"] {
            assert_eq!(words(name.as_bytes()), name);
        }
        assert_eq!(words(b"a___b"), "a-b");
        assert_eq!(words(b"a..b"), "a-b");
        assert_eq!(words(b"a.-b"), "a-b");
    }

    #[test]
    fn a_variant_always_has_a_name() {
        assert_eq!(variant_words(b"NodeDev"), "node-dev");
        assert_eq!(variant_words("日本".as_bytes()).len(), 6);
        assert_ne!(variant_words("日本".as_bytes()), variant_words("中国".as_bytes()));
    }

    #[test]
    fn over_long_names_stay_apart_and_within_the_limit() {
        let long = "n".repeat(300);
        let one = shorten(format!("{long}1"), LONGEST_NAME);
        let two = shorten(format!("{long}2"), LONGEST_NAME);
        assert_eq!((one.len(), two.len()), (LONGEST_NAME, LONGEST_NAME));
        assert_ne!(one, two);
        assert_eq!(shorten("short".into(), LONGEST_NAME), "short");
        assert!(Repository::new(&shorten(format!("{}{}", "a-".repeat(90), "b"), 20)).is_ok());
    }

    proptest! {
        #[test]
        fn always_a_component_of_a_repository_or_empty(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let name = shorten(words(&text), LONGEST_NAME);
            prop_assert!(name.is_empty() || Repository::new(&format!("acme/{name}")).is_ok(), "{}", name);
        }

        #[test]
        fn words_of_words_are_the_same(text in "[a-zA-Z0-9._ é-]{0,20}") {
            let once = words(text.as_bytes());
            prop_assert_eq!(words(once.as_bytes()), once);
        }
    }
}
