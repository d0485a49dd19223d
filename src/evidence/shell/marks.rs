use std::borrow::Cow;

use crate::evidence::{Part, Text};
use crate::path::TreePath;

/// Stands in text for what is not known.
pub(in crate::evidence) const UNKNOWN: char = '\u{2}';

/// Stands in front of a path for the folder in which the checkout is.
pub(in crate::evidence) const ROOT: char = '\u{1}';

/// The text of a file, in which the marks mean nothing yet.
pub(in crate::evidence) fn sanitized(text: &str) -> Cow<'_, str> {
    let text = if text.contains([UNKNOWN, ROOT]) {
        Cow::Owned(text.replace([UNKNOWN, ROOT], " "))
    } else {
        Cow::Borrowed(text)
    };
    if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { text }
}

/// The absolute path of what is at `path` in the checkout.
pub(in crate::evidence) fn at_root(path: &TreePath) -> String {
    if path.is_root() { ROOT.to_string() } else { format!("{ROOT}/{}", path.to_text()) }
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
