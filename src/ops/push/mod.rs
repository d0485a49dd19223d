//! Builds what neither the engine nor a registry has, pushes what the registries lack, and moves their tags.

mod forks;
mod publishing;
mod refusals;
mod remote;

pub(super) use publishing::Publishing;
pub(super) use refusals::guessed_names;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::build::{self, BuildRun, fetch_left_out};
use super::facts::Facts;
use super::registries::Registries;
use super::workspace::{EngineNeed, Watch, Workspace, open, planned_again};
use super::{Audience, BuildRequest, Config, Ending, Error, News, Services, others, registries};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::execution::Outcome;
use crate::git::CommitId;
use crate::plan::{ImageFacts, ImageId, Plan};
use crate::printable::few;
use crate::publish::{Judgement, Observed, Publication, Wanted, decide, judge, observe};
use forks::{cannot_push, observed_without_login};
use refusals::refusals;
use remote::RemoteMaking;

/// How many inputs of an image are listed that git does not have.
const UNVERSIONED_SHOWN: usize = 5;

/// What [`push`](fn@push) is to do.
#[derive(Clone, Debug, Default)]
pub struct PushRequest {
    /// Which images, and how what does not exist is built. What registries have is pulled in any case.
    pub build: BuildRequest,
    /// Whether uncommitted changes are published, under key and branch alone.
    pub dirty: bool,
    /// Whether nothing is built.
    pub no_build: bool,
    /// Whether tags move even away from commits that are not in this history.
    pub force: bool,
}

/// Publishes images, and gives how that ended.
///
/// # Errors
///
/// Where it cannot begin, and where anything forbids it; nothing was changed then.
pub async fn push(
    config: &Config,
    request: &PushRequest,
    audience: &mut dyn Audience,
) -> Result<Ending, Error> {
    if config.offline {
        return Err(Error::usage_with_hint("push needs a registry", "leave --offline out"));
    }
    if request.build.images.selector.rebuild {
        return Err(Error::usage_with_hint(
            "push builds nothing that exists: what a registry has under a key is never replaced",
            "leave --no-cache out; `shipwright build --no-cache` builds for the engine alone",
        ));
    }
    planned_again(config, audience, async |watch, audience| push_once(config, request, watch, audience).await)
        .await
}

async fn push_once(
    config: &Config,
    request: &PushRequest,
    watch: &Arc<Watch>,
    audience: &mut dyn Audience,
) -> Result<Ending, Error> {
    let images = &request.build.images;
    let (workspace, services) = open(config, images, EngineNeed::Builders, Some(watch)).await?;
    audience.reads(&workspace.tree);
    services.tell(audience);
    audience.finds(&services.builders.findings);
    registries::require(&workspace, &workspace.selection.images)?;
    let registries = Registries::new(&workspace, &services);
    let mut facts = Facts::of_engine(&workspace, services.store.as_deref()).await?;
    let left_out = facts.left_out(&workspace);
    audience.finds(&facts.ask(&workspace, &registries, &left_out).await?);
    let plan = Arc::new(facts.plan(&workspace));
    audience.finds(&plan.diagnostics);
    audience.finds(&unversioned(&plan));
    let refused = refusals(&workspace, &plan, request.dirty)?;
    if !refused.is_empty() || has_errors(&plan.diagnostics) {
        return Err(Error::wrong(refused));
    }

    let wanted = Wanted::all(&plan, &registries.places).map_err(Error::usage)?;
    let forked = cannot_push(&workspace, &config.ci, &wanted, &registries).await?;
    let observed = observe(&registries.standings, &wanted).await;
    let observed = if forked.is_some() { observed_without_login(observed, &wanted) } else { observed? };
    note_pulls(&plan, &wanted, &observed, &mut facts.known);
    let publications = decide(wanted, &observed);
    let is_ancestor = |revision| is_ancestor(&workspace, revision);
    let judgement = Judgement {
        is_ancestor: &is_ancestor,
        force: request.force,
        in_hook: workspace.in_hook,
        immutable: false,
    };
    let objections: Vec<Diagnostic> =
        publications.iter().flat_map(|publication| judge(publication, &judgement)).collect();
    audience.finds(&objections);
    if has_errors(&objections) {
        let is_wrong = publications.iter().any(|publication| publication.impostor.is_some());
        return Err(Error::said(if is_wrong { Ending::Registry } else { Ending::Failed }));
    }

    if !services.builders.all.is_empty() {
        if let Some(why) = &forked {
            return Err(Error::usage_with_hint(
                format!("builders put what they build into registries, and this job may not: {why}"),
                "leave --builder out: then the engine builds, and nothing is pushed",
            ));
        }
        let making = RemoteMaking {
            workspace: &workspace,
            services: &services,
            registries: &registries,
            building: &request.build.building,
            no_build: request.no_build,
        };
        let (outcome, built) = making.make(&plan, &publications, facts, audience).await?;
        if outcome != Outcome::Succeeded {
            return Ok(build::ending(outcome));
        }
        let wanted = publications.into_iter().map(|publication| publication.wanted).collect::<Vec<_>>();
        let observed = observe(&registries.standings, &wanted).await?;
        let publications = decide(wanted, &observed);
        let publishing = Publishing {
            workspace: &workspace,
            services: &services,
            plan: &plan,
            registries: &registries,
            judgement: &judgement,
            sent: built,
        };
        return publish(publishing, &publications, audience).await;
    }
    let missing = missing(&plan, &publications, &facts.known);
    let work = facts.needed(&workspace, &missing);
    if !work.is_empty() {
        if request.no_build {
            return Err(not_built(&workspace, &work));
        }
        let outcome = make(&workspace, &services, &work, facts, request, audience).await?;
        if outcome != Outcome::Succeeded {
            return Ok(build::ending(outcome));
        }
    }
    if let Some(why) = forked {
        audience.hears(News::NotPublished { why: &why });
        return Ok(workspace.blocked_ending(&plan));
    }
    let publishing = Publishing {
        workspace: &workspace,
        services: &services,
        plan: &plan,
        registries: &registries,
        judgement: &judgement,
        sent: 0,
    };
    publish(publishing, &publications, audience).await
}

