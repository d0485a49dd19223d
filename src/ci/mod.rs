//! What a CI system says about a job: its branch, tag or pull request, and whether a fork has started it.

mod event;
mod job;
mod reference;
mod system;

pub use event::CiEvent;
pub use job::CiJob;
pub(crate) use reference::CiTrigger;
pub(crate) use system::{LogForm, System};
