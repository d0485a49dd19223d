use crate::builder::{DockerfileInstruction, DockerfileText};
use crate::dockerfile::{Instruction, parse};

/// A Dockerfile as an engine gets it.
pub fn outline(text: Vec<u8>) -> DockerfileText {
    let model = parse(&text);
    DockerfileText {
        names_frontend: model.directives.syntax.is_some(),
        instructions: model.instructions.iter().map(instruction).collect(),
        text,
    }
}

fn instruction(instruction: &Instruction) -> DockerfileInstruction {
    DockerfileInstruction {
        line: instruction.line,
        name: instruction.keyword.text.to_ascii_uppercase(),
        rest: instruction.rest().trim_end().to_owned(),
        has_heredoc: !instruction.heredocs.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String, bool)> {
        let instructions = outline(text.into()).instructions.into_iter();
        instructions.map(|it| (it.line, format!("{} {}", it.name, it.rest), it.has_heredoc)).collect()
    }

    #[test]
    fn continuations_and_heredocs() {
        let text = "# escape=`\r\nfrom a `\r\n# between\r\n  AS b\r\nONBUILD RUN <<X\r\nFROM c\r\nX\r\nRUN echo \"a <<b\"";
        let expected = [
            (2, "FROM a   AS b".to_owned(), false),
            (5, "ONBUILD RUN <<X".to_owned(), true),
            (8, "RUN echo \"a <<b\"".to_owned(), false),
        ];
        assert_eq!(found(text), expected);
    }
}
