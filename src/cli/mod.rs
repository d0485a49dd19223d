//! Being written.

pub mod settings;
