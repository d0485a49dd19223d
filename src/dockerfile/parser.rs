use std::ops::Range;

use super::directive::Directives;
use super::error::{LineError, SyntaxError, SyntaxErrorKind};
use super::grammar::Node;
use super::heredoc::{self, Announced, Heredoc};
use super::instruction::{Instruction, InstructionKind};
use super::lexer::{Lexer, LogicalLine};
use super::normal;
use super::stage::Stage;
use super::text::Word;
use super::verb::Verb;
use crate::limits;

/// A Dockerfile: its text and what it says.
#[derive(Clone, Debug)]
pub struct Dockerfile {
    pub source: Vec<u8>,
    pub directives: Directives,
    /// All instructions, also those with an error.
    pub instructions: Vec<Instruction>,
    /// The stages, also those whose FROM has an error.
    pub stages: Vec<Stage>,
    /// What `BuildKit` refuses, in the order of the file.
    pub errors: Vec<SyntaxError>,
    line_starts: Vec<usize>,
}

impl Dockerfile {
    /// Whether `BuildKit` takes it. (That it can be built is another question: see
    /// [`evaluate`](super::evaluate).)
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// Whether every builder refuses it. Some take what is an error to the newest `BuildKit`.
    pub fn is_hopeless(&self) -> bool {
        self.errors.iter().any(|error| !error.disputed)
    }

    /// Whether a target can be called so: a stage's name, or its number.
    pub fn has_stage(&self, target: &str) -> bool {
        let name = target.to_lowercase();
        let is_number = || target.parse().is_ok_and(|number: usize| number < self.stages.len());
        self.stages.iter().any(|stage| stage.name.as_ref() == Some(&name)) || is_number()
    }

    /// The line of a byte, from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).max(1)
    }

    /// The ARGs in front of the first FROM.
    pub fn global_instructions(&self) -> &[Instruction] {
        let end = self.stages.first().map_or(self.instructions.len(), |stage| stage.instructions.start);
        &self.instructions[..end]
    }

    /// The instructions of a stage, its FROM first.
    pub fn instructions_of(&self, stage: &Stage) -> &[Instruction] {
        self.instructions.get(stage.instructions.clone()).unwrap_or_default()
    }
}

/// Reads a Dockerfile. Never fails: what is wrong is in `errors`, the rest of the model is there.
pub fn parse(source: &[u8]) -> Dockerfile {
    let mut parser = Parser {
        lexer: Lexer::new(source),
        source,
        instructions: Vec::new(),
        stages: Vec::new(),
        errors: Vec::new(),
        stray: false,
    };
    while let Some(line) = parser.lexer.next_logical() {
        if parser.errors.len() >= limits::SYNTAX_ERRORS {
            let hint = "the rest of the file is not read";
            parser.error(SyntaxErrorKind::Text, "too many errors", line.start..line.start, hint);
            break;
        }
        parser.instruction(&line);
    }
    parser.finish()
}

/// Reads the text of a [`Trigger`](super::Trigger), which has to be one instruction.
pub(super) fn parse_trigger(text: &str) -> Result<Instruction, String> {
    let mut parsed = parse(text.as_bytes());
    match (parsed.instructions.pop(), parsed.instructions.is_empty()) {
        (Some(Instruction { kind: InstructionKind::Invalid(_), .. }), _) => {
            let message = parsed.errors.first().map(|error| error.message.clone());
            Err(message.unwrap_or_else(|| "it has an error".to_owned()))
        }
        (Some(instruction), true) => Ok(instruction),
        _ => Err("onbuild trigger should be a single expression".to_owned()),
    }
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    source: &'s [u8],
    instructions: Vec<Instruction>,
    stages: Vec<Stage>,
    errors: Vec<SyntaxError>,
    /// Whether an instruction outside all stages was reported.
    stray: bool,
}

