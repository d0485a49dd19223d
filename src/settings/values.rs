//! Checks of single values, which flags and the environment share with the settings file.

use std::time::Duration;

use crate::diagnostic::closest;
use crate::discovery::EvidenceKind;
use crate::evidence::NamedContext;
use crate::image::{ImageReference, InvalidPlatform, InvalidReference, Platform, Repository, Tag};
use crate::path::TreePath;
use crate::project::Refresh;
use crate::redact;

/// Why a value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidValue {
    /// Not the first part of a repository's name.
    #[error("`{0}` is not a namespace: write lower-case words joined by `/`, such as acme or quay.io/acme")]
    Namespace(String),
    /// A URL where a host is meant.
    #[error("`{0}` is a URL: write the host alone, such as registry.example.org/team")]
    RegistryUrl(String),
    /// Docker would take the first part for an account of Docker Hub.
    #[error("`{0}` does not begin with a registry's host, such as docker.io/acme or localhost:5000")]
    RegistryHost(String),
    /// Host or prefix have characters that a reference cannot have.
    #[error("`{0}` is not a registry: write HOST or HOST/PREFIX in lower case")]
    Registry(String),
    #[error("`{0}` is more than a host: write HOST or HOST:PORT")]
    HostWithPath(String),
    /// Characters or length.
    #[error("`{0}` is not a tag: up to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`")]
    Tag(String),
    /// Shipwright's own immutable tags look like this.
    #[error("the tag `{0}` looks like one that never moves: `src-…` and 12 hex digits are taken")]
    ReservedTag(String),
    /// Not a number and a unit, or zero.
    #[error("`{0}` is not a period: write a number and m, h, d or w, such as 12h or 7d")]
    Period(String),
    /// Not the form of a platform.
    #[error(transparent)]
    Platform(#[from] InvalidPlatform),
    /// The form of a platform, but of none that anything runs on.
    #[error("nothing runs on the platform `{text}`; {meant}")]
    NoSuchPlatform {
        /// As it was written.
        text: String,
        /// What was meant, or what to write.
        meant: String,
    },
    /// Absolute, or out of the checkout.
    #[error("`{0}` is not a path from the root of the checkout")]
    Path(String),
    #[error("`{0}` is no kind of file that says something about images; these are: {known}", known = evidence_kinds())]
    EvidenceKind(String),
}

fn evidence_kinds() -> String {
    EvidenceKind::ALL.map(EvidenceKind::as_str).join(", ")
}

pub(crate) fn evidence_kind(text: &str) -> Result<EvidenceKind, InvalidValue> {
    let mut kinds = EvidenceKind::ALL.into_iter();
    kinds.find(|kind| kind.as_str() == text).ok_or_else(|| InvalidValue::EvidenceKind(text.to_owned()))
}

pub(crate) fn namespace(text: &str) -> Result<String, InvalidValue> {
    let first = text.split('/').next().unwrap_or_default();
    // Docker takes a first word with capitals for a host, which nobody means.
    let capitals = first.bytes().any(|byte| byte.is_ascii_uppercase()) && !first.contains(['.', ':']);
    match Repository::new(&format!("{text}/x")) {
        Ok(_) if !capitals => Ok(text.to_owned()),
        _ => Err(InvalidValue::Namespace(text.to_owned())),
    }
}

/// Systems and architectures that engines and builders run on: those of Go, which all of them are written in.
const SYSTEMS: &[&str] = &["linux", "windows", "darwin", "freebsd", "wasip1", "js"];
const ARCHITECTURES: &[&str] = &[
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le",
    "riscv64", "s390x", "wasm",
];

/// Reads a platform that somebody chose. An engine may report others, but nobody builds for a mistyped one.
pub(crate) fn chosen_platform(text: &str) -> Result<Platform, InvalidValue> {
    let platform: Platform = text.parse()?;
    let Platform { os, architecture, .. } = &platform;
    let meant = match (SYSTEMS.contains(&os.as_str()), ARCHITECTURES.contains(&architecture.as_str())) {
        (true, true) => return Ok(platform),
        (true, false) => {
            let close = closest(architecture, ARCHITECTURES.iter().copied());
            close.first().map(|meant| format!("{os}/{meant}"))
        }
        (false, true) => {
            let close = closest(os, SYSTEMS.iter().copied());
            close.first().map(|meant| format!("{meant}/{architecture}"))
        }
        (false, false) => None,
    };
    let meant = match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => "write one such as linux/amd64".to_owned(),
    };
    Err(InvalidValue::NoSuchPlatform { text: text.to_owned(), meant })
}

/// Checks a `HOST[/PREFIX]`.
pub(crate) fn registry(text: &str) -> Result<String, InvalidValue> {
    let shown = || redact::masked(text).into_owned();
    if text.contains("://") {
        return Err(InvalidValue::RegistryUrl(shown()));
    }
    let host = text.split('/').next().unwrap_or_default();
    if !host.contains(['.', ':']) && host != "localhost" {
        return Err(InvalidValue::RegistryHost(shown()));
    }
    match Repository::new(&format!("{text}/x")) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(InvalidValue::Registry(shown())),
    }
}

/// Checks a `HOST[:PORT]`.
pub(crate) fn registry_host(text: &str) -> Result<String, InvalidValue> {
    let host = registry(text)?;
    if host.contains('/') { Err(InvalidValue::HostWithPath(text.to_owned())) } else { Ok(host) }
}

