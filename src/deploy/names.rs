//! What containers are called while a deployment is under way. An engine has one container of a name, so that a name says
//! how far a deployment got, whoever looks.

/// The names of one container and of those that stand in for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub own: String,
    /// The new container, before it takes the name over.
    pub new: String,
    /// The old container, until the new one is up.
    pub old: String,
    /// The old container once the new one is up: from here on a deployment is only ever finished.
    pub done: String,
    /// A container that never runs and says who is at work.
    pub lock: String,
    /// The lock of somebody who is gone, while his work is looked after.
    pub stale: String,
}

/// Ends of names that nobody else is to use.
pub(crate) const OWN_SUFFIXES: [&str; 5] =
    [".shipwright-new", ".shipwright-old", ".shipwright-done", ".shipwright-lock", ".shipwright-stale"];

impl Names {
    pub(crate) fn of(name: &str) -> Self {
        let with = |suffix: &str| format!("{name}{suffix}");
        let [new, old, done, lock, stale] = OWN_SUFFIXES.map(with);
        Self { own: name.to_owned(), new, old, done, lock, stale }
    }
}

/// Whether a word can be a container's name or the beginning of its id (moby, `daemon/names`).
pub(crate) fn is_container_name(word: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    word.starts_with(|first: char| first.is_ascii_alphanumeric()) && word.bytes().all(allowed)
}
