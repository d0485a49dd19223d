use std::collections::BTreeMap;
use std::io;

use bstr::BStr;
use rayon::prelude::*;

use super::content::{has_from, is_dockerfile_text, is_template};
use super::evidence_files::{EvidenceKind, evidence_kind};
use super::names::{FileNameForm, dockerfile_name};
use super::rules::{Class, Classes, Rules, unmatched};
use crate::diagnostic::{Diagnostic, Location};
use crate::git::{LinkTarget, NodeKind, Snapshot, Tracking, follow};
use crate::limits;
use crate::path::TreePath;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundDockerfile {
    /// Where it is, or where the link to it is.
    pub path: TreePath,
    /// Its bytes.
    pub source: Vec<u8>,
    /// Whether git knows the file (or the link).
    pub tracked: bool,
    /// Whether it is built only when named or depended on.
    pub aside: bool,
}

/// A Dockerfile that is there and cannot be read, so that nothing is known of its image but where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokenDockerfile {
    /// Where it is, or where the link to it is.
    pub path: TreePath,
    /// Whether git knows the file (or the link).
    pub tracked: bool,
    /// Whether it is built only when named or depended on.
    pub aside: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Discovery {
    /// Sorted by path.
    pub dockerfiles: Vec<FoundDockerfile>,
    /// Files with a Dockerfile's name that nothing is done with, sorted.
    pub left_out: Vec<TreePath>,
    /// Those that cannot be read, sorted by path: a diagnostic says why. Their images are wrong, not absent: what is
    /// built from them must not find another image of the same name.
    pub broken: Vec<BrokenDockerfile>,
    /// Those of them whose bytes may be elsewhere, sorted: reading failed, as it does in a partial clone.
    pub unreadable: Vec<TreePath>,
    /// Files that may say something about images, sorted by path; not those in folders whose Dockerfiles are left out.
    pub evidence: Vec<(TreePath, EvidenceKind)>,
    /// One note about what is left out, one error for each Dockerfile that cannot be read, and so on.
    pub diagnostics: Vec<Diagnostic>,
}

/// A file with a Dockerfile's name.
struct Candidate {
    path: TreePath,
    kind: NodeKind,
    form: FileNameForm,
    tracked: bool,
    aside: bool,
}

/// What reading a candidate gave.
enum Outcome {
    Dockerfile(Vec<u8>),
    /// A variant without FROM.
    Other,
    Template,
    Broken(Diagnostic),
    Unreadable(Diagnostic),
}

/// Finds the Dockerfiles among the files of `tree`. One that cannot be read is an error; the others go on.
pub(crate) fn discover(tree: &dyn Snapshot, rules: &Rules) -> Discovery {
    let mut found = Discovery::default();
    let classes = Classes::new(rules, tree.submodules(), &mut found.diagnostics);
    let (mut candidates, mut evidence) = (Vec::new(), Vec::new());
    let mut reasons: BTreeMap<Option<&'static str>, usize> = BTreeMap::new();
    tree.visit(&mut |path, kind, tracking| {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let Some(form) = dockerfile_name(name.into()) else {
            if let Some(kind) = evidence_kind(path).filter(|_| tracking != Tracking::Ignored) {
                evidence.push((TreePath::new(path), kind));
            }
            return;
        };
        let tracked = tracking == Tracking::Tracked;
        // A socket may be called `api.dockerfile`.
        if kind == NodeKind::Other && form != FileNameForm::Plain && !tracked {
            return;
        }
        let path = TreePath::new(path);
        let aside = match classes.of(&path) {
            Class::Build => false,
            Class::Aside => true,
            Class::LeftOut(folder) => {
                *reasons.entry(folder).or_default() += 1;
                found.left_out.push(path);
                return;
            }
        };
        candidates.push(Candidate { path, kind, form, tracked, aside });
    });
    let known = candidates.iter().map(|candidate: &Candidate| &candidate.path).chain(&found.left_out);
    let unmatched = unmatched(rules, &known);
    found.diagnostics.extend(unmatched);
    evidence.retain(|(path, _)| !matches!(classes.of(path), Class::LeftOut(_)));
    found.evidence = evidence;
    let outcomes: Vec<Outcome> = candidates.par_iter().map(|candidate| read(tree, candidate)).collect();
    let mut templates = 0;
    for (candidate, outcome) in candidates.iter().zip(outcomes) {
        match outcome {
            Outcome::Dockerfile(source) => found.dockerfiles.push(FoundDockerfile {
                path: candidate.path.clone(),
                source,
                tracked: candidate.tracked,
                aside: candidate.aside,
            }),
            Outcome::Broken(diagnostic) => {
                found.broken.push(candidate.broken());
                found.diagnostics.push(diagnostic);
            }
            Outcome::Unreadable(diagnostic) => {
                found.broken.push(candidate.broken());
                found.unreadable.push(candidate.path.clone());
                found.diagnostics.push(diagnostic);
            }
            Outcome::Other => {}
            Outcome::Template => {
                templates += 1;
                found.left_out.push(candidate.path.clone());
            }
        }
    }
    found.left_out.sort();
    found.diagnostics.extend(left_out_note(&reasons, templates));
    found.diagnostics.extend(unknown_folders(tree.unreadable_folders()));
    found
}

