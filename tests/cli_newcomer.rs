//! What somebody types in the first hour: words that are no command, mistakes in values, help, images that do not matter.

mod support;

use support::{Checkout, names};

/// `api` is built on `base`; all others have mistakes.
fn messy() -> Checkout {
    Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM acme/base\nCOPY a /\n"),
        ("api/a", "1\n"),
        ("web/Dockerfile", "FROM busybox\nRUNN x\n"),
        ("one/Dockerfile", "FROM acme/two\n"),
        ("two/Dockerfile", "FROM acme/one\n"),
        ("old/Dockerfile", "FROM busybox\nCOPY nowhere /\n"),
    ])
}

#[test]
fn mistakes_that_the_selection_does_not_need_are_one_note() {
    let checkout = messy();
    checkout.run(&["plan", "--offline"]).exits(2).says("RUNN").says("one → two → one");
    for selection in [&["api"][..], &["-e", "base"], &["-u", "api"], &["-x", "web", "-x", "one"]] {
        let run = checkout.run(&[&["plan", "--offline"], selection].concat()).exits(0);
        assert!(!run.stderr.contains("RUNN") && !run.stderr.contains("→"), "{selection:?}: {}", run.stderr);
        let told = run.stderr.lines().filter(|line| line.contains("errors")).count();
        assert_eq!(told, 1, "{selection:?}: {}", run.stderr);
    }
    let run = checkout.run(&["plan", "--offline", "api"]).exits(0);
    run.says("3 files that the selection does not need have errors: one/Dockerfile, two/Dockerfile, web/Dockerfile")
        .says("`shipwright plan` shows them");
    let quiet = checkout.run(&["plan", "--offline", "--quiet", "api"]).exits(0);
    assert_eq!(quiet.stderr, "");
    for command in ["images", "graph"] {
        checkout.run(&[command, "api"]).exits(0);
        checkout.run(&[command]).exits(2);
    }
}

#[test]
fn what_the_selection_is_built_from_belongs_to_it() {
    let checkout = messy();
    checkout.write("base/Dockerfile", "FROM busybox\nRUNN y\n");
    for selection in [&["api"][..], &["-e", "api"], &["-d", "base"]] {
        let run =
            checkout.run(&[&["plan", "--offline"], selection].concat()).exits(2).says("base/Dockerfile:2");
        assert!(!run.stderr.contains("web/Dockerfile:"), "{}", run.stderr);
    }
    checkout.run(&["plan", "--offline", "one"]).exits(2).says("one → two → one");
    // The settings are everybody's.
    checkout.write("base/Dockerfile", "FROM busybox\n");
    checkout.write("shipwright.toml", "namespac = \"acme\"\n");
    checkout.run(&["plan", "--offline", "api"]).exits(2).says("namespac");
}

