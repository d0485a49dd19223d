use std::fmt;
use std::str::FromStr;

/// Why a text is not an image reference. The grammar is distribution/reference's, which Docker uses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// Neither name nor tag nor digest can be made out of it.
    #[error("`{0}` is not an image reference")]
    Format(String),
    /// Repository names are lower-case.
    #[error("`{0}` is not an image reference: repository names are lower-case")]
    UpperCase(String),
    /// A tag has at most 128 characters of `[A-Za-z0-9_.-]` and starts with neither `.` nor `-`.
    #[error("`{0}` is not a tag: up to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`")]
    Tag(String),
}

/// Bytes of a repository's path.
const LONGEST_PATH: usize = 255;

/// Where images of one name live: a registry host and a path. `acme/api` is `docker.io/acme/api`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: String,
    path: String,
}

impl Repository {
    /// Parses a repository without tag or digest and fills in what Docker implies
    /// (`alpine` is `docker.io/library/alpine`).
    pub fn new(name: &str) -> Result<Self, InvalidReference> {
        let invalid = || InvalidReference::Format(name.to_owned());
        let (host, path) = match name.split_once('/') {
            Some((first, rest)) if looks_like_a_host(first) => (first, rest),
            _ => ("docker.io", name),
        };
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        if has_upper(path) {
            return Err(InvalidReference::UpperCase(name.to_owned()));
        }
        if !is_host(host) || path.is_empty() || !path.split('/').all(is_component) {
            return Err(invalid());
        }
        let path = if host == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        // Docker counts what it has filled in, but not the host.
        if path.len() > LONGEST_PATH {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), path })
    }

    /// The registry, `docker.io` for Docker Hub.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path in the registry, `library/alpine` for `alpine`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The short form that Docker shows: `alpine`, `acme/api`, `quay.io/acme/api`. A path of Docker Hub that
    /// begins like a host keeps its own host in front, so that it is read as what it is.
    pub fn familiar(&self) -> String {
        let first = self.path.split('/').next().unwrap_or_default();
        match (self.host.as_str(), self.path.strip_prefix("library/")) {
            (host, _) if looks_like_a_host(first) => format!("{host}/{}", self.path),
            ("docker.io", Some(name)) if !name.contains('/') && !is_image_id(name) => name.to_owned(),
            ("docker.io", _) => self.path.clone(),
            (host, _) => format!("{host}/{}", self.path),
        }
    }

    /// The reference to `tag` in this repository.
    pub fn with_tag(&self, tag: Tag) -> ImageReference {
        ImageReference { repository: self.clone(), tag: Some(tag), digest: None }
    }

    /// The reference to what has this digest.
    pub fn with_digest(&self, digest: Digest) -> ImageReference {
        ImageReference { repository: self.clone(), tag: None, digest: Some(digest) }
    }
}

/// Whether Docker takes what stands in front of the first slash for a registry.
fn looks_like_a_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || has_upper(first)
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar())
    }
}

impl FromStr for Repository {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        Self::new(text)
    }
}

