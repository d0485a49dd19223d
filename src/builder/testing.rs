use std::io::{self, Read};

use super::{ContextEntry, ContextSource, DockerfileInstruction, DockerfileText};

/// A context without files.
pub(super) struct Empty;

impl ContextSource for Empty {
    fn entries(&self) -> &[ContextEntry] {
        &[]
    }

    fn open(&self, _: usize) -> io::Result<Box<dyn Read + Send>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn admits(&self, _: &[String]) -> Result<(), String> {
        Ok(())
    }
}

/// A Dockerfile of which every line is an instruction, or `# syntax=`.
pub(super) fn dockerfile(text: &str) -> DockerfileText {
    let instruction = |(at, line): (usize, &str)| {
        let (name, rest) = line.split_once(' ')?;
        let (name, rest, has_heredoc) = (name.to_owned(), rest.to_owned(), rest.contains("<<"));
        Some(DockerfileInstruction { line: at + 1, name, rest, has_heredoc })
    };
    DockerfileText {
        text: text.into(),
        names_frontend: text.starts_with("# syntax="),
        instructions: text.lines().enumerate().filter_map(instruction).collect(),
    }
}
