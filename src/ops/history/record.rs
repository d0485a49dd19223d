use serde::{Deserialize, Serialize};

/// What one commit changed, compared with its first parent. It never becomes wrong, since commits never change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRecord {
    /// Whether its settings can be read; else it has no images.
    pub readable: bool,
    /// The images that have another key than before, or none any more; dependencies first.
    pub images: Vec<ImageChange>,
}

/// An image whose key a commit changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChange {
    /// NAMESPACE/NAME, with `:PREFIX` where several images share the repository.
    pub name: String,
    /// Its Dockerfile.
    pub dockerfile: String,
    /// Its build context.
    pub context: String,
    /// Whether it is built only when named or depended on.
    pub aside: bool,
    /// The key that the parent gives it; none where it is new, or could not be built.
    pub before: Option<String>,
    /// Its key now; none where it is gone, or cannot be built.
    pub key: Option<String>,
    /// Inputs that differ, up to a limit.
    pub files: Vec<ChangedInput>,
    /// How many more of them do.
    pub more_files: usize,
    /// The line of the Dockerfile where its instructions begin to differ.
    pub instruction: Option<usize>,
    /// What else differs: `argument X`, `base`, `settings`.
    pub others: Vec<String>,
    /// Images that it is built from and whose keys differ.
    pub dependencies: Vec<String>,
}

/// An input that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedInput {
    /// From the root of the checkout.
    pub path: String,
    /// The lines of the Dockerfile whose sources name it.
    pub lines: Vec<usize>,
}

impl ImageChange {
    /// Whether something of its own differs, and not only what it is built from.
    pub fn is_own(&self) -> bool {
        !self.files.is_empty() || self.more_files > 0 || self.instruction.is_some() || !self.others.is_empty()
    }

    /// The path of an input as its ignore file names it.
    pub fn in_context<'p>(&self, path: &'p str) -> &'p str {
        if self.context.is_empty() {
            return path;
        }
        let below = path.strip_prefix(&self.context);
        below.and_then(|below| below.strip_prefix('/')).unwrap_or(path)
    }
}
