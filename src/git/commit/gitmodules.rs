//! The file `.gitmodules`: under which name git keeps the repository of the submodule at a path.

use std::collections::HashMap;

use bstr::ByteSlice;

/// The name of each submodule by its path. A name that would lead out of git's folder is none, as for git.
pub(in crate::git) fn names(text: &[u8]) -> HashMap<Vec<u8>, Vec<u8>> {
    let mut names = HashMap::new();
    let mut name: Option<Vec<u8>> = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix(b"[") {
            name = section_name(section).filter(|name| is_safe(name));
        } else if let Some((key, value)) = line.split_once_str("=")
            && key.trim().eq_ignore_ascii_case(b"path")
            && let Some(name) = &name
        {
            names.insert(self::value(value.trim()), name.clone());
        }
    }
    names
}

/// `submodule "NAME"]`
fn section_name(section: &[u8]) -> Option<Vec<u8>> {
    let word = b"submodule".len();
    let (kind, rest) = section.split_at_checked(word)?;
    let quoted = rest.trim_start().strip_prefix(b"\"").filter(|_| kind.eq_ignore_ascii_case(b"submodule"))?;
    let mut name = Vec::new();
    let mut bytes = quoted.iter();
    loop {
        match *bytes.next()? {
            b'"' => return Some(name),
            b'\\' => name.push(*bytes.next()?),
            byte => name.push(byte),
        }
    }
}

/// A value: quotes group, a backslash escapes, a comment ends it.
fn value(text: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    let mut quoted = false;
    // White space at the end does not count unless it is quoted.
    let mut end = 0;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'#' | b';' if !quoted => break,
            b'\\' => value.extend(bytes.next().map(|byte| match byte {
                b'n' => b'\n',
                b't' => b'\t',
                other => *other,
            })),
            byte => value.push(*byte),
        }
        if quoted || !byte.is_ascii_whitespace() {
            end = value.len();
        }
    }
    value.truncate(end);
    value
}

/// Git refuses names with `..` in them, which would be paths out of its folder.
fn is_safe(name: &[u8]) -> bool {
    !name.is_empty() && name.split(|byte| matches!(byte, b'/' | b'\\')).all(|part| part != b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str, path: &str) -> Option<String> {
        names(text.as_bytes()).get(path.as_bytes()).map(|name| String::from_utf8_lossy(name).into_owned())
    }

    #[test]
    fn names_by_path() {
        let text = "# all\n[submodule \"a\"]\n\tpath = libs/a\n\turl = ../a\n[Submodule \"with \\\"quotes\\\"\"]\n\
                    url=x\n  Path=\"libs/b c\" ; where\n[other \"x\"]\npath = y\n";
        assert_eq!(name(text, "libs/a").as_deref(), Some("a"));
        assert_eq!(name(text, "libs/b c").as_deref(), Some("with \"quotes\""));
        assert_eq!(name(text, "y"), None);
    }

    #[test]
    fn a_name_cannot_lead_out() {
        for bad in ["..", "../x", "a/../../b", ""] {
            assert_eq!(name(&format!("[submodule \"{bad}\"]\npath = a\n"), "a"), None, "{bad}");
        }
        assert_eq!(name("[submodule \"a..b\"]\npath = a\n", "a").as_deref(), Some("a..b"));
        assert_eq!(name("[submodule \"open\npath = a\n", "a"), None);
    }
}
