//! Why an image is built: what differs from the newest image of an ancestor, on a real engine.

mod support;

use std::fs;

use serde_json::Value;
use support::{Checkout, Engine, image, text};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

fn plan_of(engine: &Engine, checkout: &Checkout, arguments: &[&str]) -> Value {
    engine.run(checkout, &[&["plan", "--format", "json"], arguments].concat()).exits(0).json()
}

/// Kind, path and text of each reason.
fn reasons(
    engine: &Engine,
    checkout: &Checkout,
    name: &str,
    arguments: &[&str],
) -> Vec<(String, String, String)> {
    let plan = plan_of(engine, checkout, arguments);
    let reasons = image(&plan, name)["reasons"].as_array().expect("reasons").clone();
    let field = |reason: &Value, name: &str| text(&reason[name]);
    reasons
        .iter()
        .map(|reason| (field(reason, "kind"), field(reason, "path"), field(reason, "text")))
        .collect()
}

fn one(kind: &str, path: &str, text: &str) -> Vec<(String, String, String)> {
    vec![(kind.to_owned(), path.to_owned(), text.to_owned())]
}

#[test]
fn every_kind_of_change_is_named() {
    let engine = engine!();
    let shop = Checkout::shop();
    engine.build(&shop, &[]).0.exits(0);
    let reasons = |name: &str, arguments: &[&str]| reasons(&engine, &shop, name, arguments);
    let undo = || shop.git(&["checkout", "--quiet", "."]);
    let path = "admin/static/users.html";
    assert_eq!(reasons("motd", &[])[0].0, "unchanged");
    shop.write(path, "<h1>Everybody</h1>\n");
    assert_eq!(reasons("admin", &[]), one("file-changed", path, &format!("{path} changed")));
    undo();
    let new = "admin/static/new.html";
    shop.write(new, "");
    assert_eq!(reasons("admin", &[]), one("file-added", new, &format!("{new} added")));
    shop.remove(new);
    shop.remove(path);
    assert_eq!(reasons("admin", &[]), one("file-removed", path, &format!("{path} removed")));
    undo();
    shop.make_executable("shared/auth.sh");
    let mode = one("file-mode", "shared/auth.sh", "shared/auth.sh changed its mode");
    assert_eq!(reasons("shared", &[]), mode);
    let rebuilt = format!("{}/shared is rebuilt", engine.namespace);
    assert_eq!(reasons("service1", &[]), one("dependency", "", &rebuilt));
    let below = format!("{}/service1 is rebuilt ← shared: shared/auth.sh changed its mode", engine.namespace);
    assert_eq!(reasons("service1-dev", &[]), one("dependency", "", &below));
    undo();
    let path = "service1/Dockerfile";
    let dockerfile = fs::read_to_string(shop.root.join(path)).expect("a file");
    shop.write(path, dockerfile.replacen("acme/shared", "acme/base", 1));
    let from = reasons("service1", &[]);
    assert_eq!(from[0], one("base", path, "FROM acme/shared → acme/base")[0]);
    assert!(from[1..].iter().all(|reason| reason.0 == "dockerfile"), "{from:?}");
    undo();
    shop.write("motd/Dockerfile", "# nothing\nFROM scratch\n\nCOPY motd.txt /etc/motd\n");
    assert_eq!(reasons("motd", &[]), one("dockerfile", "motd/Dockerfile", "motd/Dockerfile:4 changed"));
    undo();
    let argument = one("build-argument", "", "build argument GREETING changed");
    assert_eq!(reasons("service2", &["--build-arg", "GREETING=moin"]), argument);
    assert_eq!(reasons("motd", &["--no-cache"]), one("forced", "", "--no-cache"));
    for number in 0..5 {
        shop.write(&format!("admin/static/more{number}.html"), "");
    }
    let many = reasons("admin", &[]);
    assert_eq!(many.len(), 4);
    assert_eq!(many[3].2, "2 more files changed");
}

