//! `RUN --mount=…`: a line of comma-separated values, read in two passes as in `BuildKit`: the fields when
//! the file is parsed, their values when the instruction is carried out.

use super::error::{LineError, suggestion};
use super::flag::{Flag, FlagText, Takes};
use super::text::{Text, Word};
use super::value::Value;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The value of the flag, quotes and escapes removed.
    pub raw: String,
    /// Bytes of the flag in the file.
    pub span: Range<usize>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    key: String,
    written: String,
    value: Option<String>,
    /// The value's place in the file, for the fields that refer to something.
    word: Option<Word>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountType {
    /// Files of the build context, a stage or an image.
    Bind,
    /// A folder kept between builds.
    Cache,
    Tmpfs,
    Secret,
    Ssh,
}

impl MountType {
    const ALL: [(&'static str, Self); 5] = [
        ("bind", Self::Bind),
        ("cache", Self::Cache),
        ("tmpfs", Self::Tmpfs),
        ("secret", Self::Secret),
        ("ssh", Self::Ssh),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("bind", |(name, _)| name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountFields {
    /// `type=`, bind unless told otherwise.
    pub kind: MountType,
    /// `from=`: a stage or an image; empty means the build context.
    pub from: String,
    pub source: String,
    pub target: String,
}

/// What the fields of a mount come to with variables replaced.
#[derive(Clone, Debug, Default)]
pub(super) struct ResolvedMount {
    /// `None` if it is not known.
    pub(super) kind: Option<MountType>,
    pub(super) from: String,
    pub(super) source: Value,
    pub(super) target: Value,
    has_id: bool,
    sharing: bool,
    ownership: Option<&'static str>,
}

impl Mount {
    pub(super) fn parse(flag: &Flag, text: &Text) -> Result<Self, LineError> {
        let fail = |message: String| LineError::instruction(flag.range.clone(), message);
        let Some(value) = &flag.value else { return Err(fail("missing a value on flag: --mount".into())) };
        let fields =
            comma_separated(value).map_err(|error| fail(format!("failed to parse csv mounts: {error}")))?;
        let fields: Option<Vec<Field>> = fields.iter().map(|field| Field::new(field, text)).collect();
        let Some(fields) = fields else {
            return Err(fail("quotes around parts of a reference cannot be read".into()));
        };
        let variable = fields.iter().find(|field| {
            let value = field.value.as_deref().unwrap_or_default();
            field.key == "from" && value.find('$').is_some_and(|dollar| dollar + 1 < value.len())
        });
        if variable.is_some() {
            return Err(fail(
                "'from' doesn't support variable expansion, define alias stage instead".to_owned(),
            ));
        }
        Ok(Self { raw: value.text(), span: text.span(flag.range.clone()), fields })
    }

    /// The fields with variables left as they are written.
    pub fn as_written(&self) -> Result<MountFields, String> {
        let resolved = self.resolve(&mut |value| Ok(Value::known(value)))?;
        Ok(MountFields {
            kind: resolved.kind.unwrap_or(MountType::Bind),
            from: resolved.from,
            source: resolved.source.text,
            target: resolved.target.text,
        })
    }

    /// Where the value of `from` stands.
    pub(crate) fn reference(&self) -> Option<&Word> {
        self.fields.iter().rev().find(|field| field.key == "from").and_then(|field| field.word.as_ref())
    }

    fn source_field(&self) -> Option<&Field> {
        self.fields.iter().rev().find(|field| matches!(field.key.as_str(), "source" | "src"))
    }

    /// The value of `source` as written.
    pub(super) fn source_text(&self) -> Option<&str> {
        self.source_field().and_then(|field| field.value.as_deref())
    }

    /// Where the value of `source` stands; the whole flag where there is none.
    pub(super) fn source_span(&self) -> Range<usize> {
        let word = self.source_field().and_then(|field| field.word.as_ref());
        word.map_or_else(|| self.span.clone(), |word| word.span.clone())
    }

    /// Whether it has a field that is not known here.
    pub(super) fn has_unknown_key(&self) -> bool {
        self.fields.iter().any(|field| !KEYS.contains(&field.key.as_str()))
    }

    /// The fields with variables replaced by `expand`.
    pub(super) fn resolve(
        &self,
        expand: &mut dyn FnMut(&str) -> Result<Value, String>,
    ) -> Result<ResolvedMount, String> {
        let mut mount = ResolvedMount { kind: Some(MountType::Bind), ..ResolvedMount::default() };
        for field in &self.fields {
            let value = match &field.value {
                Some(value) => Some(expand(value)?),
                None => None,
            };
            mount.set(field, value)?;
        }
        mount.validate()?;
        Ok(mount)
    }
}

const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "readonly",
    "ro",
    "readwrite",
    "rw",
    "required",
    "size",
    "id",
    "sharing",
    "mode",
    "uid",
    "gid",
    "env",
];

impl Field {
    /// `None` if the value refers to something and cannot be overwritten.
    fn new(field: &FlagText, text: &Text) -> Option<Self> {
        let written = field.text();
        let Some(equals) = field.bytes().iter().position(|byte| *byte == b'=') else {
            return Some(Self { key: written.to_lowercase(), written, value: None, word: None });
        };
        let key = field.range(0..equals).text().to_lowercase();
        let value = field.range(equals + 1..field.bytes().len());
        let refers = matches!(key.as_str(), "from" | "source" | "src");
        let word = if refers { value.word(text) } else { None };
        if key == "from" && word.is_none() && !value.bytes().is_empty() {
            return None;
        }
        Some(Self { key, written, value: Some(value.text()), word })
    }
}

impl ResolvedMount {
    fn set(&mut self, field: &Field, value: Option<Value>) -> Result<(), String> {
        let key = field.key.as_str();
        let Some(value) = value else { return self.set_without_value(field) };
        let known = value.unknown.is_none().then_some(value.text.as_str());
        match key {
            "type" => self.kind = known.map(mount_type).transpose()?,
            "from" => self.from = value.text,
            "source" | "src" => self.source = value,
            "target" | "dst" | "destination" => self.target = value,
            "readonly" | "ro" | "readwrite" | "rw" => boolean(key, known)?,
            "required" => {
                self.only_for(key, &[MountType::Secret, MountType::Ssh])?;
                boolean(key, known)?;
            }
            "size" => self.only_for(key, &[MountType::Tmpfs])?,
            "id" | "env" => self.has_id = true,
            "sharing" => {
                self.sharing = true;
                if let Some(mode) = known.filter(|mode| !is_sharing(mode)) {
                    return Err(format!("unsupported sharing value \"{mode}\""));
                }
            }
            "mode" => self.own("mode", known, 8)?,
            "uid" => self.own("uid", known, 10)?,
            "gid" => self.own("gid", known, 10)?,
            _ => {
                let message = format!("unexpected key '{key}' in '{}'", field.written);
                return Err(match suggestion(key, KEYS) {
                    Some(closest) => format!("{message} (did you mean {closest}?)"),
                    None => message,
                });
            }
        }
        Ok(())
    }

    fn set_without_value(&self, field: &Field) -> Result<(), String> {
        match field.key.as_str() {
            "readonly" | "ro" | "readwrite" | "rw" => Ok(()),
            "required" => self.only_for("required", &[MountType::Secret, MountType::Ssh]),
            _ => Err(format!("invalid field '{}' must be a key=value pair", field.written)),
        }
    }

    fn only_for(&self, key: &str, kinds: &[MountType]) -> Result<(), String> {
        match self.kind {
            Some(kind) if !kinds.contains(&kind) => {
                Err(format!("unexpected key '{key}' for mount type '{}'", kind.as_str()))
            }
            _ => Ok(()),
        }
    }

    fn own(&mut self, key: &'static str, value: Option<&str>, radix: u32) -> Result<(), String> {
        self.ownership = Some(key);
        match value {
            Some(value) if u32::from_str_radix(value, radix).is_err() => {
                Err(format!("invalid value {value} for {key}"))
            }
            _ => Ok(()),
        }
    }

    fn validate(&self) -> Result<(), String> {
        let Some(kind) = self.kind else { return Ok(()) };
        if let (MountType::Bind | MountType::Tmpfs, Some(key)) = (kind, self.ownership) {
            return Err(format!("{key} not allowed for \"{}\" type mounts", kind.as_str()));
        }
        let is_blank = |value: &Value| value.text.is_empty() && value.unknown.is_none();
        if kind == MountType::Secret {
            if !self.from.is_empty() {
                return Err("secret mount should not have a from".to_owned());
            }
            if is_blank(&self.source) && is_blank(&self.target) && !self.has_id {
                return Err("invalid secret mount. one of source, target required".to_owned());
            }
        }
        if self.sharing && kind != MountType::Cache {
            return Err(format!("invalid cache sharing set for {} mount", kind.as_str()));
        }
        Ok(())
    }
}

fn mount_type(name: &str) -> Result<MountType, String> {
    let lower = name.to_lowercase();
    let found = MountType::ALL.iter().find(|(known, _)| *known == lower);
    found.map(|(_, kind)| *kind).ok_or_else(|| {
        let message = format!("unsupported mount type \"{name}\"");
        match suggestion(&lower, MountType::ALL.iter().map(|(known, _)| *known)) {
            Some(closest) => format!("{message} (did you mean {closest}?)"),
            None => message,
        }
    })
}

fn is_sharing(mode: &str) -> bool {
    ["shared", "private", "locked"].iter().any(|known| mode.eq_ignore_ascii_case(known))
}

/// What Go's `strconv.ParseBool` takes.
fn boolean(key: &str, value: Option<&str>) -> Result<(), String> {
    const WORDS: [&str; 12] =
        ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
    match value {
        Some(value) if !WORDS.contains(&value) => Err(format!("invalid value for {key}: {value}")),
        _ => Ok(()),
    }
}

/// Fields as Go's `encoding/csv` reads them.
fn comma_separated(value: &FlagText) -> Result<Vec<FlagText>, &'static str> {
    let bytes = value.bytes();
    if bytes.is_empty() {
        return Err("EOF");
    }
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let field;
        (field, at) =
            if bytes.get(at) == Some(&b'"') { quoted_field(value, at)? } else { bare_field(value, at)? };
        fields.push(field);
        if at >= bytes.len() {
            return Ok(fields);
        }
        at += 1;
    }
}

fn bare_field(value: &FlagText, start: usize) -> Result<(FlagText, usize), &'static str> {
    let rest = &value.bytes()[start..];
    let length = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
    if rest[..length].contains(&b'"') {
        return Err("bare \" in non-quoted-field");
    }
    Ok((value.range(start..start + length), start + length))
}