/// Whether [`discover`] looks at a file of this path because of its name: all others might as well not be there.
pub(crate) fn has_telling_name(path: &BStr) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    dockerfile_name(name.into()).is_some() || evidence_kind(path).is_some()
}

/// Those of `paths` that are Dockerfiles although their names do not say so, for who names them outright. What rules leave
/// out stays left out.
pub(crate) fn named(
    tree: &dyn Snapshot,
    rules: &Rules,
    paths: impl Iterator<Item = TreePath>,
) -> Vec<FoundDockerfile> {
    let classes = Classes::new(rules, tree.submodules(), &mut Vec::new());
    let found = paths.filter(|path| tree.kind(path) == Some(NodeKind::File)).filter_map(|path| {
        let aside = match classes.of(&path) {
            Class::Build => false,
            Class::Aside => true,
            Class::LeftOut(_) => return None,
        };
        let source = tree.read(&path, limits::DOCKERFILE).ok().filter(|source| is_dockerfile_text(source))?;
        Some(FoundDockerfile { tracked: tree.is_tracked(&path), path, source, aside })
    });
    found.collect()
}

impl Candidate {
    fn broken(&self) -> BrokenDockerfile {
        BrokenDockerfile { path: self.path.clone(), tracked: self.tracked, aside: self.aside }
    }
}

fn read(tree: &dyn Snapshot, candidate: &Candidate) -> Outcome {
    let path = &candidate.path;
    let broken = |what: &str, hint: &str| {
        let diagnostic = Diagnostic::error(format!("{path} {what}, so it cannot be read"));
        Outcome::Broken(diagnostic.at(Location::file(path.clone())).hint(hint))
    };
    let exclude = "or leave it out with `exclude` in the settings";
    let target = match candidate.kind {
        NodeKind::Link => match follow(tree, path) {
            // `Dockerfile -> Dockerfile.prod` is that Dockerfile, not a second one.
            LinkTarget::File(target) if is_found_beside(path, &target) => return Outcome::Other,
            LinkTarget::File(target) => target,
            // Editors and tools have folders behind all kinds of names.
            LinkTarget::NotAFile if candidate.form != FileNameForm::Plain => return Outcome::Other,
            LinkTarget::NotAFile => {
                return broken(
                    "is a link to something that is not a file",
                    &format!("let it lead to one, {exclude}"),
                );
            }
            LinkTarget::Missing | LinkTarget::Outside => {
                let hint = format!("let it lead to a file of the checkout, {exclude}");
                return broken("is a link to nothing inside the checkout", &hint);
            }
        },
        NodeKind::Other => {
            return broken("is a device, socket or pipe", &format!("put a file in its place, {exclude}"));
        }
        NodeKind::File | NodeKind::Folder => path.clone(),
    };
    match tree.read(&target, limits::DOCKERFILE) {
        Ok(source) if is_template(&source) => Outcome::Template,
        Ok(source) if candidate.form == FileNameForm::Plain || has_from(&source) => {
            Outcome::Dockerfile(source)
        }
        Ok(_) => Outcome::Other,
        // It may be a disk image.
        Err(error) if is_too_long(&error) && candidate.form != FileNameForm::Plain => Outcome::Other,
        Err(error) if is_too_long(&error) => {
            let size = limits::size(limits::DOCKERFILE);
            broken(&format!("is longer than {size}, as no Dockerfile is"), &format!("shorten it, {exclude}"))
        }
        // The error names the path.
        Err(error) => {
            let hint = format!("make it readable, {exclude}");
            let place = Location::file(path.clone());
            Outcome::Unreadable(Diagnostic::error(format!("cannot read {error}")).at(place).hint(hint))
        }
    }
}