/// Puts what is missing in place, and says what no longer belongs to it.
async fn publish(
    publishing: Publishing<'_>,
    publications: &[Publication],
    audience: &mut dyn Audience,
) -> Result<Ending, Error> {
    let Publishing { workspace, registries, plan, sent, .. } = publishing;
    let is_change = sent > 0 || !publications.iter().all(Publication::is_in_place);
    let ending = publishing.carry_out(publications, audience).await?;
    if ending == Ending::Done && is_change {
        audience.finds(&others::in_registries(workspace, registries).await);
    }
    Ok(if ending == Ending::Done { workspace.blocked_ending(plan) } else { ending })
}

fn is_ancestor(workspace: &Workspace, revision: CommitId) -> Option<bool> {
    let holds = workspace.checkout.is_ancestor(revision, workspace.commit?).unwrap_or(false);
    // Where the history was cut off, a commit that is not seen may be beyond the cut.
    if !holds && workspace.checkout.is_shallow() { None } else { Some(holds) }
}

/// What a registry has need not be built.
fn note_pulls(plan: &Plan, wanted: &[Wanted], observed: &[Observed], known: &mut [ImageFacts]) {
    for (wanted, observed) in wanted.iter().zip(observed) {
        let known = &mut known[plan.steps[wanted.step].image];
        if observed.key.is_some() && known.existing.is_none() {
            known.remote.get_or_insert_with(|| wanted.repository.with_tag(wanted.key.clone()));
        }
    }
}

/// Images that some registry lacks and the engine has not either.
fn missing(plan: &Plan, publications: &[Publication], known: &[ImageFacts]) -> Vec<ImageId> {
    let missing: BTreeSet<ImageId> = publications
        .iter()
        .filter(|publication| publication.found.is_none())
        .map(|publication| plan.steps[publication.wanted.step].image)
        .filter(|at| known[*at].existing.is_none())
        .collect();
    missing.into_iter().collect()
}

/// Nobody can make these again from the commit alone.
pub(super) fn unversioned(plan: &Plan) -> Vec<Diagnostic> {
    let steps = plan.steps.iter().filter(|step| !step.unversioned.is_empty());
    steps
        .map(|step| {
            let files = few(&step.unversioned, UNVERSIONED_SHOWN);
            Diagnostic::note(format!("{} holds what git does not have: {files}", step.name()))
        })
        .collect()
}

