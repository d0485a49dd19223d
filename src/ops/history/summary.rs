//! Counts what records say.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::record::{ChangedInput, CommitRecord, ImageChange};
use super::what_if::WhatIf;

/// So many files of a cause are told.
const FILES: usize = 5;

/// An image over the commits that were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageHistory {
    /// NAMESPACE/NAME, with `:PREFIX` where several images share the repository.
    pub name: String,
    /// How many commits gave it another key than it had; under other rules, would have.
    pub rebuilds: usize,
    /// How many really did.
    pub needed: usize,
    /// Whether it came into being meanwhile.
    pub is_new: bool,
    /// How long its rebuilds take, if each takes as long as its last build here.
    pub took: Option<Duration>,
    /// What made these commits rebuild it, the most frequent cause first. A commit may have several.
    pub causes: Vec<LineCause>,
    /// Lines of an ignore file that would have saved some of them.
    pub savings: Vec<Saving>,
}

/// What made commits rebuild an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineCause {
    /// The Dockerfile: inputs of one of its lines, or its instructions. None for other causes.
    pub path: Option<String>,
    /// The line whose sources changed; none for the Dockerfile itself, and for inputs of no one line.
    pub line: Option<usize>,
    /// What it is where it is no line's inputs: `instructions`, `inputs`, an image's name, what else differs.
    pub what: Option<String>,
    /// How many commits.
    pub rebuilds: usize,
    /// The inputs that changed most often: path, in how many of these commits, and in how many nothing else was the cause.
    pub files: Vec<(String, usize, usize)>,
}

/// A line of an ignore file, and what it would have saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saving {
    /// As it stands in a `.dockerignore`.
    pub ignore: String,
    /// How many rebuilds.
    pub rebuilds: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Line(usize),
    Instructions,
    Inputs,
    Image(String),
    Other(String),
}

#[derive(Default)]
struct Frequency {
    rebuilds: usize,
    files: BTreeMap<String, (usize, usize)>,
}

#[derive(Default)]
struct Tally {
    dockerfile: String,
    commits: Vec<usize>,
    needed: usize,
    is_new: bool,
    causes: BTreeMap<Cause, Frequency>,
    savings: BTreeMap<String, usize>,
}

/// What was counted so far.
#[derive(Default)]
pub(super) struct Counted {
    last: HashMap<String, String>,
    images: BTreeMap<String, Tally>,
    commits: usize,
}

impl Counted {
    /// Counts the next commit. Gives the wanted images that it rebuilt under these rules, and how many it really did.
    pub(super) fn add(
        &mut self,
        record: &CommitRecord,
        rules: &WhatIf,
        wants: &dyn Fn(&ImageChange) -> bool,
    ) -> (Vec<String>, usize) {
        self.commits += 1;
        let (mut rebuilt, mut names, mut needed) = (BTreeSet::new(), Vec::new(), 0);
        for change in &record.images {
            let Some(key) = &change.key else { continue };
            let before = self.last.insert(change.name.clone(), key.clone());
            let before = change.before.clone().or(before);
            if before.as_ref() == Some(key) {
                continue;
            }
            // What is not known to be the same counts: an image that could not be built meanwhile.
            let is_own = change.before.is_none() || rules.is_own(change);
            let dependencies = change.dependencies.iter().filter(|name| rebuilt.contains(*name));
            let dependencies: Vec<&String> = dependencies.collect();
            let is_rebuilt = is_own || !dependencies.is_empty();
            if is_rebuilt {
                rebuilt.insert(change.name.clone());
            }
            if !wants(change) {
                continue;
            }
            let tally = self.images.entry(change.name.clone()).or_default();
            tally.dockerfile.clone_from(&change.dockerfile);
            if before.is_none() {
                tally.is_new = true;
                continue;
            }
            needed += 1;
            tally.needed += 1;
            if is_rebuilt {
                tally.commits.push(self.commits);
                tally.count(change, rules, &dependencies);
                names.push(change.name.clone());
            }
        }
        (names, needed)
    }

    /// All images, the most often rebuilt ones first; and those that the same commits rebuilt.
    pub(super) fn finish(self, took: &HashMap<String, Duration>) -> (Vec<ImageHistory>, Vec<Vec<String>>) {
        let mut by_commits: BTreeMap<&Vec<usize>, Vec<String>> = BTreeMap::new();
        for (name, tally) in self.images.iter().filter(|(_, tally)| tally.commits.len() > 1) {
            by_commits.entry(&tally.commits).or_default().push(name.clone());
        }
        let mut together: Vec<(usize, Vec<String>)> = by_commits
            .into_iter()
            .filter(|(_, names)| names.len() > 1)
            .map(|(commits, names)| (commits.len(), names))
            .collect();
        together.sort_by(|(a, one), (b, other)| (b, other.len()).cmp(&(a, one.len())).then(one.cmp(other)));
        let mut images: Vec<ImageHistory> =
            self.images.into_iter().map(|(name, tally)| tally.finish(name, took)).collect();
        images.sort_by(|a, b| {
            b.rebuilds.cmp(&a.rebuilds).then(b.needed.cmp(&a.needed)).then(a.name.cmp(&b.name))
        });
        (images, together.into_iter().map(|(_, names)| names).collect())
    }
}