fn quoted_field(value: &FlagText, start: usize) -> Result<(FlagText, usize), &'static str> {
    let bytes = value.bytes();
    let mut field = FlagText::default();
    let mut at = start + 1;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == b'"') else {
            return Err("extraneous or missing \" in quoted-field");
        };
        field.push(value.range(at..at + length));
        at += length + 1;
        match bytes.get(at) {
            None | Some(b',') => return Ok((field, at)),
            Some(b'"') => {
                field.push(value.range(at..at + 1));
                at += 1;
            }
            Some(_) => return Err("extraneous or missing \" in quoted-field"),
        }
    }
}

pub(super) const RUN_FLAGS: [(&str, Takes); 4] = [
    ("mount", Takes::Values),
    ("network", Takes::Value),
    ("security", Takes::Value),
    ("device", Takes::Values),
];

#[cfg(test)]
mod tests {
    use super::super::flag;
    use super::*;

    fn mount(source: &str) -> Result<(Mount, MountFields), String> {
        let mut text = Text::at(0);
        text.push(source.as_bytes(), 0..source.len());
        let (flags, _) = flag::read(&text, text.all());
        let mount = Mount::parse(&flags[0], &text).map_err(|failure| failure.message)?;
        let fields = mount.as_written()?;
        Ok((mount, fields))
    }

