use std::fmt::Write as _;

use serde_json::{Value, json};

use super::json::{SCHEMA, document};
use super::phrase::count;
use super::text;
use crate::ops::{FileEdit, Released, ReleasedImage, VersionPlace};
use crate::printable::{few, printable};

/// Where the version is, or would be; the lines of Dockerfiles that change, as `diff -U0` has them; and which images have
/// another key by that.
pub(crate) fn release_text(released: &Released) -> String {
    let mut shown: String =
        released.images.iter().map(|image| image_lines(image, released.dry_run)).collect();
    shown.extend(released.edits.iter().map(diff));
    if !released.rebuilt.is_empty() {
        const FEW: usize = 8;
        let names = &released.rebuilt;
        let most = if names.len() <= FEW + 1 { names.len() } else { FEW };
        let (images, list) = (count(names.len(), "image"), text::one_line(&few(names, most)));
        // Writing to a string cannot fail.
        let _ = writeln!(shown, "{images} will be built anew: {list}");
    }
    if released.dry_run {
        shown.push_str("nothing was changed\n");
    }
    shown
}

fn image_lines(image: &ReleasedImage, dry_run: bool) -> String {
    let key = image.source.tag.as_ref().map(ToString::to_string).unwrap_or_default();
    let line = |place: &VersionPlace, where_to: &str| {
        let word = match (place.was_there, dry_run) {
            (true, _) => "already",
            (false, true) => "would be",
            (false, false) => "released",
        };
        format!("  {word:<8}  {}  {key}{where_to}\n", place.reference)
    };
    let mut lines = match &image.remote[..] {
        [] => line(&image.local, ", on this engine alone: no registry is told (--registry HOST)"),
        _ => line(&image.local, ""),
    };
    let others = image.remote.iter().filter(|place| place.reference != image.local.reference);
    lines.extend(others.map(|place| line(place, "")));
    lines
}

/// The lines of a file that change; none is added or removed.
fn diff(edit: &FileEdit) -> String {
    let path = text::one_line(&edit.path.to_string());
    let mut shown = format!("--- a/{path}\n+++ b/{path}\n");
    for line in &edit.lines {
        let (number, before, after) = (line.line, bare(&line.before), bare(&line.after));
        let _ = write!(shown, "@@ -{number} +{number} @@\n-{before}\n+{after}\n");
    }
    shown
}

/// Without the end of a line that Windows has.
fn bare(line: &str) -> std::borrow::Cow<'_, str> {
    printable(line.strip_suffix('\r').unwrap_or(line))
}

/// All of it for programs, as docs/cli.md describes it.
pub(crate) fn release_json(released: &Released) -> String {
    let edits = released.edits.iter().flat_map(|edit| {
        let path = edit.path.to_text();
        edit.lines.iter().map(move |line| {
            json!({"path": path, "line": line.line, "before": bare_text(&line.before), "after": bare_text(&line.after)})
        })
    });
    let kept = released.kept.iter().map(|kept| {
        json!({"path": kept.path.to_text(), "line": kept.line, "reference": kept.reference, "reason": kept.why})
    });
    document(&json!({
        "schema": SCHEMA,
        "dry_run": released.dry_run,
        "images": released.images.iter().map(image).collect::<Vec<_>>(),
        "edits": edits.collect::<Vec<_>>(),
        "kept": kept.collect::<Vec<_>>(),
        "rebuilt": released.rebuilt,
    }))
}

fn bare_text(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

fn image(image: &ReleasedImage) -> Value {
    let place =
        |place: &VersionPlace| json!({"reference": place.reference.to_string(), "new": !place.was_there});
    json!({
        "name": image.name,
        "reference": image.source.to_string(),
        "engine": place(&image.local),
        "registries": image.remote.iter().map(place).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Ending, LineEdit};

    fn place(text: &str, was_there: bool) -> VersionPlace {
        VersionPlace { reference: text.parse().expect(text), was_there }
    }

    fn released() -> Released {
        let image = ReleasedImage {
            name: "acme/base".into(),
            source: "acme/base:src-0123456789abcdef".parse().expect("a reference"),
            local: place("acme/base:1.1.0", false),
            remote: vec![place("ghcr.io/acme/base:1.1.0", true)],
        };
        let line = LineEdit {
            line: 2,
            before: "FROM acme/base:1.0.0\r".into(),
            after: "FROM acme/base:1.1.0\u{1b}[0m\r".into(),
        };
        Released {
            images: vec![image],
            edits: vec![FileEdit { path: "api/Dockerfile".into(), lines: vec![line] }],
            kept: Vec::new(),
            rebuilt: vec!["acme/api".into()],
            dry_run: false,
            ending: Ending::Done,
        }
    }

    #[test]
    fn places_then_lines_then_images() {
        let shown = release_text(&released());
        let expected = "  released  acme/base:1.1.0  src-0123456789abcdef\n  \
                        already   ghcr.io/acme/base:1.1.0  src-0123456789abcdef\n\
                        --- a/api/Dockerfile\n+++ b/api/Dockerfile\n@@ -2 +2 @@\n-FROM acme/base:1.0.0\n\
                        +FROM acme/base:1.1.0\\u{1b}[0m\n1 image will be built anew: acme/api\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn without_a_registry_a_line_says_so() {
        let mut released = released();
        released.images[0].remote.clear();
        released.dry_run = true;
        let shown = release_text(&released);
        assert!(
            shown.starts_with("  would be  acme/base:1.1.0  src-0123456789abcdef, on this engine alone"),
            "{shown}"
        );
        assert!(shown.ends_with("nothing was changed\n"), "{shown}");
        assert!(release_json(&released).contains("\"registries\": []"));
    }
}
