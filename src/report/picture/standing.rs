use std::collections::BTreeMap;

use crate::graph::render::Marks;
use crate::ops::Graphed;
use crate::plan::{Action, ImageId, Reason, ReasonKind, Step};
use crate::report::text;

/// How an image of the graph stands: what a build would do with it, or whether another commit's differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Affected,
    Build,
    Changed,
    Pull,
    Tag,
    Unchanged,
    Unaffected,
    Unknown,
    Blocked,
}

impl Standing {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Affected => "affected",
            Self::Build => "to build",
            Self::Changed => "uncommitted changes",
            Self::Pull => "to pull",
            Self::Tag => "to tag",
            Self::Unchanged => "unchanged",
            Self::Unaffected => "not affected",
            Self::Unknown => "no engine asked",
            Self::Blocked => "blocked",
        }
    }

    /// Its colour: what has to be done, what is there already, what nothing is known of, what cannot be done.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Affected | Self::Build | Self::Changed => "build",
            Self::Pull => "pull",
            Self::Tag => "tag",
            Self::Unchanged => "none",
            Self::Unaffected | Self::Unknown => "plain",
            Self::Blocked => "blocked",
        }
    }
}

/// How each image stands.
pub(crate) struct Standings<'a> {
    pub(super) graphed: &'a Graphed,
    /// Where images are compared, why each affected one is.
    affected: Option<BTreeMap<ImageId, &'a [Reason]>>,
}

impl<'a> Standings<'a> {
    pub(crate) fn of(graphed: &'a Graphed) -> Self {
        let affected = graphed.affected.as_ref().map(|(affected, _)| {
            affected.plan.steps.iter().map(|step| (step.image, &step.reasons[..])).collect()
        });
        Self { graphed, affected }
    }

    pub(super) fn steps(&self) -> &'a [Step] {
        &self.graphed.planned.plan.steps
    }

    /// What is said of images that changed, in one line each.
    pub(crate) fn marks(&self) -> Marks {
        let mark = |step: &Step| Some((step.image, self.mark(step)?));
        self.steps().iter().filter_map(mark).collect()
    }

    fn mark(&self, step: &Step) -> Option<String> {
        let reasons = self.reasons(step);
        let is_change = match self.standing(step) {
            Standing::Changed => return Some(Standing::Changed.words().to_owned()),
            Standing::Build => reasons.iter().all(|reason| is_change(reason.kind)),
            standing => standing == Standing::Affected,
        };
        let first = reasons.first().filter(|_| is_change)?;
        let more = if reasons.len() > 1 { format!(" (+{})", reasons.len() - 1) } else { String::new() };
        Some(text::one_line(&first.text) + &more)
    }

    /// Images whose key differs from the other commit's, where there is one.
    pub(crate) fn is_affected(&self, image: ImageId) -> Option<bool> {
        Some(self.affected.as_ref()?.contains_key(&image))
    }

    pub(super) fn standing(&self, step: &Step) -> Standing {
        match (step.action, &self.affected) {
            (Action::Blocked, _) => Standing::Blocked,
            (_, Some(affected)) if affected.contains_key(&step.image) => Standing::Affected,
            (_, Some(_)) => Standing::Unaffected,
            _ if !self.graphed.asked && step.dirty => Standing::Changed,
            _ if !self.graphed.asked => Standing::Unknown,
            (Action::Build, None) => Standing::Build,
            (Action::Pull, None) => Standing::Pull,
            (Action::Tag, None) => Standing::Tag,
            (Action::None, None) => Standing::Unchanged,
        }
    }

    /// Why it stands so; nothing where nobody was asked.
    pub(crate) fn reasons(&self, step: &'a Step) -> &'a [Reason] {
        match (self.standing(step), &self.affected) {
            (Standing::Affected, Some(affected)) => affected.get(&step.image).copied().unwrap_or_default(),
            (Standing::Unknown | Standing::Unaffected | Standing::Changed, _) => &[],
            _ => &step.reasons,
        }
    }
}

/// Whether it is more than that an image is not there.
fn is_change(kind: ReasonKind) -> bool {
    use ReasonKind::{Forced, KeyMissing, NeverBuilt, NotAsked};
    !matches!(kind, Forced | KeyMissing | NeverBuilt | NotAsked)
}
