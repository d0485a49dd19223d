use clap::{Args, ValueEnum};

use super::args::{ContentArgs, SelectionArgs};
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, AffectedRequest, Error};
use crate::report::{
    affected_github, affected_github_layers, affected_gitlab, affected_json, affected_names,
};

/// `shipwright affected`.
#[derive(Clone, Debug, Args)]
pub struct AffectedArgs {
    /// Compare with the merge base of REV [default: the default branch]
    ///
    /// The merge base of that branch, tag or commit and what is checked out, as a pull request is compared.
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,

    /// Compare with REV itself
    #[arg(long, requires = "since")]
    pub exact_rev: bool,

    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub content: ContentArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AffectedFormat,
}

/// How affected images are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AffectedFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// A matrix for GitHub Actions, on one line.
    Github,
    /// A list of such matrices, one a layer of the graph.
    GithubLayers,
    /// A child pipeline for GitLab.
    Gitlab,
    /// NAMESPACE/NAME, one a line.
    Names,
}

/// `shipwright affected`: images whose key differs from another commit's. Asks no engine and builds nothing.
pub(super) fn run(before: BuildArgs, args: AffectedArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let AffectedArgs { since, exact_rev, selection, content, format } = args;
    let (selection, image) = before.choosing(selection, content.into());
    let request = AffectedRequest { images: edge.images(&selection, &image, &[])?, since, exact_rev };
    let config = edge.config();
    let found = ops::block_on(ops::affected(&config, &request, &mut edge.output))?;
    let (affected, since, output) = (&found.affected, &found.since, &edge.output);
    if format != AffectedFormat::Json {
        output.errors(&affected.plan.diagnostics);
        output.diagnostics(&affected.findings);
    }
    match format {
        AffectedFormat::Text => output.affected(affected, since)?,
        AffectedFormat::Json => output.result(affected_json(affected, since).as_bytes())?,
        AffectedFormat::Github => output.result(affected_github(affected).as_bytes())?,
        AffectedFormat::GithubLayers => output.result(affected_github_layers(affected).as_bytes())?,
        AffectedFormat::Gitlab => output.result(affected_gitlab(affected).as_bytes())?,
        AffectedFormat::Names => output.result(affected_names(affected).as_bytes())?,
    }
    Ok(found.ending)
}
