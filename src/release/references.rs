use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Version;
use crate::dockerfile::{Dockerfile, Instruction, InstructionKind, Word};
use crate::image::{ImageReference, Repository};

/// The versions of one image: all its tags that begin alike and go on with a version.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// By which names references mean the image.
    pub repositories: BTreeSet<Repository>,
    /// In front of the version: empty, or a prefix with its hyphen.
    pub lead: String,
    pub version: Version,
}

/// Bytes of a Dockerfile that become others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Which bytes: those of the version alone.
    pub span: Range<usize>,
    /// Their line, from 1.
    pub line: usize,
    /// A reference that it is the version of, with values of ARGs in it.
    pub reference: String,
    pub from: String,
    pub to: String,
}

/// A reference to a version that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Left {
    /// Its line, from 1.
    pub line: usize,
    pub reference: String,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    Newer,
    /// With `v` where the other has none, or for another kind of the image.
    OtherForm,
    Digest,
    /// Something else gives this ARG its value.
    Given(String),
    /// The ARG is used, or declared, elsewhere as well.
    UsedElsewhere(String),
    /// The bytes of the version are not found in one piece.
    InPieces,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newer => f.write_str("it is newer"),
            Self::OtherForm => f.write_str("it is written another way"),
            Self::Digest => f.write_str("it is pinned by a digest too"),
            Self::Given(name) => write!(f, "the settings, or another file, give {name} its value"),
            Self::UsedElsewhere(name) => write!(f, "{name} is used for something else too"),
            Self::InPieces => f.write_str("its version is not written in one piece"),
        }
    }
}

/// Finds the references that pin an older version than the one that is released: of FROM, `COPY --from` and
/// `RUN --mount=from=`, in stages that are not built as well. `given` are ARGs that something else has a value for.
///
/// A version that stands in the default of an ARG is moved where that is certain: the ARG is declared once, in front of
/// the first FROM, and nothing but such references uses it.
pub(crate) fn moves(
    file: &Dockerfile,
    given: &BTreeSet<String>,
    series: &[Series],
) -> (Vec<Edit>, Vec<Left>) {
    let arguments = defaults(file);
    let mut found = FoundReferences::default();
    for used in file.instructions.iter().flat_map(words) {
        let Some(words) = Expanded::new(used, &arguments) else { continue };
        let Ok(reference) = words.text.parse::<ImageReference>() else { continue };
        let of = series.iter().filter(|one| one.repositories.contains(&reference.repository));
        for one in of {
            found.look(file, used, &words, &reference, one, given);
        }
    }
    found.end(file)
}

/// The words of an instruction that may name an image.
fn words(instruction: &Instruction) -> Vec<&Word> {
    match &instruction.kind {
        InstructionKind::From(from) => vec![&from.base],
        InstructionKind::Copy(copy) => copy.from.iter().collect(),
        InstructionKind::Run(run) => run.mounts.iter().filter_map(|mount| mount.reference()).collect(),
        InstructionKind::Onbuild(Some(trigger)) => words(trigger),
        _ => Vec::new(),
    }
}

/// The default of an ARG: its text, and where in the file that begins.
struct DefaultValue {
    text: String,
    at: usize,
}

/// ARGs in front of the first FROM that have one plain default.
fn defaults(file: &Dockerfile) -> BTreeMap<&str, DefaultValue> {
    let mut defaults: BTreeMap<&str, DefaultValue> = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for instruction in file.global_instructions() {
        let InstructionKind::Arg(declared) = &instruction.kind else { continue };
        for one in declared {
            let Some(text) = &one.default else { continue };
            let bare = unquoted(text);
            let is_plain = !bare.contains(['$', '\\', '"', '\'', '`']);
            let raw = String::from_utf8_lossy(file.source.get(one.span.clone()).unwrap_or_default());
            let offset = raw.strip_prefix(one.name.as_str()).and_then(|rest| rest.strip_prefix('='));
            let is_whole = offset == Some(text);
            let at = one.span.start + one.name.len() + 1 + (text.len() - bare.len()) / 2;
            if !is_plain || !is_whole || defaults.contains_key(one.name.as_str()) {
                twice.insert(one.name.as_str());
            } else {
                defaults.insert(&one.name, DefaultValue { text: bare.to_owned(), at });
            }
        }
    }
    defaults.retain(|name, _| !twice.contains(name));
    defaults
}

