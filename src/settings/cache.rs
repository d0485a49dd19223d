//! Build caches as `docker buildx build` writes them, for flags and the settings file alike.

use std::collections::BTreeMap;

use crate::diagnostic::closest;
use crate::image::ImageReference;
use crate::project::{CacheKind, CacheSpec};

/// What may stand in braces.
const PARTS: [&str; 3] = ["image", "branch", "platform"];

/// Why a cache cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidCache {
    /// `type=local`.
    #[error(
        "type=local is a folder on this machine, which Shipwright does not serve to builders; type=registry can be read anywhere"
    )]
    Local,
    /// No type that is known here.
    #[error("`{0}` is no type of cache; these are: registry, inline, gha")]
    Type(String),
    /// Not `NAME=VALUE`.
    #[error("cannot read `{0}`: write type=registry,ref=REFERENCE, with commas between and no blanks")]
    Field(String),
    /// Twice the same.
    #[error("`{0}` stands there twice")]
    Twice(String),
    /// `mode` is something else.
    #[error("mode={0} is neither min (layers of the image) nor max (those of all stages)")]
    Mode(String),
    /// Only an export has a mode.
    #[error("mode says what is exported: it belongs to --cache-to")]
    ModeOfSource,
    /// An inline cache is read from the image.
    #[error("type=inline is exported only: read it with type=registry,ref=IMAGE")]
    InlineSource,
    /// An inline cache has no place of its own.
    #[error("type=inline has no `{0}`: it is a part of the image, with the layers of its last stage")]
    InlineAttribute(String),
    /// Not a reference.
    #[error("ref={0} is no image reference, such as ghcr.io/acme/cache:{{image}}-{{branch}}")]
    Reference(String),
    /// Braces around something else.
    #[error("`{{{0}}}` means nothing; {{image}}, {{branch}} and {{platform}} are filled in")]
    Part(String),
    /// What only flags can have.
    #[error("type={0} belongs to the command line: --cache-from, --cache-to")]
    OnlyFlag(&'static str),
}

/// What `--cache-from` says: `type=registry,ref=REFERENCE`, or a reference alone.
pub(crate) fn cache_source(text: &str) -> Result<CacheSpec, InvalidCache> {
    let spec = cache(text)?;
    if spec.kind == CacheKind::Inline {
        return Err(InvalidCache::InlineSource);
    }
    if spec.attributes.contains_key("mode") {
        return Err(InvalidCache::ModeOfSource);
    }
    Ok(spec)
}

/// What `--cache-to` says.
pub(crate) fn cache_target(text: &str) -> Result<CacheSpec, InvalidCache> {
    let spec = cache(text)?;
    if let Some(attribute) = spec.attributes.keys().next().filter(|_| spec.kind == CacheKind::Inline) {
        return Err(InvalidCache::InlineAttribute(attribute.clone()));
    }
    Ok(spec)
}

/// What the settings say: `registry`, or as `--cache-from`.
pub(crate) fn cache_setting(text: &str) -> Result<CacheSpec, InvalidCache> {
    if text == CacheKind::Registry.as_str() {
        return Ok(CacheSpec { kind: CacheKind::Registry, attributes: BTreeMap::new() });
    }
    let spec = cache_source(text)?;
    match spec.kind {
        CacheKind::Registry => Ok(spec),
        kind => Err(InvalidCache::OnlyFlag(kind.as_str())),
    }
}

