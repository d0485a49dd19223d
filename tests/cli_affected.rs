//! `shipwright affected` through the real binary: what differs from another commit, out of git alone.

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::{Checkout, Run, git_in, image, keys, names, text};

const JSON: [&str; 2] = ["--format", "json"];

fn affected(checkout: &Checkout, arguments: &[&str]) -> Value {
    checkout.run(&[&["affected"], arguments, &JSON].concat()).exits(0).json()
}

fn reasons(json: &Value, name: &str) -> Vec<String> {
    let reasons = image(json, name)["reasons"].as_array().expect("reasons");
    reasons.iter().map(|reason| text(&reason["text"])).collect()
}

/// The shop, with the branch `feature/login` on which one script is another.
fn login() -> Checkout {
    let shop = Checkout::shop();
    shop.git(&["switch", "--quiet", "--create", "feature/login"]);
    shop.write("shared/auth.sh", "true\n");
    shop.commit("Login");
    shop
}

#[test]
fn dependents_are_affected_and_every_image_says_why() {
    let shop = login();
    let run = shop.run(&["affected", "--since", "main"]).exits(0);
    let base = shop.git(&["rev-parse", "--short=12", "main"]);
    let expected = format!(
        "\
shop · feature/login · {}
since {base} (main)

  build   acme/reports        reports in .              shared/auth.sh changed
  build   acme/shared         shared                    shared/auth.sh changed
  build   acme/service1       service1                  acme/shared is rebuilt
  build   acme/service1-dev   service1/Dockerfile.dev   acme/service1 is rebuilt ← shared: shared/auth.sh
  build   acme/service2       service2                  acme/shared is rebuilt

5 of 12 images are affected
",
        shop.head()
    );
    assert_eq!((run.stdout, run.stderr), (expected, String::new()));
    let run = shop.run(&["affected", "--since", "HEAD"]).exits(0);
    assert!(run.stdout.ends_with("none of 12 images is affected\n"), "{}", run.stdout);
}

#[test]
fn others_commits_on_the_other_branch_do_not_count() {
    let shop = login();
    shop.git(&["switch", "--quiet", "main"]);
    shop.write("motd/motd.txt", "theirs\n");
    shop.commit("theirs");
    shop.git(&["switch", "--quiet", "feature/login"]);
    let merge_base = affected(&shop, &["--since", "main"]);
    assert!(!names(&merge_base).contains(&"motd".to_owned()));
    assert_eq!(
        merge_base["since"],
        json!({"revision": "main", "commit": shop.git(&["rev-parse", "main~1"]), "merge_base": true})
    );
    let exact = affected(&shop, &["--since", "main", "--exact-rev"]);
    assert_eq!(reasons(&exact, "motd"), ["motd/motd.txt changed"]);
    assert_eq!(exact["since"]["commit"], shop.git(&["rev-parse", "main"]));
}

/// The oracle: the keys of two plans.
#[test]
fn affected_are_exactly_the_images_whose_key_differs() {
    let shop = login();
    let differing = |arguments: &[&str]| -> BTreeSet<String> {
        let before: BTreeSet<_> = keys(&shop.plan(&["--rev", "main"])).into_iter().collect();
        let now = keys(&shop.plan(arguments)).into_iter().filter(|image| !before.contains(image));
        now.map(|(name, _)| name).collect()
    };
    let found = |arguments: &[&str]| -> BTreeSet<String> {
        names(&affected(&shop, &[&["--since", "main"], arguments].concat())).into_iter().collect()
    };
    let digest = format!("sha256:{}", "5".repeat(64));
    let edits: [(&str, &dyn Fn()); 8] = [
        ("a committed edit", &|| {}),
        ("an edit of the work tree", &|| shop.write("web/pages/home.txt", "uncommitted\n")),
        ("an untracked input", &|| shop.write("web/pages/more.txt", "untracked\n")),
        ("a Dockerfile", &|| shop.write("base/Dockerfile", "FROM busybox\nUSER 7\n")),
        ("a comment", &|| {
            let text = std::fs::read_to_string(shop.root.join("tools/Dockerfile")).expect("a Dockerfile");
            shop.write("tools/Dockerfile", format!("# comment\n{text}"));
        }),
        ("a lock", &|| {
            shop.write(
                "shipwright.lock",
                format!("version = 1\n\n[bases]\n\"busybox:latest\" = \"{digest}\"\n"),
            );
        }),
        ("settings", &|| shop.write("shipwright.toml", "metadata = \"2\"\n")),
        ("a revert", &|| {
            shop.git(&["checkout", "--quiet", "main", "--", "."]);
            shop.git(&["clean", "--quiet", "--force", "-d"]);
        }),
    ];
    for (what, edit) in edits {
        edit();
        assert_eq!(found(&[]), differing(&[]), "{what}");
        assert_eq!(found(&["--rev", "feature/login"]), differing(&["--rev", "feature/login"]), "{what}");
    }
    assert_eq!(found(&[]), BTreeSet::new(), "what is as it was is not affected");
    let options = ["--rev", "feature/login", "--build-arg", "NAMESPACE=acme", "--platform", "linux/s390x"];
    assert_eq!(found(&options).len(), 5, "options are both sides'");
}

