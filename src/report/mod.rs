//! Shows plans, events and diagnostics: to people on a terminal or in a log, and to programs as JSON. Every
//! renderer is a function of the plan and the stream of events; none acts, reads the environment, or decides
//! whether there are colours. Text from outside is made safe on its way (see [`crate::printable`]).

mod diagnostic;
mod duration;
mod explain;
mod failure;
mod json;
mod json_events;
mod live;
mod log_text;
mod plain;
mod plan_text;
mod renderer;
mod style;
mod summary;
mod table;

pub use diagnostic::{Sources, render_diagnostics};
pub use explain::explanation;
pub use json::{graph_json, images_json, inspection_json, plan_json};
pub use json_events::JsonEvents;
pub use live::Live;
pub use plain::Plain;
pub use plan_text::{headline, plan_text};
pub use renderer::{Renderer, Silent};
pub use style::Look;
pub use summary::summary_text;
