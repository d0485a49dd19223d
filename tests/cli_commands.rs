//! The commands beside `plan` and `build`, through the real binary.

mod support;

use serde_json::json;
use support::{Checkout, image, keys, names, text, texts};

#[test]
fn images_prints_one_reference_a_line_in_build_order() {
    let shop = Checkout::shop();
    let plan = shop.plan(&[]);
    let references: Vec<String> =
        plan["images"].as_array().expect("images").iter().map(|image| text(&image["reference"])).collect();
    let run = shop.run(&["images", "--offline"]).exits(0);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), references);
    assert_eq!(run.stderr, "");
    let run = shop.run(&["images", "--offline", "lint"]).exits(0);
    let short: Vec<&str> = run.stdout.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(short, ["acme/tools", "acme/lint"]);
}

#[test]
fn images_tells_all_tags_and_where_a_name_comes_from() {
    let shop = Checkout::shop();
    let run = shop.run(&["images", "--offline", "--verbose", "lint", "-x", "web"]).exits(0);
    for part in
        ["docker/lint.Dockerfile", "acme/lint:main", "acme/lint:latest", "namespace acme from from-lines"]
    {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(run.stdout.contains(&format!("acme/lint:{}", shop.head())), "{}", run.stdout);
    let run = shop.run(&["images", "--offline", "--format", "json", "motd"]).exits(0);
    let json = run.json();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["images"][0]["name"], "acme/motd");
    assert_eq!(texts(&json["images"][0]["tags"])[1..], [shop.head(), "main".into(), "latest".into()]);
}

#[test]
fn the_graph_as_text() {
    let run = Checkout::shop().run(&["graph", "--offline"]).exits(0);
    let expected = "\
acme/base
├── acme/admin
├── acme/reports
└── acme/shared
    ├── acme/service1
    │   └── acme/service1-dev
    └── acme/service2
acme/motd
acme/node-base
└── acme/web
acme/tools
├── acme/admin (copy)
├── acme/lint
└── acme/web (mount)
";
    assert_eq!(run.stdout, expected);
}