#[test]
fn a_base_that_a_lock_moves_affects_what_is_built_from_it() {
    let shop = Checkout::with(&[
        ("base/Dockerfile", "FROM alpine:3\n"),
        ("api/Dockerfile", "FROM acme/base\n"),
        ("tool/Dockerfile", "FROM busybox\n"),
    ]);
    let lock = |digit: &str| {
        let digest = format!("sha256:{}", digit.repeat(64));
        shop.write("shipwright.lock", format!("version = 1\n\n[bases]\n\"alpine:3\" = \"{digest}\"\n"));
        shop.commit(digit);
    };
    lock("1");
    let json = affected(&shop, &["--since", "HEAD~1"]);
    assert_eq!(names(&json), ["base", "api"]);
    assert_eq!(reasons(&json, "base"), ["base alpine:3 is locked to 111111111111"]);
    lock("2");
    let json = affected(&shop, &["--since", "HEAD~1"]);
    assert_eq!(names(&json), ["base", "api"]);
    assert_eq!(reasons(&json, "base"), ["base alpine:3 moved: 111111111111 → 222222222222"]);
    assert_eq!(names(&affected(&shop, &["--since", "HEAD~2"])), ["base", "api"]);
    shop.git(&["rm", "--quiet", "shipwright.lock"]);
    shop.commit("none");
    assert_eq!(names(&affected(&shop, &["--since", "HEAD~3"])), [""; 0]);
}

#[test]
fn no_engine_is_asked_and_nothing_is_written() {
    let shop = login();
    for host in ["tcp://127.0.0.1:1", "nonsense://"] {
        let run = shop.run_with(&[("DOCKER_HOST", host)], &["affected", "--since", "main"]).exits(0);
        assert!(run.stdout.contains("5 of 12 images are affected"), "{run:?}");
    }
    assert_eq!(shop.git(&["status", "--porcelain"]), "");
}

#[test]
fn new_moved_renamed_and_removed_images() {
    let shop = Checkout::with(&[
        ("shipwright.toml", "namespace = \"acme\"\n[names]\n\"odd/one\" = \"steady\"\n\"other\" = \"old\"\n"),
        ("odd/one/Dockerfile", "FROM busybox\nCOPY a /a\n"),
        ("odd/one/a", "1"),
        ("other/Dockerfile", "FROM busybox\nUSER 1\n"),
        ("gone/Dockerfile", "FROM busybox\nUSER 2\n"),
        ("same/Dockerfile", "FROM busybox\nUSER 3\n"),
    ]);
    shop.git(&["switch", "--quiet", "--create", "work"]);
    std::fs::create_dir(shop.root.join("even")).expect("a folder");
    shop.git(&["mv", "odd/one", "even/two"]);
    shop.git(&["rm", "--quiet", "-r", "gone"]);
    shop.write(
        "shipwright.toml",
        "namespace = \"acme\"\n[names]\n\"even/two\" = \"steady\"\n\"other\" = \"new-name\"\n",
    );
    shop.write("added/Dockerfile", "FROM busybox\n");
    shop.commit("moved");
    let moved = affected(&shop, &["--since", "main"]);
    assert_eq!(names(&moved), ["added", "new-name"], "a folder's name is no input");
    assert_eq!(reasons(&moved, "added"), ["new"]);
    assert_eq!(reasons(&moved, "new-name"), ["was called acme/old"]);
    assert_eq!(moved["removed"], json!([{"name": "acme/gone", "dockerfile": "gone/Dockerfile"}]));
    shop.run(&["affected", "--since", "main"])
        .exits(0)
        .says("note: acme/gone is gone, gone/Dockerfile made it");
    shop.write("even/two/a", "2");
    assert_eq!(reasons(&affected(&shop, &["--since", "main"]), "steady"), ["even/two/a changed"]);
}

