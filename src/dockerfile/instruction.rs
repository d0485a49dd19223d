use std::ops::Range;

use super::heredoc::Heredoc;
use super::mount::Mount;
use super::text::Word;
use super::verb::Verb;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub keyword: Word,
    pub kind: InstructionKind,
    /// Its lines in the file: from the beginning of its first to the end of its last, here-documents and
    /// line break included.
    pub span: Range<usize>,
    pub line: usize,
    pub heredocs: Vec<Heredoc>,
    pub(super) text: String,
    /// Its text in the form that enters the content key; here-documents are added by whoever asks.
    pub(super) normal: String,
    /// The same where `BuildKit`'s own frontend reads it.
    pub(super) canonical: String,
}

/// What an instruction says, where that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstructionKind {
    From(FromInstruction),
    Arg(Vec<ArgDeclaration>),
    Env(Vec<Assignment>),
    Copy(CopyInstruction),
    Add(CopyInstruction),
    Run(RunInstruction),
    /// ONBUILD, with the instruction it keeps for later where that can be read: `BuildKit` checks it only
    /// when it is carried out.
    Onbuild(Option<Box<Instruction>>),
    /// Another one that changes the image but names neither images nor files.
    Other(Verb),
    /// One with an error. The verb, if it has one.
    Invalid(Option<Verb>),
}

impl InstructionKind {
    pub fn verb(&self) -> Option<Verb> {
        match self {
            Self::From(_) => Some(Verb::From),
            Self::Arg(_) => Some(Verb::Arg),
            Self::Env(_) => Some(Verb::Env),
            Self::Copy(_) => Some(Verb::Copy),
            Self::Add(_) => Some(Verb::Add),
            Self::Run(_) => Some(Verb::Run),
            Self::Onbuild(_) => Some(Verb::Onbuild),
            Self::Other(verb) => Some(*verb),
            Self::Invalid(verb) => *verb,
        }
    }
}

/// FROM: the beginning of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromInstruction {
    /// The image or stage, quotes and variables as written.
    pub base: Word,
    /// The name of the stage, in lower case.
    pub name: Option<Word>,
    pub platform: Option<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgDeclaration {
    pub name: String,
    /// The default value as written.
    pub default: Option<String>,
    /// Bytes of both in the file.
    pub span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The name as written; it may hold variables.
    pub name: String,
    pub value: String,
    /// Bytes of both in the file.
    pub span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyInstruction {
    /// `--from`: a stage, its number, or an image. ADD has none.
    pub from: Option<Word>,
    /// What is copied, here-documents left out.
    pub sources: Vec<Word>,
    /// What older builders copy instead where they see the JSON form and newer ones words: `["a", "/"] x`.
    pub elsewhere: Vec<Word>,
    /// The names of here-documents among the sources.
    pub heredocs: Vec<String>,
    pub destination: Word,
    /// `--checksum` of ADD.
    pub checksum: Option<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInstruction {
    /// `--mount`, any number.
    pub mounts: Vec<Mount>,
}

/// An instruction that an image carries (`ONBUILD`) and that is carried out by a build FROM it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The instruction: one logical line, and the here-documents that belong to it.
    pub text: String,
    /// The line of the ONBUILD, from 1.
    pub line: usize,
}

impl Instruction {
    /// What stands behind the keyword, continuations joined.
    pub fn rest(&self) -> &str {
        self.text.trim_start().get(self.keyword.text.len()..).unwrap_or_default().trim_start()
    }

    /// What an image carries for this ONBUILD; `source` is the file.
    pub fn trigger(&self, source: &[u8]) -> Option<Trigger> {
        if !matches!(self.kind, InstructionKind::Onbuild(_)) {
            return None;
        }
        let mut text = self.rest().to_owned();
        for heredoc in &self.heredocs {
            text.push('\n');
            text.push_str(&String::from_utf8_lossy(source.get(heredoc.body.clone())?));
            text.push_str(&heredoc.name);
        }
        Some(Trigger { text, line: self.line })
    }
}
