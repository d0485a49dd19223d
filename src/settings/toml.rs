use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::cache::cache_setting;
use super::values::{
    chosen_platform, context_name, evidence_kind, named_context, namespace, path, refresh, registry,
    registry_host, user_tag,
};
use crate::diagnostic::{Diagnostic, LineIndex, Location, closest};
use crate::discovery::check_pattern;
use crate::evidence::EvidenceChoice;
use crate::image::Tag;
use crate::limits;
use crate::path::TreePath;
use crate::project::{CacheSpec, GivenContext, ImageSettings, Metadata, SettingsFile};
use crate::redact;

pub(crate) const TOML_FILE: &str = "shipwright.toml";

/// A key and what reads it. A flag or the environment wins over the file where there is one; see `resolve`.
type Key<T> = (&'static str, fn(&mut Reader<'_>, &Entry<'_>, &mut T));

const KEYS: [Key<SettingsFile>; 14] = [
    ("namespace", |reader, entry, file| file.namespace = reader.parsed(entry, namespace)),
    ("registry", |reader, entry, file| {
        file.registries = match entry.value.get_ref() {
            DeValue::String(_) => reader.parsed(entry, registry).into_iter().collect(),
            _ => reader.list(entry, registry),
        }
    }),
    ("insecure_registries", |reader, entry, file| {
        file.insecure_registries = reader.list(entry, registry_host);
    }),
    ("builders", |reader, entry, file| file.builders = reader.list(entry, something)),
    ("names", |reader, entry, file| reader.names(entry, file)),
    ("exclude", |reader, entry, file| file.exclude = reader.list(entry, pattern)),
    ("include", |reader, entry, file| file.include = reader.list(entry, pattern)),
    ("follow", |reader, entry, file| {
        file.follow = reader.list(entry, |text| Tag::new(text).map(|tag| tag.to_string()));
    }),
    ("tags", |reader, entry, file| file.tags = reader.list(entry, user_tag)),
    ("refresh", |reader, entry, file| file.refresh = reader.parsed(entry, refresh)),
    ("cache", |reader, entry, file| file.cache = reader.caches(entry)),
    ("metadata", |reader, entry, file| {
        file.metadata = match entry.value.get_ref() {
            DeValue::Table(_) => Some(Metadata::Entries(reader.scalars(entry))),
            DeValue::String(text) => Some(Metadata::Text(text.to_string())),
            _ => reader.wrong_type(entry, "a text or a table"),
        }
    }),
    ("evidence", |reader, entry, file| {
        file.evidence = match entry.value.get_ref() {
            DeValue::Boolean(true) => EvidenceChoice::All,
            DeValue::Boolean(false) => EvidenceChoice::Only(BTreeSet::new()),
            DeValue::Array(_) => {
                EvidenceChoice::Only(reader.list(entry, evidence_kind).into_iter().collect())
            }
            _ => reader.wrong_type(entry, "true, false or a list of kinds").unwrap_or_default(),
        }
    }),
    ("image", |reader, entry, file| reader.images(entry, file)),
];

/// The keys of `[image.NAME]`.
const IMAGE_KEYS: [Key<ImageSettings>; 10] = [
    ("dockerfile", |reader, entry, image| image.dockerfile = reader.parsed(entry, path)),
    ("context", |reader, entry, image| image.context = reader.parsed(entry, path)),
    ("target", |reader, entry, image| image.target = reader.parsed(entry, something)),
    ("args", |reader, entry, image| image.args = reader.scalars(entry)),
    ("contexts", |reader, entry, image| image.contexts = reader.contexts(entry)),
    ("platforms", |reader, entry, image| {
        for platform in reader.list(entry, chosen_platform) {
            if !image.platforms.contains(&platform) {
                image.platforms.push(platform);
            }
        }
    }),
    ("depends_on", |reader, entry, image| image.depends_on = reader.list(entry, something)),
    ("cache", |reader, entry, image| image.cache = Some(reader.caches(entry))),
    ("whole_context", |reader, entry, image| match entry.value.get_ref() {
        DeValue::Boolean(whole) => image.whole_context = *whole,
        _ => drop(reader.wrong_type::<bool>(entry, "true or false")),
    }),
    ("follow", |reader, entry, image| match entry.value.get_ref() {
        DeValue::Boolean(follow) => image.ignores_bare = !*follow,
        _ => drop(reader.wrong_type::<bool>(entry, "true or false")),
    }),
];

pub(super) fn is_key(name: &str) -> bool {
    KEYS.iter().any(|(key, _)| *key == name)
}

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads a `shipwright.toml`. All that is wrong is reported, not only the first.
pub fn parse_toml(text: &str, file: &TreePath) -> Result<SettingsFile, Vec<Diagnostic>> {
    let mut reader = Reader { text, file, lines: LineIndex::new(text), errors: Vec::new() };
    let mut settings = SettingsFile { path: Some(file.clone()), ..SettingsFile::default() };
    match DeTable::parse(text) {
        Ok(document) => reader.read(entries(document.get_ref(), ""), &KEYS, &mut settings),
        Err(error) => {
            let message = format!("the settings file is not TOML: {}", error.message());
            reader.error(error.span().unwrap_or(0..0), message);
        }
    }
    if reader.errors.is_empty() { Ok(settings) } else { Err(reader.errors) }
}

struct Reader<'a> {
    text: &'a str,
    file: &'a TreePath,
    lines: LineIndex,
    errors: Vec<Diagnostic>,
}

