//! Names of folders that say nothing about which image is in them.

use bstr::{BStr, ByteSlice};

use super::words::words;

/// Folders for Dockerfiles: their parent's name says more, and is where their contexts begin.
const FOR_DOCKERFILES: &[&str] = &[
    ".devcontainer",
    "build",
    "container",
    "containers",
    "docker",
    "dockerfile",
    "dockerfiles",
    "image",
    "images",
];

/// Others whose parent's name says more. They may hold all that is copied.
const AROUND_DOCKERFILES: &[&str] = &[
    ".build",
    ".container",
    ".docker",
    "containerfile",
    "containerfiles",
    "devcontainer",
    "docker-build",
    "docker-image",
    "docker-images",
    "dockerbuild",
    "oci",
];

/// Folders for code of any kind.
const FOR_CODE: &[&str] = &["app", "source", "sources", "src"];

fn is_among(folder: &BStr, names: &[&str]) -> bool {
    let lower = folder.to_ascii_lowercase().replace("_", "-");
    names.iter().any(|name| name.as_bytes() == lower)
}

/// Whether a folder of this name gives way to its parent. So does one whose name has nothing that a
/// repository name allows.
pub(super) fn says_nothing(folder: &BStr) -> bool {
    is_for_dockerfiles(folder) || is_among(folder, FOR_CODE)
}

/// Whether a folder says that Dockerfiles are in it, or nothing at all.
pub(super) fn is_for_dockerfiles(folder: &BStr) -> bool {
    begins_around(folder) || is_among(folder, AROUND_DOCKERFILES) || words(folder).is_empty()
}

/// Whether a Dockerfile in a folder of this name that copies `.` means the folder around it.
pub(crate) fn begins_around(folder: &BStr) -> bool {
    is_among(folder, FOR_DOCKERFILES)
}

/// Whether a folder's name is a version: `8.3`, `v2`, `1.2.0-alpine`, `8.x`. Not `01-intro` or `7-zip`: where words follow,
/// the number has a dot or a `v`.
pub(crate) fn is_version(folder: &BStr) -> bool {
    let (marked, rest) = match folder.strip_prefix(b"v") {
        Some(rest) => (true, rest),
        None => (false, folder.as_bytes()),
    };
    let end = rest.find_byteset(b"-_+").unwrap_or(rest.len());
    let (number, words) = rest.split_at(end);
    let mut parts = number.split(|byte| *byte == b'.');
    let is_number = |part: &[u8]| {
        !part.is_empty()
            && part.iter().all(u8::is_ascii_digit)
            && (part.len() == 1 || part[0] != b'0' || marked)
    };
    let major = parts.next().is_some_and(is_number);
    let minor: Vec<&[u8]> = parts.collect();
    let is_minor = |part: &&[u8]| part.iter().all(u8::is_ascii_digit) || *part == b"x";
    let is_whole = minor.iter().all(|part| !part.is_empty() && is_minor(part));
    let is_clear = words.is_empty() || marked || !minor.is_empty();
    let are_words = words.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_+.".contains(byte));
    major && is_whole && is_clear && are_words && words.len() != 1
}