/// Without the quotes around it.
fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// A piece of an expanded word, and where it is written.
struct Piece<'a> {
    /// In the expanded word.
    range: Range<usize>,
    origin: WordOrigin<'a>,
}

#[derive(Clone, Copy)]
enum WordOrigin<'a> {
    /// In the word itself, from this byte of its text.
    Word(usize),
    /// In the default of this ARG.
    Argument(&'a str, &'a DefaultValue),
}

/// A word with the defaults of ARGs put in.
struct Expanded<'a> {
    text: String,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Expanded<'a> {
    /// `None` where there is more in it than plain variables that have a default.
    fn new(word: &Word, arguments: &'a BTreeMap<&'a str, DefaultValue>) -> Option<Self> {
        let bare = unquoted(&word.text);
        let begin = (word.text.len() - bare.len()) / 2;
        if bare.contains(['\\', '"', '\'', '`']) {
            return None;
        }
        let mut expanded = Self { text: String::new(), pieces: Vec::new() };
        let mut at = 0;
        while let Some(dollar) = bare[at..].find('$').map(|offset| at + offset) {
            expanded.push(&bare[at..dollar], WordOrigin::Word(begin + at));
            let (name, end) = variable(bare, dollar)?;
            let (name, default) = arguments.get_key_value(name)?;
            expanded.push(&default.text, WordOrigin::Argument(name, default));
            at = end;
        }
        expanded.push(&bare[at..], WordOrigin::Word(begin + at));
        Some(expanded)
    }

    fn push(&mut self, text: &str, origin: WordOrigin<'a>) {
        let start = self.text.len();
        self.text.push_str(text);
        self.pieces.push(Piece { range: start..self.text.len(), origin });
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.pieces.iter().filter_map(|piece| match piece.origin {
            WordOrigin::Argument(name, _) => Some(name),
            WordOrigin::Word(_) => None,
        })
    }
}