/// Checks a moving tag that the user gives.
pub(crate) fn user_tag(text: &str) -> Result<Tag, InvalidValue> {
    let tag = Tag::new(text).map_err(|_| InvalidValue::Tag(text.to_owned()))?;
    let revision = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if revision || text.starts_with("src-") {
        return Err(InvalidValue::ReservedTag(text.to_owned()));
    }
    Ok(tag)
}

/// Reads `7d`.
pub(super) fn refresh(text: &str) -> Result<Refresh, InvalidValue> {
    const MINUTE: u64 = 60;
    let invalid = || InvalidValue::Period(text.to_owned());
    let unit = text.chars().next_back().ok_or_else(invalid)?;
    let seconds = match unit {
        'm' => MINUTE,
        'h' => 60 * MINUTE,
        'd' => 24 * 60 * MINUTE,
        'w' => 7 * 24 * 60 * MINUTE,
        _ => return Err(invalid()),
    };
    let number = &text[..text.len() - 1];
    // `parse` would take a sign.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).unwrap_or(0);
    if seconds == 0 {
        return Err(invalid());
    }
    Ok(Refresh { text: text.to_owned(), period: Duration::from_secs(seconds) })
}

/// Reads a path from the root of the checkout; `.` is the root.
pub(super) fn path(text: &str) -> Result<TreePath, InvalidValue> {
    if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
        return Err(InvalidValue::Path(text.to_owned()));
    }
    Ok(TreePath::clamped(text))
}

/// What a build context is called: `BuildKit` looks for references without `latest`.
pub(super) fn context_name(text: &str) -> Result<String, String> {
    match text.parse::<ImageReference>() {
        Ok(reference) => Ok(reference.context_name()),
        Err(error) => Err(format!("no reference could mean it: {error}")),
    }
}

/// What stands behind the name of a build context.
pub(super) fn named_context(text: &str) -> Result<NamedContext, String> {
    if let Some(reference) = text.strip_prefix("docker-image://") {
        return reference
            .parse()
            .map(NamedContext::Image)
            .map_err(|error: InvalidReference| error.to_string());
    }
    match text.strip_prefix("image:") {
        Some("") => Err("`image:` names no image".to_owned()),
        Some(name) => Ok(NamedContext::Built(name.to_owned())),
        None if text.contains("://") => Err(format!(
            "{} is fetched by no build here: name a folder of the checkout, `image:NAME`, or `docker-image://REFERENCE`",
            redact::masked(text)
        )),
        None => path(text).map(NamedContext::Folder).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_platform_is_told_from_a_rare_one() {
        for right in ["linux/amd64", "aarch64", "linux/arm/v6", "windows/amd64", "linux/riscv64"] {
            assert_eq!(chosen_platform(right).expect(right), right.parse().expect(right));
        }
        for (wrong, hint) in [
            ("linux/amd46", "did you mean linux/amd64?"),
            ("linxu/arm64", "did you mean linux/arm64?"),
            ("linux/zzz", "write one such as linux/amd64"),
            ("linux", "is not a platform"),
        ] {
            let said = chosen_platform(wrong).expect_err(wrong).to_string();
            assert!(said.contains(hint), "{said}");
        }
    }

    #[test]
    fn periods() {
        for (text, seconds) in [("7d", 604_800), ("12h", 43_200), ("30m", 1800), ("2w", 1_209_600)] {
            assert_eq!(refresh(text).map(|refresh| refresh.period.as_secs()), Ok(seconds), "{text}");
        }
        for text in ["", "d", "7", "0d", "-1d", "+1d", "1.5h", "7 d", "7days", "99999999999999999999w", "7é"]
        {
            assert!(refresh(text).is_err(), "{text}");
        }
        assert!(refresh("999999999999999999w").is_err(), "too long to count");
    }

    #[test]
    fn registries_begin_with_a_host() {
        for text in ["ghcr.io", "localhost:5000", "localhost", "registry.example.org/team/x"] {
            assert_eq!(registry(text).as_deref(), Ok(text));
        }
        assert!(matches!(registry("https://ghcr.io"), Err(InvalidValue::RegistryUrl(_))));
        assert!(matches!(registry("acme/api"), Err(InvalidValue::RegistryHost(_))));
        assert!(matches!(registry("ghcr.io/Acme"), Err(InvalidValue::Registry(_))));
        assert!(matches!(registry(""), Err(InvalidValue::RegistryHost(_))));
        assert!(registry("ghcr.io/").is_err());
    }

    #[test]
    fn namespaces() {
        for text in ["acme", "quay.io/acme", "localhost:5000", "a/b/c"] {
            assert_eq!(namespace(text).as_deref(), Ok(text));
        }
        for text in ["", "Acme", "acme/", "/acme", "a b", "acme:x"] {
            assert!(namespace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tags_of_the_user_move() {
        for text in ["latest", "stable", "v1", "pr-7", "3f9ac0d1e2b", "3F9AC0D1E2B4"] {
            assert!(user_tag(text).is_ok(), "{text}");
        }
        for text in ["3f9ac0d1e2b4", "src-1", "a b", "", "-x"] {
            assert!(user_tag(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_stay_in_the_checkout() {
        assert_eq!(path("./a//b/"), Ok(TreePath::from("a/b")));
        assert_eq!(path("."), Ok(TreePath::root()));
        for text in ["", "/a", "../a", "a/../../b"] {
            assert!(path(text).is_err(), "{text}");
        }
    }
}
