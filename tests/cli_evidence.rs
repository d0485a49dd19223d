//! What compose files, bake files, Makefiles, scripts and workflows say about images, through the real binary.

mod support;

use serde_json::{Value, json};
use support::{Checkout, image, names, text};

/// What counts for an image because another file says so: `FIELD VALUE PATH:LINE`.
fn evidence(image: &Value) -> Vec<String> {
    let line = |said: &Value| {
        format!("{} {} {}:{}", text(&said["field"]), text(&said["value"]), text(&said["path"]), said["line"])
    };
    image["evidence"].as_array().expect("a list").iter().map(line).collect()
}

fn full_names(plan: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        plan["images"].as_array().expect("images").iter().map(|image| text(&image["name"])).collect();
    names.sort();
    names
}

const COMPOSE: &str = "\
services:
  api:
    image: ghcr.io/acme/shop-api:${TAG:-dev}
    build:
      context: .
      dockerfile: services/api/Dockerfile
      target: prod
      args:
        VERSION: \"2\"
  worker:
    image: ghcr.io/acme/shop-worker
    build:
      context: .
      dockerfile: services/api/Dockerfile
      target: worker
";

const DOCKERFILE: &str = "\
FROM busybox AS prod
ARG VERSION=1
RUN echo $VERSION
COPY services/api/a /a
FROM busybox AS worker
COPY services/api/a /w
FROM busybox AS debug
";

fn shop() -> Checkout {
    Checkout::with(&[
        ("compose.yaml", COMPOSE),
        ("services/api/Dockerfile", DOCKERFILE),
        ("services/api/a", "1"),
        ("tool/Dockerfile", "FROM busybox\n"),
    ])
}

#[test]
fn a_compose_file_says_name_context_target_and_arguments() {
    let checkout = shop();
    let plan = checkout.plan(&[]);
    assert_eq!(full_names(&plan), ["ghcr.io/acme/shop-api", "ghcr.io/acme/shop-worker", "ghcr.io/acme/tool"]);
    assert_eq!(plan["namespace"], json!({"value": "ghcr.io/acme", "source": "evidence"}));
    let api = image(&plan, "shop-api");
    assert_eq!((text(&api["context"]), text(&api["target"])), (".".to_owned(), "prod".to_owned()));
    assert_eq!(
        evidence(api),
        [
            "name ghcr.io/acme/shop-api compose.yaml:3",
            "context . compose.yaml:5",
            "target prod compose.yaml:7",
            "args.VERSION 2 compose.yaml:9",
        ]
    );
    assert_eq!(image(&plan, "shop-worker")["target"], "worker");
    let listed = checkout.run(&["images", "--verbose", "shop-api"]).exits(0);
    for said in ["target prod (compose.yaml:7)", "name from compose.yaml:3"] {
        assert!(listed.stdout.contains(said), "{said}: {}", listed.stdout);
    }
}

#[test]
fn the_settings_win_and_may_turn_it_off() {
    let checkout = shop();
    checkout.write("shipwright.toml", "[image.shop-api]\ntarget = \"debug\"\n");
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "shop-api")["target"], "debug");
    assert!(!evidence(image(&plan, "shop-api")).iter().any(|said| said.starts_with("target")));
    checkout.write("shipwright.toml", "namespace = \"other\"\n");
    assert_eq!(full_names(&checkout.plan(&[])), ["other/shop-api", "other/shop-worker", "other/tool"]);
    for off in ["evidence = false", "evidence = [\"bake\", \"makefile\"]"] {
        checkout.write("shipwright.toml", off);
        let plan = checkout.plan(&[]);
        assert_eq!(plan["images"].as_array().map(Vec::len), Some(2), "{off}");
        assert_eq!(evidence(image(&plan, "api")), [""; 0], "{off}");
    }
    checkout.write("shipwright.toml", "evidence = [\"bakery\"]\n");
    checkout.run(&["plan", "--offline"]).exits(2).says("`bakery` is no kind of file").says("bake, compose");
}

