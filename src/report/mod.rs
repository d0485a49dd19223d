//! Everything a person or a program reads: plans, progress, summaries and diagnostics.
//!
//! All of it is a function of the [`Plan`](crate::plan::Plan), the stream of
//! [`Event`](crate::execution::Event)s and a [`View`]: nothing here reads the environment, a clock or a
//! terminal, and nothing writes but into the writer it was given. Text from outside (names of files, logs,
//! messages of an engine) never reaches a terminal raw.
//!
//! A run shows the same events in one of several [`RenderMode`]s, as `BuildKit` does: a live display on a terminal,
//! prefixed lines in a pipe, JSON lines for programs. The command line drives a [`Reporter`]: it gives it every
//! [event](Renderer::event), some ten times a second the [time](Renderer::tick), and the terminal's
//! [size](Renderer::resize); after the last event it asks for the [summary](Reporter::finish).
//!
//! Without a run, [`plan_text`] or [`plan_json`] show a plan and [`diagnostics`] draws what was noticed.

mod affected;
mod bake;
mod ci;
mod deploy;
mod diagnostic;
mod digest;
mod excerpt;
mod explain;
mod floating;
mod history;
mod images;
mod inspection;
mod json;
mod json_events;
mod json_facts;
mod live;
mod live_lines;
mod lock;
mod news;
mod output;
mod phrase;
mod picture;
mod plain;
mod plan_table;
mod prune;
mod pushes;
mod record;
mod registry_prune;
mod release;
mod renderer;
mod reporter;
mod roster;
mod screen;
mod style;
mod summary;
#[cfg(test)]
mod testing;
mod text;

pub(crate) use affected::{
    affected_github, affected_github_layers, affected_gitlab, affected_json, affected_names, affected_text,
};
pub(crate) use bake::bake_json;
pub(crate) use ci::{CiLog, JobSummary, annotations, without_commands, without_marks};
pub(crate) use deploy::{deployed_text, revisions_text};
pub(crate) use diagnostic::diagnostics;
pub(crate) use digest::digest;
pub(crate) use explain::explanation;
pub(crate) use floating::floating_note;
pub(crate) use history::{history_html, history_json, history_text};
pub(crate) use images::{images_text, imported, initialized, nothing_listed};
pub(crate) use inspection::inspection_text;
pub(crate) use json::{graph_json, images_json, inspection_json, plan_json};
pub(crate) use json_events::JsonEvents;
pub(crate) use lock::{lock_text, lock_total, rebuilt_text};
pub(crate) use news::{news_text, switched_text};
pub(crate) use picture::{Standings, graph_html, graph_svg};
pub(crate) use plan_table::{plan_text, run_head};
pub(crate) use prune::{build_cache_text, prune_json, prune_text, prune_total};
pub(crate) use registry_prune::{
    registry_certificate, registry_prune_json, registry_prune_text, registry_prune_total,
};
pub(crate) use release::{release_json, release_text};
pub(crate) use renderer::{RenderMode, Renderer};
pub(crate) use reporter::Reporter;
pub(crate) use style::{Charset, Size, Theme, View};
pub(crate) use text::log_text;