fn not_built(workspace: &Workspace, work: &[ImageId]) -> Error {
    let names: Vec<String> = work.iter().map(|at| workspace.project.images[*at].name.full()).collect();
    let diagnostic =
        Diagnostic::error(format!("neither the engine nor the registry has {}", names.join(", ")))
            .hint("without --no-build they are built");
    Error::one(Ending::Failed, diagnostic)
}

/// Builds and pulls. When that brings all selected images to the engine, it is a whole run with its moving tags;
/// else those stay, because the images under them would not belong together.
async fn make(
    workspace: &Workspace,
    services: &Services,
    work: &[ImageId],
    mut facts: Facts,
    request: &PushRequest,
    audience: &mut dyn Audience,
) -> Result<Outcome, Error> {
    if services.builder.is_none() {
        let what =
            if work.len() == 1 { "an image has".to_owned() } else { format!("{} images have", work.len()) };
        let error = format!("{what} to be built, and no engine answers");
        let hint = "start one, or name one with -H or DOCKER_HOST";
        return Err(Error::one(Ending::NoEngine, Diagnostic::error(error).hint(hint)));
    }
    let building = &request.build.building;
    let outcome = fetch_left_out(workspace, services, &mut facts, building, audience).await?;
    if outcome != Outcome::Succeeded {
        return Ok(outcome);
    }
    let selected = &workspace.selection.images[..];
    let is_whole = selected.iter().all(|at| facts.is_here(*at) || work.contains(at));
    let plan = if is_whole { facts.plan(workspace) } else { facts.without_moving().plan_of(workspace, work) };
    let plan = Arc::new(plan);
    audience.hears(News::Planned(&plan));
    let run = BuildRun { workspace, services, plan: &plan, building, no_cache: false };
    run.carry_out(audience).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::CommitId;
    use crate::image::Digest;
    use crate::plan::TagPolicy;
    use crate::plan::testing::{plan, project};
    use crate::publish::Standing;

    /// What was decided of two images for two registries; the first registry has the first image.
    fn decided() -> (Plan, Vec<Wanted>, Vec<Observed>) {
        let project = project(&[("a/Dockerfile", "FROM busybox\n"), ("b/Dockerfile", "FROM scratch\n")], &[]);
        let plan = plan(&project, &TagPolicy::default(), &[]);
        let wanted =
            Wanted::all(&plan, &[Some("x.io".to_owned()), Some("y.io".to_owned())]).expect("registries");
        let mut observed = vec![Observed::default(); wanted.len()];
        observed[0].key = Some(Standing {
            digest: Digest::new(&format!("sha256:{}", "1a".repeat(32))).expect("a digest"),
            key: Some(wanted[0].identity.key),
            revision: None::<CommitId>,
            platforms: vec![wanted[0].identity.platform.clone()],
        });
        (plan, wanted, observed)
    }

    #[test]
    fn what_one_registry_has_is_pulled_for_the_other_and_the_rest_is_built() {
        let (plan, wanted, observed) = decided();
        let mut known = vec![ImageFacts::default(); 2];
        note_pulls(&plan, &wanted, &observed, &mut known);
        let remotes: Vec<_> =
            known.iter().map(|known| known.remote.as_ref().map(ToString::to_string)).collect();
        assert_eq!(remotes, [Some(format!("x.io/acme/a:{}", wanted[0].key)), None]);

        let publications = decide(wanted, &observed);
        let both = [plan.steps[0].image, plan.steps[1].image];
        assert_eq!(missing(&plan, &publications, &known), both, "the second registry lacks both");
        known[both[0]].existing = Some(BTreeSet::new());
        assert_eq!(
            missing(&plan, &publications, &known),
            [both[1]],
            "what the engine has is sent from there"
        );
    }

    #[test]
    fn what_the_engine_has_is_not_pulled() {
        let (plan, wanted, observed) = decided();
        let mut known = vec![ImageFacts { existing: Some(BTreeSet::new()), ..ImageFacts::default() }; 2];
        note_pulls(&plan, &wanted, &observed, &mut known);
        assert!(known.iter().all(|known| known.remote.is_none()));
    }
}
