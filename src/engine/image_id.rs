/// The id of an image in an engine, `sha256:…`: the digest of its configuration, or of its manifest with
/// Docker's containerd image store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalImageId(pub String);

impl std::fmt::Display for LocalImageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
