use std::borrow::Cow;

use crate::evidence::{Part, Text};
use crate::path::TreePath;

/// Stands in text for what is not known.
pub(in crate::evidence) const UNKNOWN: char = '\u{2}';

/// Stands in front of a path for the folder in which the checkout is.
pub(in crate::evidence) const ROOT: char = '\u{1}';

/// The text of a file, in which the marks mean nothing yet.
pub(in crate::evidence) fn sanitized(text: &str) -> Cow<'_, str> {
    let text = match text.contains([UNKNOWN, ROOT]) {
        true => Cow::Owned(text.replace([UNKNOWN, ROOT], " ")),
        false => Cow::Borrowed(text),
    };
    match text.contains("\r\n") {
        true => Cow::Owned(text.replace("\r\n", "\n")),
        false => text,
    }
}

/// The absolute path of what is at `path` in the checkout.
pub(in crate::evidence) fn at_root(path: &TreePath) -> String {
    match path.is_root() {
        true => ROOT.to_string(),
        false => format!("{ROOT}/{}", path.to_text()),
    }
}

/// Marks what is unknown in `text`.
pub(in crate::evidence) fn marked(text: &Text) -> String {
    let part = |part: &Part| match part {
        Part::Known(known) => known.clone(),
        Part::Unknown => UNKNOWN.to_string(),
    };
    text.parts().iter().map(part).collect()
}

pub(in crate::evidence) fn from_marked(text: &str) -> Text {
    let mut parts = Text::default();
    for (index, known) in text.split(UNKNOWN).enumerate() {
        if index > 0 {
            parts.push_unknown();
        }
        parts.push_str(known);
    }
    parts
}
