use std::collections::BTreeMap;
use std::fmt;

use super::event::CiEvent;
use super::reference::{CiReference, ci_reference};
use crate::git::Head;

/// What a CI system tells the job that a command runs in: its variables, and what the file of the event says. Empty
/// outside of CI.
#[derive(Clone, Default)]
pub struct CiJob {
    variables: BTreeMap<String, String>,
    event: CiEvent,
}

impl CiJob {
    /// A job with these variables of the environment.
    pub fn new(variables: BTreeMap<String, String>, event: CiEvent) -> Self {
        Self { variables, event }
    }

    /// What HEAD was built for, as far as the system speaks of it.
    pub(crate) fn reference(&self, head: &Head) -> Option<CiReference> {
        ci_reference(&|name| self.variables.get(name).cloned(), &self.event, head)
    }
}

/// Variables of a CI job hold its secrets.
impl fmt::Debug for CiJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CiJob").field("event", &self.event).finish_non_exhaustive()
    }
}
