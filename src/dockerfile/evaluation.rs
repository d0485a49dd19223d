use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::image::{ImageReference, Platform};
use crate::path::TreePath;

use super::directive::Frontend;
use super::instruction::Trigger;

/// For which build a Dockerfile is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Build arguments. They count for names that an ARG declares, and for those that are predefined.
    pub build_args: &'a BTreeMap<String, String>,
    /// The stage to build, by name; the last one where there is none.
    pub target: Option<&'a str>,
    pub target_platform: &'a Platform,
    pub build_platform: &'a Platform,
    /// ONBUILD triggers of the image that a stage begins with, by the stage's index. They are carried out
    /// as if they stood right after its FROM.
    pub inherited: &'a BTreeMap<usize, &'a [Trigger]>,
    /// Whether images that stages begin with may carry ONBUILD triggers that nobody has seen. Those may take from any
    /// stage, so where there is such an image all stages are needed.
    pub unseen_triggers: bool,
    /// Build contexts with names, by [`context_name`](ImageReference::context_name). `BuildKit` puts one in place of a
    /// stage or an image of its name.
    pub contexts: &'a BTreeMap<String, NamedKind>,
}

/// What stands behind the name of a build context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedKind {
    Folder,
    /// An image, or something else that takes the place of one.
    Image,
}

impl Scope<'_> {
    /// The folder that a reference to an image means, by the name of its build context.
    pub(super) fn folder(&self, reference: &str) -> Option<String> {
        if self.contexts.is_empty() {
            return None;
        }
        let name = reference.parse::<ImageReference>().ok()?.context_name();
        (self.contexts.get(&name) == Some(&NamedKind::Folder)).then_some(name)
    }
}

#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Whether triggers that nobody has seen may take from stages: all of them count as needed.
    pub unseen_triggers: bool,
    pub stages: Vec<EvaluatedStage>,
    /// The stage to build, if there is one of that name.
    pub target: Option<usize>,
    /// The images (neither stages nor `scratch`) that the needed stages use, in the order of the file.
    pub references: Vec<ImageUse>,
    /// What the needed stages and their inherited triggers read from the build context.
    pub sources: Vec<LocalSource>,
    /// What they read of folders that are build contexts with names, by name.
    pub named: BTreeMap<String, NamedSources>,
    /// The ONBUILD triggers that the image carries: those of the target stage alone. `BuildKit` drops
    /// those of the stages it is FROM, because they are carried out then.
    pub triggers: Vec<Trigger>,
    /// The build arguments that make a difference: what ARGs declare (those in front of the first FROM,
    /// of the needed stages, of inherited triggers), and what the builder reads undeclared.
    pub declared_args: BTreeSet<String>,
    /// Directives, global ARGs and the instructions of the needed stages, in the form that enters the
    /// content key.
    pub logical_lines: Vec<LogicalLine>,
    /// Of `declared_args` those that nothing can read, so that their values change nothing.
    pub unread_args: BTreeSet<String>,
    pub frontend: Frontend,
    /// Whether any file of the context may be read, whatever `sources` says.
    pub whole_context: bool,
    /// Whether a trigger that a needed stage carries out takes from a stage by its number.
    pub triggers_count_stages: bool,
    /// Why it cannot be built as it is.
    pub problems: Vec<Problem>,
    /// Stages that neither the target nor any other stage uses.
    pub unused_stages: Vec<usize>,
}

/// What a build reads of a folder that is a build context with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedSources {
    pub sources: Vec<LocalSource>,
    /// Whether any file of it may be read, whatever `sources` says.
    pub whole: bool,
    /// Whether a mount reads it, for which `BuildKit` asks for all of it.
    pub mounted: bool,
}

