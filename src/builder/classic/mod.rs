//! The classic builder: `POST /build` with a tar of the whole context, for engines without `BuildKit`.

mod archive;
mod progress;
mod query;
mod run;

pub(super) use run::build;