#[test]
fn a_selection_is_compared_alone() {
    let shop = login();
    let of = |arguments: &[&str]| names(&affected(&shop, &[&["--since", "main"], arguments].concat()));
    assert_eq!(of(&["service1"]), ["shared", "service1"]);
    assert_eq!(of(&["-e", "service1"]), ["service1"]);
    assert_eq!(of(&["-x", "shared"]), ["reports"]);
    assert_eq!(of(&["motd"]), Vec::<String>::new());
    shop.run(&["affected", "--since", "main", "nowhere"]).exits(2).says("no image `nowhere`");
    let bare = shop.run(&["affected", "--format", "json"]).exits(0).json();
    assert_eq!(names(&bare), names(&affected(&shop, &["--since", "main"])), "the default branch");
}

#[test]
fn names_and_matrices_are_in_an_order_that_can_be_built() {
    let shop = login();
    let print = |format: &str| shop.run(&["affected", "--since", "main", "--format", format]).exits(0).stdout;
    assert_eq!(
        print("names"),
        "acme/reports\nacme/shared\nacme/service1\nacme/service2\nacme/service1-dev\n"
    );
    let matrix = print("github");
    assert_eq!(matrix.lines().count(), 1, "one line, for $GITHUB_OUTPUT");
    let matrix: Value = serde_json::from_str(&matrix).expect("JSON");
    let keys = shop.plan(&[]);
    let expected: Vec<Value> = [
        ("reports", 0),
        ("shared", 0),
        ("service1", 1),
        ("service2", 1),
        ("service1-dev", 2),
    ]
    .into_iter()
    .map(|(name, layer)| {
        let image = image(&keys, name);
        json!({"image": image["name"], "layer": layer, "key": image["key"], "reference": image["reference"]})
    })
    .collect();
    assert_eq!(matrix, json!({"include": expected}));
    let layers: Value = serde_json::from_str(&print("github-layers")).expect("JSON");
    assert_eq!(
        layers,
        json!([{"include": expected[..2]}, {"include": expected[2..4]}, {"include": expected[4..]}])
    );
}