/// A directive or an instruction as it enters the content key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalLine {
    /// Its first line in the file, from 1.
    pub line: usize,
    /// Its text: continuations joined, comments left out, here-documents behind.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluatedStage {
    /// The name in lower case.
    pub name: Option<String>,
    /// What it begins with, as written; empty if its FROM has an error.
    pub base: String,
    /// What it begins with, with variables replaced, or why that failed.
    pub base_expanded: Result<String, String>,
    /// The stage it begins with, if it is one.
    pub base_stage: Option<usize>,
    /// The folder, by the name of its build context, that it begins with or is replaced by.
    pub base_context: Option<String>,
    /// Whether a build context has its name, so that none of its instructions is carried out.
    pub replaced: bool,
    pub platform: Option<EvaluatedPlatform>,
    pub needed: bool,
    /// The line of its FROM, from 1.
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluatedPlatform {
    /// As written.
    pub written: String,
    /// With variables replaced, or why that failed.
    pub expanded: Result<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseKind {
    /// `FROM image`
    From,
    /// `COPY --from=image`
    Copy,
    /// `RUN --mount=from=image`
    Mount,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUse {
    pub kind: UseKind,
    pub stage: usize,
    pub written: String,
    /// The reference with variables replaced.
    pub expanded: String,
    pub reference: Option<ImageReference>,
    /// The bytes of the file to overwrite for another reference.
    pub span: Range<usize>,
    /// The line of `span`, from 1.
    pub line: usize,
    /// Whether it stands in an ONBUILD: used by builds FROM this image.
    pub onbuild: bool,
}

/// Which instruction reads from the build context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceInstruction {
    Copy,
    Add,
    /// RUN --mount=type=bind
    Mount,
}

/// What an instruction reads from the build context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSource {
    pub instruction: SourceInstruction,
    pub pattern: SourcePattern,
    pub written: String,
    /// Whether it names one path outright: neither a glob nor a variable.
    pub plain: bool,
    /// Its bytes in the file; for an inherited trigger those of the FROM that brings it.
    pub span: Range<usize>,
    pub line: usize,
    /// Whether a trigger of another image reads it.
    pub inherited: bool,
    /// Whether only other builders than the newest `BuildKit` read it: older ones, and the classic one,
    /// understand some ARGs differently. Which builder it will be must not decide a key, so it is an input.
    pub elsewhere: bool,
}

/// Paths of the build context.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SourcePattern {
    /// A path relative to the context without `.` and `..`, each component a pattern of Go's
    /// `filepath.Match`. Empty for the whole context.
    Path(String),
    /// Something below this folder that only the base image's variables decide; the folder is taken
    /// literally. Empty for anywhere.
    Below(String),
}

/// Why a valid file cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub message: String,
    pub span: Range<usize>,
    pub line: usize,
    pub hint: Option<String>,
}

impl Problem {
    /// What the image needs, or else what is wrong, in a few words: `needs BASE_IMAGE`.
    pub fn phrase(&self) -> String {
        match &self.kind {
            ProblemKind::BlankReference { arguments } => format!("needs {}", arguments.join(" and ")),
            _ => self.message.clone(),
        }
    }

    /// What is said of several images of which the same is so, behind their number.
    pub fn cause(&self) -> Option<String> {
        match &self.kind {
            ProblemKind::BlankReference { arguments } => {
                let have = if arguments.len() == 1 { "has" } else { "have" };
                Some(format!("images need {}, which {have} no default", arguments.join(" and ")))
            }
            ProblemKind::Expansion => Some("images have a variable that cannot be expanded".to_owned()),
            ProblemKind::System => {
                let (_, system) = self.message.split_once(" needs ")?;
                Some(format!("images need {system}"))
            }
            _ => None,
        }
    }

    /// For people; `path` is the Dockerfile.
    pub fn diagnostic(&self, path: &TreePath) -> Diagnostic {
        super::error::diagnostic(path, &self.message, self.line, &self.span, self.hint.as_deref())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// A reference that is blank (or no reference) because these build arguments have no value. Everything
    /// else is wrong with the file; this is missing from outside.
    BlankReference {
        arguments: Vec<String>,
    },
    BadReference,
    /// A word that cannot be expanded.
    Expansion,
    /// `--platform` is no platform.
    Platform,
    /// There is no stage of the target's name.
    UnknownTarget,
    NoStages,
    /// A variable in `COPY --from`.
    VariableInFrom,
    /// `COPY --from=9` without a tenth stage.
    StageIndex,
    /// A stage that takes from a later one or from itself.
    StageOrder,
    CircularStages,
    /// A `--mount` that says nothing sensible.
    Mount,
    /// A COPY from a URL or a git repository, which only ADD can do.
    RemoteCopy,
    /// `ADD --checksum` is no digest.
    Checksum,
    /// An ONBUILD trigger that is no instruction.
    Trigger,
    /// It is for another operating system than the engine builds for.
    System,
    /// More stages, variables and triggers by each other than anybody needs.
    Size,
}
