//! Dockerfiles: text → model → what a build of it takes.
//!
//! The reference is `BuildKit`'s Dockerfile frontend; `fixtures/dockerfiles.json` holds what it makes of 161
//! small files, and all of them hold here. Everything is pure, takes linear time, never panics and never
//! recurses on its input.
//!
//! [`parse`] reads the text: the lexer makes logical lines that know which byte of the file each of their
//! bytes came from, the grammar makes typed instructions of them, [`Stage`]s group those. It goes on after
//! an error. [`evaluate`] then answers, for one target, platform and set of build arguments: which stages
//! are needed, which images and files they use, and which text enters the content key. [`rewrite`] puts
//! other references in their place and leaves every other byte as it was.

mod advice;
mod canonical;
mod cut;
mod dialect;
mod directive;
mod environment;
mod error;
mod evaluate;
mod evaluation;
mod findings;
mod flag;
mod grammar;
mod heredoc;
mod instruction;
mod json;
mod lexer;
mod link;
mod mount;
mod normal;
mod parser;
mod pattern;
mod rewrite;
mod shell;
mod source;
mod stage;
mod text;
mod value;
mod verb;
mod walk;
mod words;

pub(crate) use cut::{cut_replaced_stages, cut_unneeded_stages};
pub use directive::Frontend;
pub(crate) use environment::is_proxy;
pub use error::SyntaxErrorKind;
pub(crate) use evaluate::evaluate_meant;
pub use evaluate::{evaluate, evaluate_stage};
pub(crate) use evaluation::{EvaluatedStage, ImageUse, SourceInstruction};
pub use evaluation::{
    Evaluation, LocalSource, NamedKind, NamedSources, Problem, ProblemKind, Scope, SourcePattern, UseKind,
};
pub use instruction::{CopyInstruction, Instruction, InstructionKind, RunInstruction, Trigger};
pub(crate) use mount::Mount;
pub use parser::{Dockerfile, parse};
pub use rewrite::rewrite;
pub(crate) use text::Word;
