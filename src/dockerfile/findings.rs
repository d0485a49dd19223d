use std::ops::Range;

use super::advice;
use super::evaluation::{Problem, ProblemKind};
use super::parser::Dockerfile;
use crate::diagnostic::did_you_mean;

pub(super) struct Findings<'a> {
    file: &'a Dockerfile,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(file: &'a Dockerfile) -> Self {
        Self { file, problems: Vec::new() }
    }

    pub(super) fn report(
        &mut self,
        kind: ProblemKind,
        message: impl Into<String>,
        span: Range<usize>,
        hint: Option<String>,
    ) {
        let line = self.file.line_of(span.start);
        let hint = hint.or_else(|| Some(advice::remedy(&kind).to_owned()));
        self.problems.push(Problem { kind, message: message.into(), span, line, hint });
    }

    pub(super) fn unknown_target(&mut self, name: &str) {
        let names: Vec<&str> = self.file.stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
        let otherwise = match &names[..] {
            [] => "no stage of this file has a name".to_owned(),
            names => format!("its stages are {}", names.join(", ")),
        };
        let hint = Some(did_you_mean(name, names, &otherwise));
        let message = format!("target stage {name:?} could not be found");
        self.report(ProblemKind::UnknownTarget, message, 0..0, hint);
    }
}