/// A key with its value, and the key in full for messages: `image.api.target`.
struct Entry<'a> {
    key: &'a str,
    key_span: Range<usize>,
    name: String,
    value: &'a Value<'a>,
}

impl Reader<'_> {
    fn read<T>(&mut self, entries: Vec<Entry<'_>>, keys: &[Key<T>], into: &mut T) {
        for entry in entries {
            match keys.iter().find(|(key, _)| *key == entry.key) {
                Some((_, read)) => read(self, &entry, into),
                None => self.unknown(&entry, &keys.iter().map(|(key, _)| *key).collect::<Vec<_>>()),
            }
        }
    }

    fn names(&mut self, table: &Entry<'_>, file: &mut SettingsFile) {
        for line in self.few(table, limits::SETTINGS_NAMES) {
            if let Some(name) = self.text(&line) {
                let location = self.locate(line.key_span);
                file.name_locations.insert(line.key.to_owned(), location);
                file.names.push((line.key.to_owned(), name));
            }
        }
    }

    fn images(&mut self, tables: &Entry<'_>, file: &mut SettingsFile) {
        for table in self.few(tables, limits::SETTINGS_IMAGES) {
            if table.key.is_empty() {
                self.error(table.key_span.clone(), "an image must have a name".to_owned());
            }
            let location = Some(self.locate(table.key_span.clone()));
            let mut image = ImageSettings { location, ..ImageSettings::default() };
            let entries = self.table(&table);
            self.read(entries, &IMAGE_KEYS, &mut image);
            file.images.insert(table.key.to_owned(), image);
        }
    }

    fn text(&mut self, entry: &Entry<'_>) -> Option<String> {
        match entry.value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => self.wrong_type(entry, "a text"),
        }
    }

    fn parsed<T, E: Display>(
        &mut self,
        entry: &Entry<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(entry)?;
        let error = match parse(&text) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        self.error(entry.value.span(), format!("{}: {error}", entry.name));
        // The line would show the login that the message leaves out.
        if redact::masked(&text) != text
            && let Some(location) = self.errors.last_mut().and_then(|error| error.location.as_mut())
        {
            location.span = None;
        }
        None
    }

    fn list<T, E: Display>(&mut self, entry: &Entry<'_>, parse: impl Fn(&str) -> Result<T, E>) -> Vec<T> {
        match entry.value.get_ref() {
            DeValue::Array(items) => {
                let item = |value| Entry {
                    key: entry.key,
                    key_span: entry.key_span.clone(),
                    name: entry.name.clone(),
                    value,
                };
                items.iter().filter_map(|value| self.parsed(&item(value), &parse)).collect()
            }
            other => {
                self.wrong_type::<()>(entry, "a list of texts");
                if let (DeValue::String(_), Some(error)) = (other, self.errors.last_mut()) {
                    error.hint = Some(format!("write {} = [{}]", entry.key, &self.text[entry.value.span()]));
                }
                Vec::new()
            }
        }
    }

    /// Build contexts by the names that references have.
    fn contexts(&mut self, entry: &Entry<'_>) -> BTreeMap<String, GivenContext> {
        let mut contexts = BTreeMap::new();
        for entry in self.few(entry, limits::SETTINGS_CONTEXTS) {
            let name = match context_name(entry.key) {
                Ok(name) => name,
                Err(error) => {
                    self.error(entry.key_span.clone(), format!("{}: {error}", entry.name));
                    continue;
                }
            };
            let Some(what) = self.parsed(&entry, named_context) else { continue };
            let line = self.lines.line_of(entry.key_span.start);
            let context = GivenContext { what, path: self.file.clone(), line };
            if contexts.insert(name, context).is_some() {
                self.error(entry.key_span.clone(), format!("{} is there under another spelling", entry.name));
            }
        }
        contexts
    }

    /// One, a list, or `false` for none.
    fn caches(&mut self, entry: &Entry<'_>) -> Vec<CacheSpec> {
        match entry.value.get_ref() {
            DeValue::Boolean(false) => Vec::new(),
            DeValue::String(_) => self.parsed(entry, cache_setting).into_iter().collect(),
            DeValue::Array(_) => self.list(entry, cache_setting),
            _ => self.wrong_type(entry, "a text, a list of texts or false").unwrap_or_default(),
        }
    }

    fn table<'t>(&mut self, entry: &Entry<'t>) -> Vec<Entry<'t>> {
        match entry.value.get_ref() {
            DeValue::Table(table) => entries(table, &entry.name),
            _ => self.wrong_type(entry, "a table").unwrap_or_default(),
        }
    }

    /// A table of at most so many lines.
    fn few<'t>(&mut self, entry: &Entry<'t>, most: usize) -> Vec<Entry<'t>> {
        let lines = self.table(entry);
        if lines.len() <= most {
            return lines;
        }
        self.error(
            entry.key_span.clone(),
            format!("{} has {} lines; {most} are read", entry.name, lines.len()),
        );
        Vec::new()
    }

    /// A table of texts, where whole numbers and truth values stand for their text. Decimal numbers do not:
    /// 3.10 would be 3.1.
    fn scalars(&mut self, entry: &Entry<'_>) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for entry in self.table(entry) {
            let text = match entry.value.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
                DeValue::Boolean(value) => Some(value.to_string()),
                other => {
                    self.wrong_type::<()>(&entry, "a text");
                    if let (DeValue::Integer(_) | DeValue::Float(_), Some(error)) =
                        (other, self.errors.last_mut())
                    {
                        error.hint =
                            Some(format!("write {} = \"{}\"", entry.key, &self.text[entry.value.span()]));
                    }
                    None
                }
            };
            if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
                self.error(entry.key_span.clone(), format!("{} is not a name", entry.name));
            }
            texts.extend(text.map(|text| (entry.key.to_owned(), text)));
        }
        texts
    }

    fn unknown(&mut self, entry: &Entry<'_>, known: &[&str]) {
        let hint = match closest(entry.key, known).first() {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        self.error(entry.key_span.clone(), format!("`{}` is not a setting", entry.name));
        if let Some(error) = self.errors.last_mut() {
            error.hint = Some(hint);
        }
    }

    fn wrong_type<T>(&mut self, entry: &Entry<'_>, wanted: &str) -> Option<T> {
        let found = match entry.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(entry.value.span(), format!("{} must be {wanted}, not {found}", entry.name));
        None
    }

    fn error(&mut self, span: Range<usize>, message: String) {
        let location = self.locate(span);
        self.errors.push(Diagnostic::error(message).at(location));
    }

    fn locate(&self, span: Range<usize>) -> Location {
        Location::span(self.file.clone(), self.lines.line_of(span.start), span)
    }
}

