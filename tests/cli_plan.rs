//! What is planned, through the real binary, without an engine.

mod support;

use serde_json::{Value, json};
use support::{Checkout, dirty, git_in, image, keys, names, text, texts};

/// Short names of `fixtures/shop` in build order.
const SHOP: [&str; 12] = [
    "base",
    "motd",
    "node-base",
    "reports",
    "shared",
    "service1",
    "service1-dev",
    "service2",
    "tools",
    "admin",
    "lint",
    "web",
];

/// What is built from `base` and is changed with it.
const FROM_BASE: [&str; 7] = ["base", "reports", "shared", "service1", "service1-dev", "service2", "admin"];

fn key(plan: &Value, name: &str) -> String {
    text(&image(plan, name)["key"])
}

/// Short names of the images whose keys differ.
fn changed(before: &Value, after: &Value) -> Vec<String> {
    names(after).into_iter().filter(|name| key(before, name) != key(after, name)).collect()
}

fn planned(shop: &Checkout, selection: &[&str]) -> Vec<String> {
    names(&shop.plan(selection))
}

#[track_caller]
fn has_fields(value: &Value, fields: &[(&str, &str)]) {
    for (name, kind) in fields {
        let field = value.get(name).unwrap_or_else(|| panic!("no {name} in {value:#}"));
        let found = match field {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        assert!(kind.split('|').any(|kind| kind == found), "{name} is {field}, not {kind}");
    }
}

#[test]
fn the_plan_has_every_field_of_its_schema() {
    let shop = Checkout::shop();
    shop.write("loose/Dockerfile", "ARG BASE\nFROM ${BASE}\n");
    shop.write("web/Dockerfile", "FROM acme/node-bsae\nCOPY pages/ /srv/pages/\n");
    let plan = shop.plan(&[]);
    assert_eq!(plan["schema"], 1);
    let of_plan =
        [("checkout", "object"), ("namespace", "object"), ("images", "list"), ("diagnostics", "list")];
    has_fields(&plan, &of_plan);
    let of_checkout =
        [("root", "text"), ("name", "text"), ("head", "text"), ("branch", "text"), ("dirty", "bool")];
    has_fields(&plan["checkout"], &of_checkout);
    has_fields(&plan["namespace"], &[("value", "text"), ("source", "text")]);
    for image in plan["images"].as_array().expect("images") {
        let where_ready = if image["action"] == "blocked" { "null" } else { "text" };
        has_fields(
            image,
            &[
                ("name", "text"),
                ("short_name", "text"),
                ("dockerfile", "text"),
                ("context", where_ready),
                ("target", "null"),
                ("key", where_ready),
                ("reference", where_ready),
                ("revision", "text|null"),
                ("dirty", "bool"),
                ("tag_prefix", "null"),
                ("aside", "bool"),
                ("unversioned", "list"),
                ("dependencies", "list"),
                ("bases", "list"),
                ("inputs", "object"),
                ("action", "text"),
                ("reasons", "list"),
                ("tags", "list"),
            ],
        );
        has_fields(&image["inputs"], &[("files", "number"), ("whole_context", "bool")]);
        for dependency in image["dependencies"].as_array().expect("dependencies") {
            has_fields(dependency, &[("image", "text"), ("kind", "text"), ("line", "number")]);
        }
        let reasons = image["reasons"].as_array().expect("reasons");
        assert!(!reasons.is_empty(), "{image:#}");
        for reason in reasons {
            has_fields(reason, &[("kind", "text"), ("path", "text|null"), ("text", "text")]);
        }
    }
    let diagnostics = plan["diagnostics"].as_array().expect("diagnostics");
    assert_eq!(diagnostics.len(), 3, "{diagnostics:#?}");
    for diagnostic in diagnostics {
        let fields = [
            ("severity", "text"),
            ("path", "text"),
            ("line", "number"),
            ("message", "text"),
            ("hint", "text"),
        ];
        has_fields(diagnostic, &fields);
    }
}

#[test]
fn the_plan_of_the_shop_is_this() {
    let shop = Checkout::shop();
    let plan = shop.plan(&[]);
    let head = shop.git(&["rev-parse", "HEAD"]);
    assert_eq!(
        plan["checkout"],
        json!({"root": ".", "name": "shop", "head": head, "branch": "main", "dirty": false})
    );
    assert_eq!(plan["namespace"], json!({"value": "acme", "source": "from-lines"}));
    assert_eq!(names(&plan), SHOP);
    for image in plan["images"].as_array().expect("images") {
        let (name, key) = (text(&image["name"]), text(&image["key"]));
        assert_eq!(name, format!("acme/{}", text(&image["short_name"])));
        assert!(key.len() == 64 && key.bytes().all(|c| c.is_ascii_hexdigit()), "{key}");
        let tag = format!("src-{}", &key[..16]);
        assert_eq!(image["reference"], format!("{name}:{tag}"));
        assert_eq!(image["tags"], json!([tag, shop.head(), "main", "latest"]));
        assert_eq!(image["revision"], head);
        assert_eq!(image["action"], "build");
        assert_eq!(image["reasons"][0]["kind"], "not-asked");
    }
    let shape = |name: &str| {
        let image = image(&plan, name);
        json!([image["dockerfile"], image["context"], image["inputs"], image["bases"], image["dependencies"]])
    };
    assert_eq!(
        shape("reports"),
        json!([
            "reports/Dockerfile",
            ".",
            {"files": 2, "whole_context": false},
            [],
            [{"image": "acme/base", "kind": "from", "line": 2}],
        ])
    );
    assert_eq!(
        shape("admin"),
        json!([
            "admin/Dockerfile",
            "admin",
            {"files": 5, "whole_context": true},
            [],
            [
                {"image": "acme/base", "kind": "from", "line": 1},
                {"image": "acme/base", "kind": "from", "line": 8},
                {"image": "acme/tools", "kind": "copy", "line": 10},
            ],
        ])
    );
    assert_eq!(
        image(&plan, "web")["dependencies"][1],
        json!({"image": "acme/tools", "kind": "mount", "line": 4})
    );
    assert_eq!(
        image(&plan, "service2")["dependencies"],
        json!([{"image": "acme/shared", "kind": "from", "line": 2}])
    );
    assert_eq!(image(&plan, "motd")["bases"], json!([]));
    assert_eq!(image(&plan, "base")["bases"], json!(["busybox:latest"]));
    assert_eq!(image(&plan, "lint")["dockerfile"], "docker/lint.Dockerfile");
}

#[test]
fn the_plan_as_text_has_a_headline_a_line_an_image_and_a_count() {
    let shop = Checkout::shop();
    let run = shop.run(&["plan", "--offline"]).exits(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.first(), Some(&format!("shop · main · {}", shop.head()).as_str()));
    let images: Vec<&str> =
        lines.iter().filter(|line| line.starts_with("  build ")).map(|line| words(line)[1]).collect();
    assert_eq!(images, SHOP.map(|name| format!("acme/{name}")));
    assert_eq!(lines.last(), Some(&"12 images: 12 to build"));
    assert_eq!(run.stderr, "note: 1 base is not locked: busybox:latest; `shipwright lock` pins it\n");
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn the_plan_notes_stages_that_nothing_uses() {
    let plan = Checkout::shop().plan(&[]);
    let diagnostics = plan["diagnostics"].as_array().expect("diagnostics");
    let notes: Vec<&Value> = diagnostics.iter().filter(|it| it["path"] == "admin/Dockerfile").collect();
    assert_eq!(notes.len(), 1, "{diagnostics:#?}");
    assert_eq!((&notes[0]["severity"], &notes[0]["line"]), (&json!("note"), &json!(5)));
}

#[test]
fn selections_mean_what_they_say() {
    let shop = Checkout::shop();
    assert_eq!(planned(&shop, &["service1"]), ["base", "shared", "service1"]);
    assert_eq!(planned(&shop, &["-u", "service1,motd"]), ["base", "motd", "shared", "service1"]);
    assert_eq!(
        planned(&shop, &["--upto", "service1", "--upto", "motd"]),
        ["base", "motd", "shared", "service1"]
    );
    let dependents = ["base", "shared", "service1", "service1-dev", "service2"];
    assert_eq!(planned(&shop, &["-d", "shared"]), dependents);
    assert_eq!(planned(&shop, &["-d", "tools"]), ["base", "node-base", "tools", "admin", "lint", "web"]);
    assert_eq!(planned(&shop, &["-d", "shared", "-x", "service1"]), ["base", "shared", "service2"]);
    assert_eq!(planned(&shop, &["-x", "base,tools"]), ["motd", "node-base"]);
    assert_eq!(planned(&shop, &["-e", "service1"]), ["service1"]);
    assert_eq!(planned(&shop, &["-e", "motd,tools"]), ["motd", "tools"]);
    assert_eq!(planned(&shop, &["service2", "-x", "base"]), [""; 0]);
}

#[test]
fn images_are_named_fully_shortly_by_path_and_by_folder() {
    let shop = Checkout::shop();
    let dev = ["base", "shared", "service1", "service1-dev"];
    for name in ["service1-dev", "acme/service1-dev", "acme/service1-dev:latest", "service1/Dockerfile.dev"] {
        assert_eq!(planned(&shop, &[name]), dev, "{name}");
    }
    assert_eq!(planned(&shop, &["./docker/lint.Dockerfile"]), ["tools", "lint"]);
    let run = shop.run(&["-C", "service1", "plan", "--offline", "--format", "json", "."]).exits(0);
    assert_eq!(names(&run.json()), dev, "a path is seen from where one stands");
    let run = shop.run(&["-C", "service1", "plan", "--offline", "--format", "json"]).exits(0);
    assert_eq!(names(&run.json()), SHOP, "the whole checkout is planned wherever one stands");
}

#[test]
fn options_may_stand_before_the_command() {
    let shop = Checkout::shop();
    let run = shop.run(&["-e", "motd", "plan", "--offline", "--format", "json"]).exits(0);
    assert_eq!(names(&run.json()), ["motd"]);
    let run = shop.run(&["--offline", "-x", "base,tools", "images"]).exits(0);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
}

#[test]
fn a_key_is_a_function_of_content() {
    let shop = Checkout::shop();
    let keys_here = shop.keys();
    shop.write("untracked.txt", "x");
    shop.commit("Nothing that an image sees");
    assert_eq!(shop.keys(), keys_here);

    let worktree = shop.beside("tree");
    shop.git(&["worktree", "add", "--quiet", "-b", "other", &worktree.to_string_lossy()]);
    let clone = shop.beside("clone");
    let url = format!("file://{}", shop.root.display());
    git_in(&shop.root, &["clone", "--quiet", &url, &clone.to_string_lossy()]);
    let shallow = shop.beside("shallow");
    git_in(&shop.root, &["clone", "--quiet", "--depth", "1", &url, &shallow.to_string_lossy()]);
    for folder in [worktree, clone, shallow] {
        let run = shop.run_in(&folder, &["plan", "--offline", "--format", "json"]).exits(0);
        assert_eq!(keys(&run.json()), keys_here, "{}", folder.display());
        assert_eq!(dirty(&run.json()), [""; 0], "{}", folder.display());
    }
    let named = shop.run(&["plan", "--offline", "--format", "json", "--namespace", "other"]).exits(0);
    assert_eq!(keys(&named.json()), keys_here, "a namespace is no input");
}

#[test]
fn a_key_is_the_same_before_and_after_the_commit_and_after_a_revert() {
    let shop = Checkout::shop();
    let first = shop.plan(&[]);
    shop.write("shared/auth.sh", "#!/bin/sh\nallowed() { true; }\n");
    let before = shop.plan(&[]);
    assert_eq!(changed(&first, &before), ["reports", "shared", "service1", "service1-dev", "service2"]);
    shop.commit("Let everybody in");
    assert_eq!(keys(&shop.plan(&[])), keys(&before));
    shop.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(keys(&shop.plan(&[])), keys(&first));
}

#[test]
fn contents_modes_names_and_instructions_change_a_key_times_and_comments_do_not() {
    let shop = Checkout::shop();
    shop.set_time("motd/motd.txt", 1_700_000_000);
    let first = shop.plan(&["motd", "tools"]);
    shop.set_time("motd/motd.txt", 1_600_000_000);
    shop.write("motd/Dockerfile", "# A comment\nFROM scratch\n\nCOPY motd.txt   /motd.txt\n");
    shop.write("motd/unused.txt", "nothing copies it");
    let plan = shop.plan(&["motd", "tools"]);
    assert_eq!(changed(&first, &plan), ["motd"; 0]);

    shop.write("motd/motd.txt", "Have a good day.\n");
    shop.set_time("motd/motd.txt", 1_600_000_000);
    let edited = shop.plan(&["motd", "tools"]);
    assert_eq!(changed(&first, &edited), ["motd"]);
    shop.write("motd/motd.txt", "Have a nice day.\n");
    assert_eq!(changed(&first, &shop.plan(&["motd", "tools"])), ["motd"; 0]);

    shop.make_executable("motd/motd.txt");
    assert_eq!(changed(&first, &shop.plan(&["motd", "tools"])), ["motd"]);
    shop.git(&["checkout", "--quiet", "motd"]);
    shop.write("motd/Dockerfile", "FROM scratch\nCOPY motd.txt /motd\n");
    assert_eq!(changed(&first, &shop.plan(&["motd", "tools"])), ["motd"]);
}

#[test]
fn an_edit_in_the_second_of_the_commit_is_seen() {
    let checkout = Checkout::with(&[("a/Dockerfile", "FROM busybox\nCOPY f /\n"), ("a/f", "1")]);
    let first = checkout.keys();
    for text in ["2", "3"] {
        checkout.write("a/f", text);
        let plan = checkout.plan(&[]);
        assert_ne!(keys(&plan), first, "{text}");
        assert_eq!(dirty(&plan), ["a"]);
    }
    checkout.write("a/f", "1");
    assert_eq!(checkout.keys(), first);
}

#[test]
fn an_edit_makes_its_image_and_all_built_from_it_dirty_and_nothing_else() {
    let shop = Checkout::shop();
    shop.write("README.md", "no image has it");
    shop.write("admin/README.md", "it is in .dockerignore");
    shop.write("service1/notes.txt", "nothing copies it");
    let plan = shop.plan(&[]);
    assert_eq!(dirty(&plan), [""; 0]);
    assert_eq!(plan["checkout"]["dirty"], false);

    shop.write("service1/debug.sh", "#!/bin/sh\n");
    assert_eq!(dirty(&shop.plan(&[])), ["service1-dev"]);
    shop.write("base/etc/new.conf", "untracked");
    let plan = shop.plan(&[]);
    assert_eq!(dirty(&plan), FROM_BASE);
    assert_eq!(plan["checkout"]["dirty"], true);
    for image in plan["images"].as_array().expect("images") {
        let has_commit = texts(&image["tags"]).contains(&shop.head());
        assert_eq!(has_commit, image["dirty"] == false, "{image:#}");
        assert!(texts(&image["tags"]).ends_with(&["main".to_owned(), "latest".to_owned()]));
    }
    shop.git(&["add", "--all"]);
    assert_eq!(dirty(&shop.plan(&[])), FROM_BASE, "the index is no commit");
    let before = shop.keys();
    shop.commit("All of it");
    let plan = shop.plan(&[]);
    assert_eq!((dirty(&plan), keys(&plan)), (Vec::new(), before));
}

#[test]
fn a_removed_input_makes_its_image_dirty() {
    let shop = Checkout::shop();
    shop.remove("admin/static/users.html");
    let plan = shop.plan(&[]);
    assert_eq!(dirty(&plan), ["admin"]);
    assert_eq!(image(&plan, "admin")["inputs"]["files"], 4);
}

#[test]
fn an_ignored_input_is_unversioned_and_not_dirty() {
    let shop = Checkout::shop();
    let first = shop.plan(&[]);
    shop.write("base/etc/today.log", "git ignores it, the build does not");
    let plan = shop.plan(&[]);
    assert_eq!(dirty(&plan), [""; 0]);
    assert_eq!(image(&plan, "base")["unversioned"], json!(["base/etc/today.log"]));
    assert_eq!(image(&plan, "tools")["unversioned"], json!([]));
    assert_eq!(changed(&first, &plan), FROM_BASE);
}

#[test]
fn changes_hidden_from_git_status_are_seen() {
    let shop = Checkout::shop();
    shop.git(&["update-index", "--assume-unchanged", "motd/motd.txt"]);
    shop.git(&["update-index", "--skip-worktree", "tools/wrap.sh"]);
    shop.write("motd/motd.txt", "Have a good day.\n");
    shop.write("tools/wrap.sh", "#!/bin/sh\n");
    assert_eq!(dirty(&shop.plan(&[])), ["motd", "tools", "admin", "lint", "web"]);
}

#[test]
fn git_s_tags_branches_and_moving_tags_become_tags() {
    let shop = Checkout::shop();
    shop.git(&["tag", "v1.2.3"]);
    shop.git(&["tag", "--annotate", "--message", "x", "release/9"]);
    shop.git(&["switch", "--quiet", "--create", "feature/login"]);
    let tags = |arguments: &[&str]| texts(&image(&shop.plan(arguments), "motd")["tags"])[1..].to_vec();
    assert_eq!(tags(&[]), [&shop.head(), "release-9", "v1.2.3", "feature-login", "latest"]);
    assert_eq!(
        tags(&["-t", "edge,next"]),
        [&shop.head(), "release-9", "v1.2.3", "feature-login", "edge", "next"]
    );
    assert_eq!(tags(&["--build-arg", "X=1"]), ["feature-login", "latest"]);
    assert_eq!(tags(&["--platform", "linux/amd64"]), ["feature-login", "latest"]);
    shop.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(tags(&[]), [&shop.head(), "release-9", "v1.2.3", "latest"]);
    assert_eq!(shop.plan(&[])["checkout"]["branch"], Value::Null);
}

#[test]
fn branches_whose_tags_would_be_alike_or_reserved_get_a_hash() {
    let shop = Checkout::shop();
    let mut seen = Vec::new();
    for branch in ["a#b", "a+b", "latest", "0123456789ab", "src-abc", "pr-7"] {
        shop.git(&["switch", "--quiet", "--create", branch]);
        let tags = texts(&image(&shop.plan(&["motd"]), "motd")["tags"]);
        let tag = tags[2].clone();
        let (_, hash) = tag.rsplit_once('-').expect("a hash");
        assert!(hash.len() == 6 && hash.bytes().all(|c| c.is_ascii_hexdigit()), "{branch}: {tag}");
        assert!(!seen.contains(&tag), "{branch}: {tag}");
        seen.push(tag);
    }
}

#[test]
fn the_branch_of_a_detached_head_comes_from_the_ci_only_for_its_own_commit() {
    let shop = Checkout::shop();
    shop.git(&["checkout", "--quiet", "--detach"]);
    let head = shop.git(&["rev-parse", "HEAD"]);
    let plan = |variables: &[(&str, &str)]| {
        let run = shop.run_with(variables, &["plan", "--offline", "--format", "json", "motd"]).exits(0);
        let tags = texts(&image(&run.json(), "motd")["tags"])[2..].to_vec();
        (run.json()["checkout"]["branch"].clone(), tags)
    };
    let push = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REF", "refs/heads/dev"),
        ("GITHUB_REF_NAME", "dev"),
        ("GITHUB_REF_TYPE", "branch"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_SHA", &head),
    ];
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(plan(&push), (json!("dev"), named(&["dev", "latest"])));
    let other = [&push[..6], &[("GITHUB_SHA", "0000000000000000000000000000000000000000")]].concat();
    assert_eq!(plan(&other), (Value::Null, named(&["latest"])));
    let pull = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REF", "refs/pull/12/merge"),
        ("GITHUB_REF_NAME", "12/merge"),
        ("GITHUB_HEAD_REF", "main"),
        ("GITHUB_REF_TYPE", "branch"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_SHA", &head),
    ];
    assert_eq!(plan(&pull), (json!("pr-12"), named(&["pr-12"])), "a fork's branch may be called main");
}

#[test]
fn an_unborn_branch_is_planned_as_dirty() {
    let checkout = Checkout::empty();
    checkout.write("api/Dockerfile", "FROM busybox\nCOPY a /\n");
    checkout.write("api/a", "1");
    let plan = checkout.plan(&[]);
    assert_eq!((&plan["checkout"]["head"], &plan["checkout"]["branch"]), (&Value::Null, &json!("main")));
    let image = image(&plan, "api");
    assert_eq!((&image["dirty"], &image["revision"]), (&json!(true), &Value::Null));
    assert_eq!(texts(&image["tags"])[1..], ["main", "latest"]);
    let before = keys(&plan);
    checkout.commit("first");
    assert_eq!(checkout.keys(), before);
}

#[test]
fn the_revision_is_the_last_commit_that_changed_the_image_or_its_base() {
    let shop = Checkout::shop();
    let first = shop.git(&["rev-parse", "HEAD"]);
    shop.write("shared/auth.sh", "#!/bin/sh\n");
    shop.commit("Second");
    let second = shop.git(&["rev-parse", "HEAD"]);
    shop.write("README.md", "x");
    shop.commit("Third");
    let plan = shop.plan(&[]);
    for name in SHOP {
        let is_changed = ["reports", "shared", "service1", "service1-dev", "service2"].contains(&name);
        let revision = if is_changed { &second } else { &first };
        assert_eq!(image(&plan, name)["revision"], *revision, "{name}");
        let tags = texts(&image(&plan, name)["tags"]);
        assert_eq!(tags[1..3], [revision[..12].to_owned(), shop.head()], "{name}");
    }
}

#[test]
fn build_arguments_change_the_images_that_declare_them() {
    let shop = Checkout::shop();
    let first = shop.plan(&[]);
    assert_eq!(changed(&first, &shop.plan(&["--build-arg", "GREETING=moin"])), ["service2"]);
    assert_eq!(changed(&first, &shop.plan(&["--build-arg", "UNKNOWN=1"])), ["service2"; 0]);
    assert_eq!(changed(&first, &shop.plan(&["--unhashed-build-arg", "GREETING=moin"])), ["service2"; 0]);
    let run = shop
        .run_with(
            &[("GREETING", "moin")],
            &["plan", "--offline", "--format", "json", "--build-arg", "GREETING"],
        )
        .exits(0);
    assert_eq!(changed(&first, &run.json()), ["service2"]);
}

#[test]
fn another_platform_is_another_key() {
    let shop = Checkout::shop();
    let amd = shop.plan(&["--platform", "linux/amd64"]);
    let arm = shop.plan(&["--platform", "linux/arm64"]);
    assert_eq!(changed(&amd, &arm), SHOP);
    let run = shop
        .run_with(&[("DOCKER_DEFAULT_PLATFORM", "linux/arm64")], &["plan", "--offline", "--format", "json"]);
    assert_eq!(keys(&run.exits(0).json()), keys(&arm));
}

#[test]
fn a_target_is_planned_for_the_one_image_that_is_named() {
    let shop = Checkout::shop();
    let plan = shop.plan(&["admin", "--target", "preview"]);
    assert_eq!(names(&plan), ["base", "admin"], "the stage needs no tools");
    assert_eq!(image(&plan, "admin")["target"], "preview");
    assert_ne!(key(&plan, "admin"), key(&shop.plan(&["admin"]), "admin"));
    shop.run(&["plan", "--offline", "--target", "preview"]).exits(2).says("--target");
    shop.run(&["plan", "--offline", "admin", "--target", "preveiw"]).exits(2).says("preview");
}

#[test]
fn what_is_aside_is_planned_when_named_and_what_is_left_out_is_counted() {
    let shop = Checkout::shop();
    shop.write("tests/end/Dockerfile", "FROM acme/service1\n");
    shop.write("vendor/lib/Dockerfile", "FROM busybox\n");
    shop.commit("Tests and what others wrote");
    let plan = shop.plan(&[]);
    assert_eq!(names(&plan), SHOP);
    let note = &plan["diagnostics"][0];
    assert_eq!(note["severity"], "note");
    assert!(text(&note["message"]).contains("vendor/"), "{note}");
    let plan = shop.plan(&["end"]);
    assert_eq!(names(&plan), ["base", "shared", "service1", "end"]);
    assert_eq!(image(&plan, "end")["aside"], true);
    shop.write("shipwright.toml", "include = [\"tests/**\", \"vendor/**\"]\nexclude = [\"motd/**\"]\n");
    let mut all = names(&shop.plan(&[]));
    all.sort();
    let mut expected = SHOP.to_vec();
    expected.retain(|name| *name != "motd");
    expected.extend(["end", "lib"]);
    expected.sort_unstable();
    assert_eq!(all, expected);
}

#[test]
fn the_settings_file_defines_images() {
    let shop = Checkout::shop();
    shop.write(
        "shipwright.toml",
        "namespace = \"quay.io/shop\"\ntags = [\"edge\"]\n\
         [names]\n\"tools\" = \"kit/tools\"\n\
         [image.preview]\ndockerfile = \"admin/Dockerfile\"\ntarget = \"preview\"\n\
         [image.motd]\ndepends_on = [\"lint\"]\n\
         [image.service2]\nargs = { GREETING = \"moin\" }\n",
    );
    let plan = shop.plan(&[]);
    assert_eq!(plan["namespace"], json!({"value": "quay.io/shop", "source": "settings"}));
    assert_eq!(image(&plan, "preview")["target"], "preview");
    assert_eq!(image(&plan, "preview")["name"], "quay.io/shop/preview");
    assert_eq!(image(&plan, "kit/tools")["name"], "quay.io/shop/kit/tools");
    let declared = json!([{"image": "quay.io/shop/lint", "kind": "declared", "line": null}]);
    assert_eq!(image(&plan, "motd")["dependencies"], declared);
    assert_eq!(texts(&image(&plan, "motd")["tags"])[1..].last(), Some(&"edge".to_owned()));
    shop.write("shipwright.toml", "");
    let moin = shop.plan(&["--build-arg", "GREETING=moin"]);
    assert_eq!(key(&plan, "service2"), key(&moin, "service2"), "an argument is one wherever it is said");
}

#[test]
fn the_original_s_settings_variables_and_options_work() {
    let shop = Checkout::shop();
    shop.write(
        ".shipwright.json",
        "{\"version\": 1.0, \"namespace\": \"quay.io/acme\", \"names\": {\"service1\": \"other/svc\"}}",
    );
    let plan = shop.plan(&[]);
    assert_eq!(plan["namespace"], json!({"value": "quay.io/acme", "source": "settings"}));
    let all = plan["images"].as_array().expect("images");
    let full: Vec<String> = all.iter().map(|image| text(&image["name"])).collect();
    assert!(full.contains(&"quay.io/acme/shared".to_owned()), "{full:?}");
    assert!(full.contains(&"other/svc".to_owned()), "a name of the original is a whole repository: {full:?}");
    assert!(!full.contains(&"quay.io/acme/service1".to_owned()), "{full:?}");

    let variable = [("SW_NAMESPACE", "team")];
    let json = ["plan", "--offline", "--format", "json"];
    let run = shop.run_with(&variable, &json).exits(0);
    assert_eq!(run.json()["namespace"], json!({"value": "team", "source": "environment"}));
    let run = shop.run_with(&[variable[0], ("SHIPWRIGHT_NAMESPACE", "crew")], &json).exits(0);
    assert_eq!(run.json()["namespace"]["value"], "crew");
    let run = shop.run_with(&variable, &[&json[..], &["--account", "me"]].concat()).exits(0);
    assert_eq!(run.json()["namespace"], json!({"value": "me", "source": "flag"}));
    assert_eq!(image(&run.json(), "shared")["name"], "me/shared");

    let run = shop.run(
        &[&json[..], &["-u", "lint", "-d", "node-base", "-e", "motd", "-x", "web", "-t", "edge"]].concat(),
    );
    let plan = run.exits(0).json();
    assert_eq!(names(&plan), ["motd", "node-base", "tools", "lint"]);
    assert_eq!(texts(&image(&plan, "motd")["tags"])[2..], ["main", "edge"]);
}

#[test]
fn a_checkout_without_evidence_has_its_owners_or_its_own_name_as_namespace() {
    let checkout =
        Checkout::with(&[("api/Dockerfile", "FROM busybox\n"), ("web/Dockerfile", "FROM nginx\n")]);
    let plan = checkout.plan(&[]);
    assert_eq!(plan["namespace"], json!({"value": "shop", "source": "checkout"}));
    checkout.git(&["remote", "add", "origin", "https://git.example.com/acme/store.git"]);
    assert_eq!(checkout.plan(&[])["namespace"], json!({"value": "acme", "source": "origin"}));
    assert_eq!(checkout.plan(&[])["checkout"]["name"], "store");
}

#[test]
fn a_submodule_is_part_of_the_checkout_and_another_repository_is_not() {
    let shop = Checkout::shop();
    let part = Checkout::with(&[("Dockerfile", "FROM busybox\nCOPY a /\n"), ("a", "1")]);
    let url = format!("file://{}", part.root.display());
    shop.git(&["submodule", "--quiet", "add", &url, "part"]);
    shop.commit("A part");
    let nested = shop.root.join("nested");
    git_in(&shop.root, &["clone", "--quiet", &url, &nested.to_string_lossy()]);
    assert_eq!(names(&shop.plan(&[])), SHOP);
    let plan = shop.plan(&["part"]);
    assert_eq!(image(&plan, "part")["aside"], true);
    assert_eq!(dirty(&plan), [""; 0]);
    shop.run(&["plan", "--offline", "nested"]).exits(2);
    shop.write("part/a", "2");
    assert_eq!(dirty(&shop.plan(&["part"])), ["part"]);
}

#[test]
fn an_onbuild_source_of_a_base_built_here_is_an_input() {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nONBUILD COPY conf /conf\n"),
        ("api/Dockerfile", "FROM acme/base\n"),
        ("api/conf", "1\n"),
    ]);
    let first = checkout.plan(&[]);
    checkout.write("api/conf", "2\n");
    assert_eq!(changed(&first, &checkout.plan(&[])), ["api"]);
}

