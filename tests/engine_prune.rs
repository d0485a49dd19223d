//! `prune` on a real engine: what nothing needs goes, and nothing else.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use support::{Checkout, Engine, Run, text, texts};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

/// Two images, one built on the other, both built on `main`.
fn checkout(engine: &Engine) -> Checkout {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY b /b\n"),
        ("base/b", "1"),
        ("api/Dockerfile", "FROM acme/base\nCOPY a /a\n"),
        ("api/a", "1"),
    ]);
    engine.run(&checkout, &["build"]).exits(0);
    checkout
}

/// Another content of one file, committed and built.
fn change(engine: &Engine, checkout: &Checkout, path: &str, content: &str) {
    checkout.write(path, content);
    checkout.commit(content);
    engine.run(checkout, &["build"]).exits(0);
}

fn key_tag(engine: &Engine, checkout: &Checkout, name: &str) -> String {
    let plan = engine.run(checkout, &["plan", "--format", "json"]).exits(0).json();
    format!("{name}:src-{}", &text(&support::image(&plan, name)["key"])[..16])
}

fn name(engine: &Engine, image: &str) -> String {
    format!("{}/{image}", engine.namespace)
}

/// Runs the command in another folder than the checkout's.
fn run_in(engine: &Engine, checkout: &Checkout, folder: &Path, arguments: &[&str]) -> Run {
    Run::of(&engine.command(checkout, arguments).current_dir(folder).output().expect("the command runs"))
}

fn prune(engine: &Engine, checkout: &Checkout, arguments: &[&str]) -> Run {
    engine.run(checkout, &[&["prune", "--yes"], arguments].concat())
}

#[track_caller]
fn nothing_to_remove(engine: &Engine, checkout: &Checkout) {
    let run = prune(engine, checkout, &[]).exits(0);
    assert!(run.stdout.starts_with("nothing to remove"), "{run:?}");
}

/// What is said of each image that goes, or stays.
fn said(run: &Run, action: &str) -> Vec<(Vec<String>, String)> {
    let json = run.json();
    let images = json["images"].as_array().expect("images").clone();
    let chosen = images.iter().filter(|image| image["action"] == action);
    chosen.map(|image: &Value| (texts(&image["tags"]), text(&image["reason"]))).collect()
}

#[test]
fn images_of_a_branch_that_is_gone_go_with_its_tags() {
    let engine = engine!();
    let checkout = checkout(&engine);
    checkout.git(&["switch", "--quiet", "--create", "feature/x"]);
    change(&engine, &checkout, "api/a", "of the feature");
    let feature = key_tag(&engine, &checkout, "api");
    checkout.git(&["switch", "--quiet", "main"]);
    let main = key_tag(&engine, &checkout, "api");
    nothing_to_remove(&engine, &checkout);
    assert!(engine.has(&feature));
    checkout.git(&["branch", "--quiet", "-D", "feature/x"]);
    let run = engine.run(&checkout, &["prune", "--dry-run"]).exits(0);
    assert!(run.stdout.contains(&feature) && run.stdout.contains("would remove 1 image"), "{run:?}");
    assert!(engine.has(&feature), "a dry run removes nothing");
    let run = prune(&engine, &checkout, &[]).exits(0);
    assert!(run.stdout.contains("removed 1 image"), "{run:?}");
    assert!(!engine.has(&feature) && !engine.has("api:feature-x"));
    assert!(engine.has(&main) && engine.has("api:main") && engine.has(&key_tag(&engine, &checkout, "base")));
    engine.run(&checkout, &["build"]).exits(0);
    nothing_to_remove(&engine, &checkout);
}

#[test]
fn the_last_revisions_of_a_branch_stay() {
    let engine = engine!();
    let checkout = checkout(&engine);
    let mut tags = vec![key_tag(&engine, &checkout, "api")];
    for content in ["2", "3", "4", "5"] {
        change(&engine, &checkout, "api/a", content);
        tags.push(key_tag(&engine, &checkout, "api"));
        checkout.write("README", content);
        checkout.commit("no image changes");
    }
    prune(&engine, &checkout, &["--keep", "4"]).exits(0);
    assert_eq!(tags.iter().map(|tag| engine.has(tag)).collect::<Vec<_>>(), [false, true, true, true, true]);
    prune(&engine, &checkout, &[]).exits(0);
    assert_eq!(tags.iter().map(|tag| engine.has(tag)).collect::<Vec<_>>(), [false, false, true, true, true]);
    prune(&engine, &checkout, &["--keep", "1"]).exits(0);
    assert_eq!(
        tags.iter().map(|tag| engine.has(tag)).collect::<Vec<_>>(),
        [false, false, false, false, true]
    );
}

