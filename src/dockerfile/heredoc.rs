//! Here-documents: `RUN <<EOF`, `COPY <<"EOF" /file`.

use std::ops::Range;

use super::shell::{ShellError, split_words};
use super::verb::Verb;

/// A here-document of an ADD, COPY or RUN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it; for COPY and ADD also the name of the file.
    pub name: String,
    /// Whether it was written `<<-`: tabs in front of its lines go.
    pub chomp: bool,
    /// The bytes of its lines in the file, without the one that ends it.
    pub body: Range<usize>,
    /// Whether blanks follow `<<`, which only the newest `BuildKit` takes for a here-document: to others its
    /// lines are instructions.
    pub spaced: bool,
}

impl Heredoc {
    /// Whether a builder that takes it for none could take its lines for instructions. As a rule the line that
    /// ends it is none, and stops such a builder.
    pub(super) fn may_be_instructions(&self) -> bool {
        let first = self.name.split_whitespace().next().unwrap_or_default();
        self.spaced && (first.is_empty() || first.starts_with('#') || Verb::of(first).is_some())
    }
}

/// What a word such as `3<<-"EOF"` announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) name: String,
    pub(super) chomp: bool,
    /// Whether blanks stand in front of the name.
    pub(super) spaced: bool,
}

impl Announced {
    /// Whether some builder takes it for something else, where no line ends it: a shift (`$((1 << 2))`), or the
    /// shell's own here-document.
    pub(super) fn is_disputed(&self) -> bool {
        self.spaced || self.name.contains(')')
    }
}

/// The here-document that a word announces, if it does.
pub(super) fn announced(word: &str) -> Result<Option<Announced>, ShellError> {
    let Some(rest) = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<") else {
        return Ok(None);
    };
    let (chomp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let spaced = rest.starts_with(|c: char| c.is_ascii_whitespace());
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    if rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    let mut words = split_words(rest, false)?;
    Ok(words.pop().filter(|_| words.is_empty()).map(|name| Announced { name, chomp, spaced }))
}

/// The here-documents that a line announces, in order. A line with quotes that do not close has none:
/// the shell may make more of it (`it's`).
pub(super) fn announced_in(line: &str) -> Result<Vec<Announced>, ShellError> {
    if !line.contains("<<") {
        return Ok(Vec::new());
    }
    let words = split_words(line, true).unwrap_or_default();
    words.iter().filter_map(|word| announced(word).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_buildkit_finds() {
        for (line, expected) in [
            ("RUN <<EOF", vec!["EOF"]),
            ("RUN cat << EOF > /x", vec!["EOF"]),
            ("RUN <<A cat 3<<-B", vec!["A", "-B"]),
            ("RUN <<\"E O\"", vec!["E O"]),
            ("RUN cat <<<\"hi\"", vec![]),
            ("RUN x<<EOF", vec![]),
            ("RUN echo it's <<EOF", vec![]),
            ("RUN echo $((1 << 2))", vec!["2))"]),
            ("RUN <<A<<B", vec![]),
            ("RUN <<$X ${y:-z}", vec!["$X"]),
            ("COPY << /x", vec!["/x"]),
            ("RUN <<", vec![]),
        ] {
            let found = announced_in(line).unwrap_or_default();
            let names: Vec<String> = found
                .into_iter()
                .map(|found| if found.chomp { format!("-{}", found.name) } else { found.name })
                .collect();
            assert_eq!(names, expected, "{line}");
        }
    }
}