/// What a trigger takes belongs to whoever carries it out: a stage of theirs, or an image that only they need.
#[test]
fn what_triggers_take_is_no_base_of_the_image_that_has_them() {
    let checkout = Checkout::with(&[
        (
            "base/Dockerfile",
            "FROM busybox\nONBUILD COPY --from=builder /x /y\nONBUILD COPY --from=acme/tool /t /t\n\
             ONBUILD COPY --from=other/tool:1 /t /t\nONBUILD RUN --mount=from=cache,target=/c true\n",
        ),
        ("tool/Dockerfile", "FROM busybox\nCOPY t /t\n"),
        ("tool/t", "1"),
        (
            "api/Dockerfile",
            "FROM busybox AS builder\nRUN touch /x\nFROM acme/base\nCOPY --from=builder /x /z\n",
        ),
    ]);
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "base")["bases"], serde_json::json!(["busybox:latest"]));
    assert_eq!(image(&plan, "base")["dependencies"][0]["image"], "acme/tool");
    assert_eq!(image(&plan, "api")["bases"], serde_json::json!(["busybox:latest"]));
}

/// A stage that only a trigger of its base takes is part of the image, and so is what the stage begins with.
#[test]
fn what_only_an_inherited_trigger_takes_is_a_dependency() {
    for (trigger, stage) in [
        ("COPY --from=builder /x /y", "FROM acme/x AS builder\n"),
        ("COPY --from=0 /x /y", "FROM acme/x\n"),
        ("RUN --mount=from=builder,target=/t cp /t/x /y", "FROM acme/x AS builder\n"),
        (
            "ADD --chown=1 y /\nONBUILD COPY --from=builder /x /y",
            "FROM busybox AS builder\nCOPY --from=acme/x /x /x\n",
        ),
        ("COPY --from=builder /x /y", "FROM acme/x AS first\nFROM first AS builder\n"),
        // The stage that is taken from carries out a trigger of its own base, which takes from another one.
        ("COPY --from=builder /x /y", "FROM acme/x AS inner\nFROM acme/more AS builder\n"),
    ] {
        let checkout = Checkout::with(&[
            ("base/Dockerfile", &format!("FROM busybox\nONBUILD {trigger}\n")),
            ("more/Dockerfile", "FROM busybox\nONBUILD COPY --from=inner /x /x\n"),
            ("x/Dockerfile", "FROM busybox\nCOPY x /x\n"),
            ("x/x", "1"),
            ("api/Dockerfile", &format!("{stage}FROM acme/base\n")),
            ("api/y", ""),
        ]);
        let first = checkout.plan(&[]);
        let needed: Vec<String> = image(&first, "api")["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|dependency| text(&dependency["image"]))
            .collect();
        assert!(needed.contains(&"acme/x".to_owned()), "{trigger} {stage}: {needed:?}");
        assert_eq!(first["diagnostics"], json!([]), "{trigger} {stage}");
        checkout.write("x/x", "2");
        assert_eq!(changed(&first, &checkout.plan(&[])), ["x", "api"], "{trigger} {stage}");
    }
}

/// What is external there is a base, and what is wrong there counts, each once.
#[test]
fn a_stage_that_only_an_inherited_trigger_takes_counts_like_any_other() {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nONBUILD COPY --from=builder /x /y\n"),
        ("api/Dockerfile", "FROM alpine:3 AS builder\nCOPY --from=acme/bse /x /x\nFROM acme/base\n"),
        ("other/Dockerfile", "FROM acme/bse AS builder\nFROM busybox AS unused\nFROM acme/base\n"),
        ("idle/Dockerfile", "FROM acme/api AS unused\nFROM acme/base:1\n"),
    ]);
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "api")["bases"], json!(["acme/bse:latest", "alpine:3"]));
    let said: Vec<(String, i64)> = plan["diagnostics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|said| (text(&said["path"]), said["line"].as_i64().unwrap_or_default()))
        .collect();
    let expected =
        [("api/Dockerfile", 2), ("other/Dockerfile", 1), ("idle/Dockerfile", 1), ("other/Dockerfile", 2)];
    assert_eq!(said, expected.map(|(path, line)| (path.to_owned(), line)), "{plan:#}");
    assert_eq!(image(&plan, "idle")["dependencies"], json!([]));
}

#[test]
fn a_shift_in_a_run_is_built() {
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nRUN echo $((1 << 2)) >/x\n")]);
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "api")["action"], "build");
    let note = &plan["diagnostics"][0];
    assert_eq!((&note["severity"], &note["line"]), (&"note".into(), &2.into()));
    assert_eq!(note["message"], "the newest builders refuse this: unterminated heredoc");
}

#[test]
fn line_endings_that_git_converts_do_not_make_a_clean_checkout_dirty() {
    let checkout = Checkout::with(&[
        (".gitattributes", "*.txt text eol=crlf\n"),
        ("api/Dockerfile", "FROM busybox\nCOPY a.txt /\n"),
        ("api/a.txt", "one\ntwo\n"),
    ]);
    checkout.remove("api/a.txt");
    checkout.git(&["checkout", "--quiet", "--", "api/a.txt"]);
    let on_disk = std::fs::read(checkout.root.join("api/a.txt")).expect("a file");
    assert_eq!(on_disk, b"one\r\ntwo\r\n");
    assert_eq!(dirty(&checkout.plan(&[])), [""; 0]);
    checkout.write("api/a.txt", "one\r\nTWO\r\n");
    assert_eq!(dirty(&checkout.plan(&[])), ["api"]);
}
