//! g
/// The instruction that makes an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DependencyKind {
    /// FROM.
    From,
    /// COPY --from.
    Copy,
    /// RUN --mount from.
    Mount,
    /// `depends_on` in the settings.
    Declared,
}

impl DependencyKind {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Copy => "copy",
            Self::Mount => "mount",
            Self::Declared => "declared",
        }
    }
}