impl Tally {
    fn count(&mut self, change: &ImageChange, rules: &WhatIf, dependencies: &[&String]) {
        let files: Vec<&ChangedInput> =
            change.files.iter().filter(|input| rules.counts(change, input)).collect();
        let mut causes: BTreeMap<Cause, Vec<&str>> = BTreeMap::new();
        for input in &files {
            if input.lines.is_empty() {
                causes.entry(Cause::Inputs).or_default().push(&input.path);
            }
            for line in &input.lines {
                causes.entry(Cause::Line(*line)).or_default().push(&input.path);
            }
        }
        if change.instruction.is_some() {
            causes.insert(Cause::Instructions, Vec::new());
        }
        causes.extend(change.others.iter().map(|other| (Cause::Other(other.clone()), Vec::new())));
        causes.extend(dependencies.iter().map(|name| (Cause::Image((*name).clone()), Vec::new())));
        let is_files_alone = change.more_files == 0
            && change.instruction.is_none()
            && change.others.is_empty()
            && dependencies.is_empty();
        for (cause, paths) in causes {
            let frequency = self.causes.entry(cause).or_default();
            frequency.rebuilds += 1;
            for path in paths {
                let (times, alone) = frequency.files.entry(path.to_owned()).or_default();
                *times += 1;
                *alone += usize::from(is_files_alone && files.len() == 1);
            }
        }
        if is_files_alone {
            let needless = |input: &&ChangedInput| needless(change.in_context(&input.path));
            let shared = files.iter().map(needless).reduce(|one, other| &one & &other);
            for pattern in shared.unwrap_or_default() {
                *self.savings.entry(pattern).or_default() += 1;
            }
        }
    }

    fn finish(self, name: String, took: &HashMap<String, Duration>) -> ImageHistory {
        let dockerfile = self.dockerfile;
        let cause = |(cause, Frequency { rebuilds, files }): (Cause, Frequency)| {
            let mut files: Vec<(String, usize, usize)> =
                files.into_iter().map(|(path, (times, alone))| (path, times, alone)).collect();
            files.sort_by(|a, b| (b.1, b.2).cmp(&(a.1, a.2)).then(a.0.cmp(&b.0)));
            files.truncate(FILES);
            let (path, line, what) = match cause {
                Cause::Line(line) => (Some(dockerfile.clone()), Some(line), None),
                Cause::Instructions => (Some(dockerfile.clone()), None, Some("instructions".to_owned())),
                Cause::Inputs => (Some(dockerfile.clone()), None, Some("inputs".to_owned())),
                Cause::Image(name) => (None, None, Some(name)),
                Cause::Other(what) => (None, None, Some(what)),
            };
            LineCause { path, line, what, rebuilds, files }
        };
        let mut causes: Vec<LineCause> = self.causes.into_iter().map(cause).collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.rebuilds));
        let saving = |(ignore, rebuilds)| Saving { ignore, rebuilds };
        let mut savings: Vec<Saving> = self.savings.into_iter().map(saving).collect();
        savings.sort_by_key(|saving| std::cmp::Reverse(saving.rebuilds));
        let rebuilds = self.commits.len();
        let took = took.get(&name).and_then(|took| took.checked_mul(u32::try_from(rebuilds).ok()?));
        ImageHistory { name, rebuilds, needed: self.needed, is_new: self.is_new, took, causes, savings }
    }
}

/// Folders, and names of files, that builds rarely need.
const FOLDERS: [&str; 16] = [
    "docs",
    "doc",
    "test",
    "tests",
    "__tests__",
    "testdata",
    "spec",
    "e2e",
    "example",
    "examples",
    "samples",
    ".github",
    ".gitlab",
    ".circleci",
    ".vscode",
    ".idea",
];
const FILES_BY_BEGINNING: [&str; 7] =
    ["README", "CHANGELOG", "LICENSE", "CONTRIBUTING", "Dockerfile", "docker-compose", "compose."];
const FILES_BY_END: [&str; 8] =
    [".md", ".rst", ".adoc", "_test.go", ".test.js", ".test.ts", ".spec.ts", "_test.py"];
const FILES_BY_NAME: [&str; 5] =
    [".dockerignore", ".gitignore", ".gitattributes", ".editorconfig", "Makefile"];

/// The lines of an ignore file that would leave a path out, and with it nothing that builds are likely to need.
fn needless(path: &str) -> BTreeSet<String> {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folders = folders.split('/').filter(|folder| FOLDERS.contains(folder));
    let folders = folders.map(|folder| format!("**/{folder}"));
    let beginnings =
        FILES_BY_BEGINNING.iter().filter(|it| name.starts_with(**it)).map(|it| format!("**/{it}*"));
    let ends = FILES_BY_END.iter().filter(|it| name.ends_with(**it)).map(|it| format!("**/*{it}"));
    let names = FILES_BY_NAME.iter().filter(|it| name == **it).map(|it| format!("**/{it}"));
    folders.chain(beginnings).chain(ends).chain(names).collect()
}
