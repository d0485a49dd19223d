use crate::dockerfile::{ImageUse, UseKind};
use crate::engine::BuilderKind;
use crate::image::ImageReference;
use crate::project::Image;
use crate::store::LocalImage;

/// External images that the needed stages begin with; those that are locked by digest alone, as engines know
/// them.
pub(super) fn external_bases(image: &Image) -> impl Iterator<Item = ImageReference> {
    let is_external = |used: &&ImageUse| !image.bound.iter().any(|bound| bound.span == used.span);
    image
        .evaluation
        .references
        .iter()
        .filter(|used| used.kind == UseKind::From && !used.onbuild)
        .filter(is_external)
        .filter_map(|used| {
            let locked = image.locked.iter().find(|locked| locked.span == used.span);
            let locked = locked.and_then(|locked| by_digest(&locked.pinned));
            locked.or_else(|| used.reference.clone())
        })
}

/// `NAME@DIGEST`, which every engine knows an image by that was pulled so, whatever its tags are.
fn by_digest(pinned: &ImageReference) -> Option<ImageReference> {
    Some(pinned.repository.with_digest(pinned.digest.clone()?))
}

/// What `base` brings along that the plan could not know and that decides which files are read. Only once
/// the base is there can it be asked. Gives a sentence about it.
///
/// Triggers read files that nobody planned; where the whole context is an input anyway, they may. They take from stages
/// by names and numbers, which keys leave out, and from stages that nothing else needs; where all of that is in the key,
/// they may. An ENV of
/// the base wins over an ARG of the same name with the classic builder; `BuildKit` has it the other way
/// round, as the plan has.
pub(super) fn unforeseen(image: &Image, base: &LocalImage, builder: BuilderKind) -> Option<String> {
    if let Some(message) = foreign_trigger(image, &base.on_build) {
        return Some(message);
    }
    let sources = &image.evaluation.sources;
    let names = base.env.iter().filter_map(|variable| variable.split_once('=')).map(|(name, _)| name);
    let decides =
        |name: &&str| sources.iter().any(|source| !source.inherited && names_variable(&source.written, name));
    match builder {
        BuilderKind::Classic if !image.context.whole => names.into_iter().find(decides).map(|name| {
            format!("its base sets {name}, which this engine's builder prefers to the ARG of that name")
        }),
        BuilderKind::Classic | BuilderKind::BuildKit => None,
    }
}

/// The sentence about a trigger of a base that decides what nobody planned.
pub(super) fn foreign_trigger(image: &Image, triggers: &[String]) -> Option<String> {
    let is_unforeseen = |trigger: &&String| {
        (!image.context.whole && reads_files(trigger))
            || (!image.evaluation.unseen_triggers && takes_from_elsewhere(trigger))
    };
    let trigger = triggers.iter().find(is_unforeseen)?;
    Some(format!("its base carries a trigger that was not planned: ONBUILD {trigger}"))
}

/// Whether no trigger could decide anything that is not an input anyway.
pub(super) fn is_indifferent(image: &Image) -> bool {
    image.context.whole && image.evaluation.unseen_triggers
}

/// Whether a trigger may read the context; when in doubt it does.
fn reads_files(trigger: &str) -> bool {
    let (keyword, rest) = trigger.trim_start().split_once(char::is_whitespace).unwrap_or((trigger, ""));
    match keyword.to_ascii_uppercase().as_str() {
        "COPY" | "ADD" => true,
        "RUN" => rest.contains("--mount"),
        "ONBUILD" => reads_files(rest),
        _ => false,
    }
}

/// Whether a trigger may take from a stage or an image; when in doubt it does.
fn takes_from_elsewhere(trigger: &str) -> bool {
    // Keys of a mount may be in any case.
    let trigger = trigger.to_ascii_lowercase();
    reads_files(&trigger)
        && (trigger.contains("--from") || trigger.contains("--mount") && trigger.contains("from"))
}

/// Whether `$NAME` or `${NAME…` stands in a source.
fn names_variable(written: &str, name: &str) -> bool {
    written.split('$').skip(1).any(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.strip_prefix(name)
            .is_some_and(|after| !after.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_told_by_their_whole_name() {
        for written in ["$DIR", "a/${DIR}/b", "${DIR:-x}", "$DIR/x", "$A$DIR"] {
            assert!(names_variable(written, "DIR"), "{written}");
        }
        for written in ["DIR", "$DIRS", "${DIR_X}", "$ADIR", ""] {
            assert!(!names_variable(written, "DIR"), "{written}");
        }
    }

    #[test]
    fn triggers_that_read_files() {
        for trigger in ["COPY . /", "add x y", "RUN --mount=type=bind,target=/x make"] {
            assert!(reads_files(trigger), "{trigger}");
        }
        for trigger in ["RUN make", "ENV A=1", "USER x"] {
            assert!(!reads_files(trigger), "{trigger}");
        }
        for trigger in ["COPY --from=a /x /", "copy --chown=1 --from=0 x y", "RUN --mount=FROM=a,target=/a x"]
        {
            assert!(takes_from_elsewhere(trigger), "{trigger}");
        }
        for trigger in ["COPY from/ /", "RUN --mount=target=/a x", "ENV from=1"] {
            assert!(!takes_from_elsewhere(trigger), "{trigger}");
        }
    }
}
