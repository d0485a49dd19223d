//! Files that say odd or wrong things about images, through the real binary.

mod support;

use serde_json::{Value, json};
use support::{Checkout, dirty, image, names};

/// What settings written by `init` must not change: name, key, target, context and dependencies of each image.
fn essence(plan: &Value) -> Vec<Value> {
    let images = plan["images"].as_array().expect("images");
    let one = |image: &Value| {
        json!([image["name"], image["key"], image["target"], image["context"], image["dependencies"]])
    };
    let mut all: Vec<Value> = images.iter().map(one).collect();
    all.sort_by_key(Value::to_string);
    all
}

/// Runs `init`, twice, and checks that the plan is what it was.
fn init_changes_nothing(checkout: &Checkout) -> String {
    let before = essence(&checkout.plan(&[]));
    checkout.run(&["init"]).exits(0);
    let settings = std::fs::read_to_string(checkout.root.join("shipwright.toml")).expect("settings");
    assert_eq!(essence(&checkout.plan(&[])), before, "{settings}");
    checkout.run(&["init"]).exits(0);
    assert_eq!(std::fs::read_to_string(checkout.root.join("shipwright.toml")).expect("settings"), settings);
    settings
}

#[test]
fn a_reference_by_a_claimed_tag_binds_after_init_too() {
    let checkout = Checkout::with(&[
        (
            "compose.yaml",
            "services:\n  base:\n    image: acme/base:1.4\n    build: base\n  api:\n    image: acme/api\n    build:\n      \
             context: api\n      args: {BASE: 'acme/base:1.4'}\n",
        ),
        ("base/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "ARG BASE\nFROM $BASE\n"),
        ("other/Dockerfile", "FROM acme/base:1.3\n"),
    ]);
    let settings = init_changes_nothing(&checkout);
    assert!(settings.contains("[image.base]"), "{settings}");
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "api")["dependencies"][0]["image"], "acme/base");
    assert_eq!(image(&plan, "other")["dependencies"], json!([]));
    // Under another name it is not what `acme/base:1.4` means.
    checkout.write("shipwright.toml", "[image.floor]\ndockerfile = \"base/Dockerfile\"\n");
    assert_eq!(image(&checkout.plan(&[]), "api")["dependencies"], json!([]));
}

#[test]
fn arguments_whose_names_are_none_are_left_out() {
    let checkout = Checkout::with(&[
        (
            "compose.yaml",
            "services:\n  api:\n    image: acme/api\n    build:\n      context: api\n      args: {'': e, 'A=B': x, \
             \"Z\\0\": y, V: '1'}\n",
        ),
        ("api/Dockerfile", "ARG V\nFROM busybox:$V\n"),
    ]);
    let settings = init_changes_nothing(&checkout);
    assert!(settings.contains("args.V = \"1\""), "{settings}");
}

#[test]
fn a_workflow_that_checks_out_another_repository_says_nothing_about_this_one() {
    let workflow = |with: &str| {
        format!(
            "on: push\njobs:\n  a:\n    steps:\n    - uses: actions/checkout@v4\n{with}    - uses: \
             docker/build-push-action@v6\n      with: {{context: ., tags: acme/other}}\n    - run: docker build -t \
             acme/third .\n"
        )
    };
    let checkout = Checkout::with(&[("Dockerfile", "FROM busybox\n")]);
    for other in ["acme/elsewhere", "${{ inputs.repository }}"] {
        let with = format!("      with: {{repository: '{other}'}}\n");
        checkout.write(".github/workflows/x.yml", workflow(&with));
        checkout.commit(other);
        let plan = checkout.plan(&[]);
        let all = names(&plan);
        assert!(!all.iter().any(|name| name == "other" || name == "third"), "{all:?}");
    }
    for own in
        ["", "      with: {repository: '${{ github.repository }}'}\n", "      with: {fetch-depth: 0}\n"]
    {
        checkout.write(".github/workflows/x.yml", workflow(own));
        checkout.commit("own");
        let all = names(&checkout.plan(&[]));
        assert!(all.iter().any(|name| name == "other"), "{own:?}: {all:?}");
    }
}