    #[test]
    fn from_and_source_know_where_they_stand() {
        for source in [
            "--mount=type=bind,from=img,source=src,target=/x",
            "--mount=\"type=bind,from=img,source=src\",target=/x",
            "--mount=type=bind,from='img',src=\"src\"",
            r#"--mount=\"from=img\",\"source=src\""#,
        ] {
            let (mount, fields) = mount(source).expect(source);
            assert_eq!(
                (fields.kind, fields.from.as_str(), fields.source.as_str()),
                (MountType::Bind, "img", "src")
            );
            let from = mount.reference().map(|word| &source[word.span.clone()]);
            assert_eq!((from, &source[mount.source_span()]), (Some("img"), "src"), "{source}");
        }
    }

    #[test]
    fn refuses_what_buildkit_refuses() {
        for (source, message) in [
            ("--mount=type=bind,b", "invalid field 'b' must be a key=value pair"),
            ("--mount=type=bnd", "unsupported mount type \"bnd\" (did you mean bind?)"),
            ("--mount=from=$X,target=/x", "'from' doesn't support variable expansion"),
            ("--mount=soruce=x", "unexpected key 'soruce'"),
            ("--mount=type=bind,mode=0755", "mode not allowed"),
            ("--mount=type=cache,sharing=x", "unsupported sharing value"),
            ("--mount=type=secret", "invalid secret mount"),
            ("--mount=type=bind,required", "unexpected key 'required'"),
            ("--mount=ro=maybe", "invalid value for ro"),
            ("--mount=", "failed to parse csv mounts"),
            (r#"--mount=a=\"b"#, "failed to parse csv mounts"),
            ("--mount=\"from=a\"b", "quotes"),
        ] {
            let error = mount(source).expect_err(source);
            assert!(error.contains(message), "{source}: {error}");
        }
        for source in
            ["--mount=type=secret,id=x,env=Y", "--mount=type=cache,target=/c,sharing=LOCKED,mode=0755"]
        {
            assert!(mount(source).is_ok(), "{source}");
        }
    }
}
