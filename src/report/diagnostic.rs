use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::ci::without_marks;
use super::excerpt::{Excerpt, excerpt};
use super::style::{Role, View};
use super::text;
use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::path::TreePath;

/// Gives the bytes of a file of the checkout, if they can still be read.
pub(crate) type Sources<'a> = &'a dyn Fn(&TreePath) -> Option<Vec<u8>>;

/// Source lines in a file or pipe, which have no width of their own.
const DEFAULT_COLUMNS: usize = 120;

/// Draws `diagnostics` in their order, each with its places in the source, the way rustc does. A blank line
/// follows those that have places.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic], view: &View, sources: Sources<'_>) -> String {
    let drawn = diagnostics.iter().map(|one| {
        let drawn = diagnostic(one, view, sources);
        if has_places(one) { drawn + "\n" } else { drawn }
    });
    drawn.collect()
}

/// Draws one diagnostic; ends with a line break.
pub(super) fn diagnostic(diagnostic: &Diagnostic, view: &View, sources: Sources<'_>) -> String {
    if has_places(diagnostic) {
        with_places(diagnostic, view, sources)
    } else {
        without_places(diagnostic, view)
    }
}

fn has_places(diagnostic: &Diagnostic) -> bool {
    diagnostic.location.is_some() || !diagnostic.related.is_empty()
}

/// Two lines: there is nothing to draw.
fn without_places(diagnostic: &Diagnostic, view: &View) -> String {
    let theme = view.theme;
    let role = match diagnostic.severity {
        Severity::Error => Role::Error,
        Severity::Warning => Role::Warning,
        Severity::Note => Role::Note,
    };
    let word = theme.paint(role, diagnostic.severity.as_str());
    let mut drawn = format!("{word}: {}\n", text::one_line(&diagnostic.message));
    if let Some(hint) = &diagnostic.hint {
        let _ = writeln!(drawn, "{}: {}", theme.paint(Role::Name, "hint"), text::lines(hint));
    }
    drawn
}

fn with_places(diagnostic: &Diagnostic, view: &View, sources: Sources<'_>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut positions = Vec::new();
    let mut group = Group::with_title(level.primary_title(text::one_line(&diagnostic.message)));
    let places = diagnostic.location.iter().map(|location| (location, None));
    let related = diagnostic.related.iter().map(|(location, label)| (location, Some(label.as_str())));
    for (location, label) in places.chain(related) {
        group = place(group, location, label, &mut positions, (view, sources));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.with_name("hint").message(text::lines(hint)));
    }
    let mut drawn = renderer(view).render(&[group]);
    for (line, column) in positions {
        drawn = set_position(&drawn, line, column);
    }
    // An excerpt is made safe character by character.
    drawn = without_marks(&drawn).into_owned();
    drawn.push('\n');
    drawn
}

/// Stands behind a path until the true position replaces what was counted in the excerpt, whose lines may
/// be cut and whose tabs are spaces. Unicode guarantees that it is no character of any text.
const POSITION: char = '\u{ffff}';

fn set_position(drawn: &str, line: usize, column: usize) -> String {
    let Some((before, after)) = drawn.split_once(POSITION) else { return drawn.to_owned() };
    let after = after.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
    format!("{before}:{line}:{column}{after}")
}

/// In rustc's ASCII form whatever the charset: it is what people know, and what editors and terminals make a
/// link of.
fn renderer(view: &View) -> Renderer {
    let renderer = if view.theme.color() { Renderer::styled() } else { Renderer::plain() };
    // The excerpts are cut already, with the true column in the heading.
    renderer.term_width(usize::from(u16::MAX))
}

