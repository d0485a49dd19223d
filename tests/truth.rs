//! Compares what is planned with what public repositories really build. Needs their clones, so it runs only when asked:
//!
//! ```sh
//! SHIPWRIGHT_TRUTH=truth.jsonl SHIPWRIGHT_CLONES=clones cargo test --test truth -- --ignored --nocapture
//! ```
//!
//! `SHIPWRIGHT_CLONES` is a folder with a clone of each repository, called `OWNER+NAME`; those that are missing are left
//! out. A line of the truth is one image as JSON: `repo`, `image` (its full name), `tag`, `df` (its Dockerfile), `ctx`
//! (its context), `target`, `args`, `deps` (the Dockerfiles that it is built on). `SHIPWRIGHT_TRUTH_SHOW` lists what is
//! wrong, one line an image: `name`, `short-name`, `context`, `target`, `edges`, or `all`.
//!
//! Nothing fails because something was guessed wrong: the table is for docs/inference.md and for people.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

#[path = "truth/score.rs"]
mod score;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;

use score::{Aspect, Row, Tally, score};
use serde_json::Value;

#[test]
#[ignore = "needs clones of public repositories"]
fn what_is_planned_is_what_the_repositories_build() {
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("set {name}"));
    let truth = fs::read_to_string(variable("SHIPWRIGHT_TRUTH")).expect("a readable file");
    let clones = variable("SHIPWRIGHT_CLONES");
    let shown = env::var("SHIPWRIGHT_TRUTH_SHOW").unwrap_or_default();
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in truth.lines().filter(|line| !line.trim().is_empty()) {
        let row = Row::read(&serde_json::from_str(line).expect("a line of JSON"));
        rows.entry(row.repository.clone()).or_default().push(row);
    }
    let mut total = Tally::default();
    println!("{}", Tally::HEADER);
    for (repository, rows) in &rows {
        let clone = Path::new(&clones).join(repository.replace('/', "+"));
        if !clone.join(".git").exists() {
            continue;
        }
        let Some(mut plan) = plan(&clone, &[]) else {
            println!("| {repository} | no plan |");
            continue;
        };
        // What stands aside is planned when it is named.
        let aside: Vec<&str> =
            rows.iter().map(|row| row.dockerfile.as_str()).filter(|path| !names(&plan, path)).collect();
        for path in aside.into_iter().collect::<BTreeSet<_>>() {
            let named = self::plan(&clone, &[path]).map(|mut named| named["images"].take());
            let images = named.into_iter().flat_map(|images| images.as_array().cloned().unwrap_or_default());
            let of_path: Vec<Value> = images.filter(|image| image["dockerfile"] == path).collect();
            plan["images"].as_array_mut().expect("a list").extend(of_path);
        }
        for image in plan["images"].as_array_mut().expect("a list").iter_mut() {
            if image["action"] == "blocked"
                && rows.iter().any(|row| image["dockerfile"] == row.dockerfile.as_str())
            {
                complete(&clone, image);
            }
        }
        let (tally, wrong) = score(rows, &plan);
        println!("{}", tally.line(repository));
        for (aspect, text) in wrong {
            if aspect.is_shown(&shown) {
                println!("  {aspect:?}: {text}");
            }
        }
        total.add(&tally);
    }
    println!("{}", total.line("all"));
}

/// Adds to a blocked image, which has no inputs yet, its context, and whether it copies anything at all.
fn complete(clone: &Path, image: &mut Value) {
    let dockerfile = image["dockerfile"].as_str().expect("a path").to_owned();
    let Some(read) = json(clone, &["inspect", &dockerfile, "--format", "json"]) else { return };
    if image["context"].is_null() {
        image["context"] = read["context"].clone();
    }
    let copies_nothing = read["context_sources"] == serde_json::json!([]) && read["whole_context"] == false;
    image["copies_nothing"] = copies_nothing.into();
}

fn names(plan: &Value, dockerfile: &str) -> bool {
    plan["images"]
        .as_array()
        .is_some_and(|images| images.iter().any(|image| image["dockerfile"] == dockerfile))
}

/// The plan of a clone, without an engine and without this user's settings.
fn plan(clone: &Path, targets: &[&str]) -> Option<Value> {
    json(clone, &[&["plan", "--offline", "--format", "json"], targets].concat())
}

fn json(clone: &Path, arguments: &[&str]) -> Option<Value> {
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = support::command_in(clone, home.path(), arguments).output().expect("the program runs");
    serde_json::from_slice(&output.stdout).ok()
}

fn example(image: &str, dockerfile: &str, more: &Value) -> Row {
    let mut row = serde_json::json!({"repo": "a/b", "image": image, "tag": "", "df": dockerfile, "ctx": ".", "target": null, "args": [], "deps": []});
    for (key, value) in more.as_object().expect("an object") {
        row[key] = value.clone();
    }
    Row::read(&row)
}

#[test]
fn each_thing_is_judged_by_itself() {
    let plan = serde_json::json!({"images": [
        {"name": "acme/base", "dockerfile": "base/Dockerfile", "context": "base", "target": null, "tag_prefix": null,
         "inputs": {"files": 1, "whole_context": false}, "dependencies": [], "action": "build"},
        {"name": "acme/api", "dockerfile": "api/Dockerfile", "context": "api", "target": "prod", "tag_prefix": null,
         "inputs": {"files": 0, "whole_context": false}, "dependencies": [{"image": "acme/base"}], "action": "blocked"},
    ]});
    let rows = [
        example("docker.io/acme/base", "base/Dockerfile", &serde_json::json!({"ctx": "./base/"})),
        example(
            "other/api",
            "api/Dockerfile",
            &serde_json::json!({"target": "dev", "deps": ["base/Dockerfile"]}),
        ),
        example("acme/gone", "gone/Dockerfile", &serde_json::json!({})),
    ];
    let (tally, wrong) = score(&rows, &plan);
    assert_eq!((tally.images, tally.missing, tally.all, tally.blocked), (3, 1, 1, 1));
    assert_eq!((tally.name, tally.short_name, tally.context, tally.target), (1, 2, 1, 1));
    assert_eq!((tally.edges, tally.with_edges, tally.false_edges), (1, 1, 0));
    let wrong: Vec<Aspect> = wrong.into_iter().map(|(aspect, _)| aspect).collect();
    assert_eq!(wrong, [Aspect::Name, Aspect::Context, Aspect::Target, Aspect::Missing]);
}
