use super::diagnostic::{Sources, render_diagnostics};
use super::log_text::log_text;
use super::style::{FAINT, Look};
use crate::diagnostic::{Diagnostic, Location};
use crate::plan::Step;
use crate::printable::printable;

/// What there is to say about a build that failed.
pub(super) struct Failure<'a> {
    pub(super) step: &'a Step,
    pub(super) message: &'a str,
    pub(super) line: Option<usize>,
    pub(super) log: &'a [String],
    pub(super) hint: Option<&'a str>,
}

/// The failing instruction in its Dockerfile, and the end of its output.
pub(super) fn failure_text(failure: &Failure<'_>, sources: &Sources<'_>, look: Look) -> String {
    let path = &failure.step.dockerfile;
    let location = match failure.line {
        None => Location::file(path.clone()),
        Some(line) => {
            let source = sources(path).unwrap_or_default();
            Location::span(path.clone(), line, line_span(&source, line))
        }
    };
    let message = format!("{} failed: {}", failure.step.name(), failure.message);
    let mut diagnostic = Diagnostic::error(message).at(location);
    if let Some(hint) = failure.hint {
        diagnostic = diagnostic.hint(hint);
    }
    let mut text = render_diagnostics(&[diagnostic], sources, look);
    if !failure.log.is_empty() {
        let heading = format!("the end of its output ({}):", printable(&failure.step.name()));
        text.push_str(&format!("{}\n", look.paint(FAINT, &heading)));
        for line in failure.log {
            text.push_str(&format!("  {}\n", log_text(line)));
        }
        text.push('\n');
    }
    text
}

/// The bytes of a line, from 1, without blanks around it.
fn line_span(source: &[u8], line: usize) -> std::ops::Range<usize> {
    let start = match line {
        0 | 1 => 0,
        _ => source
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(line - 2)
            .map_or(source.len(), |(at, _)| at + 1),
    };
    let length = source[start..].iter().position(|byte| *byte == b'\n').unwrap_or(source.len() - start);
    let text = &source[start..start + length];
    let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let end = text.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(blanks, |at| at + 1);
    start + blanks..start + end.max(blanks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_number() {
        let source = b"FROM x\n  RUN false \nCMD";
        assert_eq!(&source[line_span(source, 1)], b"FROM x");
        assert_eq!(&source[line_span(source, 2)], b"RUN false");
        assert_eq!(&source[line_span(source, 3)], b"CMD");
        assert_eq!(line_span(source, 9), 23..23);
        assert_eq!(line_span(b"", 1), 0..0);
    }
}
