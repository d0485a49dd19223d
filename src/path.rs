//! Paths inside a checkout or a build context.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};

/// A path relative to the root of a checkout (or of a build context): bytes separated by `/`, as git
/// stores them, without a leading or trailing `/` and without `.` or `..`. The root itself is empty.
///
/// File names are bytes, not text, because git and Linux say so. `Display` is for people: what is not
/// printable is escaped, so a hostile name cannot reach the terminal raw.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(BString);

impl TreePath {
    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Takes a path that is already normal, such as one that git gave. Stray slashes at the ends go.
    pub fn new(path: impl AsRef<[u8]>) -> Self {
        Self(path.as_ref().trim_with(|c| c == '/').into())
    }

    /// Resolves `.` and `..` lexically; `..` at the root stays at the root, as in a build context.
    pub fn clamped(path: impl AsRef<[u8]>) -> Self {
        Self::root().join_clamped(path)
    }

    /// Resolves `path`, which may contain `.` and `..`, from this folder. Leading `/` means this folder.
    #[must_use]
    pub fn join_clamped(&self, path: impl AsRef<[u8]>) -> Self {
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in path.as_ref().split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop();
                }
                other => parts.push(other),
            }
        }
        self.join(parts.join(&b'/'))
    }

    /// Takes a path of the local file system relative to the root.
    pub fn from_os(path: &Path) -> Self {
        Self::clamped(path.as_os_str().as_encoded_bytes())
    }

    /// This path below `root` of the local file system.
    pub fn to_os(&self, root: &Path) -> PathBuf {
        if self.0.is_empty() {
            return root.to_owned();
        }
        root.join(self.os_path())
    }

    /// Lossless on Unix; elsewhere a name that is not Unicode has no equivalent.
    fn os_path(&self) -> Cow<'_, Path> {
        match self.0.to_path() {
            Ok(path) => Cow::Borrowed(path),
            Err(_) => Cow::Owned(PathBuf::from(self.to_text())),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text where they are text.
    pub fn as_bstr(&self) -> &BStr {
        self.0.as_bstr()
    }

    /// The text, with `U+FFFD` for what is not UTF-8.
    pub fn to_text(&self) -> String {
        self.0.to_str_lossy().into_owned()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The folder that holds this path; the root has none.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.rfind_byte(b'/') {
            Some(at) => Self(self.0[..at].into()),
            None => Self::root(),
        })
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &BStr {
        match self.0.rfind_byte(b'/') {
            Some(at) => self.0[at + 1..].as_bstr(),
            None => self.0.as_bstr(),
        }
    }

    /// The components from the root downwards.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &BStr> {
        self.0.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).map(ByteSlice::as_bstr)
    }

    /// This path and then `path`.
    #[must_use]
    pub fn join(&self, path: impl AsRef<[u8]>) -> Self {
        let path = path.as_ref();
        if self.is_root() {
            return Self(path.into());
        }
        if path.is_empty() {
            return self.clone();
        }
        let mut joined = self.0.clone();
        joined.push(b'/');
        joined.extend_from_slice(path);
        Self(joined)
    }

    /// What follows `folder/` in this path; all of it when `folder` is the root, empty when both are equal.
    pub fn relative_to(&self, folder: &Self) -> Option<Self> {
        if folder.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(folder.as_bytes())?;
        match rest.first() {
            None => Some(Self::root()),
            Some(b'/') => Some(Self(rest[1..].into())),
            Some(_) => None,
        }
    }

    /// Whether this path is `folder` or lies below it.
    pub fn is_under(&self, folder: &Self) -> bool {
        folder.is_root()
            || (self.0.starts_with(folder.as_bytes())
                && matches!(self.0.get(folder.0.len()), None | Some(b'/')))
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        f.write_str(&crate::printable::printable(&self.0.to_str_lossy()))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl From<&str> for TreePath {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_dot_is_clamped_at_the_root() {
        assert_eq!(TreePath::clamped("/../a/./b//../c"), TreePath::from("a/c"));
        assert_eq!(TreePath::from("svc").join_clamped("../../x"), TreePath::from("svc/x"));
    }

    #[test]
    fn relative_to_stops_at_component_borders() {
        let path = TreePath::from("service1/app.py");
        assert_eq!(path.relative_to(&"service1".into()), Some("app.py".into()));
        assert_eq!(path.relative_to(&"service".into()), None);
        assert!(path.is_under(&TreePath::root()));
        assert!(!path.is_under(&"service".into()));
    }

    #[test]
    fn display_escapes_control_characters() {
        assert_eq!(TreePath::from("a\u{1b}[31m").to_string(), "a\\u{1b}[31m");
    }
}
