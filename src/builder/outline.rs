//! Dockerfiles as they are sent, with what their instructions say: what cannot be built here is refused by line, and
//! the line of a failed step is found where the engine does not say it.

/// A Dockerfile for a builder.
#[derive(Clone, Debug, Default)]
pub struct DockerfileText {
    /// Its bytes.
    pub text: Vec<u8>,
    /// Whether a `# syntax=` line stands at the top.
    pub names_frontend: bool,
    /// What is in it.
    pub instructions: Vec<DockerfileInstruction>,
}

/// One instruction of a [`DockerfileText`].
#[derive(Clone, Debug)]
pub struct DockerfileInstruction {
    /// Its first line, from 1.
    pub line: usize,
    /// Its name in upper case.
    pub name: String,
    /// The rest, continuation lines joined.
    pub rest: String,
    /// Whether it starts a heredoc, as `RUN <<EOF` does.
    pub has_heredoc: bool,
}

impl DockerfileInstruction {
    /// Name and rest with single blanks between words, as builders show them.
    fn shown(&self) -> String {
        let words = self.rest.split_whitespace();
        words.fold(self.name.clone(), |shown, word| shown + " " + word)
    }

    /// The flags, `--name=value`, that stand in front.
    pub(super) fn flags(&self) -> impl Iterator<Item = &str> {
        self.rest.split_whitespace().take_while(|word| word.starts_with("--") && word.len() > 2)
    }
}

impl DockerfileText {
    /// The line of the one instruction that a builder's name for a step means, `[stage 2/3] RUN make`; none if
    /// several look like it.
    pub(super) fn line_of_step(&self, step: &str) -> Option<usize> {
        let step = match step.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?.1,
            None => step,
        };
        let step = step.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut matching = self.instructions.iter().filter(|instruction| instruction.shown() == step);
        let first = matching.next()?;
        matching.next().is_none().then_some(first.line)
    }
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
    use super::super::testing::dockerfile;
    use super::*;

    #[test]
    fn finds_the_line_of_a_step() {
        let text =
            dockerfile("FROM a AS b\nRUN x\nFROM b\nRUN --mount=type=cache,target=/c y &&   z\nRUN x\n");
        assert_eq!(text.line_of_step("[stage-1 2/3] RUN --mount=type=cache,target=/c y &&   z"), Some(4));
        assert_eq!(text.line_of_step("FROM b"), Some(3));
        assert_eq!(text.line_of_step("[b 2/2] RUN x"), None, "two look like it");
        assert_eq!(text.line_of_step("exporting to image"), None);
    }

    #[test]
    fn finds_the_line_in_a_message() {
        let old = "failed to create LLB definition: dockerfile parse error line 3: unknown instruction: X";
        assert_eq!(line_in_message(old), Some(3));
        assert_eq!(line_in_message("dockerfile parse error on line 12: x"), Some(12));
        assert_eq!(line_in_message("exit code: 3"), None);
    }
}