#[test]
fn a_namespace_that_is_given_changes_names_and_no_edge() {
    let checkout = Checkout::with(&[
        (
            "compose.yaml",
            "services:\n  base:\n    image: acme/base:1.4\n    build: base\n  api:\n    image: acme/api\n    build: api\n",
        ),
        ("base/Dockerfile", "FROM busybox\n"),
        ("tool/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM acme/base:1.4\nCOPY --from=acme/tool /a /b\n"),
    ]);
    let edges = |arguments: &[&str]| image(&checkout.plan(arguments), "api")["dependencies"].clone();
    let short = |edges: Value| -> Vec<String> {
        let name = |edge: &Value| {
            edge["image"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or("").to_owned()
        };
        edges.as_array().expect("a list").iter().map(name).collect()
    };
    let plain = short(edges(&[]));
    assert_eq!(plain, ["base", "tool"]);
    for namespace in ["acme", "ghcr.io/other"] {
        assert_eq!(short(edges(&["--namespace", namespace])), plain, "{namespace}");
    }
}

#[test]
fn an_action_that_takes_its_context_from_git_builds_this_repository() {
    let checkout = Checkout::with(&[
        (
            ".github/workflows/x.yml",
            "on: push\njobs:\n  a:\n    steps:\n    - uses: actions/checkout@v4\n      with: {repository:              acme/elsewhere}\n    - uses: docker/build-push-action@v6\n      with: {tags: acme/own}\n    - uses:              docker/build-push-action@v6\n      with: {context: '{{defaultContext}}:api', tags: acme/api-own}\n",
        ),
        ("Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM busybox\n"),
    ]);
    assert_eq!(names(&checkout.plan(&[])), ["api-own", "own"]);
}

#[test]
fn a_host_is_no_part_of_a_name() {
    let checkout = Checkout::with(&[
        (
            "compose.yaml",
            "services:\n  a:\n    image: localhost:5000/x\n    build: a\n  b:\n    image: 127.0.0.1:5000/x\n    build: b\n  c:\n    image: mcr.microsoft.com/x\n    build: c\n  d:\n    image: localhost/x\n    build: d\n",
        ),
        ("a/Dockerfile", "FROM busybox\n"),
        ("b/Dockerfile", "FROM busybox\n"),
        ("c/Dockerfile", "FROM busybox\n"),
        ("d/Dockerfile", "FROM busybox\n"),
    ]);
    let mut all = names(&checkout.plan(&[]));
    all.sort();
    assert_eq!(all, ["b", "c", "d", "x"]);
}

#[test]
fn a_whole_name_in_the_settings_binds_what_the_claimed_one_did() {
    let checkout = Checkout::with(&[
        (
            "compose.yaml",
            "services:\n  a:\n    image: ghcr.io/acme/a\n    build: a\n  d:\n    image: ghcr.io/acme/d\n    build: d\n  b:\n    image: quay.io/other/x/b\n    build: b\n",
        ),
        ("a/Dockerfile", "FROM busybox\n"),
        ("b/Dockerfile", "FROM busybox\n"),
        ("d/Dockerfile", "FROM busybox\n"),
        ("x/Dockerfile", "FROM b\n"),
        ("y/Dockerfile", "FROM quay.io/other/x/b\n"),
    ]);
    let settings = init_changes_nothing(&checkout);
    assert!(settings.contains("[image.\"/"), "{settings}");
}

#[test]
fn what_is_not_committed_makes_dirty_in_files_that_others_read_too() {
    let compose = "include: [more/x.yaml]\nservices:\n  a:\n    image: acme/a\n    build: {context: a, args: {V: '${V}'}}\n";
    let included = "services:\n  b:\n    image: acme/b\n    build: {context: ../b, args: {V: '1'}}\n";
    let dockerfile = "ARG V\nFROM busybox:$V\n";
    let checkout = Checkout::with(&[
        ("compose.yaml", compose),
        (".env", "V=1\n"),
        ("more/x.yaml", included),
        ("a/Dockerfile", dockerfile),
        ("b/Dockerfile", dockerfile),
        ("c/Dockerfile", "FROM busybox\n"),
    ]);
    assert_eq!(dirty(&checkout.plan(&[])), [""; 0]);
    checkout.write("compose.yaml", compose.replace("'${V}'", "'7'"));
    assert_eq!(dirty(&checkout.plan(&[])), ["a"]);
    checkout.write("compose.yaml", compose);
    checkout.write(".env", "V=2\n");
    assert_eq!(dirty(&checkout.plan(&[])), ["a"]);
    checkout.write(".env", "V=1\n");
    checkout.write("more/x.yaml", included.replace("'1'", "'2'"));
    assert_eq!(dirty(&checkout.plan(&[])), ["b"]);
    checkout.write("more/x.yaml", included);
    checkout.write("compose.yaml", format!("# Only a comment\n{compose}"));
    assert_eq!(dirty(&checkout.plan(&[])), [""; 0]);
}

#[test]
fn a_tag_that_the_image_itself_extends_is_the_published_one() {
    let checkout = Checkout::with(&[
        ("compose.yaml", "services:\n  hub:\n    image: someone/hub:4\n    build: hub\n"),
        ("hub/Dockerfile", "FROM someone/hub:4\n"),
        ("node/Dockerfile", "FROM someone/hub:4\n"),
    ]);
    assert_eq!(image(&checkout.plan(&[]), "node")["dependencies"], json!([]));
}

#[test]
fn a_tag_of_another_target_is_not_this_image() {
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM busybox AS f\nFROM busybox AS d\n"),
        ("y/Dockerfile", "FROM acme/app:slim\n"),
        ("build.sh", "docker build --target f -t acme/app .\ndocker build --target d -t acme/app:slim .\n"),
    ]);
    let dependencies = image(&checkout.plan(&[]), "y")["dependencies"].clone();
    assert!(dependencies == json!([]) || dependencies[0]["image"] == "acme/app:slim", "{dependencies}");
}