fn cache(text: &str) -> Result<CacheSpec, InvalidCache> {
    let mut attributes = BTreeMap::new();
    if text.contains('=') {
        for field in text.split(',') {
            let unreadable = || InvalidCache::Field(field.to_owned());
            let (name, value) = field.split_once('=').ok_or_else(unreadable)?;
            let name = name.trim().to_ascii_lowercase();
            if name.is_empty() || value.is_empty() || value.contains(char::is_whitespace) {
                return Err(unreadable());
            }
            if attributes.insert(name.clone(), value.to_owned()).is_some() {
                return Err(InvalidCache::Twice(name));
            }
        }
    } else {
        attributes.insert("ref".to_owned(), text.to_owned());
    }
    // `mode=max` alone asks for what Shipwright would choose.
    let kind = match attributes.remove("type").as_deref() {
        Some("registry") | None => CacheKind::Registry,
        Some("inline") => CacheKind::Inline,
        Some("gha") => CacheKind::Gha,
        Some("local") => return Err(InvalidCache::Local),
        Some(other) => return Err(InvalidCache::Type(other.to_owned())),
    };
    if let Some(mode) = attributes.get("mode").filter(|mode| !matches!(mode.as_str(), "min" | "max")) {
        return Err(InvalidCache::Mode(mode.clone()));
    }
    let spec = CacheSpec { kind, attributes };
    if let Some(place) = spec.place() {
        let example = filled(place, &|_| Some("x".to_owned()))?;
        if kind == CacheKind::Registry && example.parse::<ImageReference>().is_err() {
            return Err(InvalidCache::Reference(place.to_owned()));
        }
    }
    Ok(spec)
}

/// `text` with what stands in braces replaced.
pub(crate) fn filled(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String, InvalidCache> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let known = PARTS.contains(&name) && after.contains('}');
        let value = value(name).filter(|_| known).ok_or_else(|| InvalidCache::Part(name.to_owned()))?;
        whole.push_str(before);
        whole.push_str(&value);
        rest = behind;
    }
    Ok(whole + rest)
}

impl InvalidCache {
    /// What to write instead, where one word is wrong.
    pub(crate) fn hint(&self) -> Option<String> {
        let meant = match self {
            Self::Type(text) => closest(text, ["registry", "inline", "gha"]),
            Self::Part(text) => closest(text, PARTS),
            _ => return None,
        };
        Some(format!("did you mean `{}`?", meant.first()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_written_as_buildx_writes_them() {
        let spec = |text: &str| cache_target(text).expect(text);
        let plain = spec("ghcr.io/acme/cache:x");
        assert_eq!((plain.kind, plain.place()), (CacheKind::Registry, Some("ghcr.io/acme/cache:x")));
        let max =
            spec("type=registry,ref=localhost:5000/c:{image}-{branch}-{platform},mode=max,compression=zstd");
        assert_eq!(max.attributes["mode"], "max");
        assert_eq!(max.attributes["compression"], "zstd");
        assert_eq!(spec("mode=max"), spec("type=registry,mode=max"));
        assert_eq!(spec("type=inline").kind, CacheKind::Inline);
        assert_eq!(spec("type=gha,scope=x").place(), Some("x"));
        assert_eq!(cache_setting("registry").expect("valid").place(), None);
        assert_eq!(cache_setting("acme/cache:{image}").expect("valid").place(), Some("acme/cache:{image}"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        use InvalidCache::{
            Field, InlineAttribute, InlineSource, Local, Mode, ModeOfSource, OnlyFlag, Part, Reference,
            Twice, Type,
        };
        for (text, error) in [
            ("type=local,dest=/tmp/c", Local),
            ("type=s3,bucket=x", Type("s3".into())),
            ("type=registry,ref", Field("ref".into())),
            ("type=registry, ref=x y", Field(" ref=x y".into())),
            ("type=registry,ref=", Field("ref=".into())),
            ("ref=a,ref=b", Twice("ref".into())),
            ("type=registry,ref=a,mode=most", Mode("most".into())),
            ("type=inline,ref=a", InlineAttribute("ref".into())),
            ("type=registry,ref=ghcr.io/X", Reference("ghcr.io/X".into())),
            ("ref=a:{img}", Part("img".into())),
            ("ref=a:{image", Part("image".into())),
            ("a b", Reference("a b".into())),
        ] {
            assert_eq!(cache_target(text), Err(error), "{text}");
        }
        assert_eq!(cache_source("type=inline"), Err(InlineSource));
        assert_eq!(cache_source("ref=a,mode=max"), Err(ModeOfSource));
        assert_eq!(cache_setting("type=gha"), Err(OnlyFlag("gha")));
        assert_eq!(Type("regestry".into()).hint().as_deref(), Some("did you mean `registry`?"));
    }
}
