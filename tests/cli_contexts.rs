//! Folders that are build contexts with names, through the real binary, without an engine.

mod support;

use serde_json::{Value, json};
use support::{Checkout, image, names, text, texts};

const DOCKERFILE: &str = "\
FROM busybox
COPY own /own
COPY --from=assets schema.sql /db/
RUN --mount=type=bind,from=assets,source=sub,target=/m cat /m/x > /x
";

const COMPOSE: &str = "\
services:
  api:
    image: acme/api
    build:
      context: api
      additional_contexts:
        assets: ./db
        unused: ./nowhere
";

/// An image that reads a file and a folder of `db`.
fn shop() -> Checkout {
    Checkout::with(&[
        ("api/Dockerfile", DOCKERFILE),
        ("api/own", "own\n"),
        ("compose.yaml", COMPOSE),
        ("db/schema.sql", "create\n"),
        ("db/sub/x", "x\n"),
        ("db/sub/deep/y", "y\n"),
        ("db/other", "not read\n"),
    ])
}

fn inspected(checkout: &Checkout) -> Value {
    checkout.run(&["inspect", "api/Dockerfile", "--format", "json"]).exits(0).json()
}

fn key(checkout: &Checkout, arguments: &[&str]) -> String {
    text(&image(&checkout.plan(arguments), "api")["key"])
}

/// The one reason for which `api` is blocked.
fn blocked(checkout: &Checkout) -> String {
    let plan = checkout.plan(&[]);
    let api = image(&plan, "api");
    assert_eq!(api["action"], "blocked", "{api:#}");
    text(&api["reasons"][0]["text"])
}

#[test]
fn what_sources_see_of_a_folder_are_inputs() {
    let shop = shop();
    let found = inspected(&shop);
    assert_eq!(
        found["contexts"],
        json!([{
            "name": "assets",
            "folder": "db",
            "ignore_file": null,
            "sources": ["schema.sql", "sub"],
            "whole_context": false,
            "inputs": ["db/schema.sql", "db/sub/deep/y", "db/sub/x"],
        }])
    );
    assert_eq!(texts(&found["inputs"]), ["api/own"]);
    assert_eq!(texts(&found["images"]), ["busybox"]);
    let specs = texts(&found["revision_pathspecs"]);
    for path in ["api/own", "db/schema.sql", "db/sub"] {
        assert!(specs.iter().any(|spec| spec == path), "{path}: {specs:?}");
    }
    let plan = shop.plan(&[]);
    let api = image(&plan, "api");
    let contexts = json!([{"name": "assets", "folder": "db", "files": 3, "whole_context": false}]);
    assert_eq!(api["contexts"], contexts);
    assert_eq!(api["inputs"]["files"], 4);
    let explained = shop.run(&["plan", "--offline", "--explain", "api"]).exits(0);
    for line in ["context     assets db\n", " sub/deep/y of assets\n"] {
        assert!(explained.stdout.contains(line), "{}", explained.stdout);
    }
}

#[test]
fn a_folder_whose_place_nobody_knows_is_read_as_a_whole() {
    let shop = shop();
    let all = ["db/other", "db/schema.sql", "db/sub/deep/y", "db/sub/x"];
    for dockerfile in [
        "FROM assets\n",
        "FROM assets AS base\nFROM busybox\nCOPY --from=base schema.sql /\n",
        "FROM busybox\nCOPY --from=assets . /\n",
        "FROM busybox\nCOPY --from=docker.io/library/assets:latest / /\n",
        "FROM busybox\nRUN --mount=from=assets,target=/m true\n",
        "FROM busybox\nRUN --mount=type=cache,from=assets,target=/m true\n",
        "FROM busybox\nARG KIND=bind\nENV KIND=$KIND\nRUN --mount=type=$HOW,from=assets,target=/m true\n",
        "FROM busybox\nRUN --mount=type=bind,from=assets,source=$WHERE,target=/m true\n",
        "FROM scratch AS assets\nFROM assets\nCOPY own /\n",
        "# syntax=example.org/frontend\nFROM busybox\nCOPY own /\n",
        "FROM busybox\nRUN --mount=type=bind,unknown=x,target=/m true\n",
        "FROM busybox AS assets\nRUN false\n",
    ] {
        shop.write("api/Dockerfile", dockerfile);
        let contexts = &inspected(&shop)["contexts"];
        assert_eq!(texts(&contexts[0]["inputs"]), all, "{dockerfile}");
    }
}