/// The number that a drawing gives to an image.
fn number(drawing: &str, label: &str) -> String {
    let line =
        drawing.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{label}: {drawing}"));
    line.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn the_graph_for_graphviz_and_mermaid_has_every_image_and_edge() {
    let shop = Checkout::shop();
    let dot = shop.run(&["graph", "--offline", "--format", "dot"]).exits(0).stdout;
    assert!(dot.starts_with("digraph shipwright {\n") && dot.ends_with("}\n"), "{dot}");
    assert_eq!(dot.matches("[label = \"acme/").count(), 12);
    assert_eq!(dot.matches(" -> ").count(), 10);
    // From an image to what is built from it, as the text is read.
    let edge = |from: &str, to: &str| {
        let label = |name: &str| number(&dot, &format!("\"acme/{name}\""));
        format!("{} -> {}", label(to), label(from))
    };
    assert!(dot.contains(&format!("{};", edge("shared", "base"))), "{dot}");
    assert!(dot.contains(&format!("{} [label = \"copy\"];", edge("admin", "tools"))), "{dot}");
    assert!(dot.contains(&format!("{} [label = \"mount\"];", edge("web", "tools"))), "{dot}");

    let mermaid = shop.run(&["graph", "--offline", "--format", "mermaid"]).exits(0).stdout;
    assert!(mermaid.starts_with("flowchart LR\n"), "{mermaid}");
    assert_eq!(mermaid.matches("[\"acme/").count(), 12);
    assert_eq!(mermaid.matches(" --> ").count() + mermaid.matches(" -->|").count(), 10);
    let (web, tools) = (number(&mermaid, "\"acme/web\""), number(&mermaid, "\"acme/tools\""));
    assert!(mermaid.contains(&format!("{tools} -->|mount| {web}")), "{mermaid}");
}

#[test]
fn the_graph_as_json_and_of_a_selection() {
    let shop = Checkout::shop();
    let graph = shop.run(&["graph", "--offline", "--format", "json"]).exits(0).json();
    assert_eq!((&graph["schema"], names(&graph).len()), (&json!(1), 12));
    let admin = support::image(&graph, "admin");
    assert_eq!(
        admin["dependencies"],
        json!([
            {"image": "acme/base", "kind": "from", "line": 1},
            {"image": "acme/base", "kind": "from", "line": 8},
            {"image": "acme/tools", "kind": "copy", "line": 10},
        ])
    );
    let run = shop.run(&["graph", "--offline", "service2"]).exits(0);
    assert_eq!(run.stdout, "acme/base\n└── acme/shared\n    └── acme/service2\n");
}

#[test]
fn inspect_tells_all_that_is_read_in_a_dockerfile() {
    let shop = Checkout::shop();
    let found = shop.run(&["inspect", "web/Dockerfile", "--format", "json"]).exits(0).json();
    assert_eq!(
        found,
        json!({
            "schema": 1,
            "valid": true,
            "stages": [{
                "name": "", "base": "acme/node-base", "base_expanded": "acme/node-base", "platform": "",
                "needed": true, "line": 1,
            }],
            "copies": [{
                "stage": 0, "instruction": "COPY", "from": "", "sources": ["pages/"], "onbuild": false, "line": 3,
            }],
            "mounts": [{
                "stage": 0, "type": "bind", "from": "acme/tools", "source": "/usr/bin", "onbuild": false, "line": 4,
            }],
            "images": ["acme/node-base", "acme/tools"],
            "context_sources": ["pages"],
            "whole_context": false,
            "context": "web",
            "ignore_file": null,
            "contexts": [],
            "inputs": ["web/pages/home.txt"],
            "revision_pathspecs": ["web/Dockerfile", "web/pages"],
            "diagnostics": [],
        })
    );
    let found = shop.run(&["inspect", "admin/Dockerfile", "--format", "json"]).exits(0).json();
    assert_eq!(found["ignore_file"], "admin/.dockerignore");
    assert_eq!(
        texts(&found["inputs"]),
        [
            "admin/.dockerignore",
            "admin/Dockerfile",
            "admin/notes/LICENCE.md",
            "admin/static/orders.html",
            "admin/static/users.html",
        ]
    );
    assert_eq!(found["stages"][1]["needed"], false);
    assert_eq!(found["diagnostics"][0]["message"], "nothing uses stage 2/3 preview");
    let preview =
        shop.run(&["inspect", "admin/Dockerfile", "--format", "json", "--target", "preview"]).exits(0);
    assert_eq!(preview.json()["images"], json!(["acme/base"]));
    let given = ["inspect", "service2/Dockerfile", "--format", "json", "--build-arg", "NAMESPACE=quay.io/x"];
    assert_eq!(shop.run(&given).exits(0).json()["images"], json!(["quay.io/x/shared:latest"]));
}

#[test]
fn inspect_says_of_an_image_what_the_plan_says() {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nONBUILD COPY added /added\n"),
        (
            "api/Dockerfile",
            "ARG DIR=src\nFROM acme/base AS one\nARG DIR\nCOPY ${DIR} /srv\nFROM one AS two\n",
        ),
        ("api/src/a", "1"),
        ("lib/b", "1"),
        ("added", "1"),
        ("other/Dockerfile", "FROM busybox\nCOPY x /\n"),
        ("other/x", "1"),
    ]);
    let settings = "[image.api]\ncontext = '.'\nargs = { DIR = 'lib' }\ntarget = 'one'\n";
    for settings in [settings.to_owned(), format!("{settings}whole_context = true\n")] {
        checkout.write("shipwright.toml", &settings);
        let plan = checkout.plan(&[]);
        let planned = image(&plan, "api");
        let found = checkout.run(&["inspect", "api/Dockerfile", "--format", "json"]).exits(0).json();
        assert_eq!(found["context"], ".", "{settings}");
        assert_eq!(planned["context"], ".", "{settings}");
        assert_eq!(planned["inputs"]["whole_context"], found["whole_context"], "{settings}");
        assert_eq!(planned["inputs"]["files"], texts(&found["inputs"]).len(), "{settings}");
        assert!(texts(&found["inputs"]).contains(&"lib/b".to_owned()), "{found}");
        assert!(
            texts(&found["inputs"]).contains(&"added".to_owned()),
            "the trigger of its base counts: {found}"
        );
    }
    // Settings that are wrong are said, and the Dockerfile is read without them.
    checkout.write("shipwright.toml", "nmespace = 'x'\n");
    let found = checkout.run(&["inspect", "api/Dockerfile", "--format", "json"]).exits(0).json();
    assert_eq!(found["diagnostics"][0]["path"], "shipwright.toml");
    assert_eq!((&found["valid"], &found["whole_context"]), (&json!(true), &json!(false)));
}

