use sha2::{Digest, Sha256};

use crate::image::Tag;
use crate::printable::hex;

/// A tag holds at most this many characters.
const LONGEST: usize = 128;

/// The tag of a branch (or of a git tag): a pure function of the name, so that everyone who builds the
/// branch moves the same tag. `/` becomes `-`. Where anything else has to change, where the name is too
/// long, or where it looks like a tag that means something else, `-` and 6 hex digits of the name's SHA-256
/// follow, so that no two such names meet by accident.
pub(crate) fn branch_tag(name: &str) -> Tag {
    let plain = name.replace('/', "-");
    if !is_reserved(&plain)
        && let Ok(tag) = Tag::new(&plain)
    {
        return tag;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let mut text: String = plain.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    text = text.trim_start_matches(['-', '.']).to_owned();
    if text.is_empty() {
        "branch".clone_into(&mut text);
    }
    text.truncate(LONGEST - 7);
    let text = format!("{text}-{}", hex(&Sha256::digest(name)[..3]));
    Tag::new(&text).unwrap_or_else(|_| unreachable!("only allowed characters are left"))
}

/// Tags that mean something else: `latest`, a commit, a content key, a pull request.
fn is_reserved(tag: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    tag == "latest"
        || tag.starts_with("src-")
        || tag.strip_prefix("pr-").is_some_and(digits)
        || (tag.len() == 12 && tag.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn tag(name: &str) -> String {
        branch_tag(name).as_str().to_owned()
    }

    #[test]
    fn slashes_become_dashes_and_nothing_else_changes() {
        assert_eq!(tag("main"), "main");
        assert_eq!(tag("feature/login"), "feature-login");
        assert_eq!(tag("a/b/c_d.E"), "a-b-c_d.E");
    }

    #[test]
    fn other_changes_are_marked() {
        // `printf 'fix#1' | sha256sum` begins with 3644c6.
        assert_eq!(tag("fix#1"), "fix-1-3644c6");
        for name in ["fix#1", "a b", "日本", "-x", ".x", "a@b"] {
            let tag = tag(name);
            let (_, suffix) = tag.rsplit_once('-').expect("a suffix");
            assert_eq!(suffix.len(), 6, "{tag}");
            assert!(suffix.bytes().all(|b| b.is_ascii_hexdigit()), "{tag}");
        }
        assert_ne!(tag("fix#1"), tag("fix+1"));
        assert!(tag("日本").starts_with("branch-"));
    }

    #[test]
    fn reserved_shapes_are_marked() {
        for name in ["latest", "0123456789ab", "src-refactor", "src/x", "pr-12", "pr/12"] {
            assert_ne!(tag(name), name.replace('/', "-"), "{name}");
        }
        for name in ["latest2", "0123456789abc", "0123456789aB", "source", "pr-12a", "pr-"] {
            assert_eq!(tag(name), name, "{name}");
        }
    }

    #[test]
    fn long_names_fit() {
        let long = "x".repeat(129);
        assert_eq!(tag(&long).len(), 128);
        assert_eq!(tag(&"x".repeat(128)), "x".repeat(128));
        assert_ne!(tag(&long), tag(&"x".repeat(130)));
    }

    proptest! {
        #[test]
        fn never_panics_and_never_yields_a_reserved_tag(name in "\\PC{0,200}") {
            let tag = tag(&name);
            prop_assert!(tag.len() <= 128);
            prop_assert!(tag != "latest" && !(tag.len() == 12 && tag.bytes().all(|b| b.is_ascii_hexdigit())));
        }

        #[test]
        fn only_slashes_make_names_meet(names in proptest::collection::hash_set("[a-c#/. -]{1,6}", 2..20)) {
            let mut seen = HashMap::new();
            for name in names {
                if let Some(other) = seen.insert(tag(&name), name.replace('/', "-")) {
                    prop_assert_eq!(other, name.replace('/', "-"));
                }
            }
        }
    }
}