#[test]
fn a_context_takes_the_place_of_a_stage() {
    let shop = shop();
    let dockerfile = "\
FROM missing/image AS assets
COPY gone /gone
RUN make
FROM busybox
COPY --from=assets sub/x /x
COPY --from=0 sub/deep /deep
";
    shop.write("api/Dockerfile", dockerfile);
    let found = inspected(&shop);
    assert_eq!(texts(&found["contexts"][0]["inputs"]), ["db/sub/deep/y", "db/sub/x"]);
    assert_eq!((texts(&found["images"]), texts(&found["inputs"])), (vec!["busybox".into()], vec![]));
    let before = key(&shop, &[]);
    // What the stage would do is nothing that counts, and its base is no image of the key.
    shop.write("api/Dockerfile", dockerfile.replace("RUN make", "RUN make all"));
    assert_eq!(key(&shop, &[]), before);
    shop.write("db/sub/x", "another\n");
    assert_ne!(key(&shop, &[]), before);
    // Without the context it is a stage again.
    shop.remove("compose.yaml");
    assert!(blocked(&shop).contains("`gone` is not in the build context api"), "{}", blocked(&shop));
}

#[test]
fn an_image_takes_the_place_of_a_stage() {
    let shop = Checkout::with(&[
        ("api/Dockerfile", "FROM missing/image AS base\nCOPY gone /gone\nFROM base\nCOPY own /own\n"),
        ("api/own", "own\n"),
        ("tool/Dockerfile", "FROM busybox\n"),
        ("shipwright.toml", "namespace = \"acme\"\n[image.api]\ncontexts = { base = \"image:tool\" }\n"),
    ]);
    let plan = shop.plan(&[]);
    let api = image(&plan, "api");
    assert_eq!((&api["action"], &api["dependencies"][0]["image"]), (&json!("build"), &json!("acme/tool")));
    assert_eq!(names(&plan), ["tool", "api"]);
    shop.write("shipwright.toml", "[image.api]\ncontexts = { base = \"docker-image://busybox:1\" }\n");
    assert_eq!(texts(&image(&shop.plan(&[]), "api")["bases"]), ["busybox:1"]);
    // An image of this checkout by its reference is that image.
    shop.write(
        "shipwright.toml",
        "namespace = \"acme\"\n[image.api]\ncontexts = { base = \"docker-image://acme/tool\" }\n",
    );
    assert_eq!(image(&shop.plan(&[]), "api")["dependencies"][0]["image"], "acme/tool");
    shop.write("shipwright.toml", "[image.api]\ncontexts = { base = \"image:gone\" }\n");
    assert_eq!(
        blocked(&shop),
        "needs the build context base, which is gone, no image of this checkout (shipwright.toml:2)"
    );
}

#[test]
fn the_folders_own_ignore_file_counts_and_no_other() {
    let shop = shop();
    shop.write("api/Dockerfile", "FROM busybox\nCOPY --from=assets . /db/\n");
    shop.write("api/Dockerfile.dockerignore", "*.sql\nsub\n");
    shop.write(".dockerignore", "*\n");
    let inputs = |shop: &Checkout| texts(&inspected(shop)["contexts"][0]["inputs"]);
    assert_eq!(inputs(&shop), ["db/other", "db/schema.sql", "db/sub/deep/y", "db/sub/x"]);
    shop.write("db/.dockerignore", "other\nsub/deep\n.dockerignore\n");
    assert_eq!(inputs(&shop), ["db/schema.sql", "db/sub/x"]);
    let found = inspected(&shop);
    assert_eq!(found["contexts"][0]["ignore_file"], "db/.dockerignore");
    // It decides what is read, so an edit of it makes the image dirty once it changes that.
    shop.commit("ignore");
    shop.write("db/.dockerignore", "other\n.dockerignore\nsub\n");
    assert_eq!(image(&shop.plan(&[]), "api")["dirty"], true);
    shop.write("api/Dockerfile", "FROM busybox\nCOPY --from=assets sub/x /\n");
    let why = blocked(&shop);
    assert_eq!(why, "api/Dockerfile:2: `sub/x` is left out by db/.dockerignore");
    shop.write("db/.dockerignore", "[\n");
    shop.run(&["plan", "--offline"]).exits(2).says("db/.dockerignore");
}