/// The table's entries in the order of the file.
fn entries<'t>(table: &'t DeTable<'_>, within: &str) -> Vec<Entry<'t>> {
    let mut entries: Vec<Entry<'t>> = table
        .iter()
        .map(|(key, value)| {
            let name = if within.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{within}.{}", key.get_ref())
            };
            Entry { key: key.get_ref(), key_span: key.span(), name, value }
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn something(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("it is empty") } else { Ok(text.to_owned()) }
}

fn pattern(text: &str) -> Result<String, String> {
    let text = something(text)?;
    check_pattern(&text).map(|()| text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::NamedContext;

    fn parse(text: &str) -> Result<SettingsFile, Vec<Diagnostic>> {
        parse_toml(text, &"shipwright.toml".into())
    }

    /// `LINE: [what the span covers] message (hint)`.
    fn errors(text: &str) -> Vec<String> {
        let show = |error: Diagnostic| {
            let location = error.location.expect("a place");
            let covered = location.span.and_then(|span| text.get(span)).expect("a span of the text");
            let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}: [{covered}] {}{hint}", location.line.expect("a line"), error.message)
        };
        parse(text).expect_err(text).into_iter().map(show).collect()
    }

    #[test]
    fn reads_every_key() {
        let text = r#"
namespace = "quay.io/acme"
registry = ["ghcr.io/acme", "localhost:5000"]
exclude = ["legacy/**"]
include = ["docs/site/Dockerfile"]
follow = ["stable", "v1"]
tags = ["edge", "latest"]
refresh = "7d"
metadata = { convention = 3, base = "bookworm" }

[names]
"src/{repo}/{ver}" = "dotnet/{repo}:{ver}"
"." = "root"

[image.api]
dockerfile = "./api/Dockerfile"
context = "."
target = "release"
args = { VERSION = "1.10", DEBUG = false, PORT = 8080 }
contexts = { assets = "db", "acme/x:latest" = "image:x", b = "docker-image://busybox:1" }
platforms = ["linux/amd64", "aarch64", "linux/arm64/v8"]
depends_on = ["base", "acme/tools"]
whole_context = true

[image."api-dev"]
target = "dev"
"#;
        let settings = parse(text).expect("valid");
        assert_eq!(settings.namespace.as_deref(), Some("quay.io/acme"));
        assert_eq!(settings.registries, ["ghcr.io/acme", "localhost:5000"]);
        assert_eq!(
            (&settings.exclude[..], &settings.include[..]),
            (&["legacy/**".to_owned()][..], &["docs/site/Dockerfile".to_owned()][..],)
        );
        assert_eq!(settings.follow, ["stable", "v1"]);
        assert_eq!(settings.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["edge", "latest"]);
        assert_eq!(settings.refresh.map(|it| (it.text, it.period.as_secs())), Some(("7d".into(), 604_800)));
        let entries = [("convention", "3"), ("base", "bookworm")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(settings.metadata, Some(Metadata::Entries(entries.into())));
        let names: Vec<_> = settings.names.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            names,
            [("src/{repo}/{ver}", "dotnet/{repo}:{ver}"), (".", "root")],
            "in the file's order"
        );
        assert_eq!(settings.name_locations.get(".").and_then(|location| location.line), Some(13));

        let api = &settings.images["api"];
        assert_eq!(api.dockerfile, Some("api/Dockerfile".into()));
        assert_eq!((api.context.clone(), api.target.as_deref()), (Some(TreePath::root()), Some("release")));
        let args: Vec<_> = api.args.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(args, [("DEBUG", "false"), ("PORT", "8080"), ("VERSION", "1.10")]);
        let platforms: Vec<String> = api.platforms.iter().map(ToString::to_string).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"], "normalised, once each");
        let contexts: Vec<(&str, &NamedContext)> =
            api.contexts.iter().map(|(name, context)| (name.as_str(), &context.what)).collect();
        let image = NamedContext::Image("busybox:1".parse().expect("a reference"));
        assert_eq!(
            contexts,
            [
                ("acme/x", &NamedContext::Built("x".into())),
                ("assets", &NamedContext::Folder("db".into())),
                ("b", &image)
            ]
        );
        assert_eq!(api.contexts["assets"].line, 20);
        assert_eq!(api.depends_on, ["base", "acme/tools"]);
        assert!(api.whole_context);
        assert_eq!(api.location.as_ref().and_then(|location| location.line), Some(15));
        let dev = &settings.images["api-dev"];
        assert_eq!((dev.dockerfile.clone(), dev.whole_context), (None, false));
    }

    #[test]
    fn nothing_and_one_registry_are_fine() {
        assert_eq!(parse("# nothing\n").map(|settings| settings.images.len()), Ok(0));
        assert_eq!(
            parse("registry = 'ghcr.io'").map(|settings| settings.registries),
            Ok(vec!["ghcr.io".into()])
        );
        let metadata = parse("metadata = 'x'").map(|settings| settings.metadata);
        assert_eq!(metadata, Ok(Some(Metadata::Text("x".into()))));
    }

    #[test]
    fn unknown_keys_name_the_closest_one() {
        assert_eq!(
            errors("namespase = 'a'\n\n[image.api]\ndepends-on = []\nzzz = 1\n"),
            [
                "1: [namespase] `namespase` is not a setting (did you mean `namespace`?)",
                "4: [depends-on] `image.api.depends-on` is not a setting (did you mean `depends_on`?)",
                "5: [zzz] `image.api.zzz` is not a setting (known here: dockerfile, context, target, args, \
                 contexts, platforms, depends_on, cache, whole_context, follow)",
            ]
        );
        assert_eq!(
            errors("[images.api]\n"),
            ["1: [images] `images` is not a setting (did you mean `image`?)"]
        );
    }

    #[test]
    fn wrong_types_say_what_is_wanted() {
        for (text, error) in [
            ("namespace = 3", "1: [3] namespace must be a text, not a number"),
            ("tags = 'a'", "1: ['a'] tags must be a list of texts, not a text (write tags = ['a'])"),
            ("tags = [1]", "1: [1] tags must be a text, not a number"),
            ("registry = true", "1: [true] registry must be a list of texts, not true or false"),
            ("names = []", "1: [[]] names must be a table, not a list"),
            ("image = 1", "1: [1] image must be a table, not a number"),
            ("image.api = 1", "1: [1] image.api must be a table, not a number"),
            ("metadata = 1", "1: [1] metadata must be a text or a table, not a number"),
            ("refresh = 2026-01-01", "1: [2026-01-01] refresh must be a text, not a date or time"),
            (
                "image.a.whole_context = 'yes'",
                "1: ['yes'] image.a.whole_context must be true or false, not a text",
            ),
            (
                "image.a.args.V = 3.10",
                "1: [3.10] image.a.args.V must be a text, not a number (write V = \"3.10\")",
            ),
            (
                "image.a.args.V = 0x10",
                "1: [0x10] image.a.args.V must be a text, not a number (write V = \"0x10\")",
            ),
        ] {
            assert_eq!(errors(text), [error], "{text}");
        }
    }

    #[test]
    fn values_are_checked_where_they_stand() {
        for (text, covered, message) in [
            ("namespace = 'Acme'", "'Acme'", "is not a namespace"),
            ("registry = ['ghcr.io', 'https://x.y']", "'https://x.y'", "is a URL"),
            ("insecure_registries = ['lan:5000/x']", "'lan:5000/x'", "more than a host"),
            ("tags = ['ok', 'a b']", "'a b'", "is not a tag"),
            ("tags = ['src-1']", "'src-1'", "never moves"),
            ("follow = ['a b']", "'a b'", "is not a tag"),
            ("refresh = '7 days'", "'7 days'", "is not a period"),
            ("exclude = ['']", "''", "it is empty"),
            ("exclude = ['ok', '[']", "'['", "exclude: it is not a pattern: `[` has no `]`"),
            ("include = ['a{b']", "'a{b'", "unclosed alternate group"),
            ("include = ['#a']", "'#a'", "it is a comment"),
            ("image.a.platforms = ['linux']", "'linux'", "is not a platform"),
            ("image.a.context = '../x'", "'../x'", "is not a path from the root of the checkout"),
            ("image.a.dockerfile = '/x'", "'/x'", "is not a path from the root of the checkout"),
            ("image.a.target = ''", "''", "it is empty"),
            ("image.a.contexts = { x = '../y' }", "'../y'", "is not a path from the root of the checkout"),
            ("image.a.contexts = { x = 'https://y' }", "'https://y'", "is fetched by no build here"),
            ("image.a.contexts = { x = 'image:' }", "'image:'", "names no image"),
            ("image.a.contexts = { x = 'docker-image://A' }", "'docker-image://A'", "repository name"),
            ("image.a.contexts = { X = 'y' }", "X", "no reference could mean it"),
            ("image.a.contexts = { x = 'y', 'x:latest' = 'z' }", "'x:latest'", "under another spelling"),
            ("image.a.args = { 'A=B' = 'x' }", "'A=B'", "is not a name"),
        ] {
            let errors = errors(text);
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].starts_with(&format!("1: [{covered}] ")), "{errors:?}");
            assert!(errors[0].contains(message), "{errors:?}");
        }
    }

    #[test]
    fn what_is_not_toml_is_an_error_with_a_place() {
        let errors = errors("namespace = 'a'\ntags = [\n");
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("the settings file is not TOML: "), "{errors:?}");
        assert!(parse("a = 1\na = 2").is_err());
    }

    proptest! {
        /// Whatever the file holds, the answer is settings or errors with places inside the file.
        #[test]
        fn never_panics(text in r#"(\[?(image\.a|names|namespace|tags|"é"|x)\]? ?(=|\.|\n)? ?("a"|\[|\]|1.5|\{\}|'é'|\n)?){0,8}"#) {
            if let Err(errors) = parse(&text) {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    let span = error.location.and_then(|location| location.span).expect("a span");
                    prop_assert!(text.get(span).is_some());
                }
            }
        }
    }
}
