use super::folders::NameSource;
use super::words::shorten;
use crate::image::{Repository, Tag};

/// The name of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// NAME, which may have a slash; the whole repository where the settings gave that.
    pub short: String,
    /// What every tag of the image begins with.
    pub tag_prefix: Option<String>,
    /// Whether `push` has to refuse it, because other Dockerfiles would have the same name.
    pub provisional: bool,
    /// Where it comes from.
    pub source: NameSource,
    /// NAMESPACE/NAME: what is tagged.
    pub repository: Repository,
    /// The name that the Dockerfile's place gives it, if that is another: several had it.
    pub plain: Option<String>,
    /// Whether the settings gave a whole repository, which no namespace goes in front of.
    pub absolute: bool,
    /// The whole repository that the checkout's own files give it, by which references mean it. It is what is tagged
    /// where nobody gave a name or a namespace.
    pub claimed: Option<Repository>,
    /// NAME by which references mean it too, where the settings give it the whole repository that files of the checkout
    /// give it.
    pub(super) alias: Option<String>,
}

impl ImageName {
    /// NAME, with the tag prefix if there is one: no two images share it.
    pub fn title(&self) -> String {
        join_prefix(&self.short, self.tag_prefix.as_deref())
    }

    /// NAMESPACE/NAME, with the tag prefix if there is one.
    pub fn full(&self) -> String {
        join_prefix(&self.repository.familiar(), self.tag_prefix.as_deref())
    }

    /// `tag` with the tag prefix in front: `8.0-main`. For `latest` it is the prefix alone, which is what
    /// `FROM dotnet/sdk:8.0` refers to. What gets too long ends in a fingerprint.
    pub fn tag(&self, tag: &Tag) -> Tag {
        let Some(prefix) = &self.tag_prefix else { return tag.clone() };
        let text = match tag.as_str() {
            "latest" => prefix.clone(),
            other => shorten(format!("{prefix}-{other}"), 128),
        };
        Tag::new(&text).unwrap_or_else(|_| tag.clone())
    }
}

pub(super) fn join_prefix(name: &str, tag_prefix: Option<&str>) -> String {
    match tag_prefix {
        Some(prefix) => format!("{name}:{prefix}"),
        None => name.to_owned(),
    }
}
