//! Everything a person or a program reads: plans, progress, summaries and diagnostics.
//!
//! All of it is a function of the [`Plan`](crate::plan::Plan), the stream of
//! [`Event`](crate::execution::Event)s and a [`View`]: nothing here reads the environment, a clock or a
//! terminal, and nothing writes but into the writer it was given. Text from outside (names of files, logs,
//! messages of an engine) never reaches a terminal raw.
//!
//! A run shows the same events in one of several [`Mode`]s, as `BuildKit` does: a live display on a terminal,
//! prefixed lines in a pipe, JSON lines for programs. The command line drives them like this:
//!
//! ```
//! use std::time::Duration;
//!
//! use shipwright::execution::{Event, Outcome};
//! use shipwright::report::{
//!     Charset, ColorChoice, JsonRenderer, Mode, Renderer, Reporter, Size, Theme, View, build_head,
//! };
//! # use shipwright::plan::{CheckoutSummary, Namespace, NamespaceSource, Plan};
//! # let plan = Plan {
//! #     checkout: CheckoutSummary { name: "shop".into(), head: None, branch: None, dirty: false },
//! #     namespace: Namespace { value: "shop".into(), source: NamespaceSource::Checkout },
//! #     steps: Vec::new(),
//! #     diagnostics: Vec::new(),
//! # };
//! # let (is_terminal, terminal) = (true, std::io::sink());
//!
//! let theme = Theme::new(ColorChoice::Auto.enabled(is_terminal), Charset::Unicode);
//! let size = is_terminal.then_some(Size { columns: 80, rows: 24 });
//! let view = View { theme, size, verbose: false };
//! let mut reporter = Reporter::new(Mode::Live, view, Box::new(terminal), &plan)
//!     .also(Box::new(JsonRenderer::new(Box::new(std::io::sink()), &plan))); // --events FILE
//!
//! // What the plan had to say, then the table; then whatever comes first: an event, or a tenth of a second.
//! reporter.print(&build_head(&plan, &view));
//! reporter.event(&Event::Started { builds: 0 });
//! reporter.resize(Size { columns: 100, rows: 24 }); // at any time; does nothing if it is the same
//! reporter.tick(Duration::from_millis(100)); // since the run began
//! reporter.event(&Event::Finished { outcome: Outcome::Succeeded, elapsed: Duration::from_millis(120) });
//!
//! // The sources are for the failing instructions; the positions say where moving tags that did not move are.
//! reporter.finish(&|_path| None, &[]);
//! assert!(reporter.error().is_none());
//! ```
//!
//! Without a run, [`plan_text`] or [`plan_json`] show a plan and [`diagnostics`] draws what was noticed.

mod diagnostic;
mod excerpt;
mod json;
mod live;
mod live_lines;
mod output;
mod phrase;
mod plain;
mod plan_json;
mod plan_table;
mod record;
mod renderer;
mod reporter;
mod roster;
mod screen;
mod style;
mod summary;
#[cfg(test)]
mod testing;
mod text;

pub use diagnostic::{Sources, diagnostic, diagnostics};
pub use json::JsonRenderer;
pub use live::LiveRenderer;
pub use phrase::{bytes, count, duration, list, short_duration};
pub use plain::PlainRenderer;
pub use plan_json::{diagnostics_value, image_value, json_text, plan_json, plan_value};
pub use plan_table::{build_head, headline, plan_text, table, total};
pub use renderer::{Mode, Renderer};
pub use reporter::Reporter;
pub use style::{Charset, ColorChoice, Painted, Role, Size, Theme, View};
pub use summary::TagPosition;
