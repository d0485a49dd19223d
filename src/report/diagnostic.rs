use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::style::{ATTENTION, BAD, HEADING, Look};
use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::path::TreePath;
use crate::printable::printable;

/// Gives the bytes of a file of the checkout, for excerpts.
pub type Sources<'a> = dyn Fn(&TreePath) -> Option<Vec<u8>> + 'a;

/// Bytes of a line that are shown around what is meant; more of a minified file help nobody.
const EXCERPT: usize = 160;

/// Draws diagnostics: message, file and line, the source with a caret, related places, and the hint.
pub fn render_diagnostics(diagnostics: &[Diagnostic], sources: &Sources<'_>, look: Look) -> String {
    diagnostics.iter().map(|diagnostic| render(diagnostic, sources, look)).collect()
}

fn render(diagnostic: &Diagnostic, sources: &Sources<'_>, look: Look) -> String {
    if diagnostic.location.is_none() && diagnostic.related.is_empty() {
        return without_place(diagnostic, look);
    }
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = printable(&diagnostic.message).into_owned();
    let hint = diagnostic.hint.as_deref().map(|hint| printable(hint).into_owned());
    let place = diagnostic.location.iter().map(|location| Excerpt::new(location, sources));
    let related = diagnostic
        .related
        .iter()
        .map(|(location, label)| (Excerpt::new(location, sources), printable(label).into_owned()));
    let (place, related): (Vec<Excerpt>, Vec<(Excerpt, String)>) = (place.collect(), related.collect());

    let mut group = Group::with_title(level.primary_title(message));
    for excerpt in &place {
        group = excerpt.add_to(group, AnnotationKind::Primary, None);
    }
    for (excerpt, label) in &related {
        group = excerpt.add_to(group, AnnotationKind::Context, Some(label));
    }
    if let Some(hint) = hint {
        group = group.element(Level::HELP.message(hint));
    }
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(look.width.unwrap_or(140).max(20));
    format!("{}\n\n", renderer.render(&[group]))
}

fn without_place(diagnostic: &Diagnostic, look: Look) -> String {
    let style = match diagnostic.severity {
        Severity::Error => BAD,
        Severity::Warning => ATTENTION,
        Severity::Note => HEADING,
    };
    let mut text =
        format!("{}: {}\n", look.paint(style, diagnostic.severity.as_str()), printable(&diagnostic.message));
    if let Some(hint) = &diagnostic.hint {
        text.push_str(&format!("{}: {}\n", look.paint(HEADING, "hint"), printable(hint)));
    }
    text
}

/// The line of a file that a location means, fit to be shown.
struct Excerpt {
    path: String,
    text: String,
    line: usize,
    line_is_known: bool,
    span: Option<Range<usize>>,
}

impl Excerpt {
    fn new(location: &Location, sources: &Sources<'_>) -> Self {
        let path = location.path.to_string();
        let without_source = || Self {
            path: path.clone(),
            text: String::new(),
            line: location.line.unwrap_or(1),
            line_is_known: location.line.is_some(),
            span: None,
        };
        // Without a span the file is not opened: it may be a pipe that nobody writes to.
        let Some(span) = &location.span else { return without_source() };
        let Some(source) = sources(&location.path) else { return without_source() };
        if span.start > source.len() {
            return without_source();
        }
        Self::of_line(path, &source, span, location.line)
    }

    fn of_line(path: String, source: &[u8], span: &Range<usize>, line: Option<usize>) -> Self {
        let start = source[..span.start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = source[span.start..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(source.len(), |at| span.start + at);
        let from = start.max(span.start.saturating_sub(EXCERPT / 2));
        let to = end.min(span.start.saturating_add(EXCERPT));
        let counted = source[..span.start].split(|byte| *byte == b'\n').count();
        let mut text = String::new();
        let mut shown_span = 0..0;
        let mut at = from;
        let mut append = |text: &mut String, until: usize| {
            let until = until.clamp(at, to);
            text.push_str(&safe(&source[at..until]));
            at = until;
            text.len()
        };
        shown_span.start = append(&mut text, span.start);
        shown_span.end = append(&mut text, span.end.max(span.start));
        append(&mut text, to);
        Self { path, text, line: line.unwrap_or(counted), line_is_known: true, span: Some(shown_span) }
    }

    fn add_to<'a>(&'a self, group: Group<'a>, kind: AnnotationKind, label: Option<&'a str>) -> Group<'a> {
        match &self.span {
            Some(span) => group.element(
                Snippet::source(self.text.as_str())
                    .path(self.path.as_str())
                    .line_start(self.line)
                    .annotation(kind.span(span.clone()).label(label)),
            ),
            None => {
                let origin = Origin::path(self.path.as_str());
                let origin = if self.line_is_known { origin.line(self.line) } else { origin };
                let group = group.element(origin);
                match label {
                    Some(label) => group.element(Level::NOTE.message(label)),
                    None => group,
                }
            }
        }
    }
}

/// Every byte that is not printable text becomes one character that is.
fn safe(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| match c {
            '\t' => ' ',
            c if printable(c.encode_utf8(&mut [0; 4])).len() != c.len_utf8() => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn sources(path: &TreePath) -> Option<Vec<u8>> {
        match path.to_text().as_str() {
            "api/Dockerfile" => Some(b"FROM acme/base\nCOPPY a /b\n".to_vec()),
            "hostile" => Some(b"FROM \x1b[31m\xff x\n".to_vec()),
            _ => None,
        }
    }

    #[test]
    fn a_place_is_shown_with_a_caret_and_the_hint() {
        let diagnostic = Diagnostic::error("unknown instruction: COPPY")
            .at(Location::span("api/Dockerfile".into(), 2, 15..20))
            .hint("did you mean COPY?");
        assert_data_eq!(
            render_diagnostics(&[diagnostic], &sources, Look::PLAIN),
            str![[r"
error: unknown instruction: COPPY
 --> api/Dockerfile:2:1
  |
2 | COPPY a /b
  | ^^^^^
  |
  = help: did you mean COPY?


"]]
        );
    }

    #[test]
    fn a_finding_without_a_place_is_a_message_and_a_hint() {
        let diagnostic = Diagnostic::error("no engine answers").hint("start Docker");
        assert_data_eq!(
            render_diagnostics(&[diagnostic], &sources, Look::PLAIN),
            str![[r"
error: no engine answers
hint: start Docker

"]]
        );
    }

    #[test]
    fn escapes_of_a_source_do_not_reach_the_terminal() {
        let diagnostic = Diagnostic::warning("odd\u{1b}[2J").at(Location::span("hostile".into(), 1, 5..11));
        let text = render_diagnostics(&[diagnostic], &sources, Look::PLAIN);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    proptest! {
        #[test]
        fn no_span_and_no_source_make_it_panic(
            source in proptest::collection::vec(any::<u8>(), 0..400),
            start in 0usize..500,
            length in 0usize..500,
            line in proptest::option::of(0usize..5),
        ) {
            let location = Location { path: "x".into(), span: Some(start..start + length), line };
            let diagnostic = Diagnostic::error("e").at(location.clone()).related(location, "l");
            let text = render_diagnostics(&[diagnostic], &|_| Some(source.clone()), Look::PLAIN);
            prop_assert!(text.contains("error: e"));
            prop_assert!(!text.contains('\x1b'));
        }
    }
}
