//! What commits needed: for people, for programs, and as a page.

mod html;
mod json;
mod text;
mod words;

pub(crate) use html::history_html;
pub(crate) use json::history_json;
pub(crate) use text::history_text;