fn place<'a>(
    group: Group<'a>,
    location: &Location,
    label: Option<&str>,
    positions: &mut Vec<(usize, usize)>,
    (view, sources): (&View, Sources<'_>),
) -> Group<'a> {
    let label = label.map(text::one_line);
    let path = location.path.to_string();
    let Some(Excerpt { text, mark, line, column }) = marked(location, view, sources) else {
        let mut origin = Origin::path(path);
        if let Some(line) = location.line {
            origin = origin.line(line);
        }
        let group = group.element(origin);
        return match label {
            Some(label) => group.element(Level::NOTE.message(label)),
            None => group,
        };
    };
    let kind = if label.is_some() { AnnotationKind::Context } else { AnnotationKind::Primary };
    positions.push((line, column));
    let snippet = Snippet::source(text).path(format!("{path}{POSITION}")).line_start(line);
    group.element(snippet.annotation(kind.span(mark).label(label)))
}

fn marked(location: &Location, view: &View, sources: Sources<'_>) -> Option<Excerpt> {
    let span = location.span.as_ref()?;
    let source = sources(&location.path)?;
    // Six for the line number and the bar; below twenty columns an excerpt shows nothing.
    let room = view.columns().unwrap_or(DEFAULT_COLUMNS).saturating_sub(6).max(20);
    Some(excerpt(&source, span, room, view.theme.ellipsis()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::report::testing::{ascii, colored, narrow, piped, visible};

    const DOCKERFILE: &str =
        "FROM acme/shared AS base\r\nCOPY ../x /\r\nRUN pip install \\\r\n\t-r requirements.txt\r\n";

    fn at(span: std::ops::Range<usize>) -> Location {
        Location::span("service1/Dockerfile".into(), 1, span)
    }

    fn draw(diagnostic: &Diagnostic, view: &View) -> String {
        super::diagnostic(diagnostic, view, &|path| {
            (path.as_bytes() == b"service1/Dockerfile").then(|| DOCKERFILE.into())
        })
    }

    #[test]
    fn a_place_with_caret_and_hint() {
        let missing = Diagnostic::error("`../x` is nowhere in the checkout")
            .at(at(31..35))
            .hint("add the file, or set in shipwright.toml:\n[image.service1]\ncontext = \".\"");
        assert_data_eq!(
            draw(&missing, &piped()),
            str![[r#"
error: `../x` is nowhere in the checkout
 --> service1/Dockerfile:2:6
  |
2 | COPY ../x /
  |      ^^^^
  |
  = hint: add the file, or set in shipwright.toml:
          [image.service1]
          context = "."

"#]]
        );
        assert_data_eq!(
            draw(&missing, &ascii()),
            str![[r#"
error: `../x` is nowhere in the checkout
 --> service1/Dockerfile:2:6
  |
2 | COPY ../x /
  |      ^^^^
  |
  = hint: add the file, or set in shipwright.toml:
          [image.service1]
          context = "."

"#]]
        );
        assert_data_eq!(
            visible(&draw(&missing, &colored())),
            str![[r#"
␛[1m␛[91merror␛[0m␛[1m: `../x` is nowhere in the checkout␛[0m
 ␛[1m␛[94m--> ␛[0mservice1/Dockerfile:2:6
  ␛[1m␛[94m|␛[0m
␛[1m␛[94m2␛[0m ␛[1m␛[94m|␛[0m COPY ../x /
  ␛[1m␛[94m|␛[0m      ␛[1m␛[91m^^^^␛[0m
  ␛[1m␛[94m|␛[0m
  ␛[1m␛[94m= ␛[0m␛[1mhint␛[0m: add the file, or set in shipwright.toml:
          [image.service1]
          context = "."

"#]]
        );
    }

    #[test]
    fn related_places() {
        let cycle = Diagnostic::error("acme/a and acme/b are built from each other")
            .at(at(5..16))
            .related(Location::span("gone/Dockerfile".into(), 7, 3..9), "acme/b is built from acme/a")
            .related(at(39..75), "and here")
            .related(Location::file("b/Dockerfile".into()), "the other");
        assert_data_eq!(
            draw(&cycle, &piped()),
            str![[r#"
error: acme/a and acme/b are built from each other
 --> service1/Dockerfile:1:6
  |
1 |   FROM acme/shared AS base
  |        ^^^^^^^^^^^
 ::: gone/Dockerfile:7
  = note: acme/b is built from acme/a
  |
 ::: service1/Dockerfile:3:1
  |
3 | / RUN pip install /
4 | |     -r requirements.txt
  | |____________________- and here
 ::: b/Dockerfile
  = note: the other

"#]]
        );
    }

    #[test]
    fn no_place_at_all_and_several_in_a_row() {
        let all = [
            Diagnostic::warning("12 Dockerfiles below vendor/ were left out")
                .hint("include them in the settings"),
            Diagnostic::note("first\nsecond \u{1b}[31m"),
        ];
        assert_data_eq!(
            diagnostics(&all, &piped(), &|_| None),
            str![[r#"
warning: 12 Dockerfiles below vendor/ were left out
hint: include them in the settings
note: first second /u{1b}[31m

"#]]
        );
        assert_eq!(diagnostics(&[], &piped(), &|_| None), "");
    }

    #[test]
    fn narrow_terminals_see_the_marked_part() {
        let long = format!("RUN {} && echo $MISSING && {}\n", "a".repeat(200), "b".repeat(200));
        let at_missing = long.find("$MISSING").expect("it is in the line");
        let unset = Diagnostic::warning("`MISSING` is set nowhere").at(at(at_missing..at_missing + 8));
        let draw = |view: &View| diagnostic(&unset, view, &|_| Some(long.clone().into_bytes()));
        assert_data_eq!(
            draw(&narrow(40)),
            str![[r#"
warning: `MISSING` is set nowhere
 --> service1/Dockerfile:1:214
  |
1 | …a && echo $MISSING && bbbbbbbbbb…
  |            ^^^^^^^^

"#]]
        );
        assert_data_eq!(
            draw(&narrow(10)),
            str![[r#"
warning: `MISSING` is set nowhere
 --> service1/Dockerfile:1:214
  |
1 | … echo $MISSING && …
  |        ^^^^^^^^

"#]]
        );
    }

    #[test]
    fn wide_characters_keep_the_caret_in_place() {
        let source = "RUN echo 日本語 $X";
        let unset = Diagnostic::note("here").at(at(19..21));
        assert_data_eq!(
            diagnostic(&unset, &piped(), &|_| Some(source.into())),
            str![[r#"
note: here
 --> service1/Dockerfile:1:14
  |
1 | RUN echo 日本語 $X
  |                 ^^

"#]]
        );
    }

    #[test]
    fn hostile_names_and_sources_are_escaped() {
        let path = TreePath::from("a\u{1b}[2J\n/Dockerfile");
        let hostile = Diagnostic::error("bad \u{1b}]0;x\u{7} name \u{202e}")
            .at(Location::span(path, 1, 5..12))
            .hint("run \u{9b}31m");
        let drawn = diagnostic(&hostile, &piped(), &|_| Some(b"FROM \x1b[31m\xff\x00x\n".to_vec()));
        assert_data_eq!(
            drawn,
            str![[r#"
error: bad \u{1b}]0;x\u{7} name \u{202e}
 --> a\u{1b}[2J\n/Dockerfile:1:6
  |
1 | FROM \u{1b}[31m�\u{0}x
  |      ^^^^^^^^^^^^^^^^
  |
  = hint: run \u{9b}31m

"#]]
            .raw()
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(source in proptest::collection::vec(any::<u8>(), 0..120), start in 0_usize..200,
                          end in 0_usize..200, line in 0_usize..9, columns in 0_usize..90, unicode: bool) {
            let mut view = if unicode { narrow(columns) } else { ascii() };
            view.verbose = unicode;
            let place = Location { path: "f".into(), span: Some(start..end), line: Some(line) };
            let one = Diagnostic::error("x").at(place.clone()).related(place, "y\u{1b}");
            let drawn = diagnostic(&one, &view, &|_| Some(source.clone()));
            prop_assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
        }
    }
}