#[test]
fn inspect_works_outside_of_a_checkout_and_as_text() {
    let shop = Checkout::shop();
    let folder = shop.beside("outside");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("any.txt"), "FROM busybox\nCOPY a /\n").expect("a file");
    let run = shop.run_in(&folder, &["inspect", "any.txt", "--format", "json"]).exits(0);
    assert_eq!((&run.json()["valid"], &run.json()["images"]), (&json!(true), &json!(["busybox"])));
    let run = shop.run(&["inspect", "reports/Dockerfile"]).exits(0);
    for part in ["2: acme/base", "context\n  .\n", "  shared/auth.sh\n", "  reports/monthly.sh\n"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}

#[test]
fn completions_and_the_man_page_know_the_options_and_need_no_checkout() {
    let shop = Checkout::shop();
    let outside = shop.beside("outside");
    std::fs::create_dir(&outside).expect("a folder");
    for (shell, begins) in [
        ("bash", "_clap_complete_shipwright()"),
        ("zsh", "#compdef shipwright"),
        ("fish", "complete --keep-order --exclusive --command shipwright"),
    ] {
        let run = shop.run_in(&outside, &["completions", shell]).exits(0);
        assert!(run.stdout.contains(begins), "{shell}: {}", run.stdout);
        assert_eq!(run.stderr, "", "{shell}");
    }
    let run = shop.run_in(&outside, &["man"]).exits(0);
    assert!(run.stdout.contains(".TH shipwright 1"), "{}", run.stdout);
    assert!(run.stdout.contains("\\-\\-offline"), "{}", run.stdout);
    let script = shop.run_in(&outside, &["completions", "bash"]).stdout;
    std::fs::write(outside.join("completions"), script).expect("a file");
    let checked =
        std::process::Command::new("bash").args(["-n", "completions"]).current_dir(&outside).status();
    assert!(checked.expect("bash runs").success());
}

#[test]
fn version_and_help() {
    let shop = Checkout::shop();
    let run = shop.run(&["--version"]).exits(0);
    assert_eq!(run.stdout, format!("shipwright {}\n", env!("CARGO_PKG_VERSION")));
    let run = shop.run(&["--help"]).exits(0);
    // Those that are needed once stand below the list.
    let also = ["bake", "history", "init", "import", "inspect", "logs", "completions", "man"];
    assert!(shop.run(&["-h"]).exits(0).stdout.contains(&format!("Also: {} (", also.join(", "))));
    let commands = ["build", "plan", "images", "graph", "deploy", "rollback", "prune", "release"];
    for command in also.iter().chain(&commands) {
        let listed = run.stdout.lines().any(|line| line.trim_start().starts_with(&format!("{command} ")));
        assert!(listed || run.stdout.contains(&format!("  {command}\n")), "{command}: {}", run.stdout);
        shop.run(&[command, "--help"]).exits(0);
    }
}

#[test]
fn a_command_wins_over_an_image_of_its_name() {
    let checkout =
        Checkout::with(&[("plan/Dockerfile", "FROM busybox\n"), ("b/Dockerfile", "FROM busybox\n")]);
    let run = checkout.run(&["plan", "--offline"]).exits(0);
    assert!(run.stdout.contains("2 images: 2 to build"), "{}", run.stdout);
    let run = checkout.run(&["plan", "--offline", "plan"]).exits(0);
    assert!(run.stdout.contains("1 image: 1 to build"), "{}", run.stdout);
}

#[test]
fn a_checkout_without_dockerfiles_is_no_failure() {
    let checkout = Checkout::with(&[("README.md", "x")]);
    let run = checkout.run(&["plan", "--offline"]).exits(0);
    assert!(run.stdout.contains("no Dockerfile was found"), "{}", run.stdout);
    assert_eq!(checkout.run(&["images", "--offline"]).exits(0).stdout, "");
    assert_eq!(checkout.plan(&[])["images"], json!([]));
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let shop = Checkout::shop();
    let is_coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        shop.run_with(variables, &[&["plan", "--offline"], arguments].concat())
            .exits(0)
            .stdout
            .contains('\u{1b}')
    };
    assert!(!is_coloured(&[], &[]));
    assert!(is_coloured(&[], &["--color", "always"]));
    assert!(is_coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
}

