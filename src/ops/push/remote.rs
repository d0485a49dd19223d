//! A push without an engine: builders build what registries lack, and put it there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::execution::Outcome;
use crate::image::ImageReference;
use crate::ops::build::{BuildRun, RemoteRun};
use crate::ops::facts::Facts;
use crate::ops::registries::Registries;
use crate::ops::workspace::Workspace;
use crate::ops::{Audience, Building, Ending, Error, News, Services};
use crate::plan::{ImageId, Plan, Reason, ReasonKind, TagKind, needed};
use crate::printable::few;
use crate::publish::Publication;

/// Why an image is built. What it was before only its files would tell, which no registry shows.
const NOT_THERE: &str = "no registry has it";
/// How many images are named.
const SHOWN: usize = 5;

/// What builders are to do for a push.
pub(super) struct RemoteMaking<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) services: &'a Services,
    pub(super) registries: &'a Registries,
    pub(super) building: &'a Building,
    /// Whether nothing is built.
    pub(super) no_build: bool,
}

impl RemoteMaking<'_> {
    /// Builds what registries lack of a plan's images, and of what these are built from. Gives how many that were.
    pub(super) async fn make(
        &self,
        plan: &Plan,
        publications: &[Publication],
        mut facts: Facts,
        audience: &mut dyn Audience,
    ) -> Result<(Outcome, usize), Error> {
        let mut placed = placed(plan, publications);
        let lacking: BTreeSet<ImageId> = publications
            .iter()
            .filter(|publication| publication.found.is_none())
            .map(|publication| plan.steps[publication.wanted.step].image)
            .collect();
        refuse_half(plan, publications, &placed)?;
        if lacking.is_empty() {
            return Ok((Outcome::Succeeded, 0));
        }
        let lacking: Vec<ImageId> = lacking.into_iter().collect();
        self.look_at_others(&lacking, &mut facts, &mut placed, audience).await?;
        let project = &self.workspace.project;
        let work = needed(project, &lacking, &|at| placed.contains_key(&at), &|_| false);
        if self.no_build {
            let names = few(work.iter().map(|at| project.images[*at].name.full()), SHOWN);
            let error = Diagnostic::error(format!("no registry has {names}"));
            return Err(Error::one(Ending::Failed, error.hint("without --no-build they are built")));
        }
        let plan = Arc::new(self.plan(facts, &placed, &work));
        audience.hears(News::Planned(&plan));
        let run = RemoteRun {
            build: BuildRun {
                workspace: self.workspace,
                services: self.services,
                plan: &plan,
                building: self.building,
                no_cache: false,
            },
            registries: self.registries,
            placed,
        };
        Ok((run.carry_out(audience).await?, work.len()))
    }

    /// What is built on may be there without being published by this push: it stands aside, or was left out.
    async fn look_at_others(
        &self,
        lacking: &[ImageId],
        facts: &mut Facts,
        placed: &mut BTreeMap<ImageId, ImageReference>,
        audience: &mut dyn Audience,
    ) -> Result<(), Error> {
        let project = &self.workspace.project;
        let all = needed(project, lacking, &|at| placed.contains_key(&at), &|_| false);
        let others: Vec<ImageId> = all.into_iter().filter(|at| !lacking.contains(at)).collect();
        audience.finds(&facts.ask(self.workspace, self.registries, &others).await?);
        for at in others {
            let Some(reference) = facts.known[at].remote.clone() else { continue };
            if let Some(found) = self.registries.client.head(&reference).await? {
                placed.insert(at, reference.repository.with_digest(found.digest));
            }
        }
        Ok(())
    }

    /// Builds, under their keys alone: other tags are for the time when all is in place.
    fn plan(&self, mut facts: Facts, placed: &BTreeMap<ImageId, ImageReference>, work: &[ImageId]) -> Plan {
        for at in placed.keys() {
            let key = self.workspace.project.images[*at].key();
            facts.known[*at].existing = key.map(|key| [key.tag()].into());
            facts.known[*at].remote = None;
        }
        for at in work {
            facts.known[*at].remote = None;
        }
        let mut plan = facts.without_moving().plan_of(self.workspace, work);
        for step in &mut plan.steps {
            step.tags.retain(|tag| tag.kind == TagKind::Key);
            for reason in &mut step.reasons {
                if reason.kind == ReasonKind::NotAsked {
                    *reason = Reason { kind: ReasonKind::KeyMissing, path: None, text: NOT_THERE.to_owned() };
                }
            }
        }
        plan
    }
}

/// The images that a registry has, by digest.
fn placed(plan: &Plan, publications: &[Publication]) -> BTreeMap<ImageId, ImageReference> {
    let mut placed = BTreeMap::new();
    for publication in publications {
        if let Some(digest) = &publication.found {
            let image = plan.steps[publication.wanted.step].image;
            let reference = publication.wanted.repository.with_digest(digest.clone());
            placed.entry(image).or_insert(reference);
        }
    }
    placed
}

/// Building again what one registry has would give the other one something else under the same key.
fn refuse_half(
    plan: &Plan,
    publications: &[Publication],
    placed: &BTreeMap<ImageId, ImageReference>,
) -> Result<(), Error> {
    let half = publications.iter().find_map(|publication| {
        let there = placed.get(&plan.steps[publication.wanted.step].image)?;
        publication.found.is_none().then_some((publication, there))
    });
    let Some((publication, there)) = half else { return Ok(()) };
    let absent = publication.tagged(&publication.wanted.key);
    let error = Diagnostic::error(format!(
        "{absent} is missing, and {} has it: builders do not copy from one registry to another",
        there.repository
    ));
    Err(Error::one(Ending::Failed, error.hint("leave --builder out: an engine pulls it and pushes it")))
}
