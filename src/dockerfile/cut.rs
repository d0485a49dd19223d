use std::ops::Range;

use super::evaluation::Evaluation;
use super::instruction::InstructionKind;
use super::parser::Dockerfile;

/// What to overwrite so that only the stages that the target needs are left, for builders that run all of
/// them (the classic one). Stages that go leave their line breaks behind, so that lines keep their numbers;
/// `--from=N` counts the stages that are left. Where a trigger counts them, which stands in another image, an
/// empty stage takes the place of each.
pub(crate) fn cut_unneeded_stages(file: &Dockerfile, evaluation: &Evaluation) -> Vec<(Range<usize>, String)> {
    let needed: Vec<bool> = evaluation.stages.iter().map(|stage| stage.needed).collect();
    let stand_in = if evaluation.triggers_count_stages { "FROM scratch" } else { "" };
    let left_before = |at: usize| match stand_in {
        "" => needed.iter().take(at).filter(|needed| **needed).count(),
        _ => at,
    };
    let mut changes = Vec::new();
    for (at, stage) in file.stages.iter().enumerate() {
        let instructions = file.instructions_of(stage);
        if needed.get(at) == Some(&false) {
            let (Some(first), Some(last)) = (instructions.first(), instructions.last()) else { continue };
            changes.push(blank(file, first.span.start..last.span.end, stand_in));
            continue;
        }
        for instruction in instructions {
            let InstructionKind::Copy(copy) = &instruction.kind else { continue };
            let Some(from) = &copy.from else { continue };
            if let Ok(number) = from.text.parse::<usize>()
                && left_before(number) != number
            {
                changes.push((from.span.clone(), left_before(number).to_string()));
            }
        }
    }
    changes
}

/// What to overwrite so that of stages whose place the image of a build context takes nothing but FROM is left.
/// `BuildKit` does so by itself with a folder.
pub(crate) fn cut_replaced_stages(file: &Dockerfile, evaluation: &Evaluation) -> Vec<(Range<usize>, String)> {
    let stages = file.stages.iter().zip(&evaluation.stages);
    let replaced = stages.filter(|(_, stage)| stage.replaced && stage.base_context.is_none());
    let body = |(stage, _)| {
        let [_, first, ..] = file.instructions_of(stage) else { return None };
        let last = file.instructions_of(stage).last()?;
        Some(blank(file, first.span.start..last.span.end, ""))
    };
    replaced.filter_map(body).collect()
}

/// Line breaks, and what stands in place of the rest.
fn blank(file: &Dockerfile, gone: Range<usize>, stand_in: &str) -> (Range<usize>, String) {
    let bytes = file.source.get(gone.clone()).unwrap_or_default();
    let breaks = bytes.iter().filter(|byte| **byte == b'\n').map(|_| '\n');
    (gone, stand_in.chars().chain(breaks).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Scope, evaluate, parse, rewrite};
    use super::*;
    use crate::image::Platform;

    fn cut(source: &str) -> String {
        let file = parse(source.as_bytes());
        let platform = Platform::host_linux();
        let scope = Scope {
            build_args: &BTreeMap::new(),
            target: None,
            target_platform: &platform,
            build_platform: &platform,
            inherited: &BTreeMap::new(),
            unseen_triggers: false,
            contexts: &BTreeMap::new(),
        };
        let changes = cut_unneeded_stages(&file, &evaluate(&file, &scope));
        String::from_utf8(rewrite(&file.source, &changes)).expect("text")
    }

    #[test]
    fn stages_that_nothing_needs_go_and_numbers_follow() {
        let source = "FROM a AS one\nRUN x\n\nFROM b AS two\nRUN y\nFROM c\nCOPY --from=1 /y /y\n";
        assert_eq!(cut(source), "\n\n\nFROM b AS two\nRUN y\nFROM c\nCOPY --from=0 /y /y\n");
    }

    #[test]
    fn stages_that_a_trigger_counts_keep_their_numbers() {
        let source = "FROM a\nRUN x\nFROM b\nRUN y\nFROM c AS c\nONBUILD COPY --from=1 /y /y\nFROM c\n";
        assert_eq!(
            cut(source),
            "FROM scratch\n\nFROM b\nRUN y\nFROM c AS c\nONBUILD COPY --from=1 /y /y\nFROM c\n"
        );
        // What it keeps for others counts theirs.
        let source = "FROM a\nFROM b\nFROM c\nCOPY --from=1 /y /y\nONBUILD COPY --from=1 /y /y\n";
        assert_eq!(cut(source), "\nFROM b\nFROM c\nCOPY --from=0 /y /y\nONBUILD COPY --from=1 /y /y\n");
    }

    #[test]
    fn a_file_whose_stages_are_all_needed_stays() {
        let source = "FROM a AS one\nFROM b\nCOPY --from=0 /x /x\nCOPY --from=one /y /y\n";
        assert_eq!(cut(source), source);
    }
}
