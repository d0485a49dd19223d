//! A request while it is filled in.

use serde_json::{Value, json};

/// The parts of a request, while they are filled in.
#[derive(Debug)]
pub(super) struct Request {
    /// What it runs.
    pub(super) config: Value,
    /// How it stands to its machine.
    pub(super) host: Value,
}

/// Puts a value where one was given.
pub(super) fn put<T: serde::Serialize>(into: &mut Value, field: &str, value: Option<&T>) {
    if let Some(value) = value {
        into[field] = json!(value);
    }
}

/// Puts a list where anything was given.
pub(super) fn put_list<T: serde::Serialize>(into: &mut Value, field: &str, list: &[T]) {
    if !list.is_empty() {
        into[field] = json!(list);
    }
}

/// Puts pairs; the last one of a name counts.
pub(super) fn put_pairs(into: &mut Value, field: &str, pairs: &[(String, String)]) {
    for (name, value) in pairs {
        into[field][name] = json!(value);
    }
}