#[test]
fn a_removed_key_tag_is_the_reason() {
    let engine = engine!();
    let checkout = Checkout::with(&[("a/Dockerfile", "FROM busybox\nRUN echo 1 >/a\n")]);
    engine.build(&checkout, &[]).0.exits(0);
    let plan = plan_of(&engine, &checkout, &[]);
    let reference = text(&image(&plan, "a")["reference"]);
    engine.docker(&["rmi", &reference]);
    let tag = reference.rsplit(':').next().unwrap_or_default().to_owned();
    assert_eq!(
        reasons(&engine, &checkout, "a", &[]),
        one("key-missing", "", &format!("the engine no longer has {tag}"))
    );
    engine.build(&checkout, &[]).0.exits(0);
    assert!(engine.has(&format!("a:{tag}")));
}

#[test]
fn a_new_branch_is_compared_with_the_image_of_its_ancestor_not_with_latest() {
    let engine = engine!();
    let checkout =
        Checkout::with(&[("a/Dockerfile", "FROM busybox\nCOPY . /a\n"), ("a/one", "1"), ("a/two", "1")]);
    engine.build(&checkout, &[]).0.exits(0);
    checkout.git(&["switch", "--quiet", "--create", "feature"]);
    checkout.git(&["switch", "--quiet", "main"]);
    checkout.write("a/one", "2");
    checkout.commit("on main");
    engine.build(&checkout, &[]).0.exits(0);
    checkout.git(&["switch", "--quiet", "feature"]);
    checkout.write("a/two", "2");
    checkout.commit("on the branch");
    // `latest` holds main's change, which is none of this branch's.
    assert_eq!(reasons(&engine, &checkout, "a", &[]), one("file-changed", "a/two", "a/two changed"));
    checkout.write("a/two", "3");
    assert_eq!(reasons(&engine, &checkout, "a", &[]), one("file-changed", "a/two", "a/two changed"));
}

#[test]
fn git_names_the_files_where_nothing_is_cached() {
    let engine = engine!();
    let checkout = Checkout::with(&[("a/Dockerfile", "FROM busybox\nCOPY . /a\n"), ("a/one", "1")]);
    engine.build(&checkout, &[]).0.exits(0);
    checkout.write("a/one", "2");
    checkout.commit("second");
    fs::remove_dir_all(checkout.root.join(".git/shipwright")).expect("a cache");
    assert_eq!(reasons(&engine, &checkout, "a", &[]), one("file-changed", "a/one", "a/one changed"));
}

/// The graph says of each image what the plan says, and marks what changed; an image that was never there is no change.
#[test]
fn the_graph_says_how_images_stand() {
    let engine = engine!();
    let shop = Checkout::shop();
    let graph = |arguments: &[&str]| engine.run(&shop, &[&["graph"], arguments].concat()).exits(0).stdout;
    let standings = || {
        let page = graph(&["--format", "html"]);
        let (_, rest) = page.split_once("id=\"images\">").expect("the images");
        let (json, _) = rest.split_once("</script>").expect("their end");
        serde_json::from_str::<Vec<Value>>(json).expect("JSON")
    };
    let standing = |images: &[Value], name: &str| {
        let image = images.iter().find(|image| text(&image["name"]).ends_with(name)).expect("the image");
        (text(&image["standing"]), image["size"].is_string())
    };
    let fresh = graph(&[]);
    assert!(!fresh.contains("never built"), "{fresh}");
    assert_eq!(standing(&standings(), "/base"), ("to build".to_owned(), false));
    engine.build(&shop, &[]).0.exits(0);
    assert_eq!(graph(&[]), fresh, "nothing changed");
    assert_eq!(standing(&standings(), "/base"), ("unchanged".to_owned(), true));
    shop.write("shared/auth.sh", "true\n");
    let changed = graph(&[]);
    for mark in ["/shared (shared/auth.sh changed)\n", "/service1 (", "/shared is rebuilt)\n"] {
        assert!(changed.contains(mark), "{mark}: {changed}");
    }
    let images = standings();
    assert_eq!(standing(&images, "/service2"), ("to build".to_owned(), false));
    assert_eq!(standing(&images, "/motd"), ("unchanged".to_owned(), true));
    shop.commit("Login");
    assert_eq!(standing(&standings(), "/motd").0, "to tag");
    // Where nobody answers it says less.
    let variables = [("DOCKER_HOST", "unix:///nowhere.sock")];
    let run = shop.run_with(&variables, &["graph", "--format", "svg"]).exits(0);
    assert!(run.stdout.contains("12 no engine asked") && run.stderr.is_empty(), "{}", run.stderr);
}
