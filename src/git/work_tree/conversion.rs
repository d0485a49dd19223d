//! What git does to a file between blob and disk (convert.c in git): line endings, `$Id$`, encodings, filters.

use bstr::ByteSlice;

use crate::git::BlobId;
use crate::git::work_tree::attributes::{FileAttributes, Value};

/// The settings of a repository that take part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::git) struct EolSettings {
    pub(in crate::git) autocrlf: AutoCrlf,
    /// Whether `core.eol` (or, without it, the system) asks for CRLF on disk.
    pub(in crate::git) crlf: bool,
}

/// `core.autocrlf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::git) enum AutoCrlf {
    #[default]
    False,
    True,
    Input,
}

/// How far disk and blob of a file can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) enum Difference {
    /// Not at all.
    None,
    /// Only by carriage returns, so equal sizes mean equal bytes.
    LineEndings,
    Any,
}

/// What git writes to disk in place of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) struct Conversion {
    crlf: Option<CrlfRule>,
    ident: bool,
}

/// Why a file cannot be made out of a commit's objects alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) enum Refusal {
    /// A program of the user's makes it.
    Filter(String),
    Encoding(String),
    LfsPointer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CrlfRule {
    Always,
    /// Not where it would be lossy: binary files, and those that have carriage returns already.
    Auto,
}

/// The rule of one file, after attributes and settings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Binary,
    Text,
    Auto,
    Undefined,
}

fn action(value: &Value) -> Action {
    match value {
        Value::Set => Action::Text,
        Value::Unset => Action::Binary,
        Value::Text(text) if text == b"auto" => Action::Auto,
        Value::Text(text) if text == b"input" => Action::Text,
        Value::Text(_) | Value::Unspecified => Action::Undefined,
    }
}

fn eol_action(attributes: &FileAttributes<'_>) -> Action {
    let is_eol = |word: &[u8]| is_text(attributes.eol, word);
    match action(attributes.text) {
        Action::Undefined => match action(attributes.crlf) {
            Action::Undefined if is_eol(b"lf") || is_eol(b"crlf") => Action::Text,
            other => other,
        },
        other => other,
    }
}

fn is_text(value: &Value, word: &[u8]) -> bool {
    matches!(value, Value::Text(text) if text == word)
}

fn named(value: &Value) -> Option<String> {
    match value {
        Value::Text(name) => Some(name.to_str_lossy().into_owned()),
        _ => None,
    }
}

impl Difference {
    pub(in crate::git) fn of(attributes: &FileAttributes<'_>, settings: EolSettings) -> Self {
        let is_named = |value| matches!(value, &Value::Text(_));
        if *attributes.ident == Value::Set || is_named(attributes.filter) || is_named(attributes.encoding) {
            return Self::Any;
        }
        match eol_action(attributes) {
            Action::Binary => Self::None,
            Action::Undefined if settings.autocrlf == AutoCrlf::False => Self::None,
            _ => Self::LineEndings,
        }
    }
}

impl Conversion {
    /// Nothing for files that git writes as they are.
    pub(in crate::git) fn of(
        attributes: &FileAttributes<'_>,
        settings: EolSettings,
    ) -> Result<Option<Self>, Refusal> {
        if let Some(name) = named(attributes.filter) {
            return Err(Refusal::Filter(name));
        }
        match named(attributes.encoding) {
            Some(name) if !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("utf8") => {
                return Err(Refusal::Encoding(name));
            }
            _ => {}
        }
        let is_eol = |word: &[u8]| is_text(attributes.eol, word);
        let default = match settings.autocrlf {
            AutoCrlf::True => true,
            AutoCrlf::Input => false,
            AutoCrlf::False => settings.crlf,
        };
        let input_only = |value: &Value| is_text(value, b"input");
        let wants_crlf = if is_eol(b"crlf") {
            true
        } else if is_eol(b"lf")
            || input_only(attributes.text)
            || (action(attributes.text) == Action::Undefined && input_only(attributes.crlf))
        {
            false
        } else {
            default
        };
        let crlf = match eol_action(attributes) {
            Action::Text if wants_crlf => Some(CrlfRule::Always),
            Action::Auto if wants_crlf => Some(CrlfRule::Auto),
            Action::Undefined if settings.autocrlf == AutoCrlf::True => Some(CrlfRule::Auto),
            _ => None,
        };
        let ident = *attributes.ident == Value::Set;
        Ok((crlf.is_some() || ident).then_some(Self { crlf, ident }))
    }

    /// What stands on disk after git has checked the blob out.
    pub(in crate::git) fn apply(self, bytes: Vec<u8>, blob: BlobId) -> Vec<u8> {
        let bytes = if self.ident { expand_ident(bytes, blob) } else { bytes };
        match self.crlf {
            Some(rule) => to_crlf(bytes, rule),
            None => bytes,
        }
    }
}

fn to_crlf(bytes: Vec<u8>, rule: CrlfRule) -> Vec<u8> {
    let pairs = bytes.find_iter("\r\n").count();
    let returns = bytes.find_iter("\r").count();
    let feeds = bytes.find_iter("\n").count();
    if feeds == pairs || (rule == CrlfRule::Auto && (returns > 0 || is_binary(&bytes))) {
        return bytes;
    }
    let mut result = Vec::with_capacity(bytes.len() + feeds);
    let mut previous = 0;
    for byte in bytes {
        if byte == b'\n' && previous != b'\r' {
            result.push(b'\r');
        }
        result.push(byte);
        previous = byte;
    }
    result
}

/// Git's guess for `text=auto`: a NUL, or more than one in 128 characters that does not print.
fn is_binary(bytes: &[u8]) -> bool {
    let (mut printable, mut other) = (0_usize, 0_usize);
    for byte in bytes {
        match byte {
            0 => return true,
            b'\r' | b'\n' => {}
            0x08 | b'\t' | 0x1b | 0x0c => printable += 1,
            0x7f | 0x00..=0x1f => other += 1,
            _ => printable += 1,
        }
    }
    // An end-of-file mark of DOS does not count.
    if bytes.last() == Some(&0x1a) {
        other -= 1;
    }
    printable >> 7 < other
}

/// `$Id$` and `$Id: … $` become `$Id: BLOB $`; one with a space inside is another system's and stays.
fn expand_ident(bytes: Vec<u8>, blob: BlobId) -> Vec<u8> {
    if bytes.find("$Id").is_none() {
        return bytes;
    }
    let mut result = Vec::with_capacity(bytes.len() + 64);
    let mut rest = &bytes[..];
    while let Some(at) = rest.find("$Id") {
        result.extend_from_slice(&rest[..at + 3]);
        rest = &rest[at + 3..];
        let skip = match rest.first() {
            Some(b'$') => 1,
            Some(b':') => {
                let Some(end) = rest.find_byteset(b"$\n").filter(|end| rest[*end] == b'$') else { continue };
                // After `: ` the id, then one space before the dollar.
                let space = rest[..end].iter().skip(2).position(|byte| *byte == b' ').map(|at| at + 2);
                if space.is_some_and(|space| space + 1 < end) {
                    continue;
                }
                end + 1
            }
            _ => continue,
        };
        result.extend_from_slice(format!(": {blob} $").as_bytes());
        rest = &rest[skip..];
    }
    result.extend_from_slice(rest);
    result
}