#[test]
fn evidence_enters_no_key_and_what_it_changes_does() {
    let checkout = shop();
    let key = |name: &str| text(&image(&checkout.plan(&[]), name)["key"]);
    let before = key("shop-api");
    checkout.write("compose.yaml", format!("# A comment\n{COMPOSE}"));
    assert_eq!(key("shop-api"), before);
    checkout.write("compose.yaml", COMPOSE.replace("VERSION: \"2\"", "VERSION: \"3\""));
    assert_ne!(key("shop-api"), before);
    // What is not committed makes it dirty, and a commit has what it says itself.
    assert_eq!(image(&checkout.plan(&[]), "shop-api")["dirty"], true);
    assert_eq!(image(&checkout.plan(&["--rev", "HEAD"]), "shop-api")["key"], before);
    checkout.commit("three");
    let api = checkout.plan(&[]);
    assert_eq!(image(&api, "shop-api")["dirty"], false);
    let revision = text(&image(&api, "shop-api")["revision"]);
    assert!(revision.starts_with(&checkout.head()), "{revision}");
}

const MANIFEST: &str = r#"{
  "registry": "registry.example",
  "variables": {"version": "1.2"},
  "repos": [
    {"id": "base", "name": "acme/base", "images": [{
      "sharedTags": {"$(version)": {}},
      "platforms": [
        {"dockerfile": "src/base/amd64", "tags": {"$(version)-amd64": {}, "1-amd64": {}}},
        {"dockerfile": "src/base/arm64", "architecture": "arm64", "tags": {"$(version)-arm64": {}, "1-arm64": {}}}
      ]
    }]},
    {"name": "acme/app", "images": [{"platforms": [
      {"dockerfile": "src/app/amd64", "buildArgs": {"REPO": "$(Repo:base)"}, "tags": {"$(version)-amd64": {}}},
      {"dockerfile": "src/app/arm64", "buildArgs": {"REPO": "$(Repo:base)"}, "tags": {"$(version)-arm64": {}}},
      {"dockerfile": "src/app/both", "buildArgs": {"REPO": "$(Repo:base)"}, "tags": {"$(version)-both": {}}}
    ]}]}
  ]
}
"#;

const MORE: &str = r#"{
  "registry": "registry.example",
  "repos": [{"name": "acme/more", "images": [{"platforms": [{"dockerfile": "more/tool", "tags": {"1": {}}}]}]}]
}
"#;

#[test]
fn a_manifest_of_imagebuilder_says_names_tags_and_what_is_built_on_what() {
    let checkout = Checkout::with(&[
        ("manifest.json", MANIFEST),
        ("src/base/amd64/Dockerfile", "FROM busybox\n"),
        ("src/base/arm64/Dockerfile", "FROM busybox\n"),
        ("src/app/amd64/Dockerfile", "ARG REPO=other\nFROM $REPO:1.2-amd64\n"),
        ("src/app/arm64/Dockerfile", "ARG REPO=other\nFROM $REPO:1-arm64\n"),
        ("src/app/both/Dockerfile", "ARG REPO=other\nFROM $REPO:1.2\n"),
        // Another manifest's images, and what no manifest names, start from what was published.
        ("manifest.more.json", MORE),
        ("more/tool/Dockerfile", "FROM registry.example/acme/base:1.2-amd64\n"),
        ("other/tool/Dockerfile", "FROM registry.example/acme/base:1.2-amd64\n"),
    ]);
    let plan = checkout.plan(&[]);
    assert_eq!(plan["namespace"]["value"], "registry.example/acme");
    for elsewhere in ["more/tool/Dockerfile", "other/tool/Dockerfile"] {
        let images = plan["images"].as_array().expect("images");
        let found = images.iter().find(|image| image["dockerfile"] == elsewhere).expect(elsewhere);
        assert_eq!(found["dependencies"], serde_json::json!([]), "{elsewhere}");
    }
    let edges: Vec<String> = plan["images"]
        .as_array()
        .expect("images")
        .iter()
        .map(|image| {
            let edges = image["dependencies"].as_array().expect("a list").iter();
            let on: String = edges.map(|edge| text(&edge["image"])).collect();
            format!("{} {}: {on}", text(&image["name"]), text(&image["tag_prefix"]))
        })
        .collect();
    for expected in [
        "registry.example/acme/base 1.2-amd64: ",
        "registry.example/acme/base 1.2-arm64: ",
        "registry.example/acme/app 1.2-amd64: registry.example/acme/base",
        "registry.example/acme/app 1.2-arm64: registry.example/acme/base",
        // A tag that both platforms share means neither.
        "registry.example/acme/app 1.2-both: ",
    ] {
        assert!(edges.iter().any(|edge| edge.starts_with(expected)), "{expected}: {edges:#?}");
    }
    let both = edges.iter().find(|edge| edge.contains("both")).expect("it is planned");
    assert!(both.ends_with(": "), "{both}");
}

