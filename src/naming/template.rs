//! Text with holes: `src/{repo}/{ver}` and `dotnet/{repo}:{ver}`.

/// Why a line of the settings' `names`, or the NAME of an `[image.NAME]`, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidName {
    /// A `{` without `}` or the reverse.
    #[error("`{0}` has a brace without its other half; a brace itself is written twice, `{{{{`")]
    Brace(String),
    /// `{}` or a hole with characters other than letters, digits and `_`.
    #[error("`{{{0}}}` is not a placeholder: write a word between the braces, such as `{{name}}`")]
    Placeholder(String),
    /// `{a}{b}`: nothing says where one ends.
    #[error("`{0}` has two placeholders side by side: put a character between them")]
    Adjacent(String),
    /// The same placeholder twice in one pattern.
    #[error("`{0}` uses a placeholder twice: give each its own word")]
    Repeated(String),
    /// `..`, `.` or an empty part in the middle of a path.
    #[error("`{0}` is not a path from the root of the checkout")]
    Path(String),
    /// The name uses a placeholder that the pattern has not.
    #[error("`{{{placeholder}}}` is not in the pattern `{pattern}`")]
    Unknown { placeholder: String, pattern: String },
    /// The name is not one that a repository can have.
    #[error(
        "`{0}` is not a name for an image: lower-case letters, digits, `.`, `_`, `-`, with `/` between parts"
    )]
    Name(String),
    /// What follows the `:` cannot begin a tag.
    #[error(
        "`{0}` cannot begin a tag: up to 64 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`"
    )]
    Prefix(String),
}

/// A run of text, or a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Hole(String),
}

/// Splits at the placeholders. `{{` and `}}` are the braces themselves, for folders such as `{{project}}`.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, InvalidName> {
    let brace = || InvalidName::Brace(text.to_owned());
    let mut result = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                plain.push(c);
            }
            '{' => {
                if !plain.is_empty() {
                    result.push(Piece::Text(std::mem::take(&mut plain)));
                }
                let mut hole = String::new();
                loop {
                    match chars.next().ok_or_else(brace)? {
                        '}' => break,
                        '{' => return Err(brace()),
                        c => hole.push(c),
                    }
                }
                if hole.is_empty() || !hole.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    return Err(InvalidName::Placeholder(hole));
                }
                result.push(Piece::Hole(hole));
            }
            '}' => return Err(brace()),
            c => plain.push(c),
        }
    }
    if !plain.is_empty() {
        result.push(Piece::Text(plain));
    }
    Ok(result)
}

/// `text` so that [`pieces`] takes it literally.
pub(super) fn escape(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// What a placeholder stands for in one path.
pub(super) type Values<'a> = Vec<(&'a str, &'a [u8])>;

#[derive(Clone, Debug)]
pub(super) struct ComponentPattern(Vec<Piece>);

impl ComponentPattern {
    pub(super) fn new(text: &str) -> Result<Self, InvalidName> {
        let pieces = pieces(text)?;
        if pieces.windows(2).any(|pair| matches!(pair, [Piece::Hole(_), Piece::Hole(_)])) {
            return Err(InvalidName::Adjacent(text.to_owned()));
        }
        Ok(Self(pieces))
    }

    pub(super) fn holes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The text, if it has no placeholder.
    pub(super) fn literal(&self) -> Option<String> {
        match &self.0[..] {
            [Piece::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// Whether a literal part contains `text`.
    pub(super) fn has_text(&self, text: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Text(literal) if literal.contains(text)))
    }

    pub(super) fn literal_length(&self) -> usize {
        self.0.iter().map(|piece| if let Piece::Text(text) = piece { text.len() } else { 0 }).sum()
    }

    /// Whether `component` fits; if so `values` gets what the placeholders stand for. A placeholder stands
    /// for one character or more, as few as what follows it allows; the last one takes the rest.
    pub(super) fn matches<'a>(&'a self, component: &'a [u8], values: &mut Values<'a>) -> bool {
        let mut rest = component;
        let mut open: Option<&str> = None;
        for (at, piece) in self.0.iter().enumerate() {
            match (piece, open) {
                (Piece::Hole(hole), _) => open = Some(hole),
                (Piece::Text(text), None) => match rest.strip_prefix(text.as_bytes()) {
                    Some(after) => rest = after,
                    None => return false,
                },
                (Piece::Text(text), Some(hole)) => {
                    let last = at + 1 == self.0.len();
                    let found = if last {
                        rest.strip_suffix(text.as_bytes()).map(<[u8]>::len)
                    } else {
                        bstr::ByteSlice::find(rest.get(1..).unwrap_or_default(), text).map(|at| at + 1)
                    };
                    match found {
                        Some(end) if end > 0 => {
                            values.push((hole, &rest[..end]));
                            rest = &rest[end + text.len()..];
                            open = None;
                        }
                        _ => return false,
                    }
                }
            }
        }
        match open {
            Some(hole) if !rest.is_empty() => {
                values.push((hole, rest));
                true
            }
            Some(_) => false,
            None => rest.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, component: &str) -> Option<Vec<(String, String)>> {
        let pattern = ComponentPattern::new(pattern).expect("valid pattern");
        let mut values = Values::new();
        pattern.matches(component.as_bytes(), &mut values).then(|| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            values.iter().map(|(hole, value)| ((*hole).to_owned(), text(value))).collect()
        })
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn placeholders_take_as_little_as_possible_and_the_last_the_rest() {
        assert_eq!(matched("{repo}", "sdk"), Some(pairs(&[("repo", "sdk")])));
        assert_eq!(matched("v{n}", "v8"), Some(pairs(&[("n", "8")])));
        assert_eq!(matched("{a}-{b}", "x-y-z"), Some(pairs(&[("a", "x"), ("b", "y-z")])));
        assert_eq!(matched("{a}-end", "x-end-end"), Some(pairs(&[("a", "x-end")])));
        assert_eq!(matched("{a}-{b}", "-y-z"), Some(pairs(&[("a", "-y"), ("b", "z")])));
        assert_eq!(matched("plain", "plain"), Some(pairs(&[])));
        for (pattern, component) in
            [("{a}", ""), ("{a}-{b}", "x-"), ("v{n}", "v"), ("plain", "plainer"), ("{a}x", "x"), ("a", "b")]
        {
            assert_eq!(matched(pattern, component), None, "{pattern} {component}");
        }
    }

    #[test]
    fn braces_are_written_twice() {
        assert_eq!(matched("{{cookie}}", "{cookie}"), Some(pairs(&[])));
        assert_eq!(matched(&escape("{{cookie}}"), "{{cookie}}"), Some(pairs(&[])));
    }

    #[test]
    fn bad_patterns_are_errors_that_say_why() {
        for (text, message) in [
            ("{a", "brace without its other half"),
            ("a}", "brace without its other half"),
            ("{a{b}}", "brace without its other half"),
            ("{}", "not a placeholder"),
            ("{a b}", "not a placeholder"),
            ("{a}{b}", "side by side"),
        ] {
            let error = ComponentPattern::new(text).expect_err(text).to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