#[test]
fn planning_changes_nothing_that_git_or_the_user_sees() {
    let shop = Checkout::shop();
    let index = std::fs::read(shop.root.join(".git/index")).expect("an index");
    let set_time_only = "motd/motd.txt";
    shop.set_time(set_time_only, 1_600_000_000);
    for command in ["plan", "images", "graph"] {
        shop.run(&[command, "--offline"]).exits(0);
    }
    assert_eq!(std::fs::read(shop.root.join(".git/index")).expect("an index"), index);
    assert_eq!(shop.git(&["status", "--porcelain", "--ignored"]), "");
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let shop = Checkout::shop();
    let mut command = shop.command(&["plan", "--offline", "--format", "json"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn explain_prints_what_enters_a_key_so_that_two_machines_can_be_compared() {
    let (here, there) = (Checkout::shop(), Checkout::shop());
    let explain = |checkout: &Checkout| {
        checkout
            .run(&["plan", "--offline", "--platform", "linux/amd64", "--explain", "shared"])
            .exits(0)
            .stdout
    };
    let first = explain(&here);
    assert_eq!(first, explain(&there));
    for line in
        ["dockerfile  shared/Dockerfile", "platform    linux/amd64", "instruction FROM acme/base:latest\n"]
    {
        assert!(first.contains(line), "{first}");
    }
    let dependency = keys(&here.plan(&["--platform", "linux/amd64"]));
    let base = dependency.iter().find(|(name, _)| name == "base").expect("a base");
    assert!(first.contains(&format!("dependency  acme/base:latest {}", base.1)), "{first}");
    there.write("shared/auth.sh", "other");
    let second = explain(&there);
    let changed: Vec<_> = first.lines().filter(|line| !second.contains(line)).collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert!(
        changed[0].starts_with("key ") && changed[1].starts_with("file ") && changed[1].ends_with("auth.sh")
    );
    here.run(&["plan", "--offline", "--explain", "sharde"]).exits(2).says("shared");
}

#[test]
fn what_decides_images_decides_them_for_every_command_that_lists_them() {
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "ARG BASE\nFROM ${BASE}\nARG V=1\nRUN echo $V\n"),
        ("base/Dockerfile", "FROM busybox\n"),
    ]);
    let options = ["--build-arg", "BASE=acme/base", "--build-arg", "V=2", "--platform", "linux/arm64"];
    let graph = checkout.run(&[&["graph", "--offline", "--format", "dot"][..], &options].concat()).exits(0);
    assert!(graph.stdout.contains("->"), "{}", graph.stdout);
    assert!(!checkout.run(&["graph", "--offline", "--format", "dot"]).stdout.contains("->"));
    let images = checkout.run(&[&["images", "--offline"][..], &options].concat()).exits(0);
    let plan = checkout.plan(&options);
    for image in plan["images"].as_array().expect("images") {
        let reference = support::text(&image["reference"]);
        assert!(images.stdout.contains(&reference), "{reference} in {}", images.stdout);
    }
    for before in ["graph", "images", "plan"] {
        let merged = [&options[..], &[before, "--offline"]].concat();
        let after = [&[before, "--offline"], &options[..]].concat();
        assert_eq!(checkout.run(&merged).exits(0).stdout, checkout.run(&after).exits(0).stdout, "{before}");
    }
}

#[test]
fn a_pattern_of_the_settings_that_is_none_is_shown_where_it_stands() {
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM busybox\n"),
        ("shipwright.toml", "# what is old\nexclude = [\"legacy/**\", \"[\"]\n"),
    ]);
    let run = checkout.run(&["plan", "--offline"]).exits(2);
    let run = run.says("exclude: it is not a pattern: `[` has no `]`").says("shipwright.toml:2");
    run.says("^^^");
}

const BUILDER_YAML: &str = "\
registries:
  - registry: https://index.docker.io/v1/
    username: acme
    password: hunter2
  - registry: local
    username: 127.0.0.1:5000
containers:
  - base
  - web/front
  - gone
";

fn settings(checkout: &Checkout) -> String {
    std::fs::read_to_string(checkout.root.join("shipwright.toml")).unwrap_or_default()
}

/// Two images that a builder.yaml lists and one that it does not.
fn of_docker_builder() -> Checkout {
    Checkout::with(&[
        ("builder.yaml", BUILDER_YAML),
        ("base/Dockerfile", "FROM busybox\n"),
        ("web/front/Dockerfile", "FROM acme/base\n"),
        ("extra/Dockerfile", "FROM busybox\n"),
    ])
}