#[test]
fn what_was_read_is_remembered_and_forgotten_without_harm() {
    let checkout = shop();
    let memory = checkout.root.join(".git/shipwright/evidence");
    let first = checkout.plan(&[]);
    let files = || std::fs::read_dir(&memory).expect("a folder").flatten().map(|entry| entry.path());
    assert!(files().count() > 0);
    assert_eq!(checkout.plan(&[]), first);
    for file in files() {
        std::fs::write(file, "swevid01, but no more").expect("writable");
    }
    assert_eq!(checkout.plan(&[]), first);
    checkout.write("compose.yaml", COMPOSE.replace("target: prod", "target: debug"));
    assert_eq!(image(&checkout.plan(&[]), "shop-api")["target"], "debug");
    checkout.write("compose.yaml", COMPOSE);
    assert_eq!(checkout.plan(&[]), first);
    std::fs::remove_dir_all(&memory).expect("removable");
    // What stands in the way is no error.
    std::fs::write(&memory, "").expect("writable");
    assert_eq!(checkout.plan(&[]), first);
}

#[test]
fn affected_sees_what_a_compose_file_changed() {
    let checkout = shop();
    checkout.write("compose.yaml", COMPOSE.replace("target: worker", "target: debug"));
    checkout.commit("another target");
    let affected = checkout.run(&["affected", "--since", "HEAD~1", "--format", "names"]).exits(0);
    assert_eq!(affected.stdout.trim(), "ghcr.io/acme/shop-worker");
}