#[test]
fn keys_are_those_of_what_is_read() {
    let shop = shop();
    let before = key(&shop, &[]);
    let same = |what: &str| assert_eq!(key(&shop, &[]), before, "{what}");
    shop.write("db/other", "another\n");
    same("a file that nothing reads");
    for (said, by) in [
        (
            "services:\n  api: {image: acme/api, build: {context: api, additional_contexts: [assets=db]}}\n",
            "compose.yaml",
        ),
        (
            "target \"api\" {\n  context = \"api\"\n  tags = [\"acme/api\"]\n  contexts = { assets = \"./db\" }\n}\n",
            "docker-bake.hcl",
        ),
        ("docker build --build-context assets=db -t acme/api api\n", "build.sh"),
        ("image:\n\tdocker buildx build --build-context=assets=./db -t acme/api api\n", "Makefile"),
        (
            "jobs:\n  a:\n    steps:\n      - uses: docker/build-push-action@v6\n        with:\n          context: api\n          tags: acme/api\n          build-contexts: |\n            assets=./db\n",
            ".github/workflows/image.yaml",
        ),
        ("[image.api]\ncontexts = { assets = \"db\" }\n", "shipwright.toml"),
    ] {
        shop.remove("compose.yaml");
        shop.write(by, said);
        same(by);
        shop.remove(by);
        shop.write("compose.yaml", COMPOSE);
    }
    // Neither the folder's name nor how its context's name is written counts.
    shop.git(&["mv", "db", "moved"]);
    shop.write("shipwright.toml", "[image.api.contexts]\n\"assets:latest\" = \"moved\"\n");
    same("a folder that moved");
    shop.write("moved/sub/new", "new\n");
    assert_ne!(key(&shop, &[]), before);
    shop.remove("moved/sub/new");
    same("as it was");
    shop.make_executable("moved/schema.sql");
    assert_ne!(key(&shop, &[]), before);
}

#[test]
fn commits_have_the_same_and_say_what_is_affected() {
    let shop = shop();
    let head = |shop: &Checkout| shop.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let (first, plan) = (head(&shop), shop.plan(&[]));
    let api = image(&plan, "api");
    assert_eq!((&api["dirty"], &api["revision"]), (&json!(false), &json!(first)));
    let before = text(&api["key"]);
    assert_eq!(key(&shop, &["--rev", "HEAD"]), before);

    shop.write("db/other", "another\n");
    shop.commit("not read");
    assert_eq!(image(&shop.plan(&[]), "api")["revision"], json!(first));
    let affected =
        |since: &str| names(&shop.run(&["affected", "--since", since, "--format", "json"]).exits(0).json());
    assert_eq!(affected(&first), [] as [&str; 0]);

    shop.write("db/sub/x", "edited\n");
    let plan = shop.plan(&[]);
    assert_eq!(image(&plan, "api")["dirty"], true);
    assert_eq!(key(&shop, &["--rev", "HEAD"]), before);
    shop.commit("read");
    let plan = shop.plan(&[]);
    let api = image(&plan, "api");
    assert_eq!((&api["dirty"], &api["revision"]), (&json!(false), &json!(head(&shop))));
    assert_eq!(key(&shop, &["--rev", &first]), before);
    assert_eq!(affected(&first), ["api"]);
    let why = |since: &str| {
        let affected = shop.run(&["affected", "--since", since, "--format", "json"]).exits(0).json();
        text(&image(&affected, "api")["reasons"][0]["text"])
    };
    assert_eq!(why(&first), "db/sub/x changed");
    // Another folder is said where it is written.
    shop.write("lib/schema.sql", "create\n");
    shop.write("lib/sub/x", "edited\n");
    shop.write("lib/sub/deep/y", "more\n");
    shop.write("compose.yaml", COMPOSE.replace("./db", "lib"));
    shop.commit("elsewhere");
    assert_eq!(why("HEAD~1"), "lib/sub/deep/y changed");
}

#[test]
fn files_that_git_ignores_are_inputs_and_listed() {
    let shop = shop();
    let clean = key(&shop, &[]);
    shop.write(".gitignore", "*.gen\n");
    shop.write("db/sub/made.gen", "made\n");
    let plan = shop.plan(&[]);
    let api = image(&plan, "api");
    assert_eq!(texts(&api["unversioned"]), ["db/sub/made.gen"]);
    assert_eq!(api["dirty"], false);
    assert_ne!(text(&api["key"]), clean);
}