#[test]
fn a_builder_yaml_is_taken_over_once() {
    let checkout = of_docker_builder();
    let run = checkout.run(&["import", "builder.yaml", "--dry-run"]).exits(0);
    assert!(run.stdout.starts_with("shipwright.toml would get 3 lines:\n"), "{run:#?}");
    assert_eq!(settings(&checkout), "");
    let run = checkout.run(&["import", "builder.yaml"]).exits(0);
    let expected = "namespace = \"acme\" # builder.yaml:2\n\
                    registry = [\"docker.io\", \"127.0.0.1:5000\"] # builder.yaml:2\n\
                    \n[names]\n\"web/front\" = \"web/front\" # builder.yaml:9\n";
    assert_eq!(settings(&checkout), expected);
    for said in [
        "the login of docker.io is not carried over",
        "`docker login docker.io` keeps it",
        "builder.yaml:4",
        "gone is not carried over: there is no gone/Dockerfile",
        "not in builder.yaml, and built here: extra/Dockerfile",
    ] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    assert!(!format!("{run:?}").contains("hunter2"));
    assert_eq!(names(&checkout.plan(&[])), ["base", "extra", "web/front"]);
    let run = checkout.run(&["import", "builder.yaml"]).exits(0);
    assert_eq!(
        (run.stdout.as_str(), settings(&checkout).as_str()),
        ("shipwright.toml: nothing to add\n", expected)
    );
}

