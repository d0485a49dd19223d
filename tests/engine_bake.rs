//! `shipwright bake` and what `docker buildx bake` makes of it, on an engine.

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Checkout, Engine, Run, image, names, text, texts};

/// Every form in which a Dockerfile may write the reference to an image of the checkout.
fn forms(namespace: &str) -> Checkout {
    let app = format!(
        "ARG REG=docker.io/{namespace}\n\
         FROM ${{REG}}/base AS one\n\
         RUN cat /base > /one\n\
         FROM {namespace}/base:latest AS two\n\
         FROM docker.io/{namespace}/base\n\
         COPY --from={namespace}/tool /tool /t1\n\
         COPY --from=index.docker.io/{namespace}/tool:latest /tool /t2\n\
         COPY --from=one /one /one\n\
         COPY --from=two /base /two\n\
         COPY a.txt /a\n\
         RUN --mount=from=docker.io/{namespace}/tool,target=/m cat /m/tool > /t3\n"
    );
    let staged = format!(
        "FROM base AS base\n\
         RUN echo more > /more\n\
         FROM base\n\
         RUN echo '$${{x}} %{{y}} ${{z}}' > /odd\n\
         RUN --mount=type=bind,from=tool,target=/m cat /m/tool > /t4\n\
         COPY --from={namespace}/tool /tool /t5\n"
    );
    Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nRUN echo base > /base\n"),
        ("tool/Dockerfile", "FROM busybox\nARG V=1\nRUN echo \"tool $V\" > /tool\n"),
        ("gen/Dockerfile", "FROM busybox\nRUN echo gen > /gen\n"),
        ("app/Dockerfile", &app),
        ("app/a.txt", "hello\n"),
        ("app/.dockerignore", "*.md\n"),
        ("app/notes.md", "no input\n"),
        ("staged/Dockerfile", &staged),
        ("php/8.2/Dockerfile", "FROM busybox\nRUN echo 82 > /v\n"),
        ("php/8.3/Dockerfile", &format!("FROM {namespace}/php:8.2\nRUN echo 83 >> /v\n")),
        ("docker/lint.Dockerfile", "FROM busybox\nCOPY docker/rules /rules\n"),
        ("docker/rules", "no tabs\n"),
        (
            "shipwright.toml",
            "[image.staged]\ndepends_on = [\"gen\"]\n[image.tool]\nargs = { V = \"${x}%{y}\" }\n\
             [image.lint]\ncontext = \".\"\n",
        ),
    ])
}

