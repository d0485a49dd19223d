//! Being written.
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
