//! One step of a job: a command line, or an action that builds.

use super::expression::Names;
use super::github::{Job, folder_at, set_environment, steps};
use crate::evidence::shell::{Build, Script, Spot, UNKNOWN, claim, from_marked, may_build};
use crate::evidence::yaml::Node;
use crate::evidence::{Claim, Door, Kind, Place, Text};
use crate::path::TreePath;

pub(super) struct Run<'r> {
    pub path: &'r TreePath,
    pub job: &'r Job<'r>,
    pub door: &'r Door<'r>,
    pub claims: Vec<Claim>,
    /// Text that may still be read.
    pub budget: usize,
    /// Whether the workspace is this repository, as far as steps say.
    pub workspace: Option<bool>,
}

impl Run<'_> {
    /// Takes note of what a step puts into the workspace.
    fn check_out(&mut self, step: &Node, uses: &str) {
        if !uses.starts_with("actions/checkout@") {
            return;
        }
        let value = |key: &str| step.get("with").and_then(|with| with.get(key)).and_then(Node::text);
        if value("path").is_some_and(|path| !matches!(path.trim(), "" | "." | "./")) {
            // It stands beside this repository, or in a workspace that is no repository.
            self.workspace = self.workspace.or(Some(false));
            return;
        }
        let repository = value("repository").unwrap_or_default().trim();
        let inside = repository.strip_prefix("${{").and_then(|text| text.strip_suffix("}}")).map(str::trim);
        self.workspace = Some(repository.is_empty() || inside == Some("github.repository"));
    }

    fn is_of_another(&self) -> bool {
        self.workspace == Some(false)
    }

    pub(super) fn step(&mut self, step: &Node) {
        let run = step.get("run").and_then(Node::text).map_or(0, str::len);
        self.budget = self.budget.saturating_sub(64 + self.job.names.size + run);
        if self.budget == 0 {
            return;
        }
        let mut names = self.job.names.clone();
        set_environment(&mut names, step);
        if let Some(run) = step.get("run").filter(|_| !self.is_of_another()) {
            self.run(step, run, &names);
        }
        let Some(action) = step.get("uses").and_then(Node::text) else { return };
        self.check_out(step, action);
        let action = action.split_once('@').map_or(action, |(action, _)| action);
        let with = step.get("with");
        match action {
            "docker/build-push-action" | "depot/build-push-action" => self.build_push(step, with, &names),
            "redhat-actions/buildah-build" if !self.is_of_another() => self.buildah(step, with, &names),
            _ => {}
        }
    }

    fn run(&mut self, step: &Node, run: &Node, names: &Names) {
        let Some(text) = run.text().filter(|text| may_build(text)) else { return };
        let own = step.get("working-directory").and_then(Node::text).map(|folder| names.expand(folder));
        let folder = own.or_else(|| self.job.folder.clone()).unwrap_or_default();
        let Some(folder) = folder_at(&folder) else { return };
        let variables = environment(names, &[text]);
        let script = Script {
            text: &names.expand(text),
            path: self.path,
            line: run.line,
            kind: Kind::Workflow,
            starts: &[folder],
            variables: &variables,
        };
        self.claims.extend(script.claims(self.door));
    }

    fn build_push(&mut self, step: &Node, with: Option<&Node>, names: &Names) {
        self.budget = self.budget.saturating_sub(64 * steps(self.job.node).len());
        let value = |key: &str| {
            with.and_then(|with| with.get(key)).and_then(Node::text).map(|text| names.expand(text))
        };
        let text = |key: &str| {
            value(key).filter(|value| !value.trim().is_empty()).map(|value| from_marked(value.trim()))
        };
        let lists = |key: &str| value(key).map(|value| lines(&value)).unwrap_or_default();
        // What is not said is the checkout's root, which the action takes from git.
        let mut context = value("context").unwrap_or_default().trim().to_owned();
        let mut folder = TreePath::root();
        if let Some(below) = context.strip_prefix("{{defaultContext}}") {
            context = below.trim_start_matches(':').to_owned();
            folder = folder_at(&context).unwrap_or_default();
            context.clear();
        } else if self.is_of_another() && !context.is_empty() {
            return;
        }
        if context.is_empty() {
            ".".clone_into(&mut context);
        }
        let mut tags = Vec::new();
        for tag in lists("tags").iter().flat_map(|line| line.split(',')) {
            tags.push(from_marked(tag.trim()));
        }
        tags.extend(self.metadata(with, names));
        let build = Build {
            tags,
            file: text("file"),
            context: Some(from_marked(&context)),
            target: text("target"),
            args: lists("build-args").iter().map(|line| from_marked(line)).collect(),
            platforms: lists("platforms").iter().map(|line| from_marked(line)).collect(),
            contexts: lists("build-contexts").iter().map(|line| from_marked(line)).collect(),
        };
        self.claim(step, with, &build, &folder);
    }

    /// The names that docker/metadata-action makes tags of, where a step takes them from it.
    fn metadata(&self, with: Option<&Node>, names: &Names) -> Vec<Text> {
        let Some(tags) = with.and_then(|with| with.get("tags")).and_then(Node::text) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for step in steps(self.job.node) {
            let is_metadata = step
                .get("uses")
                .and_then(Node::text)
                .is_some_and(|uses| uses.starts_with("docker/metadata-action@"));
            let is_meant = step
                .get("id")
                .and_then(Node::text)
                .is_some_and(|id| tags.contains(&format!("steps.{id}.outputs.tags")));
            let images = step.get("with").and_then(|with| with.get("images")).and_then(Node::text);
            if let Some(images) = images.filter(|_| is_metadata && is_meant) {
                for line in lines(&names.expand(images)) {
                    // `name=acme/api,enable=true`
                    let first = line.split(',').next().unwrap_or_default();
                    found.push(from_marked(first.strip_prefix("name=").unwrap_or(first).trim()));
                }
            }
        }
        found
    }

    fn buildah(&mut self, step: &Node, with: Option<&Node>, names: &Names) {
        let value = |key: &str| {
            with.and_then(|with| with.get(key)).and_then(Node::text).map(|text| names.expand(text))
        };
        let lists = |key: &str| value(key).map(|value| lines(&value)).unwrap_or_default();
        let files = lists("containerfiles").into_iter().chain(lists("dockerfiles"));
        let build = Build {
            tags: lists("image").iter().map(|line| from_marked(line)).collect(),
            file: files.map(|line| from_marked(&line)).next(),
            context: Some(from_marked(value("context").as_deref().map_or(".", str::trim))),
            target: None,
            args: lists("build-args").iter().map(|line| from_marked(line)).collect(),
            platforms: lists("platforms").iter().map(|line| from_marked(line)).collect(),
            contexts: Vec::new(),
        };
        self.claim(step, with, &build, &TreePath::root());
    }

    fn claim(&mut self, step: &Node, with: Option<&Node>, build: &Build, folder: &TreePath) {
        let place = Place { path: self.path.clone(), line: step.line };
        let spot = Spot { kind: Kind::Workflow, place: &place, folder: Some(folder) };
        let Some(mut claim) = claim(build, &spot, self.door) else { return };
        let line = |keys: &[&str]| {
            let node = keys.iter().find_map(|key| with?.get(key));
            node.map_or(step.line, |node| node.line)
        };
        if let Some(name) = &mut claim.name {
            name.place.line = line(&["tags", "image"]);
        }
        if let Some(context) = &mut claim.context {
            context.place.line = line(&["context"]);
        }
        if let Some(target) = &mut claim.target {
            target.place.line = line(&["target"]);
        }
        for arg in claim.args.values_mut() {
            arg.place.line = line(&["build-args"]);
        }
        for platform in &mut claim.platforms {
            platform.place.line = line(&["platforms"]);
        }
        for context in claim.contexts.values_mut() {
            context.place.line = line(&["build-contexts"]);
        }
        self.claims.push(claim);
    }
}

/// Lines that say something.
fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.trim_matches('"').to_owned()).collect()
}

/// The variables that are set for command lines: names are written in them as they are, and known without case.
fn environment(names: &Names, texts: &[&str]) -> Vec<(String, Text)> {
    let known: std::collections::BTreeMap<String, String> = names.below("env").into_iter().collect();
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words: std::collections::BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| text.split(|char| !is_part(char)))
        .filter(|word| !word.is_empty())
        .collect();
    let value = |word: &&str| known.get(&word.to_ascii_lowercase()).cloned();
    let mut variables: Vec<(String, Text)> =
        words.iter().filter_map(|word| Some(((*word).to_owned(), from_marked(&value(word)?)))).collect();
    variables.push((
        "GITHUB_WORKSPACE".to_owned(),
        from_marked(&crate::evidence::shell::at_root(&TreePath::root())),
    ));
    variables.retain(|(_, value)| value.known().is_none_or(|value| !value.contains(UNKNOWN)));
    variables
}