/// The name of the variable that begins at `dollar`, and where it ends; only `$NAME` and `${NAME}`.
fn variable(text: &str, dollar: usize) -> Option<(&str, usize)> {
    let rest = &text[dollar + 1..];
    let length = |text: &str| text.find(|c: char| !is_of_name(c)).unwrap_or(text.len());
    let (name, taken) = match rest.strip_prefix('{') {
        Some(braced) => {
            let length = length(braced);
            braced[length..].strip_prefix('}')?;
            (&braced[..length], length + 2)
        }
        None => (&rest[..length(rest)], length(rest)),
    };
    (!name.is_empty()).then_some((name, dollar + 1 + taken))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[derive(Default)]
struct FoundReferences {
    /// By where they begin.
    edits: BTreeMap<usize, Edit>,
    left: BTreeSet<Left>,
    /// Edits of the defaults of ARGs, by their names, with how many references they were found by.
    of_arguments: BTreeMap<String, Vec<(Edit, Left)>>,
}

impl FoundReferences {
    fn look(
        &mut self,
        file: &Dockerfile,
        word: &Word,
        words: &Expanded<'_>,
        reference: &ImageReference,
        series: &Series,
        given: &BTreeSet<String>,
    ) {
        let Some(pinned) = reference.tag.as_ref().and_then(|tag| tag.as_str().strip_prefix(&series.lead))
        else {
            return;
        };
        let Some(version) = Version::parse(pinned) else { return };
        let line = file.line_of(word.span.start);
        let left = |why| Left { line, reference: words.text.clone(), why };
        let why = match version.order(&series.version) {
            Ordering::Equal if pinned == series.version.as_str() => return,
            Ordering::Greater => Some(Why::Newer),
            _ if !version.has_form_of(&series.version) => Some(Why::OtherForm),
            Ordering::Equal => Some(Why::OtherForm),
            Ordering::Less if reference.digest.is_some() => Some(Why::Digest),
            Ordering::Less => {
                words.names().find(|name| given.contains(*name)).map(|name| Why::Given(name.to_owned()))
            }
        };
        if let Some(why) = why {
            self.left.insert(left(why));
            return;
        }
        match place(file, word, words, pinned) {
            Some((None, span)) => {
                self.edits.insert(span.start, edit(file, span, pinned, words, series));
            }
            Some((Some(name), span)) => {
                let entry =
                    (edit(file, span, pinned, words, series), left(Why::UsedElsewhere(name.to_owned())));
                self.of_arguments.entry(name.to_owned()).or_default().push(entry);
            }
            None => {
                self.left.insert(left(Why::InPieces));
            }
        }
    }

    /// Defaults of ARGs are changed only where all uses of these mean it.
    fn end(mut self, file: &Dockerfile) -> (Vec<Edit>, Vec<Left>) {
        for (name, found) in self.of_arguments {
            let is_one =
                found.iter().all(|(edit, _)| (&edit.span, &edit.to) == (&found[0].0.span, &found[0].0.to));
            if is_one && uses(file, &name) == found.len() && !is_declared_again(file, &name) {
                self.edits.insert(found[0].0.span.start, found[0].0.clone());
            } else {
                self.left.extend(found.into_iter().map(|(_, left)| left));
            }
        }
        (self.edits.into_values().collect(), self.left.into_iter().collect())
    }
}

fn edit(file: &Dockerfile, span: Range<usize>, from: &str, words: &Expanded<'_>, series: &Series) -> Edit {
    let to = series.version.as_str().to_owned();
    Edit { line: file.line_of(span.start), span, reference: words.text.clone(), from: from.to_owned(), to }
}

/// The bytes that the version at the end of a reference's tag is written with, and the ARG that they are the default of.
fn place<'a>(
    file: &Dockerfile,
    word: &Word,
    words: &Expanded<'a>,
    version: &str,
) -> Option<(Option<&'a str>, Range<usize>)> {
    let end = words.text.len();
    let begin = end - version.len();
    let piece = words.pieces.iter().find(|piece| piece.range.start <= begin && end <= piece.range.end)?;
    let inside = begin - piece.range.start;
    let (name, start) = match piece.origin {
        WordOrigin::Argument(name, default) => (Some(name), default.at + inside),
        WordOrigin::Word(offset) => {
            let raw = file.source.get(word.span.clone())?;
            let start = if raw == word.text.as_bytes() {
                offset + inside
            } else {
                // Quotes or a continuation are among the bytes.
                only(raw, format!(":{}", &words.text[begin - lead(words, begin)..]).as_bytes())?
                    + 1
                    + lead(words, begin)
            };
            (None, word.span.start + start)
        }
    };
    let span = start..start + version.len();
    (file.source.get(span.clone())? == version.as_bytes()).then_some((name, span))
}

/// How many bytes of the tag stand in front of its version.
fn lead(words: &Expanded<'_>, version: usize) -> usize {
    version - words.text[..version].rfind(':').map_or(version, |colon| colon + 1)
}

/// Where `part` stands, if it does so once.
fn only(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let mut places = bytes.windows(part.len().max(1)).enumerate().filter(|(_, window)| *window == part);
    let (first, _) = places.next()?;
    places.next().is_none().then_some(first)
}

/// How often a file says `$NAME` or `${NAME`, comments and scripts included.
fn uses(file: &Dockerfile, name: &str) -> usize {
    let text = String::from_utf8_lossy(&file.source);
    let is_use = |at: &usize| {
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(is_of_name))
    };
    text.match_indices('$').map(|(at, _)| at).filter(is_use).count()
}