#[test]
fn tags_stashes_worktrees_and_uncommitted_edits_keep_their_images() {
    let engine = engine!();
    let checkout = checkout(&engine);
    let mut needed = Vec::new();
    // A tag that only git has.
    change(&engine, &checkout, "api/a", "tagged");
    needed.push(key_tag(&engine, &checkout, "api"));
    checkout.git(&["tag", "--annotate", "--message", "one", "v1"]);
    checkout.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    for content in ["first", "second"] {
        checkout.write("api/a", content);
        engine.run(&checkout, &["build"]).exits(0);
        needed.push(key_tag(&engine, &checkout, "api"));
        checkout.git(&["stash", "--quiet"]);
    }
    let elsewhere = checkout.beside("elsewhere");
    checkout.git(&["worktree", "add", "--quiet", "--detach", &elsewhere.display().to_string()]);
    std::fs::write(elsewhere.join("api/a"), "elsewhere").expect("a file");
    run_in(&engine, &checkout, &elsewhere, &["build"]).exits(0);
    let plan = run_in(&engine, &checkout, &elsewhere, &["plan", "--format", "json"]).exits(0).json();
    needed.push(format!("api:src-{}", &text(&support::image(&plan, "api")["key"])[..16]));
    checkout.write("api/a", "edited");
    engine.run(&checkout, &["build"]).exits(0);
    needed.push(key_tag(&engine, &checkout, "api"));
    let run = prune(&engine, &checkout, &["--keep", "1", "--format", "json"]).exits(0);
    for tag in &needed {
        assert!(engine.has(tag), "{tag}: {run:?}");
    }
    let reasons: Vec<String> = said(&run, "keep").into_iter().map(|(_, reason)| reason).collect();
    for who in ["v1", "stash@{0}", "stash@{1}", "the work tree", "worktree "] {
        assert!(reasons.iter().any(|reason| reason.contains(who)), "{who}: {reasons:?}");
    }
    assert!(said(&run, "remove").is_empty(), "{run:?}");
}

/// A stopped container of another image, a volume and a network, none of which is pruned by anything.
struct Bystanders<'a> {
    engine: &'a Engine,
    name: String,
}

impl<'a> Bystanders<'a> {
    fn new(engine: &'a Engine) -> Self {
        let name = format!("{}-bystander", engine.namespace);
        engine.docker(&["volume", "create", &name]);
        engine.docker(&["network", "create", &name]);
        engine.docker(&["create", "--name", &name, "--volume", "/anonymous", "busybox"]);
        Self { engine, name }
    }

    /// All that is known of them, the times of their making included.
    fn described(&self) -> String {
        ["container", "volume", "network"]
            .map(|kind| self.engine.docker(&[kind, "inspect", &self.name]))
            .concat()
    }
}

impl Drop for Bystanders<'_> {
    fn drop(&mut self) {
        self.engine.try_docker(&["rm", "--volumes", &self.name]);
        for kind in ["volume", "network"] {
            self.engine.try_docker(&[kind, "rm", &self.name]);
        }
    }
}

#[test]
fn what_is_used_or_tagged_by_others_stays() {
    let engine = engine!();
    let checkout = checkout(&engine);
    let bystanders = Bystanders::new(&engine);
    let before = bystanders.described();
    let old = key_tag(&engine, &checkout, "api");
    engine.docker(&["tag", &name(&engine, "api:main"), &name(&engine, "api:mine")]);
    change(&engine, &checkout, "api/a", "2");
    let used = key_tag(&engine, &checkout, "api");
    let container = engine.docker(&["create", &name(&engine, &used), "true"]);
    change(&engine, &checkout, "api/a", "3");
    let run = prune(&engine, &checkout, &["--keep", "1", "--format", "json"]).exits(0);
    assert!(engine.has(&old) && engine.has("api:mine") && engine.has(&used), "{run:?}");
    let run = prune(&engine, &checkout, &["--keep", "1", "--stopped"]).exits(0);
    assert!(run.stdout.contains("removed 1 image and 1 container"), "{run:?}");
    assert!(!engine.has(&used) && engine.has(&old));
    assert!(!engine.docker(&["ps", "--all", "--quiet", "--no-trunc"]).contains(&container));
    prune(&engine, &checkout, &["--keep", "1", "--stopped", "--build-cache", "5000d"]).exits(0);
    assert_eq!(bystanders.described(), before);
}

