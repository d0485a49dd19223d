//! The logs of CI systems: groups, annotations and the summary of a job.
//!
//! A CI system reads commands out of the same text in which names of files and output of builds stand. What comes
//! from outside passes through [`without_commands`] before it is written to such a log.

mod annotations;
mod groups;
mod job_summary;
mod log;

pub(crate) use annotations::annotations;
pub(super) use groups::GroupedRenderer;
pub(crate) use job_summary::JobSummary;
pub(crate) use log::{CiLog, without_commands, without_marks};