#[test]
fn an_import_changes_nothing_that_a_person_wrote() {
    let checkout = of_docker_builder();
    let own = "# ours\r\nnamespace = \"other\"\r\n\r\n[names] # by hand\r\n\"extra\" = \"more\"\r\n";
    checkout.write("shipwright.toml", own);
    let run = checkout.run(&["-C", "web", "import", "../builder.yaml"]).exits(0);
    let expected = format!(
        "registry = [\"docker.io\", \"127.0.0.1:5000\"] # builder.yaml:2\r\n{}",
        own.replace("hand\r\n", "hand\r\n\"web/front\" = \"web/front\" # builder.yaml:9\r\n")
    );
    assert_eq!(settings(&checkout), expected);
    assert!(
        run.stderr.contains("namespace acme is not carried over: shipwright.toml says other"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_python_original_s_file_is_taken_over() {
    let files = [
        (
            ".shipwright.json",
            "{\"version\": 1.0,\n \"namespace\": \"acme\",\n \"names\": {\"/\": \"acme/all\", \"b{x}\": \"acme/b\"}}\n",
        ),
        ("Dockerfile", "FROM busybox\n"),
        ("b{x}/Dockerfile", "FROM acme/all\n"),
        ("builder.yaml", BUILDER_YAML),
    ];
    let checkout = Checkout::with(&files);
    let before = checkout.keys();
    let run = checkout.run(&["import", "builder.yaml"]).exits(2);
    run.says(".shipwright.json would not be read any more").says("`shipwright import .shipwright.json`");
    assert_eq!(settings(&checkout), "");
    checkout.run(&["import", ".shipwright.json"]).exits(0).says("git rm .shipwright.json");
    checkout.remove(".shipwright.json");
    assert_eq!(checkout.keys(), before, "{}", settings(&checkout));
    assert!(
        settings(&checkout).starts_with("namespace = \"acme\" # .shipwright.json:2\n"),
        "{}",
        settings(&checkout)
    );
}

#[test]
fn what_cannot_be_imported_is_an_error_and_writes_nothing() {
    let checkout = of_docker_builder();
    let bomb = format!(
        "a: &a [x,x,x,x,x,x,x,x,x]\n{}containers: *i\n",
        (b'b'..=b'i')
            .map(|c| {
                let (now, before) = (char::from(c), char::from(c - 1));
                format!("{now}: &{now} [{}]\n", vec![format!("*{before}"); 9].join(","))
            })
            .collect::<String>()
    );
    let deep = format!("containers: {}", "[".repeat(100_000));
    let cases: [(&str, &[u8], &str); 8] = [
        ("list.yaml", b"- a\n- b\n", "list.yaml:1"),
        ("other.yaml", b"version: 3\nservices: {}\n", "other.yaml:1"),
        ("broken.yaml", b"containers:\n  - a\n - b\n", "broken.yaml:3"),
        ("bytes.yaml", b"containers: [\xff]", "it is not UTF-8"),
        ("bomb.yaml", bomb.as_bytes(), "bomb.yaml is not read"),
        ("deep.yaml", deep.as_bytes(), "deep.yaml is not read"),
        ("wrong.json", b"{\"namespac\": \"a\"}", "did you mean `namespace`?"),
        ("settings.ini", b"a=b", "is neither a builder.yaml nor a .shipwright.json"),
    ];
    for (name, content, said) in cases {
        checkout.write(name, content);
        checkout.run_without_hanging(&["import", name]).exits(2).says(said);
    }
    checkout.write("long.yaml", vec![b'#'; (1 << 20) + 1]);
    checkout.run(&["import", "long.yaml"]).exits(2).says("it is longer than 1 MiB");
    checkout.run(&["import", "nowhere.yaml"]).exits(2).says("there is no such file");
    checkout.run(&["import", "web"]).exits(2);
    checkout.run(&["import", "builder.yaml", "--offline"]).exits(2).says("does not take --offline");
    assert_eq!(settings(&checkout), "");
    #[cfg(unix)]
    {
        let outside = checkout.beside("outside");
        std::fs::write(&outside, "").expect("written");
        std::os::unix::fs::symlink(&outside, checkout.root.join("shipwright.toml")).expect("a link");
        assert_ne!(checkout.run(&["import", "builder.yaml"]).code, 0);
        assert_eq!(std::fs::read(&outside).expect("read"), b"");
    }
}

#[test]
fn a_version_is_looked_at_before_anything_is_read() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let checkout = Checkout::shop();
    for version in ["latest", "src-0123456789abcdef", "stable", "v"] {
        checkout.run_in(nowhere.path(), &["release", version, "base"]).exits(2).says("version");
    }
    checkout.run(&["release", "1.0"]).exits(2).says("IMAGE");
    checkout.run(&["release", "1.0", "base", "--offline"]).exits(2).says("release needs an engine");
}

/// What builders build is in a registry: everything else says so, instead of asking an engine that nobody meant.
#[test]
fn builders_are_for_push_alone() {
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM scratch\nCOPY a /\n"),
        ("api/a", "1"),
        ("shipwright.toml", "namespace = \"acme\"\nregistry = \"registry.invalid\"\n"),
    ]);
    let name = "tcp://build.invalid:1234";
    for command in [
        &["build"][..],
        &["ensure", "api"],
        &["plan"],
        &["deploy", "web", "api"],
        &["release", "1.0", "api"],
        &["images"],
        &[],
    ] {
        let arguments = [command, &["--builder", name]].concat();
        let said = checkout.run(&arguments).exits(2).stderr;
        let word = command.first().copied().unwrap_or("build");
        assert!(said.contains(&format!("`{word}` does not use builders")), "{said}");
        assert!(said.contains(&format!("hint: `shipwright push --builder {name}`")), "{said}");
    }
    checkout
        .run(&["--builder", name, "push"])
        .exits(2)
        .says("stand behind `push`")
        .says("push --builder tcp://");
    let short = checkout.run(&["plan", "--builder-cacert=ca.pem"]).exits(2).stderr;
    assert!(short.contains("`plan` does not use builders"), "{short}");
    let shows =
        |command: &str| checkout.run(&[command, "--help"]).exits(0).stdout.contains("--builder <ADDRESS>");
    assert!(shows("push") && !shows("plan") && !shows("deploy"), "only where they are of use");
    // The variable is for whoever wants it.
    checkout.run_with(&[("BUILDKIT_HOST", name)], &["plan", "--offline"]).exits(0);

    let push = |builder: &str| checkout.run(&["push", "--builder", builder]);
    push("tcp://build.invalid").exits(2).says("its port is missing").says("hint: write unix:///");
    push("ssh://me:secret@build.invalid").exits(2).says("a password has no place in it");
    push("cluster").exits(2).says("no builder `cluster` is stored by docker buildx").says("docker buildx ls");
    push("engine,tcp://build.invalid:1").exits(2).says("`engine` builds alone");
    push("unix:///nowhere/b.sock")
        .exits(3)
        .says("no builder answers at unix:///nowhere/b.sock")
        .says("start buildkitd");
    checkout
        .run(&["push", "--builder", "unix:///nowhere/b.sock", "--builder-cacert", "ca.pem"])
        .exits(2)
        .says("certificates are for builders at tcp:// addresses");
    checkout.write(
        "shipwright.toml",
        "namespace = \"acme\"\nregistry = \"registry.invalid\"\nbuilders = [\"tcp://build.invalid:1\"]\n",
    );
    checkout.commit("settings");
    checkout.run(&["push"]).exits(2).says("a checkout cannot vouch for one").says("hint: name it yourself");
}
