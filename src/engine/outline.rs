//! Just enough of a Dockerfile to find its instructions: what cannot be built here is refused by line, and the
//! line of a failed step is found where the engine does not say it.

/// An instruction.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Its first line, from 1.
    pub(super) line: usize,
    /// Its name in upper case.
    pub(super) name: String,
    /// The rest, continuation lines joined.
    pub(super) rest: String,
}

/// The instructions of a Dockerfile. Bodies of heredocs are taken for instructions too.
pub(super) fn instructions(text: &[u8]) -> Vec<Instruction> {
    let text = String::from_utf8_lossy(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let escape = escape(text);
    let mut instructions = Vec::new();
    let mut current: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        // Comments and blank lines may stand between continuation lines.
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (_, logical) = current.get_or_insert_with(|| (index + 1, String::new()));
        let piece = if logical.is_empty() { line.trim_start() } else { line };
        if let Some(continued) = piece.trim_end().strip_suffix(escape) {
            logical.push_str(continued);
            continue;
        }
        logical.push_str(piece);
        instructions.extend(current.take().map(instruction));
    }
    instructions.extend(current.map(instruction));
    instructions
}

fn instruction((line, text): (usize, String)) -> Instruction {
    let text = text.trim();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    Instruction { line, name: name.to_ascii_uppercase(), rest: rest.trim().to_owned() }
}

/// The escape character that the directives at the top set.
fn escape(text: &str) -> char {
    for line in text.lines() {
        let Some(directive) = line.trim().strip_prefix('#') else { break };
        let Some((name, value)) = directive.split_once('=') else { break };
        if name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`" {
            return '`';
        }
    }
    '\\'
}

impl Instruction {
    /// Name and rest with single blanks between words, as builders show them.
    fn shown(&self) -> String {
        let words = self.rest.split_whitespace();
        words.fold(self.name.clone(), |shown, word| shown + " " + word)
    }

    /// The flags, `--name=value`, that stand in front.
    pub(super) fn flags(&self) -> impl Iterator<Item = &str> {
        self.rest.split_whitespace().take_while(|word| word.starts_with("--") && word.len() > 2)
    }

    /// Whether it starts a heredoc, as `RUN <<EOF` does.
    pub(super) fn has_heredoc(&self) -> bool {
        let (name, rest) = match self.name.as_str() {
            "ONBUILD" => self.rest.split_once(char::is_whitespace).unwrap_or_default(),
            name => (name, self.rest.as_str()),
        };
        let takes_heredocs = ["RUN", "COPY", "ADD"].iter().any(|known| name.eq_ignore_ascii_case(known));
        takes_heredocs && words(rest).iter().any(|word| is_heredoc(word))
    }
}

/// `<<EOF`, `<<-"EOF"`, `3<<EOF`; not `<<<here`, `1<<2<3` and `$((1 <<2))`.
fn is_heredoc(word: &str) -> bool {
    let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let Some(name) = word.strip_prefix("<<") else { return false };
    let name = name.strip_prefix('-').unwrap_or(name);
    !name.is_empty() && !name.contains(['<', ')'])
}

/// Words as a shell splits them: quotes hold words together.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, c) if c.is_whitespace() => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.push(word);
    words
}

/// The line of the one instruction that a builder's name for a step means, `[stage 2/3] RUN make`; none if
/// several look like it.
pub(super) fn line_of_step(dockerfile: &[u8], step: &str) -> Option<usize> {
    let step = match step.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.1,
        None => step,
    };
    let step = step.split_whitespace().collect::<Vec<_>>().join(" ");
    let instructions = instructions(dockerfile);
    let mut alike = instructions.iter().filter(|instruction| instruction.shown() == step);
    let first = alike.next()?;
    alike.next().is_none().then_some(first.line)
}

/// The line that a parser's message names: `dockerfile parse error on line 3: …`.
pub(super) fn line_in_message(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("parse error ")?;
    let rest = rest.strip_prefix("on ").unwrap_or(rest).strip_prefix("line ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String)> {
        instructions(text.as_bytes()).iter().map(|i| (i.line, i.shown())).collect()
    }

    #[test]
    fn joins_continuations_over_comments() {
        let text = "# comment\n\nfrom a\nRUN x && \\\n# between\n\n  y \\  \n  && z\nCMD [\"c\"]\\";
        let expected = [(3, "FROM a"), (4, "RUN x && y && z"), (9, "CMD [\"c\"]")];
        assert_eq!(found(text), expected.map(|(line, text)| (line, text.to_owned())));
        let text = "# syntax=x\n# escape=`\r\nFROM a `\r\n  AS b\r\nRUN dir C:\\\r\n";
        assert_eq!(found(text), [(3, "FROM a AS b".to_owned()), (5, "RUN dir C:\\".to_owned())]);
    }

    #[test]
    fn tells_heredocs_from_shifts_and_quotes() {
        let has = |text: &str| instructions(text.as_bytes())[0].has_heredoc();
        for text in
            ["RUN <<EOF", "RUN cat <<-\"EOF\" > x", "copy <<a <<b /", "ONBUILD RUN <<X", "RUN python 3<<E"]
        {
            assert!(has(text), "{text}");
        }
        for text in [
            "RUN cat <<<x",
            "RUN echo $((1 << 2))",
            "RUN echo \"a <<b\"",
            "RUN echo 'a <<b'",
            "CMD <<EOF",
            "RUN",
        ] {
            assert!(!has(text), "{text}");
        }
    }

    #[test]
    fn finds_the_line_of_a_step() {
        let text = b"FROM a AS b\nRUN x\nFROM b\nRUN --mount=type=cache,target=/c y && \\\n  z\nRUN x\n";
        assert_eq!(line_of_step(text, "[stage-1 2/3] RUN --mount=type=cache,target=/c y &&   z"), Some(4));
        assert_eq!(line_of_step(text, "FROM b"), Some(3));
        assert_eq!(line_of_step(text, "[b 2/2] RUN x"), None, "two look like it");
        assert_eq!(line_of_step(text, "exporting to image"), None);
    }

    #[test]
    fn finds_the_line_in_a_message() {
        let old = "failed to create LLB definition: dockerfile parse error line 3: unknown instruction: X";
        assert_eq!(line_in_message(old), Some(3));
        assert_eq!(line_in_message("dockerfile parse error on line 12: x"), Some(12));
        assert_eq!(line_in_message("exit code: 3"), None);
    }
}