impl Parser<'_> {
    fn instruction(&mut self, line: &LogicalLine) {
        let escape = self.lexer.directives.found.escape;
        let (node, failure) = Node::new(&line.text, line.text.all(), escape);
        let heredocs = if failure.is_none() { self.heredocs(line, &node) } else { Vec::new() };
        let mut instruction = self.understand(line, &node, failure);
        instruction.heredocs = heredocs;
        instruction.span.end = self.lexer.position();
        self.file(&instruction);
        self.instructions.push(instruction);
    }

    fn understand(&mut self, line: &LogicalLine, node: &Node<'_>, failure: Option<LineError>) -> Instruction {
        let mut instruction = blank(line, node);
        let kind = match failure {
            Some(failure) => Err(failure),
            None => node.kind().and_then(|kind| nest(kind, line, node)),
        };
        match kind {
            Ok(kind) => instruction.kind = kind,
            Err(failure) => {
                let failure = failure.or_hint(|| node.advice());
                self.errors.push(failure.located(&line.text));
            }
        }
        instruction
    }

    /// Takes the here-documents that follow the line.
    fn heredocs(&mut self, line: &LogicalLine, node: &Node<'_>) -> Vec<Heredoc> {
        let text = line.text.bytes();
        if !bstr::ByteSlice::contains_str(text, "<<") || !node.takes_heredocs() {
            return Vec::new();
        }
        let announced = match heredoc::announced_in(&line.text.string(line.text.all())) {
            Ok(announced) => announced,
            Err(error) => {
                let failure = LineError::text(line.text.all(), error.message).or_hint(|| node.advice());
                self.errors.push(failure.located(&line.text));
                return Vec::new();
            }
        };
        let mut heredocs = Vec::new();
        for heredoc in announced {
            let disputed = heredoc.is_disputed();
            let Announced { name, chomp, spaced } = heredoc;
            let (lexer, bytes) = (&mut self.lexer, name.as_bytes());
            let is_over = !disputed || lexer.ends_below(bytes, chomp);
            let Some(body) = is_over.then(|| lexer.heredoc_body(bytes, chomp)).flatten() else {
                let place = bstr::ByteSlice::find(text, "<<").map_or(line.text.all(), |at| at..text.len());
                let hint = format!("it ends with a line that reads `{}`", super::error::excerpt(&name));
                let failure = LineError::text(place, "unterminated heredoc").hint(Some(hint));
                self.errors.push(LineError { disputed, ..failure }.located(&line.text));
                if disputed {
                    continue;
                }
                break;
            };
            heredocs.push(Heredoc { name, chomp, body, spaced });
        }
        heredocs
    }

    /// Puts an instruction into its stage.
    fn file(&mut self, instruction: &Instruction) {
        let index = self.instructions.len();
        let kind = &instruction.kind;
        if kind.verb() == Some(Verb::From) {
            let (name, base, platform) = match kind {
                InstructionKind::From(from) => {
                    (from.name.clone().map(|name| name.text), Some(from.base.clone()), from.platform.clone())
                }
                _ => (None, None, None),
            };
            let instructions = index..index + 1;
            self.stages.push(Stage { name, base, platform, instructions, line: instruction.line });
        } else if let Some(stage) = self.stages.last_mut() {
            stage.instructions.end = index + 1;
        } else if !self.stray && !matches!(kind, InstructionKind::Arg(_) | InstructionKind::Invalid(_)) {
            self.stray = true;
            let message = "no build stage in current context";
            let hint = "only ARG may stand in front of the first FROM";
            self.error(SyntaxErrorKind::Instruction, message, instruction.keyword.span.clone(), hint);
        }
    }

    fn error(&mut self, kind: SyntaxErrorKind, message: &str, span: Range<usize>, hint: &str) {
        let (message, hint) = (message.to_owned(), Some(hint.to_owned()));
        self.errors.push(SyntaxError { kind, message, span, line: 0, hint, disputed: false });
    }

    fn finish(mut self) -> Dockerfile {
        if self.instructions.is_empty() {
            let hint = "a Dockerfile begins with FROM";
            self.error(SyntaxErrorKind::Text, "file with no instructions", 0..0, hint);
        }
        let mut errors = std::mem::take(&mut self.lexer.errors);
        errors.append(&mut self.errors);
        let newlines = bstr::ByteSlice::find_iter(self.source, "\n").map(|newline| newline + 1);
        let mut file = Dockerfile {
            source: self.source.to_vec(),
            directives: self.lexer.directives.found,
            instructions: self.instructions,
            stages: self.stages,
            errors: Vec::new(),
            line_starts: std::iter::once(0).chain(newlines).collect(),
        };
        for error in &mut errors {
            error.line = file.line_of(error.span.start);
        }
        errors.sort_by_key(|error| error.span.start);
        file.errors = errors;
        file
    }
}

/// An instruction that says nothing yet.
fn blank(line: &LogicalLine, node: &Node<'_>) -> Instruction {
    let keyword: Word = line.text.word(node.keyword.clone());
    Instruction {
        keyword,
        kind: InstructionKind::Invalid(node.verb),
        span: line.start..line.start,
        line: line.line,
        heredocs: Vec::new(),
        text: line.text.string(line.text.all()),
        normal: normal::line(node),
        canonical: normal::canonical(node),
    }
}

/// Reads the instruction of an ONBUILD. `BuildKit` divides it into parts at once (and refuses the file if
/// that fails) but looks at what it says only when it is carried out.
fn nest(kind: InstructionKind, line: &LogicalLine, node: &Node<'_>) -> Result<InstructionKind, LineError> {
    if !matches!(kind, InstructionKind::Onbuild(_)) {
        return Ok(kind);
    }
    let (nested, failure) = node.nested();
    if let Some(failure) = failure {
        return Err(failure);
    }
    let instruction = nested.kind().ok().map(|kind| Box::new(Instruction { kind, ..blank(line, &nested) }));
    Ok(InstructionKind::Onbuild(instruction))
}
