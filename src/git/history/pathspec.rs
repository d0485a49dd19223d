use crate::path::TreePath;

/// Which paths a question about history is about: any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pathspecs {
    /// None at all match nothing (unlike `git log` without paths).
    pub paths: Vec<PathPattern>,
}

/// One of git's pathspecs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// The file itself, or everything below the folder; the root is everything.
    Path(TreePath),
    /// `:(glob)PATTERN`: `*`, `?` and `[…]` stay within a component, `**` crosses folders. It matches whole paths of
    /// files; what lies below a folder whose name matches is not meant. One without wildcards is a plain path.
    Glob(Vec<u8>),
}

impl Pathspecs {
    /// Files and folders as they are.
    pub fn literal(paths: impl IntoIterator<Item = TreePath>) -> Self {
        Self { paths: paths.into_iter().map(PathPattern::Path).collect() }
    }

    /// Bytes that tell any two apart.
    pub(in crate::git) fn canonical(&self) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = self.paths.iter().map(PathPattern::canonical).collect();
        parts.sort();
        parts.dedup();
        parts.into_iter().flat_map(|part| [&(part.len() as u64).to_le_bytes()[..], &part].concat()).collect()
    }
}

impl PathPattern {
    fn canonical(&self) -> Vec<u8> {
        match self {
            Self::Path(path) => [b"P", path.as_bytes()].concat(),
            Self::Glob(pattern) => [b"G", &pattern[..]].concat(),
        }
    }

    /// The pathspec as git's command line takes it.
    pub fn to_git(&self) -> Vec<u8> {
        match self {
            Self::Path(path) if path.is_root() => b":(top)".to_vec(),
            Self::Path(path) => [b":(top,literal)", path.as_bytes()].concat(),
            Self::Glob(pattern) => [b":(top,glob)", &pattern[..]].concat(),
        }
    }
}