/// An image as somebody's builder with emulators leaves it: several platforms under the key's tag, where the engine's
/// store can hold that.
#[test]
fn all_platforms_of_an_image_go_but_not_while_a_container_names_it_by_its_digest() {
    let engine = engine!();
    let checkout = checkout(&engine);
    change(&engine, &checkout, "api/a", "2");
    let old = key_tag(&engine, &checkout, "api");
    let inspect = |format: &str| engine.docker(&["inspect", "--format", format, &name(&engine, &old)]);
    let labels = inspect("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}\n{{end}}");
    let store = engine.docker(&["info", "--format", "{{.DriverStatus}}"]);
    let holds_many = store.contains("io.containerd.snapshotter");
    let platforms = if holds_many { "linux/amd64,linux/arm64" } else { "linux/amd64" };
    let folder = checkout.beside("elsewhere");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n").expect("a file");
    let (image, folder) = (name(&engine, &old), folder.display().to_string());
    let mut build = vec!["buildx", "build", "--quiet", "--platform", platforms, "--tag", &image, &folder];
    build.extend(labels.lines().filter(|line| line.contains('=')).flat_map(|label| ["--label", label]));
    engine.docker(&build);
    let digest = inspect(if holds_many { "{{index .RepoDigests 0}}" } else { "{{.Id}}" });
    let container = engine.docker(&["create", &digest, "true"]);
    change(&engine, &checkout, "api/a", "3");
    prune(&engine, &checkout, &["--keep", "1"]).exits(0);
    assert!(engine.has(&old), "a container needs it");
    engine.docker(&["rm", &container]);
    prune(&engine, &checkout, &["--keep", "1"]).exits(0);
    let left = engine.docker(&["images", "--all", "--no-trunc", "--format", "{{.ID}} {{.Digest}}"]);
    let digest = digest.rsplit_once('@').map_or(&*digest, |(_, digest)| digest);
    assert!(!engine.has(&old) && !left.contains(digest), "{left}");
}

#[test]
fn another_clone_s_images_stay_unless_all_are_asked_for() {
    let engine = engine!();
    let checkout = checkout(&engine);
    let clone = checkout.beside("clone");
    checkout.git(&["clone", "--quiet", ".", &clone.display().to_string()]);
    std::fs::write(clone.join("api/a"), "edited there").expect("a file");
    run_in(&engine, &checkout, &clone, &["build"]).exits(0);
    let plan = run_in(&engine, &checkout, &clone, &["plan", "--format", "json"]).exits(0).json();
    let theirs = format!("api:src-{}", &text(&support::image(&plan, "api")["key"])[..16]);
    let run = prune(&engine, &checkout, &["--format", "json"]).exits(0);
    assert!(engine.has(&theirs), "{run:?}");
    assert!(
        said(&run, "keep").iter().any(|(_, reason)| reason == "this checkout has not built it"),
        "{run:?}"
    );
}