/// Whether what a link leads to stands in the folder of the link and has a Dockerfile's name.
fn is_found_beside(link: &TreePath, target: &TreePath) -> bool {
    link.parent() == target.parent() && dockerfile_name(target.file_name()).is_some()
}

/// Folders that nobody can look into may hold Dockerfiles. One warning names them all.
fn unknown_folders(folders: &[(TreePath, String)]) -> Option<Diagnostic> {
    let (first, why) = folders.first()?;
    let more = match folders.len() {
        1 => String::new(),
        count => format!(", nor {} other folders", count - 1),
    };
    let message = format!("cannot list {first}: {why}{more}; Dockerfiles in there are not known");
    let hint = "make it readable, or let `.gitignore` name it if nothing is built from it";
    Some(Diagnostic::warning(message).hint(hint))
}

fn is_too_long(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

fn left_out_note(reasons: &BTreeMap<Option<&'static str>, usize>, templates: usize) -> Option<Diagnostic> {
    let all = reasons.values().sum::<usize>() + templates;
    let mut parts: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| match reason {
            Some(folder) => format!("{count} in {folder}/"),
            None => format!("{count} by `exclude`"),
        })
        .collect();
    if templates > 0 {
        parts.push(format!("{templates} that a Dockerfile is made of"));
    }
    let noun = if all == 1 { "Dockerfile is" } else { "Dockerfiles are" };
    (all > 0).then(|| {
        Diagnostic::note(format!("{all} {noun} left out: {}", parts.join(", ")))
            .hint("`include` in the settings takes them back")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::git::memory_tree::MemoryTree;
    use crate::git::testing::TestRepository;

    const FROM: &str = "FROM alpine\n";

    fn paths(found: &Discovery) -> Vec<String> {
        found.dockerfiles.iter().map(|dockerfile| dockerfile.path.to_text()).collect()
    }

    fn find(tree: &MemoryTree) -> Discovery {
        discover(tree, &Rules::default())
    }

    #[test]
    fn a_variant_without_from_is_not_a_dockerfile() {
        let tree = MemoryTree::new([
            ("a/Dockerfile", "nothing"),
            ("a/Dockerfile.sh", "#!/bin/sh\n"),
            ("a/Dockerfile.dev", FROM),
            ("b/x.Dockerfile", "x"),
            ("b/y.dockerfile", FROM),
        ]);
        assert_eq!(paths(&find(&tree)), ["a/Dockerfile", "a/Dockerfile.dev", "b/y.dockerfile"]);
    }

    #[test]
    fn a_link_to_a_dockerfile_counts_where_the_link_is() {
        let tree = MemoryTree::new([
            ("common/build.df", FROM),
            ("vendor/Dockerfile", FROM),
            ("d/Dockerfile/x", "x"),
        ])
        .link("a/Dockerfile", "../common/build.df")
        .link("b/Dockerfile", "../a/Dockerfile")
        .link("c", "common")
        .link("e/Dockerfile", "../c/build.df")
        .link("f/Dockerfile", "../vendor/Dockerfile")
        .link("folder/Dockerfile", "../common");
        let found = find(&tree);
        assert_eq!(paths(&found), ["a/Dockerfile", "b/Dockerfile", "e/Dockerfile", "f/Dockerfile"]);
        assert!(found.dockerfiles.iter().all(|dockerfile| dockerfile.source == FROM.as_bytes()));
        let broken: Vec<String> = found.broken.iter().map(|broken| broken.path.to_text()).collect();
        assert_eq!(broken, ["folder/Dockerfile"]);
    }

    #[test]
    fn a_link_to_a_dockerfile_in_the_same_folder_is_no_second_one() {
        let tree = MemoryTree::new([
            ("api/Dockerfile.prod", FROM),
            ("Dockerfile", FROM),
            ("b/common.df", FROM),
            ("c/Dockerfile", FROM),
        ])
        .link("api/Dockerfile", "Dockerfile.prod")
        .link("api/dev.Dockerfile", "../api/Dockerfile")
        .link("Containerfile", "./Dockerfile")
        .link("b/Dockerfile", "common.df")
        .link("b/Dockerfile.c", "../c/Dockerfile");
        let found = find(&tree);
        let expected =
            ["Dockerfile", "api/Dockerfile.prod", "b/Dockerfile", "b/Dockerfile.c", "c/Dockerfile"];
        assert_eq!(paths(&found), expected);
        assert_eq!(found.diagnostics, []);
    }

    #[test]
    fn a_link_to_nothing_in_the_checkout_is_a_dockerfile_that_cannot_be_read() {
        for target in ["../../etc/x", "/etc/passwd", "nowhere", "Dockerfile"] {
            let found = find(&MemoryTree::new([]).link("a/Dockerfile", target));
            assert_eq!(paths(&found), [""; 0], "{target}");
            assert_eq!(found.broken.len(), 1, "{target}");
            assert_eq!(found.diagnostics.len(), 1, "{target}");
            assert_eq!(found.diagnostics[0].severity, Severity::Error);
        }
    }

    #[test]
    fn an_unreadable_dockerfile_is_an_error_and_the_others_go_on() {
        let tree =
            MemoryTree::new([("a/Dockerfile", FROM), ("b/Dockerfile", FROM)]).unreadable("a/Dockerfile");
        let found = find(&tree);
        assert_eq!(paths(&found), ["b/Dockerfile"]);
        let path = "a/Dockerfile".into();
        assert_eq!(found.broken, [BrokenDockerfile { path, tracked: true, aside: false }]);
        assert_eq!(found.diagnostics[0].severity, Severity::Error);
        assert!(found.diagnostics[0].message.contains("a/Dockerfile"), "{:?}", found.diagnostics);
        assert_eq!(found.diagnostics[0].location, Some(Location::file("a/Dockerfile".into())));
    }

    #[test]
    fn what_is_left_out_is_counted_in_one_note() {
        let tree = MemoryTree::new([
            ("Dockerfile", FROM),
            ("a/vendor/Dockerfile", FROM),
            ("testdata/Dockerfile", "broken"),
            ("vendor/x/Dockerfile", FROM),
        ]);
        let rules = Rules { include: Vec::new(), exclude: vec!["/Dockerfile".into()] };
        let found = discover(&tree, &rules);
        assert_eq!(paths(&found), [""; 0]);
        assert_eq!(found.left_out.len(), 4);
        let messages: Vec<_> =
            found.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(messages, ["4 Dockerfiles are left out: 1 by `exclude`, 1 in testdata/, 2 in vendor/"]);
    }

    #[test]
    fn what_a_dockerfile_is_made_of_is_none() {
        let tree = MemoryTree::new([("a/Dockerfile", "{{ from }}\n"), ("b/Dockerfile", FROM)]);
        let found = find(&tree);
        assert_eq!(paths(&found), ["b/Dockerfile"]);
        assert_eq!(found.left_out, [TreePath::from("a/Dockerfile")]);
        assert_eq!(found.diagnostics[0].message, "1 Dockerfile is left out: 1 that a Dockerfile is made of");
    }

    #[test]
    fn those_aside_are_marked() {
        let tree = MemoryTree::new([("Dockerfile", FROM), ("examples/a/Dockerfile", FROM)]);
        let found = find(&tree);
        assert_eq!(found.dockerfiles.iter().map(|found| found.aside).collect::<Vec<_>>(), [false, true]);
        let rules = Rules { include: vec!["examples/a".into()], exclude: Vec::new() };
        assert!(!discover(&tree, &rules).dockerfiles[1].aside);
    }

    #[test]
    fn a_huge_variant_is_not_read_into_memory() {
        let huge = "x".repeat(usize::try_from(limits::DOCKERFILE).expect("small") + 1);
        let found = find(&MemoryTree::new([("Dockerfile.img", &*huge), ("Dockerfile", &*huge)]));
        assert_eq!(paths(&found), [""; 0]);
        assert_eq!(found.diagnostics.len(), 1);
    }

    #[test]
    fn many_are_found_in_order() {
        let names: Vec<String> = (0..1000).map(|at| format!("s{at:04}/Dockerfile")).collect();
        let tree = MemoryTree::new(names.iter().map(|name| (name.as_str(), FROM)));
        assert_eq!(paths(&find(&tree)), names);
    }

    #[test]
    fn ignored_folders_are_not_entered_but_tracked_and_untracked_files_count() {
        let repository = TestRepository::new();
        repository.write(".gitignore", "out/\n");
        repository.write("out/tracked/Dockerfile", FROM);
        repository.git(["add", "--force", "--all"]);
        repository.git(["commit", "--quiet", "-m", "x"]);
        repository.write("out/ignored/Dockerfile", FROM);
        repository.write("new/Dockerfile", FROM);
        let tree = repository.checkout().work_tree().expect("readable");
        let found = discover(&tree, &Rules::default());
        assert_eq!(paths(&found), ["new/Dockerfile", "out/tracked/Dockerfile"]);
        assert_eq!(found.dockerfiles.iter().map(|found| found.tracked).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn submodules_are_aside_other_repositories_are_not_entered() {
        let repository = TestRepository::new();
        let library = TestRepository::new();
        library.write("Dockerfile", FROM);
        library.commit("library");
        repository.git(["submodule", "--quiet", "add", library.root().to_str().expect("text"), "deps/lib"]);
        repository.write("nested/Dockerfile", FROM);
        repository.git_in(&repository.path("nested"), ["init", "--quiet"]);
        let tree = repository.checkout().work_tree().expect("readable");
        let found = discover(&tree, &Rules::default());
        assert_eq!(paths(&found), ["deps/lib/Dockerfile"]);
        assert!(found.dockerfiles[0].aside && found.dockerfiles[0].tracked);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed() {
        let repository = TestRepository::new();
        repository.write("a/Dockerfile", FROM);
        repository.link("b", "a");
        repository.link("c/Dockerfile", "../b/Dockerfile");
        let tree = repository.checkout().work_tree().expect("readable");
        assert_eq!(paths(&discover(&tree, &Rules::default())), ["a/Dockerfile", "c/Dockerfile"]);
    }

    #[test]
    fn a_commit_gives_the_same() {
        let repository = TestRepository::new();
        repository.write("a/Dockerfile", FROM);
        repository.write("tests/Dockerfile.x", FROM);
        let commit = repository.commit("x");
        let checkout = repository.checkout();
        let work_tree = discover(&checkout.work_tree().expect("readable"), &Rules::default());
        let commit = checkout.commit_tree(commit.parse().expect("a commit")).expect("readable");
        assert_eq!(discover(&commit, &Rules::default()), work_tree);
        assert_eq!(work_tree.dockerfiles.len(), 2);
    }
}
