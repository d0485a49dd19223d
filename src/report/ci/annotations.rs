use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::report::diagnostic::Sources;
use crate::report::excerpt::excerpt;
use crate::report::text;

/// Errors, and warnings about a place in a file, as annotations of GitHub Actions. `folder` is the checkout's place
/// in the workspace, with a slash at its end, or nothing.
pub(crate) fn annotations(diagnostics: &[Diagnostic], folder: &str, sources: Sources<'_>) -> String {
    let shown = diagnostics.iter().filter(|one| match one.severity {
        Severity::Error => true,
        Severity::Warning => one.location.is_some(),
        Severity::Note => false,
    });
    shown.map(|one| annotation(one, folder, sources)).collect()
}

fn annotation(diagnostic: &Diagnostic, folder: &str, sources: Sources<'_>) -> String {
    let mut properties = Vec::new();
    if let Some(location) = &diagnostic.location {
        let path = format!("{folder}{}", location.path);
        properties.push(format!("file={}", property(&path)));
        if let Some((line, column)) = position(location, sources) {
            properties.push(format!("line={line}"));
            properties.extend(column.map(|column| format!("col={column}")));
        }
    }
    properties.push("title=shipwright".to_owned());
    let mut message = text::one_line(&diagnostic.message);
    if let Some(hint) = &diagnostic.hint {
        let _ = write!(message, "\nhint: {}", text::lines(hint));
    }
    format!("::{} {}::{}\n", diagnostic.severity.as_str(), properties.join(","), data(&message))
}

/// Line and column, from 1.
fn position(location: &Location, sources: Sources<'_>) -> Option<(usize, Option<usize>)> {
    let found = location.span.as_ref().zip(sources(&location.path));
    match found.map(|(span, source)| excerpt(&source, span, usize::MAX, "")) {
        Some(excerpt) => Some((excerpt.line, Some(excerpt.column))),
        None => Some((location.line?, None)),
    }
}

/// What follows the last `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value between `::error` and the last `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKERFILE: &[u8] = b"FROM acme/shared\nCOPY ../x /\n";

    fn draw(diagnostic: Diagnostic) -> String {
        annotations(&[diagnostic], "", &|_| Some(DOCKERFILE.to_vec()))
    }

    #[test]
    fn a_place_has_file_line_and_column() {
        let place = Location::span("service1/Dockerfile".into(), 2, 22..26);
        let error = Diagnostic::error("`../x` is nowhere").at(place.clone()).hint("add it, or set\ncontext");
        assert_eq!(
            draw(error),
            "::error file=service1/Dockerfile,line=2,col=6,title=shipwright::`../x` is nowhere\
             %0Ahint: add it, or set%0Acontext\n"
        );
        let warning = Diagnostic::warning("odd").at(Location { span: None, ..place });
        let drawn = annotations(&[warning], "sub/shop/", &|_| None);
        assert_eq!(drawn, "::warning file=sub/shop/service1/Dockerfile,line=2,title=shipwright::odd\n");
    }

    #[test]
    fn only_what_someone_has_to_look_at() {
        assert_eq!(draw(Diagnostic::error("no engine")), "::error title=shipwright::no engine\n");
        assert_eq!(draw(Diagnostic::warning("of no place")), "");
        assert_eq!(draw(Diagnostic::note("by the way").at(Location::file("a".into()))), "");
    }

    #[test]
    fn names_and_messages_stay_inside() {
        let place = Location::file("a,line=9::b%0A\n::error::/Dockerfile".into());
        let drawn = draw(Diagnostic::error("50 %\r\n::set-output name=x::y\u{1b}[2J").at(place));
        assert_eq!(drawn.lines().count(), 1, "{drawn}");
        let (properties, message) = drawn[2..].split_once("::").expect("two parts");
        assert_eq!(
            properties,
            "error file=a%2Cline=9%3A%3Ab%250A\\n%3A%3Aerror%3A%3A/Dockerfile,title=shipwright"
        );
        assert_eq!(message, "50 %25 ::set-output name=x::y\\u{1b}[2J\n");
    }
}
