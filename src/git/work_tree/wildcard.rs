//! Git's wildcards within one component of a path: `*`, `?`, `[a-z]`, `[!a]`, `[[:alpha:]]` and `\`
//! (wildmatch.c in git, with `WM_PATHNAME`). `/` and `**` are for the callers, which split at `/`.

/// Whether `pattern` holds anything that git treats as special.
pub(in crate::git) fn has_wildcard(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| b"*?[\\".contains(byte))
}

/// Whether the whole of `name` matches.
pub(in crate::git) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where to go on after the last `*`: behind it in the pattern, one byte later in the name.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = if at == pattern.len() {
            if read == name.len() {
                return true;
            }
            None
        } else if pattern[at] == b'*' {
            at += 1;
            retry = Some((at, read));
            continue;
        } else if read == name.len() {
            return false;
        } else {
            one(&pattern[at..], name[read])
        };
        match (step, retry) {
            (Some(length), _) => {
                at += length;
                read += 1;
            }
            (None, Some((star, from))) if from < name.len() => {
                at = star;
                read = from + 1;
                retry = Some((star, from + 1));
            }
            (None, _) => return false,
        }
    }
}

/// How much of `pattern`, which does not begin with `*`, matches this byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern[0] {
        b'?' => Some(1),
        b'\\' => (pattern.get(1) == Some(&byte)).then_some(2),
        b'[' => {
            let (length, matched) = class(pattern, byte)?;
            matched.then_some(length)
        }
        literal => (literal == byte).then_some(1),
    }
}

/// A bracket expression: its length and whether it holds `byte`; `None` if it does not end.
fn class(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let mut at = 1;
    let negated = matches!(pattern.get(at)?, b'!' | b'^');
    at += usize::from(negated);
    let (mut matched, mut first, mut previous) = (false, true, None);
    loop {
        let mut current = *pattern.get(at)?;
        if current == b']' && !first {
            return Some((at + 1, matched != negated));
        }
        first = false;
        let next = pattern.get(at + 1).copied();
        if current == b'-' && previous.is_some() && next.is_some_and(|next| next != b']') {
            at += 1;
            let mut end = *pattern.get(at)?;
            if end == b'\\' {
                at += 1;
                end = *pattern.get(at)?;
            }
            matched |= previous.is_some_and(|start| start <= byte) && byte <= end;
            previous = None;
        } else if current == b'[' && next == Some(b':') {
            let rest = &pattern[at + 2..];
            let end = rest.iter().position(|byte| *byte == b']')?;
            if let Some(name) = rest[..end].strip_suffix(b":") {
                matched |= named_class(name, byte)?;
                at += 2 + end;
                previous = None;
            } else {
                matched |= byte == b'[';
                previous = Some(b'[');
            }
        } else {
            if current == b'\\' {
                at += 1;
                current = *pattern.get(at)?;
            }
            matched |= byte == current;
            previous = Some(current);
        }
        at += 1;
    }
}

fn named_class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => byte == b' ' || byte == b'\t',
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_git_does() {
        for (pattern, name) in [
            ("*.py", "a.py"),
            ("*", ""),
            ("a*b*c", "a--b--bc"),
            ("?", "x"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[^a]", "b"),
            ("[]a]", "]"),
            ("[]-a]", "^"),
            ("[a-]", "-"),
            ("[[:digit:][:upper:]]", "Q"),
            ("[\\]]", "]"),
            ("\\*", "*"),
            ("**", "anything"),
            ("[[]", "["),
        ] {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.py", "a.pyc"),
            ("a", ""),
            ("", "a"),
            ("[a", "a"),
            ("[[:nope:]]", "a"),
            ("[!a-c]x", "ax"),
            ("\\*", "x"),
            ("a\\", "a"),
            ("*a", "ab"),
        ] {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = b"a*".repeat(200);
        assert!(!matches(&[&pattern[..], b"b"].concat(), &b"a".repeat(5000)));
    }
}