#[test]
fn what_cannot_be_known_is_refused() {
    let engine = engine!();
    let checkout = checkout(&engine);
    checkout.git(&["switch", "--quiet", "--create", "broken"]);
    checkout.write("api/Dockerfile", "FROM acme/base\nCOPI a /a\n");
    checkout.commit("broken");
    checkout.git(&["switch", "--quiet", "main"]);
    prune(&engine, &checkout, &[]).exits(2).says("what broken needs is not known").says("api/Dockerfile");
    checkout.git(&["branch", "--quiet", "-D", "broken"]);
    let shallow = checkout.beside("shallow");
    let url = format!("file://{}", checkout.root.display());
    checkout.write("README", "more");
    checkout.commit("more");
    checkout.git(&["clone", "--quiet", "--depth=1", &url, &shallow.display().to_string()]);
    run_in(&engine, &checkout, &shallow, &["prune", "--yes"]).exits(2).says("shallow");
    // As a CI job has it: one commit of a pull request, and no branch.
    let job = checkout.beside("job");
    checkout.git(&["clone", "--quiet", ".", &job.display().to_string()]);
    for arguments in [
        &["checkout", "--quiet", "--detach"][..],
        &["branch", "--quiet", "-D", "main"],
        &["update-ref", "refs/remotes/pull/1/merge", "HEAD"],
        &["update-ref", "-d", "refs/remotes/origin/main"],
    ] {
        support::git_in(&job, arguments);
    }
    run_in(&engine, &checkout, &job, &["prune", "--yes"]).exits(2).says("no branch is known here");
    engine.run(&checkout, &["prune", "--offline"]).exits(2);
    checkout.write("api/a", "dirty");
    engine.run(&checkout, &["build"]).exits(0);
    checkout.write("api/a", "dirty again");
    let run = engine.run(&checkout, &["prune"]).exits(2).says("--yes");
    assert!(run.stdout.is_empty(), "{run:?}");
}

/// The limits are beyond all that there is: the other tests need what they have built.
#[test]
fn the_build_cache_is_told_apart_and_images_stay() {
    let engine = engine!();
    let checkout = checkout(&engine);
    let images = || {
        let filter = format!("reference={}/*", engine.namespace);
        let listed = engine.docker(&["images", "--quiet", "--no-trunc", "--filter", &filter]);
        // Those of one second stand in any order.
        listed.lines().map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let before = images();
    let dry = engine.run(&checkout, &["prune", "--dry-run", "--build-cache", "1000TB"]).exits(0);
    assert!(dry.stdout.contains("build cache of all users of the engine: it holds "), "{dry:?}");
    assert!(dry.stdout.contains("nothing of it goes"), "{dry:?}");
    engine.run(&checkout, &["prune", "--build-cache", "1000TB"]).exits(2).says("--yes");
    for limit in ["1000TB", "5000d"] {
        let run = prune(&engine, &checkout, &["--build-cache", limit]).exits(0);
        assert!(run.stdout.starts_with("nothing to remove; kept "), "{limit}: {run:?}");
        assert!(run.stdout.ends_with("\nbuild cache: freed 0 B\n"), "{limit}: {run:?}");
    }
    assert_eq!(images(), before);
    for wrong in ["10", "seven", ""] {
        prune(&engine, &checkout, &["--build-cache", wrong]).exits(2).says("--build-cache");
    }
}

#[test]
fn what_is_built_on_an_image_by_hand_keeps_it() {
    let engine = engine!();
    let checkout = checkout(&engine);
    let old = key_tag(&engine, &checkout, "api");
    let theirs = name(&engine, "theirs:1");
    let container = engine.docker(&["create", &name(&engine, &old), "true"]);
    engine.docker(&["cp", &checkout.root.join("api/a").display().to_string(), &format!("{container}:/more")]);
    engine.docker(&["commit", &container, &theirs]);
    engine.docker(&["rm", &container]);
    change(&engine, &checkout, "base/b", "2");
    let run = prune(&engine, &checkout, &["--keep", "1", "--format", "json"]).exits(0);
    assert!(engine.has(&old) && engine.has("theirs:1"), "{run:?}");
    assert!(
        said(&run, "keep").iter().any(|(_, reason)| reason.contains("theirs:1 is built on it")),
        "{run:?}"
    );
    engine.docker(&["rmi", &theirs]);
    prune(&engine, &checkout, &["--keep", "1"]).exits(0);
    assert!(!engine.has(&old));
}

#[test]
fn the_same_content_under_another_s_name_stays() {
    let engine = engine!();
    let theirs = Engine::start().expect("the same engine");
    let checkout = checkout(&engine);
    let old = key_tag(&engine, &checkout, "api");
    let clone = checkout.beside("clone");
    checkout.git(&["clone", "--quiet", ".", &clone.display().to_string()]);
    run_in(&theirs, &checkout, &clone, &["build"]).exits(0);
    change(&engine, &checkout, "api/a", "2");
    prune(&engine, &checkout, &["--keep", "1"]).exits(0);
    assert!(!engine.has(&old));
    assert!(theirs.has(&old), "another namespace's image went");
}