/// Gives the file to bake as a pipe would, in the folder that it was written for.
fn bake(engine: &Engine, checkout: &Checkout, file: &str) -> Run {
    let mut command = Command::new("docker");
    command.current_dir(&checkout.root).args(["-H", engine.host()]);
    command.args(["buildx", "bake", "--progress", "plain", "--file", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("docker runs");
    child.stdin.take().expect("a pipe").write_all(file.as_bytes()).expect("docker reads");
    Run::of(&child.wait_with_output().expect("docker ends"))
}

/// Whether named contexts work: the `BuildKit` of Docker 20.10 does not know them.
fn knows_contexts() -> bool {
    std::env::var("SHIPWRIGHT_TEST_ENGINE").as_deref() != Ok("20.10")
}

fn plan(engine: &Engine, checkout: &Checkout) -> Value {
    engine.run(checkout, &["plan", "--format", "json"]).exits(0).json()
}

/// `NAME ACTION` of all images.
fn actions(plan: &Value) -> Vec<String> {
    let images = plan["images"].as_array().expect("images");
    images.iter().map(|image| format!("{} {}", text(&image["name"]), text(&image["action"]))).collect()
}

#[test]
fn bake_gives_the_images_of_the_same_keys() {
    let Some(engine) = Engine::start() else { return };
    if !knows_contexts() {
        let checkout = Checkout::shop();
        let file = engine.run(&checkout, &["bake"]).exits(0);
        bake(&engine, &checkout, &file.stdout).exits(1).says("unsupported frontend capability");
        return;
    }
    for checkout in [forms(&engine.namespace), Checkout::shop()] {
        let planned = plan(&engine, &checkout);
        let file = engine.run(&checkout, &["bake"]).exits(0);
        let targets = file.json()["group"]["default"]["targets"].as_array().expect("targets").len();
        assert_eq!(targets, names(&planned).len(), "{}", file.stdout);
        bake(&engine, &checkout, &file.stdout).exits(0);
        // Keys, labels and platforms are what a build would have given: there is nothing left to build.
        let after = plan(&engine, &checkout);
        let images = after["images"].as_array().expect("images");
        let left: Vec<&Value> = images.iter().filter(|image| image["action"] == "build").collect();
        assert!(left.is_empty(), "{left:#?}");
        for image in images {
            for tag in [text(&image["reference"]), format!("{}:main", text(&image["name"]))] {
                let tag = tag.split_once('/').map(|(_, tag)| tag.to_owned()).expect("a namespace");
                assert!(engine.has(&tag) || image["tag_prefix"].is_string(), "{tag}");
            }
        }
        engine.run(&checkout, &["build"]).exits(0);
        let nothing = engine.run(&checkout, &["bake"]).exits(0).says("nothing has to be built");
        assert!(nothing.json()["target"].is_null(), "{}", nothing.stdout);
        bake(&engine, &checkout, &nothing.stdout).exits(0);
    }
}

#[test]
fn every_form_of_a_reference_means_the_image_of_the_checkout() {
    let Some(engine) = Engine::start() else { return };
    if !knows_contexts() {
        return;
    }
    let checkout = forms(&engine.namespace);
    // What was built before under moving names is never taken.
    for name in ["base", "tool"] {
        engine.docker(&["tag", "busybox:latest", &format!("{}/{name}:latest", engine.namespace)]);
    }
    let file = engine.run(&checkout, &["bake"]).exits(0);
    bake(&engine, &checkout, &file.stdout).exits(0);
    let app = engine.in_image("app:main", &["cat", "/one", "/two", "/t1", "/t2", "/t3", "/a"]);
    let tool = "tool ${x}%{y}";
    assert_eq!(app, ["base", "base", tool, tool, tool, "hello"].join("\n"));
    let staged = engine.in_image("staged:main", &["cat", "/more", "/odd", "/t4", "/t5"]);
    assert_eq!(staged, ["more", "$${x} %{y} ${z}", tool, tool].join("\n"));
    assert_eq!(engine.in_image("php:8.3", &["cat", "/v"]), "82\n83");
    assert_eq!(engine.in_image("lint:main", &["cat", "/rules"]), "no tabs");
}

#[test]
fn what_is_there_already_is_taken_from_there() {
    let Some(engine) = Engine::start() else { return };
    if !knows_contexts() {
        return;
    }
    let checkout = forms(&engine.namespace);
    engine.run(&checkout, &["build", "php:8.2", "base", "tool"]).exits(0);
    // Somebody else's image by the moving name.
    engine.docker(&["tag", "busybox:latest", &format!("{}/php:8.2", engine.namespace)]);
    let before = plan(&engine, &checkout);
    let file = engine.run(&checkout, &["bake", "php:8.3"]).exits(0);
    let targets = file.json()["target"].clone();
    let reference = text(&image(&before, "php")["reference"]);
    assert_eq!(texts(&file.json()["group"]["default"]["targets"]), ["php-8_3"], "{before:#}");
    let context = text(&targets["php-8_3"]["contexts"][format!("{}/php:8.2", engine.namespace)]);
    assert_eq!(context, format!("docker-image://{reference}"));
    bake(&engine, &checkout, &file.stdout).exits(0);
    assert_eq!(engine.in_image("php:8.3", &["cat", "/v"]), "82\n83");
    assert!(actions(&plan(&engine, &checkout)).iter().any(|action| action.ends_with("gen build")));
}
