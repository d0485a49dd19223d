//! `*` and `?` in patterns of `${NAME%PATTERN}`.

/// A longer text is not matched: each of its ends may be tried.
const LONGEST: usize = 512;

pub(in crate::evidence) fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(char) if *char == '?' || *char == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|char| *char == '*')
}

/// `text` without what `pattern` matches at its front or back; `None` where that cannot be said.
pub(super) fn strip(text: &str, pattern: &str, front: bool, longest: bool) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    if chars.len() > LONGEST || pattern.len() > LONGEST || pattern.contains(&'[') {
        return None;
    }
    let rest = |at: usize| -> &[char] { if front { &chars[at..] } else { &chars[..at] } };
    let cut = |at: usize| -> &[char] { if front { &chars[..at] } else { &chars[at..] } };
    let mut ends: Vec<usize> = (0..=chars.len()).collect();
    // The shortest first: at the front that is the first end, at the back the last.
    if front == longest {
        ends.reverse();
    }
    let end = ends.into_iter().find(|at| matches(&pattern, cut(*at)));
    Some(end.map_or_else(|| text.to_owned(), |at| rest(at).iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_and_backs() {
        let strip = |text, pattern, front, longest| strip(text, pattern, front, longest).unwrap_or_default();
        assert_eq!(strip("a/b/c", "/*", false, false), "a/b");
        assert_eq!(strip("a/b/c", "/*", false, true), "a");
        assert_eq!(strip("a/b/c", "*/", true, false), "b/c");
        assert_eq!(strip("a/b/c", "*/", true, true), "c");
        assert_eq!(strip("a.sh", ".sh", false, false), "a");
        assert_eq!(strip("a.sh", ".py", false, false), "a.sh");
        assert_eq!(strip("v1.2", "v?", true, false), ".2");
    }
}
