//! Variables and their values.
//!
//! A variable may be *unknown*: one that nothing in the Dockerfile sets may still come with the base
//! image. What it leads to is kept apart, so that whoever needs a path knows from where on it is a guess.

/// The value of a variable, or of a word after expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// The text; what is not known is left out.
    pub(super) text: String,
    /// From which byte of the text on it is a guess.
    pub(super) unknown: Option<usize>,
}

impl Value {
    pub(super) fn known(text: impl Into<String>) -> Self {
        Self { text: text.into(), unknown: None }
    }

    pub(super) fn unknown() -> Self {
        Self { text: String::new(), unknown: Some(0) }
    }

    pub(super) fn append(&mut self, other: &Self) {
        if self.unknown.is_none() {
            self.unknown = other.unknown.map(|at| self.text.len() + at);
        }
        self.text.push_str(&other.text);
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Lookup<'v> {
    Unset,
    Set(&'v Value),
    /// It may be set by a base image.
    Unknown,
}

/// Where variables get their values.
pub(super) trait Variables {
    fn get(&self, name: &str) -> Lookup<'_>;
}

pub(super) struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _name: &str) -> Lookup<'_> {
        Lookup::Unset
    }
}
