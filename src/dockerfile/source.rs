//! Sources of COPY, ADD and bind mounts as paths of the build context.

use super::evaluation::SourcePattern;
use super::value::Value;

/// The paths that a source of COPY or ADD names.
pub(super) fn pattern(value: &Value) -> SourcePattern {
    match value.unknown {
        None => SourcePattern::Path(clean(&value.text)),
        Some(at) => SourcePattern::Below(folder_before(&value.text, at)),
    }
}

/// The path that the source of a mount names: it knows no globs.
pub(super) fn literal(value: &Value) -> SourcePattern {
    match pattern(value) {
        SourcePattern::Path(path) => SourcePattern::Path(escape_globs(&path)),
        below @ SourcePattern::Below(_) => below,
    }
}

/// Whether a path holds what Go's `filepath.Match` takes for more than itself.
pub(super) fn has_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '\\'])
}

/// Whether a path means any number of files.
pub(super) fn has_wildcard(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Whether ADD fetches this from elsewhere: a URL or a git repository.
pub(super) fn is_remote(value: &Value) -> bool {
    let known = value.unknown.map_or(value.text.as_str(), |at| &value.text[..at]);
    ["http://", "https://", "git://", "ssh://"].iter().any(|scheme| known.starts_with(scheme))
        || is_scp_like(known)
}

/// `git@github.com:owner/repository.git`
fn is_scp_like(text: &str) -> bool {
    let Some((user, rest)) = text.split_once('@') else { return false };
    let Some((host, _)) = rest.split_once(':') else { return false };
    let is_name = |text: &str, also: &[u8]| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
    };
    is_name(user, b"-_") && is_name(host, b"-.")
}

/// Resolves `.` and `..`, which stops at the root.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The folder in front of what is not known from `at` on, up to the first glob.
fn folder_before(path: &str, at: usize) -> String {
    let (known, rest) = path.split_at(at);
    if rest.split('/').any(|part| part == "..") {
        return String::new();
    }
    let folder = clean(known.rsplit_once('/').map_or("", |(folder, _)| folder));
    let parts: Vec<&str> = folder.split('/').take_while(|part| !has_glob(part)).collect();
    parts.join("/")
}

fn escape_globs(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_clamped_at_the_root() {
        for (path, cleaned) in
            [("/a", "a"), ("../b", "b"), ("./c/", "c"), (".", ""), ("a*/../b", "b"), ("src/./a", "src/a")]
        {
            assert_eq!(pattern(&Value::known(path)), SourcePattern::Path(cleaned.into()), "{path}");
        }
        assert_eq!(literal(&Value::known("a*[b")), SourcePattern::Path("a\\*\\[b".into()));
    }

    #[test]
    fn what_is_not_known_is_below_the_folder_in_front() {
        for (path, at, folder) in [
            ("a/b/", 4, "a/b"),
            ("a/pre/x", 5, "a"),
            ("a*/b/", 5, ""),
            ("a/b*/c/", 7, "a"),
            ("", 0, ""),
            ("a/b//../x", 4, ""),
            ("../a/", 5, "a"),
        ] {
            let value = Value { text: path.into(), unknown: Some(at) };
            assert_eq!(pattern(&value), SourcePattern::Below(folder.into()), "{path}");
        }
    }

    #[test]
    fn knows_what_is_elsewhere() {
        for text in ["https://x/y", "git@github.com:o/r.git", "ssh://h/x", "http://x"] {
            assert!(is_remote(&Value::known(text)), "{text}");
        }
        for text in ["github.com/o/r", "a@b", "a/b@c:d", "httpx"] {
            assert!(!is_remote(&Value::known(text)), "{text}");
        }
    }
}
