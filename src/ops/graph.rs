use std::path::PathBuf;
use std::sync::Arc;

use super::affected::{AffectedRequest, Since, compare};
use super::facts::Facts;
use super::plan::{Planned, planned};
use super::workspace::{EngineNeed, open};
use super::{Audience, Config, Ending, Error, ImageRequest};
use crate::diagnostic::{Diagnostic, Severity};
use crate::git::replace_file;
use crate::plan::Affected;
use crate::project::Project;

/// What [`graph`](fn@graph) is to look at.
#[derive(Clone, Debug, Default)]
pub struct GraphRequest {
    /// Which images.
    pub images: ImageRequest,
    /// What the images are compared with: a branch, tag or commit.
    pub since: Option<String>,
    /// Whether that itself is meant, instead of the merge base with it.
    pub exact_rev: bool,
    /// Whether the engine is asked what it has, if there is one and nothing is compared.
    pub asks_engine: bool,
}

/// The images of a checkout, how they depend on each other, and how each stands.
#[derive(Debug)]
pub struct Graphed {
    /// All images of the checkout.
    pub project: Arc<Project>,
    /// The selected ones; as if nothing existed where no engine was asked.
    pub planned: Planned,
    /// Whether one was.
    pub asked: bool,
    /// What the images are compared with, and those of them that are affected.
    pub affected: Option<(Affected, Since)>,
    /// How many bytes each image of the plan has on the engine.
    pub sizes: Vec<Option<u64>>,
    /// Where pictures of this work tree are kept.
    folder: PathBuf,
}

impl Graphed {
    /// Keeps a picture where a browser can read it, in place of the last one, and says where.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn keep(&self, extension: &str, picture: &str) -> Result<PathBuf, Error> {
        let file = self.folder.join(format!("graph.{extension}"));
        if replace_file(&file, picture.as_bytes()) {
            return Ok(file);
        }
        let finding = Diagnostic::error(format!("cannot write {}", file.display()))
            .hint(format!("`shipwright graph --format {extension} > FILE` writes it elsewhere"));
        Err(Error::one(Ending::Failed, finding))
    }
}

/// Gives the graph. Where no engine answers it says less, and does not fail.
///
/// # Errors
///
/// Where the checkout, or what it is compared with, cannot be read.
pub async fn graph(
    config: &Config,
    request: &GraphRequest,
    audience: &mut dyn Audience,
) -> Result<Graphed, Error> {
    let (workspace, services) = open(config, &request.images, EngineNeed::Platform, None).await?;
    audience.reads(&workspace.tree);
    let affected = match &request.since {
        None => None,
        since => {
            let compared = AffectedRequest {
                images: request.images.clone(),
                since: since.clone(),
                exact_rev: request.exact_rev,
            };
            Some(compare(&workspace, config, &compared)?)
        }
    };
    let store = services.store.as_deref().filter(|_| request.asks_engine && affected.is_none());
    let facts = match Facts::of_engine(&workspace, store).await {
        Ok(facts) => facts,
        Err(error) => {
            let warned = |found| Diagnostic { severity: Severity::Warning, ..found };
            audience.finds(&error.into_findings().into_iter().map(warned).collect::<Vec<_>>());
            Facts::none(&workspace)?
        }
    };
    let plan = facts.plan(&workspace);
    let sizes = plan.steps.iter().map(|step| facts.known[step.image].size).collect();
    Ok(Graphed {
        project: Arc::clone(&workspace.project),
        asked: facts.asked,
        planned: planned(&workspace, plan),
        affected,
        sizes,
        folder: workspace.checkout.git_dir().join("shipwright"),
    })
}
