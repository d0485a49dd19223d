//! Being written.
mod diagnostic;
mod excerpt;
mod phrase;
mod style;
#[cfg(test)]
mod testing;
mod text;
pub use diagnostic::{Sources, diagnostic, diagnostics};
pub use phrase::{bytes, count, duration, list, short_duration};
pub use style::{Charset, ColorChoice, Painted, Role, Size, Theme, View};