#[test]
fn an_empty_word_is_an_error() {
    let checkout = messy();
    for arguments in [
        &["ensure", ""][..],
        &["push", ""],
        &["plan", "--offline", ""],
        &["plan", "--offline", "-u", ""],
        &["plan", "--offline", "--dependents", ""],
        &["plan", "--offline", "-e", " "],
        &["plan", "--offline", "-x", ""],
        &["plan", "--offline", "api,"],
        &["plan", "--offline", "--namespace", ""],
        &["plan", "--offline", "--rev", ""],
        &["plan", "--offline", "-t", ""],
        &["plan", "--offline", "--explain", ""],
        &["plan", "-H", ""],
        &["push", "--registry", ""],
        &["lock", "--update", ""],
        &["graph", "--platform", ""],
        &["-u", "", "build"],
    ] {
        let run = checkout.run(arguments).exits(2).says("it is empty; is a variable not set?");
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
}

#[test]
fn nothing_is_pushed_where_nobody_named_a_registry() {
    let checkout =
        Checkout::with(&[("base/Dockerfile", "FROM busybox\n"), ("api/Dockerfile", "FROM acme/base\n")]);
    let hint = "--registry HOST; Docker Hub is docker.io";
    let variables = [("DOCKER_HOST", "unix:///nowhere.sock")];
    for arguments in
        [&["push"][..], &["push", "api"], &["push", "--namespace", "acme"], &["plan", "--pull-cache"]]
    {
        checkout.run_with(&variables, arguments).exits(2).says("nothing says which registry").says(hint);
    }
    for named in ["docker.io/acme", "127.0.0.1:1/acme"] {
        let run = checkout.run_with(&variables, &["plan", "--pull-cache", "--namespace", named]);
        assert!(!run.stderr.contains("nothing says which registry"), "{}", run.stderr);
    }
}

#[test]
fn a_word_that_is_no_command_and_no_image_says_so_without_an_engine() {
    let checkout = messy();
    let variables = [("DOCKER_HOST", "unix:///nowhere.sock")];
    let run = checkout.run_with(&variables, &["biuld"]).exits(2);
    run.says("no command or image `biuld`").says("did you mean the command `build`?");
    checkout.run_with(&variables, &["bsae"]).exits(2).says("no command or image `bsae`").says("base");
    checkout.run_with(&variables, &["build", "bsae"]).exits(2).says("there is no image `bsae`");
    checkout.run_with(&variables, &["zzzz"]).exits(2).says("no command or image `zzzz`");
}

const COMMANDS: [&str; 21] = [
    "build",
    "plan",
    "push",
    "ensure",
    "lock",
    "logs",
    "images",
    "graph",
    "affected",
    "history",
    "bake",
    "deploy",
    "rollback",
    "prune",
    "init",
    "inspect",
    "hook",
    "completions",
    "man",
    "version",
    "",
];

#[test]
fn help_is_a_word_too_and_fits_a_screen() {
    let checkout = messy();
    let help = checkout.run(&["help"]).exits(0);
    for command in COMMANDS {
        assert!(help.stdout.contains(command), "{command}");
        let words: Vec<&str> = [command, "-h"].into_iter().filter(|word| !word.is_empty()).collect();
        let short = checkout.run_with(&[("COLUMNS", "80")], &words).exits(0).stdout;
        assert!(short.lines().count() <= 24, "{command} -h has {} lines:\n{short}", short.lines().count());
        assert!(short.lines().all(|line| line.chars().count() <= 80), "{short}");
        if !command.is_empty() {
            let long = checkout.run(&["help", command]).exits(0).stdout;
            assert_eq!(long, checkout.run(&[command, "--help"]).exits(0).stdout);
        }
    }
    let version = checkout.run(&["version"]).exits(0).stdout;
    assert_eq!(version, checkout.run(&["--version"]).exits(0).stdout);
    for command in ["build", "plan", "push", "affected", "graph", "history"] {
        assert!(checkout.run(&["help", command]).exits(0).stdout.contains("Examples:"), "{command}");
    }
    assert!(checkout.run(&["-h"]).exits(0).stdout.contains("shipwright [build|COMMAND] [OPTIONS]"));
}

#[test]
fn options_that_a_command_would_ignore_are_not_taken() {
    let checkout = messy();
    for (arguments, said) in [
        (&["--fail-fast", "plan"][..], "`shipwright plan` does not take --fail-fast"),
        (&["api", "init"], "`init` is a command: write it in front of the images"),
        (&["-x", "api", "ensure", "base"], "`shipwright ensure` does not take --exclude"),
        (&["-H", "unix:///x", "init"], "`shipwright init` does not take --host"),
        (&["inspect", "--strict", "api"], "`shipwright inspect` does not take --strict"),
        (&["man", "--offline"], "`shipwright man` does not take --offline"),
        (&["graph", "--no-cache"], "--no-cache"),
        (&["images", "--dirty"], "--dirty"),
        (&["affected", "-t", "x"], "-t"),
        (&["build", "--dirty"], "--dirty"),
    ] {
        let run = checkout.run(arguments).exits(2).says(said);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    checkout.run(&["-x", "web", "-x", "one", "plan", "--offline"]).exits(0);
    checkout.run(&["--rev", "HEAD", "images", "api"]).exits(0);
}

#[test]
fn values_are_looked_at_before_anything_is_read() {
    let nowhere = Checkout::empty();
    for (arguments, said) in [
        (&["plan", "--offline", "--platform", "linux/amd46"][..], "did you mean linux/amd64?"),
        (&["plan", "--offline", "--platform", "linxu/arm64"], "did you mean linux/arm64?"),
        (&["--network", "foo"], "[possible values: default, none, host]"),
        (&["-j", "0"], "write a number, 1 or more"),
        (&["-j", "many"], "write a number, 1 or more"),
        (&["--add-host", "db"], "write HOST:IP"),
        (&["plan", "--progress", "loud"], "possible values"),
    ] {
        nowhere.run(arguments).exits(2).says(said);
    }
    let run =
        nowhere.run_with(&[("DOCKER_DEFAULT_PLATFORM", "linux/amd46")], &["plan", "--offline"]).exits(2);
    run.says("did you mean linux/amd64?");
    let checkout = messy();
    checkout.write("shipwright.toml", "[image.api]\nplatforms = [\"linux/amd46\"]\n");
    checkout
        .run(&["plan", "--offline", "api"])
        .exits(2)
        .says("did you mean linux/amd64?")
        .says("shipwright.toml:2");
}

#[test]
fn patterns_of_the_settings_that_match_nothing_are_a_warning() {
    let checkout = messy();
    let settings =
        "include = [\"exmaples/**\", \"api\"]\nexclude = [\"web\", \"one\", \"two\", \"legacy/**\"]\n";
    checkout.write("shipwright.toml", settings);
    let run = checkout.run(&["plan", "--offline"]).exits(0);
    let run = run.says("include: `exmaples/**` matches no Dockerfile");
    let run = run.says("exclude: `legacy/**` matches no Dockerfile");
    assert!(!run.stderr.contains("`web`") && !run.stderr.contains("`api`"), "{}", run.stderr);
}

#[test]
fn inspect_takes_images_and_says_whether_a_dockerfile_is_valid() {
    let checkout = messy();
    let json = |word: &str| checkout.run(&["inspect", word, "--format", "json"]);
    let by_path = json("api/Dockerfile").exits(0).stdout;
    for word in ["api", "acme/api", "./api"] {
        assert_eq!(json(word).exits(0).stdout, by_path, "{word}");
    }
    let invalid = json("web/Dockerfile").exits(2);
    assert_eq!(invalid.json()["valid"], false);
    checkout.run(&["inspect", "web"]).exits(2).says("RUNN");
    std::fs::create_dir(checkout.root.join("empty")).expect("a folder");
    checkout.run(&["inspect", "empty"]).exits(2).says("is a folder, not a Dockerfile");
    checkout.run(&["inspect", "nope"]).exits(2).says("no image is called that");
}

#[test]
fn a_plan_without_an_engine_is_one_as_with_offline_and_says_so() {
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\n")]);
    let variables = [("DOCKER_HOST", "unix:///nowhere.sock")];
    let run = checkout
        .run_with(&variables, &["plan"])
        .exits(0)
        .says("nowhere.sock")
        .says("planned as with --offline");
    assert_eq!(run.stdout, checkout.run(&["plan", "--offline"]).exits(0).stdout);
    assert!(run.stdout.contains("not asked") && !run.stdout.contains("never built"), "{}", run.stdout);
    let json = checkout.run_with(&variables, &["plan", "--format", "json"]).exits(0);
    assert_eq!(names(&json.json()), ["api"]);
    checkout.run_with(&variables, &["build"]).exits(3);
}

#[test]
fn decoration_is_ascii_where_the_locale_is() {
    let checkout = messy();
    let locale = [("LC_ALL", "C")];
    let tree = checkout.run_with(&locale, &["graph", "api"]).exits(0);
    assert_eq!(tree.stdout, "acme/base\n`-- acme/api\n");
    let plan = checkout.run_with(&locale, &["plan", "--offline"]).exits(2);
    assert!(plan.stderr.contains("one -> two -> one"), "{}", plan.stderr);
    assert!(plan.stdout.is_ascii() && plan.stderr.is_ascii(), "{plan:#?}");
}

/// In every command, help included.
#[test]
fn nothing_but_ascii_is_said_where_the_locale_is() {
    let checkout = messy();
    let variables = [("LC_ALL", "C"), ("DOCKER_HOST", "unix:///nowhere.sock")];
    let mut lines: Vec<Vec<&str>> = COMMANDS.iter().map(|command| vec!["help", command]).collect();
    lines.extend(COMMANDS.iter().map(|command| vec![*command, "-h"]));
    for words in &mut lines {
        words.retain(|word| !word.is_empty());
    }
    for line in [
        "-h",
        "plan --offline -v",
        "plan api",
        "plan api --explain api",
        "images",
        "images -v",
        "graph",
        "graph --format dot",
        "graph --format mermaid",
        "affected --since HEAD",
        "inspect api",
        "inspect web",
        "lock",
        "lock --check --offline",
        "prune --dry-run",
        "init",
        "hook status",
        "hook install",
        "hook uninstall",
        "logs api",
        "push",
        "ensure api",
        "build",
        "biuld",
        "completions bash",
        "completions fish",
    ] {
        lines.push(line.split(' ').collect());
    }
    for line in lines {
        let run = checkout.run_with(&variables, &line);
        assert!(run.stdout.is_ascii() && run.stderr.is_ascii(), "{line:?}: {run:#?}");
    }
}

#[test]
fn a_folder_without_a_letter_says_what_its_image_is_called() {
    let checkout =
        Checkout::with(&[("日本/Dockerfile", "FROM busybox\n"), ("api/Dockerfile", "FROM busybox\n")]);
    let run = checkout.run(&["plan", "--offline"]).exits(0);
    run.says("`日本` has no letter or digit").says("so it is called shop").says("under [names]");
}

#[test]
fn affected_without_a_revision_compares_with_the_default_branch() {
    let checkout = messy();
    checkout.git(&["checkout", "--quiet", "-b", "feature/x"]);
    checkout.write("api/a", "2\n");
    checkout.commit("Another");
    let named =
        |arguments: &[&str]| checkout.run(&[&["affected", "api", "--format", "names"], arguments].concat());
    assert_eq!(named(&[]).exits(0).stdout, "acme/api\n");
    assert_eq!(named(&["--since", "main"]).exits(0).stdout, "acme/api\n");
    checkout.git(&["branch", "--quiet", "-m", "main", "trunk"]);
    named(&[]).exits(2).says("--since REV");
}