/// A tag: up to 128 characters of `[A-Za-z0-9_.-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// Checks the characters and the length.
    pub fn new(text: &str) -> Result<Self, InvalidReference> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !starts_well || text.len() > 128 || !text.bytes().all(allowed) {
            return Err(InvalidReference::Tag(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A content digest, `sha256:` and 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// Checks `algorithm:hex`; only sha256 and sha512 are known to registries.
    pub fn new(text: &str) -> Result<Self, InvalidReference> {
        let hex = |hex: &str| hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let valid = match text.split_once(':') {
            Some(("sha256", digits)) => digits.len() == 64 && hex(digits),
            Some(("sha512", digits)) => digits.len() == 128 && hex(digits),
            _ => false,
        };
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidReference::Format(text.to_owned())) }
    }

    /// The text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Twelve hex digits, as people are shown.
    pub fn short(&self) -> &str {
        let hex = self.0.split_once(':').map_or(self.0.as_str(), |(_, hex)| hex);
        hex.get(..12).unwrap_or(hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `registry/repository[:tag][@digest]`, normalised as Docker does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    /// Where it lives.
    pub repository: Repository,
    /// The tag, if one was written.
    pub tag: Option<Tag>,
    /// The digest, if one was written; it wins over the tag.
    pub digest: Option<Digest>,
}

impl ImageReference {
    /// Whether it names what moves by default: no digest, and no tag or `latest`.
    pub fn is_latest(&self) -> bool {
        self.digest.is_none() && self.tag.as_ref().is_none_or(|tag| tag.as_str() == "latest")
    }

    /// The form that Docker shows, with `:latest` where neither tag nor digest is given: `alpine:latest`.
    pub fn complete(&self) -> String {
        if self.tag.is_none() && self.digest.is_none() {
            return format!("{}:latest", self.repository.familiar());
        }
        self.to_string()
    }

    /// The full form with registry, and `:latest` where neither tag nor digest is given, as `BuildKit`
    /// names its sources: `docker.io/library/alpine:latest`.
    pub fn canonical(&self) -> String {
        let mut text = format!("{}/{}", self.repository.host, self.repository.path);
        match (&self.tag, &self.digest) {
            (None, None) => text.push_str(":latest"),
            (tag, digest) => {
                text.extend(tag.iter().flat_map(|tag| [":", tag.as_str()]));
                text.extend(digest.iter().flat_map(|digest| ["@", digest.as_str()]));
            }
        }
        text
    }
}

impl ImageReference {
    /// The short form with the tag that is meant, also where it is not written: `alpine:latest`.
    pub fn explicit(&self) -> String {
        if self.tag.is_none() && self.digest.is_none() { format!("{self}:latest") } else { self.to_string() }
    }
}

impl ImageReference {
    /// The name of the build context that takes its place in a build (`NamedContext` of `BuildKit`'s
    /// `frontend/dockerui`): without `latest`.
    pub fn context_name(&self) -> String {
        let name = self.to_string();
        name.strip_suffix(":latest").map_or(name.clone(), str::to_owned)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

impl FromStr for ImageReference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::new(digest)?)),
            None => (text, None),
        };
        let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[name_start..].find(':') {
            Some(colon) => {
                let (name, tag) = rest.split_at(name_start + colon);
                (name, Some(Tag::new(&tag[1..])?))
            }
            None => (rest, None),
        };
        if is_image_id(name) {
            return Err(InvalidReference::Format(text.to_owned()));
        }
        Ok(Self { repository: Repository::new(name)?, tag, digest })
    }
}

/// 64 hex digits alone are taken for an image's id.
fn is_image_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let ipv6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let name_is_valid = match ipv6 {
        Some(address) => !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => name.split('.').all(label),
    };
    name_is_valid && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// `[a-z0-9]+` joined by one `.`, one or two `_`, or any number of `-`.
fn is_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    alphanumeric(*first)
        && alphanumeric(*last)
        && bytes.split(|b| alphanumeric(*b)).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_docker_implies() {
        for (text, canonical) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("acme/api:1.2", "docker.io/acme/api:1.2"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("localhost/x", "localhost/x:latest"),
            ("localhost:5000/a/b:t", "localhost:5000/a/b:t"),
            ("[::1]:5000/a", "[::1]:5000/a:latest"),
            ("index.docker.io/library/a", "docker.io/library/a:latest"),
        ] {
            let reference: Result<ImageReference, _> = text.parse();
            assert_eq!(reference.map(|r| r.canonical()), Ok(canonical.to_owned()), "{text}");
        }
    }

    #[test]
    fn refuses_what_docker_refuses() {
        for text in
            ["", "img:", "img:$A", "{{base}}", "@BASE@", "Alpine", "a//b", "a/-b", "a___b", "a:b:c", "a b"]
        {
            assert!(text.parse::<ImageReference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_as_long_as_it_is_in_full() {
        let longest = "a".repeat(LONGEST_PATH - "library/".len());
        for (name, valid) in [
            (longest.clone(), true),
            (format!("docker.io/{longest}"), true),
            (format!("{longest}a"), false),
            (format!("quay.io/{longest}aaaaaaaa"), true),
            (format!("quay.io/{longest}aaaaaaaaa"), false),
        ] {
            assert_eq!(Repository::new(&name).is_ok(), valid, "{name}");
        }
    }

    #[test]
    fn shows_the_familiar_form() {
        for text in ["alpine", "acme/api:1", "quay.io/acme/api", "busybox:latest"] {
            let reference: ImageReference = text.parse().expect("valid");
            assert_eq!(reference.to_string(), text);
        }
        let digits = "8".repeat(64);
        for (full, familiar) in [
            ("docker.io/library/alpine:3".to_owned(), "alpine:3".to_owned()),
            (format!("docker.io/library/{digits}"), format!("library/{digits}")),
        ] {
            let reference: ImageReference = full.parse().expect("valid");
            assert_eq!(reference.to_string(), familiar);
            assert_eq!(familiar.parse(), Ok(reference));
        }
    }
}
