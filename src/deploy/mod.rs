//! What becomes of a container when it gets another image. Pure: descriptions as the engine gives them go in, what the
//! engine is asked for comes out. Descriptions are JSON, so that fields which nobody here knows are kept.
//!
//! [`flags`] reads what `docker run` takes, [`recreate`] takes off what the old image brought, [`difference`] shows what changes, [`judge`] says whether a
//! container is up, and [`repair`] what has to be done after a deployment that was cut off.

mod compose;
mod config;
mod difference;
pub(crate) mod flags;
mod health;
mod host;
mod json;
mod mounts;
mod names;
mod networks;
mod record;
mod recreate;
mod repair;

pub(crate) use compose::{in_order, project_of};
pub(crate) use difference::{content, difference};
pub(crate) use health::{Verdict, health_budget, judge, last_health_output};
pub(crate) use host::{is_called, shares};
pub(crate) use json::{object, text};
pub(crate) use names::{Names, OWN_SUFFIXES, is_container_name};
pub(crate) use record::{
    CHECKOUT_LABEL, DEPLOYED_KEY_LABEL, DEPLOYED_REVISION_LABEL, LOCK_LABEL, LockNote, MemberNote,
    PREVIOUS_LABEL, Previous,
};
pub(crate) use recreate::{NewImage, Recreated, Recreation, create, recreate};
pub(crate) use repair::{NamedContainers, Repair, Seen, repair};