#[test]
fn what_is_missing_is_said_in_one_phrase() {
    let shop = shop();
    let contexts = |value: &str| shop.write("compose.yaml", COMPOSE.replace("./db", value));
    for (value, why) in [
        ("./gone", "needs the folder gone for the build context assets (compose.yaml:7)"),
        ("db/other", "needs the folder db/other for the build context assets (compose.yaml:7)"),
        (
            "../../elsewhere",
            "needs the build context assets, which is ../../elsewhere, outside of this checkout (compose.yaml:7)",
        ),
        (
            "https://example.org/x.git",
            "needs the build context assets, which is https://example.org/x.git (compose.yaml:7)",
        ),
    ] {
        contexts(value);
        assert_eq!(blocked(&shop), why);
    }
    contexts("./db");
    shop.remove("compose.yaml");
    shop.write("Makefile", "image:\n\tdocker build --build-context assets=../elsewhere -t acme/api api\n");
    assert_eq!(
        blocked(&shop),
        "needs the build context assets, which is ../elsewhere, outside of this checkout (Makefile:2)"
    );
    shop.remove("Makefile");
    shop.write("compose.yaml", COMPOSE);
    shop.write("api/Dockerfile", "FROM busybox\nCOPY --from=assets gone /\n");
    assert_eq!(blocked(&shop), "api/Dockerfile:2: `gone` is not in the build context assets (db)");
    // Nobody reads the other folder that is not there.
    shop.write("api/Dockerfile", "FROM busybox\nCOPY --from=assets other /\n");
    assert_eq!(image(&shop.plan(&[]), "api")["action"], "build");
    for (settings, why) in [
        ("contexts = { assets = \"../x\" }", "is not a path from the root of the checkout"),
        ("contexts = { Assets = \"db\" }", "no reference could mean it"),
        ("contexts = { assets = \"https://x\" }", "is fetched by no build here"),
        ("contexts = [\"db\"]", "image.api.contexts must be a table, not a list"),
    ] {
        shop.write("shipwright.toml", format!("[image.api]\n{settings}\n"));
        shop.run(&["plan", "--offline"]).exits(2).says("shipwright.toml:2").says(why);
    }
}

#[test]
fn a_folder_in_a_submodule_says_what_brings_it() {
    let shop = shop();
    shop.write(".gitmodules", "[submodule \"db2\"]\n\tpath = db2\n\turl = https://example.org/db2\n");
    let commit = shop.git(&["rev-parse", "HEAD"]);
    let commit = commit.trim();
    shop.git(&["add", "."]);
    shop.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},db2")]);
    shop.write("compose.yaml", COMPOSE.replace("./db", "./db2/files"));
    assert_eq!(
        blocked(&shop),
        "needs the folder db2/files for the build context assets (compose.yaml:7): `git submodule update --init db2` fetches it"
    );
}

#[test]
fn init_writes_them_down_and_changes_nothing() {
    let shop = shop();
    shop.write("tool/Dockerfile", "FROM busybox\n");
    shop.write("api/Dockerfile", format!("{DOCKERFILE}COPY --from=tools /t /t\nCOPY --from=box /bin /bin\n"));
    let images = "        tools: service:tool\n        box: docker-image://busybox:1.36\n";
    let tool = "  tool: {image: acme/tool, build: tool}\n";
    shop.write("compose.yaml", format!("{COMPOSE}{images}{tool}"));
    let before = shop.keys();
    shop.run(&["init"]).exits(0);
    let written = std::fs::read_to_string(shop.root.join("shipwright.toml")).expect("settings");
    for line in [
        "contexts.assets = \"db\" # compose.yaml:7",
        "contexts.box = \"docker-image://busybox:1.36\" # compose.yaml:10",
        "contexts.tools = \"image:tool\" # compose.yaml:9",
    ] {
        assert!(written.contains(line), "{line}: {written}");
    }
    assert_eq!(shop.keys(), before);
    shop.remove("compose.yaml");
    assert_eq!(shop.keys(), before);
}

#[test]
fn triggers_of_a_base_read_the_folders_of_who_carries_them_out() {
    let shop = shop();
    shop.write("base/Dockerfile", "FROM busybox\nONBUILD COPY --from=assets sub /sub\n");
    shop.write("api/Dockerfile", "FROM acme/base\n");
    let found = inspected(&shop);
    assert_eq!(texts(&found["contexts"][0]["inputs"]), ["db/sub/deep/y", "db/sub/x"]);
    let before = key(&shop, &[]);
    shop.write("db/sub/x", "edited\n");
    assert_ne!(key(&shop, &[]), before);
}

#[test]
fn bake_is_given_them() {
    let shop = shop();
    let file: Value = shop.run(&["bake", "--all"]).exits(0).json();
    let target = &file["target"]["api"];
    assert_eq!(target["contexts"]["assets"], "./db");
    assert_eq!(target["contexts"].as_object().map(serde_json::Map::len), Some(1), "{target:#}");
    // Read back, it is the same image.
    let before = key(&shop, &[]);
    shop.remove("compose.yaml");
    shop.write("docker-bake.json", serde_json::to_string(&file).expect("JSON"));
    assert_eq!(key(&shop, &[]), before);
}