#[test]
fn a_tag_of_a_weaker_claim_for_another_target_binds_nothing() {
    let checkout = Checkout::with(&[
        ("a/Dockerfile", "FROM busybox AS dev\nFROM busybox AS prod\n"),
        ("x/Dockerfile", "FROM acme/a:dev\n"),
        (
            "docker-bake.hcl",
            "target \"a\" {\n  context = \"a\"\n  target = \"prod\"\n  tags = [\"acme/a:1\"]\n}\n",
        ),
        ("compose.yaml", "services:\n  a:\n    image: acme/a:dev\n    build: {context: a, target: dev}\n"),
    ]);
    assert_eq!(image(&checkout.plan(&[]), "x")["dependencies"], json!([]));
}

#[test]
fn two_repositories_with_one_last_part_are_two_images() {
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM busybox AS a\nFROM busybox:2 AS b\n"),
        (
            "compose.yaml",
            "services:\n  a:\n    image: acme/x/api\n    build: {context: ., target: a}\n  b:\n    image: \
             acme/y/api\n    build: {context: ., target: b}\n",
        ),
    ]);
    assert_eq!(checkout.plan(&[])["images"].as_array().map(Vec::len), Some(2));
}

#[test]
fn nothing_is_run_nothing_explodes_and_the_environment_does_not_count() {
    let laughs: String = (1..40).map(|at| format!("a{at}: &a{at} [*a{0}, *a{0}]\n", at - 1)).collect();
    let doubling: String = (1..60).map(|at| format!("A{at} = $(A{0})$(A{0})\n", at - 1)).collect();
    let loops = "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(20) + "docker build api" + &"; done".repeat(20);
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "ARG V\nFROM busybox\n"),
        ("compose.yaml", &format!("a0: &a0 [x]\n{laughs}services: {{api: {{build: api, image: *a39}}}}\n")),
        (
            "Makefile",
            &format!("X := $(shell touch ran)\nA0 = x\n{doubling}all:\n\tdocker build -t acme/$(A59) api\n"),
        ),
        ("loops.sh", &loops),
        ("run.sh", "touch ran\n$(touch ran)\n`touch ran`\ndocker build --build-arg V=$(touch ran) api\n"),
        (
            "docker-bake.hcl",
            "variable \"V\" {}\nfunction \"f\" {\n  params = [x]\n  result = f(f(x))\n}\ntarget \"api\" {\n  context = \
             \"api\"\n  args = { V = V, W = f(1) }\n}\n",
        ),
    ]);
    let plan = checkout.run(&["plan", "--offline", "--format", "json"]).exits(0).json();
    let with = checkout.run_with(&[("V", "of the environment")], &["plan", "--offline", "--format", "json"]);
    assert_eq!(with.exits(0).json()["images"][0]["key"], plan["images"][0]["key"]);
    assert!(!checkout.root.join("ran").exists());
}

#[test]
fn what_a_dockerfile_says_cannot_add_lines_to_the_settings() {
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY [\"a\\nnamespace = \\\"evil\\\"\\n#\", \"/\"]\n"),
        ("b\nregistry = 'evil.example'\n#/Dockerfile", "ARG X\nFROM $X\n"),
    ]);
    checkout.run(&["init"]).exits(0);
    let written = std::fs::read_to_string(checkout.root.join("shipwright.toml")).expect("settings");
    assert!(written.lines().all(|line| line.is_empty() || line.starts_with('#')), "{written}");
    assert!(written.contains("evil"), "it says what is wrong: {written}");
}