#[test]
fn an_image_that_another_service_is_called_is_built_first() {
    let checkout = Checkout::with(&[
        (
            "compose.yaml",
            "services:\n  base:\n    image: acme/base:1.4\n    build: base\n  api:\n    image: acme/api:1.4\n    build:\n      \
             context: api\n      args: {BASE: 'acme/base:1.4'}\n",
        ),
        ("base/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "ARG BASE\nFROM $BASE\n"),
    ]);
    let plan = checkout.plan(&[]);
    let api = image(&plan, "api");
    assert_eq!(api["action"], "build");
    // Its tag is a version like any other; a file says that it is built here.
    assert_eq!(
        api["dependencies"],
        json!([{"image": "acme/base", "kind": "from", "line": 2, "inferred": true}])
    );
    let graph = checkout.run(&["graph", "--format", "json"]).exits(0).stdout;
    assert!(graph.contains("\"inferred\": true"), "{graph}");
    assert_eq!(api["bases"], json!([]));
}

#[test]
fn a_file_that_cannot_be_read_is_a_note() {
    let checkout = shop();
    for broken in ["services: [", "a: &a [*a]\n", "\tx"] {
        checkout.write("compose.yaml", broken);
        let run = checkout.run(&["plan", "--offline", "-v"]).exits(0);
        assert!(!run.stderr.contains("error"), "{broken:?}: {}", run.stderr);
    }
}

#[test]
fn what_is_built_under_the_checkout_s_own_name_does_not_stand_aside() {
    let checkout = shop();
    checkout.write("tests/load/Dockerfile", "FROM busybox\n");
    checkout.write("examples/demo/Dockerfile", "FROM busybox\n");
    checkout.write(
        "build.sh",
        "docker build -t ghcr.io/acme/load tests/load\ndocker build -t someone/demo examples/demo\n",
    );
    let plan = checkout.plan(&[]);
    assert!(full_names(&plan).contains(&"ghcr.io/acme/load".to_owned()), "{:?}", names(&plan));
    assert!(!names(&plan).iter().any(|name| name.contains("demo")), "{:?}", names(&plan));
}

#[test]
fn a_stage_that_is_not_there_any_more_is_not_asked_for() {
    let checkout = shop();
    checkout.write("services/api/Dockerfile", DOCKERFILE.replace("AS worker", "AS jobs"));
    let plan = checkout.plan(&[]);
    let worker = image(&plan, "shop-worker");
    assert_eq!((&worker["target"], &worker["action"]), (&Value::Null, &json!("build")));
    assert_eq!(image(&plan, "shop-api")["target"], "prod");
}

#[test]
fn an_example_takes_no_name_away() {
    let checkout = Checkout::with(&[
        ("examples/x/Dockerfile", "FROM busybox\n"),
        ("examples/x/compose.yaml", "services:\n  a: {image: acme/a, build: .}\n"),
        ("a/Dockerfile", "FROM busybox\n"),
        ("Makefile", "all:\n\tdocker build -t acme/a a\n"),
    ]);
    let plan = checkout.plan(&[]);
    assert_eq!(full_names(&plan), ["acme/a"]);
    assert_eq!(image(&plan, "a")["dockerfile"], "a/Dockerfile");
}

#[test]
fn a_named_context_is_another_image_and_is_listed() {
    let checkout = Checkout::with(&[
        (
            "compose.yaml",
            "services:\n  runtime: {image: acme/runtime, build: runtime}\n  api:\n    image: acme/api\n    build:\n      \
             context: api\n      additional_contexts:\n        base: service:runtime\n        tools: docker-image://busybox:1.36\n",
        ),
        ("runtime/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM base\nCOPY --from=tools /bin/true /true\n"),
    ]);
    let plan = checkout.plan(&[]);
    let api = image(&plan, "api");
    assert_eq!(
        api["dependencies"],
        json!([{"image": "acme/runtime", "kind": "from", "line": 1, "inferred": true}])
    );
    assert_eq!(api["bases"], json!(["busybox:1.36"]));
    let said = evidence(api);
    assert!(
        said.contains(&"contexts.tools docker.io/library/busybox:1.36 compose.yaml:9".to_owned())
            || said.contains(&"contexts.tools busybox:1.36 compose.yaml:9".to_owned()),
        "{said:?}"
    );
}

#[test]
fn a_file_that_is_gone_is_named_where_what_it_said_is() {
    let checkout = shop();
    let reasons = |since: &str| {
        let affected = checkout.run(&["affected", "--since", since, "--format", "json"]).exits(0).json();
        let texts = affected["images"].as_array().expect("a list").iter().flat_map(|image| {
            let reasons = image["reasons"].as_array().expect("a list").clone();
            reasons.into_iter().map(|reason| text(&reason["text"]))
        });
        texts.collect::<Vec<_>>()
    };
    checkout.write("shipwright.toml", "[names]\n\"services/api\" = \"shop-api\"\n");
    checkout.write("compose.yaml", COMPOSE.split("  worker").next().expect("the api"));
    checkout.commit("one service with a name of its own");
    checkout.write("compose.yaml", "services:\n  api:\n    image: ghcr.io/acme/shop-api\n    build: {context: ., dockerfile: services/api/Dockerfile, target: prod}\n");
    checkout.commit("no version");
    let said = reasons("HEAD~1");
    assert!(said.contains(&"compose.yaml no longer says VERSION".to_owned()), "{said:?}");
    checkout.remove("compose.yaml");
    checkout.commit("no compose file");
    let said = reasons("HEAD~1");
    assert!(said.contains(&"compose.yaml, which said target, is gone".to_owned()), "{said:?}");
}

#[test]
fn a_dockerfile_may_be_called_anything_by_who_names_it() {
    let checkout = Checkout::with(&[
        (
            "compose.yaml",
            "services:\n  api:\n    image: acme/api\n    build: {context: ., dockerfile: build/api.docker}\n",
        ),
        (
            "Makefile",
            "web:\n\tdocker build -f build/web.build -t acme/web .\n\tdocker build -f build/notes -t acme/notes .\n",
        ),
        ("build/api.docker", "FROM acme/web\nCOPY a /a\n"),
        ("build/web.build", "ARG V=1\nFROM busybox:$V\n"),
        ("build/tool.docker", "FROM busybox\n"),
        ("build/notes", "what is to be done\n"),
        ("vendor/x.docker", "FROM busybox\n"),
        ("vendor.sh", "docker build -f vendor/x.docker -t acme/x .\n"),
        ("a", "1"),
    ]);
    let plan = checkout.plan(&[]);
    assert_eq!(full_names(&plan), ["acme/api", "acme/web"]);
    let api = image(&plan, "api");
    assert_eq!(text(&api["dockerfile"]), "build/api.docker");
    assert_eq!((&api["context"], &api["inputs"]["files"]), (&json!("."), &json!(1)));
    assert_eq!(text(&api["dependencies"][0]["image"]), "acme/web");
    assert_eq!(image(&checkout.plan(&["--rev", "HEAD"]), "api")["key"], api["key"]);
    // An edit of it is one like any other, and what it is not any more is no image.
    checkout.write("build/api.docker", "FROM busybox\nCOPY a /a\n");
    assert_ne!(image(&checkout.plan(&[]), "api")["key"], api["key"]);
    checkout.write("build/api.docker", "nothing\n");
    assert_eq!(full_names(&checkout.plan(&[])), ["acme/web"]);
    // Settings may name one too.
    checkout.write("shipwright.toml", "evidence = false\n[image.tool]\ndockerfile = \"build/tool.docker\"\n");
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "tool")["dockerfile"], "build/tool.docker");
    assert_eq!(plan["images"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_script_or_a_makefile_below_a_folder_may_change_to_another() {
    for (path, body) in [
        (
            "scripts/build.sh",
            "cd \"$(dirname \"$0\")/..\"\ndocker build -t acme/one -f svc/api/Dockerfile --target prod .\n",
        ),
        (
            "scripts/build.sh",
            "cd \"$(dirname \"${BASH_SOURCE[0]}\")/../svc\" || exit 1\ndocker build -t acme/one --target prod api\n",
        ),
        (
            "scripts/build.sh",
            "ROOT=$(cd \"$(dirname \"$0\")/..\" && pwd)\ncd \"$ROOT\"\ndocker build -t acme/one --target prod svc/api\n",
        ),
        (
            "scripts/build.sh",
            "cd $(git rev-parse --show-toplevel)\ndocker build -t acme/one --target prod svc/api\n",
        ),
        ("scripts/build.sh", "pushd ../svc/api\ndocker build -t acme/one --target prod .\npopd\n"),
        ("scripts/Makefile", "one:\n\tcd ../svc && docker build -t acme/one --target prod api\n"),
        (
            "scripts/Makefile",
            "one:\n\tcd .. && docker build -t acme/one --target prod -f svc/api/Dockerfile .\n",
        ),
    ] {
        let checkout = Checkout::with(&[
            (path, body),
            ("svc/api/Dockerfile", "FROM busybox AS prod\nFROM busybox AS dev\n"),
        ]);
        let plan = checkout.plan(&[]);
        assert_eq!(full_names(&plan), ["acme/one"], "{path}: {body}");
        assert_eq!(plan["images"][0]["target"], "prod", "{path}: {body}");
    }
}

#[test]
fn platforms_that_a_file_names_are_shown_and_change_nothing() {
    let compose = |platforms: &str| {
        format!("services:\n  api:\n    image: acme/api\n    build:\n      context: api\n{platforms}")
    };
    let checkout = Checkout::with(&[
        ("compose.yaml", &compose("      platforms: [linux/amd64, linux/arm64]\n")),
        ("api/Dockerfile", "FROM busybox\n"),
    ]);
    let plan = checkout.plan(&[]);
    let api = image(&plan, "api");
    assert!(evidence(api).contains(&"platforms linux/amd64,linux/arm64 compose.yaml:6".to_owned()), "{api}");
    checkout.write("compose.yaml", compose(""));
    assert_eq!(image(&checkout.plan(&[]), "api")["key"], api["key"]);
    checkout.write("compose.yaml", compose("      platforms: [linux/arm64]\n"));
    checkout.run(&["init"]).exits(0);
    let settings = std::fs::read_to_string(checkout.root.join("shipwright.toml")).unwrap_or_default();
    assert!(!settings.contains("arm64"), "{settings}");
}

#[test]
fn a_bare_repository_has_no_place_for_settings() {
    let checkout = shop();
    let bare = checkout.beside("bare.git");
    checkout.git(&["clone", "--quiet", "--bare", ".", &bare.to_string_lossy()]);
    let run = checkout.run(&["-C", &bare.to_string_lossy(), "init"]).exits(2);
    assert!(!run.stderr.contains("--rev"), "{}", run.stderr);
    run.says("settings are written into a work tree");
}

#[test]
fn files_that_give_values_count_for_the_revision() {
    let dockerfile = "FROM busybox\nARG V\nRUN echo $V\n";
    let workflow = ".github/workflows/ci.yml";
    let cases: [(&str, &str, &str, &str); 6] = [
        (
            "compose.yaml",
            "services: {a: {image: acme/a, build: {context: a, args: {V: '$V'}}}}\n",
            ".env",
            "V=",
        ),
        ("Makefile", "include v.mk\na:\n\tdocker build --build-arg V=$(V) -t acme/a a\n", "v.mk", "V="),
        (
            "Makefile",
            "V = $(shell cat VERSION)\na:\n\tdocker build --build-arg V=$(V) -t acme/a a\n",
            "VERSION",
            "",
        ),
        ("b.sh", "docker build --build-arg V=$(cat VERSION) -t acme/a a\n", "VERSION", ""),
        (
            "docker-bake.hcl",
            "target \"a\" {\n  context = \"a\"\n  tags = [\"acme/a\"]\n  args = {V = V}\n}\n",
            "docker-bake.override.json",
            "{\"variable\": {\"V\": {\"default\": \"#\"}}}",
        ),
        (
            ".github/workflows/build.yml",
            "jobs:\n  a:\n    steps:\n      - run: docker build --build-arg V=${{ inputs.v }} -t acme/a a\n",
            workflow,
            "jobs:\n  a:\n    uses: ./.github/workflows/build.yml\n    with: {v: '#'}\n",
        ),
    ];
    for (path, said, giving, form) in cases {
        // What is no form is the front of a line.
        let form = if form.contains('#') { form.to_owned() } else { format!("{form}#\n") };
        let value = |value: &str| form.replace('#', value);
        let checkout = Checkout::with(&[(path, said)]);
        checkout.write("a/Dockerfile", dockerfile);
        checkout.write(giving, value("1"));
        checkout.commit("one");
        let first = checkout.plan(&[]);
        assert!(
            evidence(image(&first, "a")).iter().any(|said| said.starts_with("args.V 1")),
            "{giving}: {first}"
        );
        checkout.write(giving, value("2"));
        checkout.commit("two");
        let (first, second) = (image(&first, "a").clone(), image(&checkout.plan(&[]), "a").clone());
        assert_ne!(first["key"], second["key"], "{giving}");
        // Else one commit's tag would mean two keys.
        assert!(text(&second["revision"]).starts_with(&checkout.head()), "{giving}");
    }
}

#[test]
fn who_names_a_link_beside_a_dockerfile_means_that() {
    let checkout = Checkout::with(&[
        ("api/Dockerfile.prod", "FROM busybox\n"),
        ("web/Dockerfile.prod", "FROM busybox\n"),
        (
            "compose.yaml",
            "services:\n  a: {image: acme/server, build: api}\n  b: {image: acme/site, build: {context: web, dockerfile: Link}}\n",
        ),
    ]);
    let link = |path: &str, target: &str| {
        std::os::unix::fs::symlink(target, checkout.root.join(path)).expect("a link");
    };
    link("api/Dockerfile", "Dockerfile.prod");
    link("web/Link", "Dockerfile.prod");
    checkout.commit("links");
    assert_eq!(full_names(&checkout.plan(&[])), ["acme/server", "acme/site"]);
    // What was remembered is looked at again.
    checkout.write("api/Dockerfile.dev", "FROM busybox\n");
    checkout.remove("api/Dockerfile");
    link("api/Dockerfile", "Dockerfile.dev");
    checkout.commit("another");
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "server")["dockerfile"], "api/Dockerfile.dev");
}