#[test]
fn a_child_pipeline_has_a_job_an_image_and_a_stage_a_layer() {
    let run = login().run(&["affected", "--since", "main", "--format", "gitlab", "service1"]).exits(0);
    let expected = "\
stages: [\"layer-0\",\"layer-1\"]

.shipwright:
  script:
    - shipwright push --rev \"$CI_COMMIT_SHA\" \"$SHIPWRIGHT_IMAGE\"

\"build acme/shared\":
  extends: .shipwright
  stage: layer-0
  needs: []
  variables: {SHIPWRIGHT_IMAGE: \"acme/shared\"}

\"build acme/service1\":
  extends: .shipwright
  stage: layer-1
  needs: [\"build acme/shared\"]
  variables: {SHIPWRIGHT_IMAGE: \"acme/service1\"}
";
    assert_eq!(run.stdout, expected);
}

#[test]
fn nothing_affected_can_be_used_too() {
    let shop = Checkout::shop();
    let print = |format: &str| shop.run(&["affected", "--since", "HEAD", "--format", format]).exits(0).stdout;
    assert_eq!(print("names"), "");
    assert_eq!(print("github"), "{\"include\":[]}\n");
    assert_eq!(print("github-layers"), "[]\n");
    let pipeline = print("gitlab");
    assert!(pipeline.contains("\"no image is affected\":") && pipeline.contains("script:"), "{pipeline}");
    assert_eq!(affected(&shop, &["--since", "HEAD"])["images"], json!([]));
}

#[test]
fn before_a_branch_s_first_push_there_was_nothing() {
    let shop = Checkout::shop();
    let all = affected(&shop, &["--since", &"0".repeat(40)]);
    assert_eq!((names(&all).len(), &all["since"]["commit"]), (12, &Value::Null));
    assert_eq!(reasons(&all, "shared"), ["new"]);
    let run = shop.run(&["affected", "--since", &"0".repeat(40)]).exits(0);
    assert!(run.stdout.contains("since the beginning"), "{}", run.stdout);
}

#[test]
fn images_that_cannot_be_built_count_when_that_is_new() {
    let shop = Checkout::with(&[
        ("a/Dockerfile", "FROM busybox\n"),
        ("b/Dockerfile", "ARG BASE\nFROM $BASE\n"),
        ("shipwright.toml", "namespace = \"acme\"\n"),
    ]);
    shop.git(&["switch", "--quiet", "--create", "work"]);
    assert_eq!(
        names(&affected(&shop, &["--since", "main"])),
        Vec::<String>::new(),
        "b could not be built before"
    );
    shop.write("a/Dockerfile", "ARG BASE\nFROM $BASE\n");
    let now = affected(&shop, &["--since", "main"]);
    assert_eq!(image(&now, "a")["action"], "blocked");
    let run = shop.run(&["affected", "--since", "main", "--format", "github", "--strict"]).exits(2);
    assert_eq!(run.stdout, "{\"include\":[]}\n", "what cannot be built is no job");
    shop.write("b/Dockerfile", "FROM busybox\nUSER 9\n");
    assert_eq!(reasons(&affected(&shop, &["--since", "main"]), "b"), ["could not be built before"]);
}

#[test]
fn other_settings_there_are_the_other_commit_s_own() {
    let shop = Checkout::with(&[
        ("a/Dockerfile", "ARG V\nFROM busybox\nARG V\nENV V=$V\n"),
        ("shipwright.toml", "namespace = [\n"),
    ]);
    shop.git(&["switch", "--quiet", "--create", "work"]);
    shop.write("shipwright.toml", "namespace = \"acme\"\n[image.a]\nargs = { V = \"1\" }\n");
    shop.commit("settings");
    let run = shop.run(&["affected", "--since", "main"]).exits(0).says("settings file of");
    assert!(run.stdout.contains("1 of 1 image is affected"), "{}", run.stdout);
    shop.git(&["switch", "--quiet", "--create", "more"]);
    shop.write("shipwright.toml", "namespace = \"acme\"\n[image.a]\nargs = { V = \"2\" }\n");
    assert_eq!(reasons(&affected(&shop, &["--since", "work"]), "a"), ["build argument V changed"]);
}

fn cloned(shop: &Checkout, name: &str, arguments: &[&str]) -> std::path::PathBuf {
    let folder = shop.beside(name);
    let url = format!("file://{}", shop.root.display());
    let path = folder.to_string_lossy();
    let all = [&["clone", "--quiet"], arguments, &[&url, &path]].concat();
    git_in(shop.root.parent().expect("a folder"), &all);
    folder
}

#[test]
fn a_shallow_clone_works_as_far_as_it_goes_and_says_what_to_fetch() {
    let shop = login();
    let shallow = cloned(&shop, "shallow", &["--depth=1", "--branch=feature/login"]);
    let since = |arguments: &[&str]| -> Run {
        shop.run_in(&shallow, &[&["affected", "--format", "names", "--since"], arguments].concat())
    };
    let expected = "acme/reports\nacme/shared\nacme/service1\nacme/service2\nacme/service1-dev\n";
    since(&["origin/main"])
        .exits(2)
        .says("`origin/main` is not a commit")
        .says("`git fetch --depth=1 origin main`")
        .says("`--since FETCH_HEAD --exact-rev`");
    git_in(&shallow, &["fetch", "--quiet", "--depth=1", "origin", "main"]);
    assert_eq!(since(&["FETCH_HEAD", "--exact-rev"]).exits(0).stdout, expected);

    git_in(&shop.root, &["switch", "--quiet", "main"]);
    shop.write("motd/motd.txt", "theirs\n");
    shop.commit("theirs");
    git_in(&shallow, &["fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main"]);
    since(&["origin/main"])
        .exits(2)
        .says("is not in this shallow clone")
        .says("`git fetch --deepen=100 origin main feature/login` brings more history");
    git_in(&shallow, &["fetch", "--quiet", "--deepen=100", "origin", "main", "feature/login"]);
    assert_eq!(since(&["origin/main"]).exits(0).stdout, expected);
}

#[test]
fn a_partial_clone_says_what_it_lacks() {
    let shop = Checkout::shop();
    shop.git(&["config", "uploadpack.allowFilter", "true"]);
    shop.write("shared/Dockerfile", "FROM acme/base\nUSER 5\n");
    shop.commit("Dockerfile");
    shop.write("motd/motd.txt", "other\n");
    shop.commit("a file");
    for filter in ["--filter=blob:none", "--filter=tree:0"] {
        let partial = cloned(&shop, filter, &[filter]);
        if filter.contains("blob") {
            let run = shop.run_in(&partial, &["affected", "--since", "HEAD~1", "--format", "names"]);
            assert_eq!(run.exits(0).stdout, "acme/motd\n", "a file's id is enough");
        }
        shop.run_in(&partial, &["affected", "--since", "HEAD~2"])
            .exits(2)
            .says("is not in this repository")
            .says("a partial clone lacks it: `git fetch --refetch --no-filter` brings everything");
        git_in(&partial, &["fetch", "--quiet", "--refetch", "--no-filter"]);
        let run = shop.run_in(&partial, &["affected", "--since", "HEAD~2", "--format", "names"]).exits(0);
        assert!(run.stdout.starts_with("acme/motd\nacme/shared\n"), "{run:?}");
    }
}

#[test]
fn revisions_that_are_not_there_or_have_nothing_in_common() {
    let shop = Checkout::shop();
    shop.run(&["affected", "--since", ""]).exits(2).says("--since names no revision");
    shop.run(&["affected", "--since", "nowhere"])
        .exits(2)
        .says("`nowhere` is not a commit")
        .says("git branch --all");
    shop.git(&["switch", "--quiet", "--orphan", "other"]);
    shop.write("x/Dockerfile", "FROM busybox\n");
    shop.commit("other");
    shop.run(&["affected", "--since", "main"]).exits(2).says("no history in common").says("--exact-rev");
    assert_eq!(names(&affected(&shop, &["--since", "main", "--exact-rev"])), ["x"]);
    shop.git(&["switch", "--quiet", "--orphan", "unborn"]);
    shop.write("y/Dockerfile", "FROM busybox\n");
    assert_eq!(names(&affected(&shop, &["--since", "main"])), ["y"], "an unborn branch has no merge base");
}

#[test]
fn a_bare_repository_compares_two_commits() {
    let shop = login();
    let bare = cloned(&shop, "shop.git", &["--bare"]);
    let run =
        shop.run_in(&bare, &["affected", "--since", "main", "--rev", "feature/login", "--format", "names"]);
    assert_eq!(run.exits(0).stdout.lines().count(), 5);
}

#[test]
fn names_of_files_cannot_do_harm() {
    let shop = Checkout::with(&[
        ("a/Dockerfile", "FROM busybox\nCOPY . /\n"),
        ("shipwright.toml", "namespace = \"acme\"\n"),
    ]);
    shop.write("a/$(touch x)\u{1b}[2J\n::set-output name=x::y", "1");
    let run = shop.run(&["affected", "--since", "main"]).exits(0).shows_nothing_raw();
    assert!(run.stdout.contains("$(touch x)"), "{}", run.stdout);
    assert!(!run.stdout.lines().any(|line| line.trim_start().starts_with("::")), "{}", run.stdout);
    for format in ["github", "github-layers", "gitlab", "names"] {
        let run = shop.run(&["affected", "--since", "main", "--format", format]).exits(0);
        assert!(!run.stdout.contains("touch"), "{}", run.stdout);
    }
}