/// Whether a stage declares the ARG again, so that what it runs sees its value.
fn is_declared_again(file: &Dockerfile, name: &str) -> bool {
    let begin = file.global_instructions().len();
    let again = |instruction: &Instruction| match &instruction.kind {
        InstructionKind::Arg(declared) => declared.iter().any(|one| one.name == name),
        _ => false,
    };
    let triggers = |instruction: &Instruction| match &instruction.kind {
        InstructionKind::Onbuild(Some(trigger)) => again(trigger),
        _ => again(instruction),
    };
    file.instructions[begin..].iter().any(triggers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dockerfile::{parse, rewrite};

    fn series(lead: &str, version: &str) -> Series {
        let names = ["acme/base", "ghcr.io/acme/base"];
        Series {
            repositories: names.iter().map(|name| Repository::new(name).expect("a name")).collect(),
            lead: lead.to_owned(),
            version: Version::parse(version).expect("a version"),
        }
    }

    fn moved(source: &str, given: &[&str], series: &Series) -> (String, Vec<String>) {
        let given = given.iter().map(|name| (*name).to_owned()).collect();
        let (edits, left) = moves(&parse(source.as_bytes()), &given, std::slice::from_ref(series));
        for edit in &edits {
            assert_eq!(&source[edit.span.clone()], edit.from, "only the version");
        }
        let changes: Vec<_> = edits.into_iter().map(|edit| (edit.span, edit.to)).collect();
        let left = left.iter().map(|left| format!("{}: {}: {}", left.line, left.reference, left.why));
        (String::from_utf8(rewrite(source.as_bytes(), &changes)).expect("text"), left.collect())
    }

    #[test]
    fn all_kinds_of_references_move() {
        let source = "# syntax=docker/dockerfile:1\r\n\
                      FROM --platform=linux/amd64 acme/base:1.0.0 AS a\r\n\
                      COPY --from=ghcr.io/acme/base:1.0.9 /a \\\r\n  /b\r\n\
                      RUN --mount=type=bind,from=acme/base:0.9,target=/x \\\r\n    --mount=from=acme/base:1,target=/y true\r\n\
                      RUN <<EOF\r\nFROM acme/base:1.0.0\r\nEOF\r\n\
                      ONBUILD COPY --from=acme/base:1.0.0 /a /b\r\n\
                      FROM 'acme/base:1.0.0'\r\n\
                      FROM docker.io/acme/base:1.0.0\r\n\
                      # FROM acme/base:1.0.0\r\n\
                      FROM acme/\\\r\nbase:1.0.0";
        let (text, left) = moved(source, &[], &series("", "1.1.0"));
        let expected = source
            .replace("linux/amd64 acme/base:1.0.0", "linux/amd64 acme/base:1.1.0")
            .replace("1.0.9", "1.1.0")
            .replace("base:0.9,", "base:1.1.0,")
            .replace("base:1,", "base:1.1.0,")
            .replace("ONBUILD COPY --from=acme/base:1.0.0", "ONBUILD COPY --from=acme/base:1.1.0")
            .replace("'acme/base:1.0.0'", "'acme/base:1.1.0'")
            .replace("docker.io/acme/base:1.0.0", "docker.io/acme/base:1.1.0")
            .replace("\r\nbase:1.0.0", "\r\nbase:1.1.0");
        assert_eq!((text, left), (expected, Vec::new()));
    }

    #[test]
    fn what_is_no_older_version_stays() {
        for (source, why) in [
            ("FROM acme/base", None),
            ("FROM acme/base:latest", None),
            ("FROM acme/base:main", None),
            ("FROM acme/base:3f9ac0d1e2b4", None),
            ("FROM acme/base:1.1.0", None),
            ("FROM acme/other:1.0.0", None),
            ("FROM quay.io/acme/base:1.0.0", None),
            ("FROM acme/base:base-1.0.0", None),
            ("ARG V\nFROM acme/base:$V", None),
            ("FROM acme/base:1.0.0 garbage", None),
            ("FROM acme/base:1.2.0", Some("1: acme/base:1.2.0: it is newer")),
            ("FROM acme/base:v1.0.0", Some("1: acme/base:v1.0.0: it is written another way")),
            ("FROM acme/base:1.0.0-alpine", Some("1: acme/base:1.0.0-alpine: it is written another way")),
            ("FROM acme/base:1.0.\\\n0", Some("1: acme/base:1.0.0: its version is not written in one piece")),
        ] {
            let (text, left) = moved(source, &[], &series("", "1.1.0"));
            assert_eq!((&*text, left.first().map(String::as_str)), (source, why));
        }
        let source = format!("FROM acme/base:1.0.0@sha256:{}", "1a".repeat(32));
        let (text, left) = moved(&source, &[], &series("", "1.1.0"));
        assert!(text == source && left[0].ends_with("it is pinned by a digest too"), "{left:?}");
    }

    #[test]
    fn a_prefix_is_a_series_of_its_own() {
        let source = "FROM acme/base:base-1.0.0 AS a\nFROM acme/base:1.0.0\nFROM acme/base:base-latest\n";
        let (text, _) = moved(source, &[], &series("base-", "1.1.0"));
        assert_eq!(text, source.replace("base-1.0.0", "base-1.1.0"));
    }

    #[test]
    fn a_default_moves_where_it_is_certain() {
        for (source, expected) in [
            ("ARG V=1.0.0\nFROM acme/base:$V", "ARG V=1.1.0\nFROM acme/base:$V"),
            (
                "ARG V=\"1.0.0\"\nFROM acme/base:${V}\nFROM acme/base:$V",
                "ARG V=\"1.1.0\"\nFROM acme/base:${V}\nFROM acme/base:$V",
            ),
            ("ARG A=1 B=acme/base:1.0.0\nFROM ${B}", "ARG A=1 B=acme/base:1.1.0\nFROM ${B}"),
            ("ARG R=acme\nFROM $R/base:1.0.0", "ARG R=acme\nFROM $R/base:1.1.0"),
            ("ARG R=acme V=1.0\nFROM $R/base:$V AS x", "ARG R=acme V=1.1.0\nFROM $R/base:$V AS x"),
        ] {
            assert_eq!(moved(source, &[], &series("", "1.1.0")), (expected.to_owned(), Vec::new()));
        }
        for source in [
            "ARG V=1.0.0\nFROM acme/base:$V\nARG V\nRUN echo",
            "ARG V=1.0.0\nFROM acme/base:$V\nRUN echo ${V:-1}",
            "ARG V=1.0.0\nFROM acme/base:$V\nFROM acme/other:$V",
            "ARG V=1.0.0\nARG W=$V\nFROM acme/base:$V",
        ] {
            let (text, left) = moved(source, &[], &series("", "1.1.0"));
            assert_eq!(text, source);
            assert!(left[0].ends_with(": V is used for something else too"), "{left:?}");
        }
        let twice = "ARG V=1.0.0\nARG V=1.0.1\nFROM acme/base:$V";
        assert_eq!(moved(twice, &[], &series("", "1.1.0")), (twice.to_owned(), Vec::new()));
        let given = "ARG V=1.0.0\nFROM acme/base:$V";
        let (text, left) = moved(given, &["V"], &series("", "1.1.0"));
        assert_eq!(text, given);
        assert!(left[0].ends_with("give V its value"), "{left:?}");
    }

    proptest! {
        /// Whatever the file, versions alone change, and a second release of the same version changes nothing.
        #[test]
        fn every_other_byte_stays(lines in prop::collection::vec(prop_oneof![
            Just("FROM acme/base:1.0.0".to_owned()),
            Just("FROM acme/base:$V AS x".to_owned()),
            Just("ARG V=1.0.0".to_owned()),
            Just("ARG V=acme/base:0.1 # x".to_owned()),
            Just("COPY --from=acme/base:1.0 a \\\r".to_owned()),
            Just("RUN --mount=from=\"acme/base:1.0\",target=/x <<E".to_owned()),
            Just("ONBUILD ADD --from=acme/base:1 é".to_owned()),
            Just("E".to_owned()),
            Just("\u{feff}# escape=`".to_owned()),
            "[ -~é\r\t]{0,24}",
        ], 0..12), lf in any::<bool>()) {
            let source = lines.join(if lf { "\n" } else { "\r\n" });
            let parsed = parse(source.as_bytes());
            let one = [series("", "2.0.0")];
            let (edits, _) = moves(&parsed, &BTreeSet::new(), &one);
            let mut at = 0;
            for edit in &edits {
                prop_assert!(edit.span.start >= at && source.get(edit.span.clone()) == Some(edit.from.as_str()));
                prop_assert!(Version::parse(&edit.from).is_some_and(|it| it.order(&one[0].version) == Ordering::Less));
                at = edit.span.end;
            }
            let changes: Vec<_> = edits.iter().map(|edit| (edit.span.clone(), edit.to.clone())).collect();
            let after = rewrite(source.as_bytes(), &changes);
            prop_assert_eq!(moves(&parse(&after), &BTreeSet::new(), &one).0, []);
        }
    }
}