#[test]
fn a_word_is_a_tag_of_its_own_where_it_is_another_dockerfile_s() {
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM busybox\n"),
        ("Dockerfile.dev", "FROM busybox\n"),
        ("tool/Dockerfile", "FROM acme/app:dev\n"),
        (
            "compose.yaml",
            "services:\n  a: {image: 'acme/app:latest', build: .}\n  b: {image: 'acme/app:dev', build: {context: ., dockerfile: Dockerfile.dev}}\n",
        ),
    ]);
    let plan = checkout.plan(&[]);
    let images = plan["images"].as_array().expect("images");
    let named: Vec<String> = images
        .iter()
        .map(|image| {
            format!("{} {} {}", text(&image["name"]), text(&image["tag_prefix"]), text(&image["dockerfile"]))
        })
        .collect();
    assert!(named.contains(&"acme/app dev Dockerfile.dev".to_owned()), "{named:?}");
    assert!(
        named.iter().any(|line| line.starts_with("acme/app ") && line.ends_with(" Dockerfile")),
        "{named:?}"
    );
    assert_eq!(image(&plan, "tool")["dependencies"].as_array().map(Vec::len), Some(1), "{named:?}");
}

#[test]
fn cloud_build_says_what_its_steps_build() {
    let checkout = Checkout::with(&[
        (
            "images/api/cloudbuild.yaml",
            "steps:\n- name: gcr.io/cloud-builders/docker\n  args: [build, --tag=gcr.io/$PROJECT_ID/shop-api:$_TAG, --build-arg=V=$_V, .]\n\
             substitutions: {_TAG: '12345', _V: '7'}\n",
        ),
        ("images/api/Dockerfile", "FROM busybox\nARG V\nRUN echo $V\n"),
    ]);
    let plan = checkout.plan(&[]);
    let api = image(&plan, "shop-api");
    assert_eq!(
        evidence(api),
        [
            "name shop-api images/api/cloudbuild.yaml:2",
            "context images/api images/api/cloudbuild.yaml:2",
            "args.V 7 images/api/cloudbuild.yaml:2",
        ]
    );
    checkout.write("shipwright.toml", "evidence = [\"makefile\"]\n");
    assert_eq!(evidence(image(&checkout.plan(&[]), "api")), [""; 0]);
}
