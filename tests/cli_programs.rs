//! Programs that a checkout names in its configuration: none of them runs, whatever is asked of the checkout.

mod support;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Checkout, Run, command_in, git_in};

/// Commands that need no engine, and those that miss it.
const COMMANDS: [&[&str]; 15] = [
    &["plan", "--offline"],
    &["plan", "--offline", "--explain", "api"],
    &["plan", "--offline", "--format", "json"],
    &["plan", "--offline", "--rev", "HEAD"],
    &["plan", "--offline", "--rev", "HEAD~1"],
    &["images", "--offline"],
    &["graph", "--offline"],
    &["inspect", "api"],
    &["affected", "--since", "HEAD~1"],
    &["hook", "install"],
    &["build"],
    &["push"],
    &["ensure"],
    &["lock", "--check", "--offline"],
    &["hook", "run", "pre-push"],
];

/// A program that writes a file when it runs.
struct Trap {
    program: PathBuf,
    sprung: PathBuf,
}

impl Trap {
    fn new(folder: &Path) -> Self {
        let (program, sprung) = (folder.join("trap"), folder.join("sprung"));
        fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n", sprung.display()))
            .expect("a file");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        Self { program, sprung }
    }

    /// Settings that name it, wherever git knows of a program.
    fn settings(&self) -> String {
        let trap = self.program.display();
        format!(
            "[core]\n\tfsmonitor = {trap}\n\tpager = {trap}\n\teditor = {trap}\n\tsshCommand = {trap}\n\
             \taskPass = {trap}\n\tgitProxy = {trap}\n\talternateRefsCommand = {trap}\n\thooksPath = {hooks}\n\
             [filter \"x\"]\n\tclean = {trap}\n\tsmudge = {trap}\n\trequired = true\n\
             [filter \"y\"]\n\tprocess = {trap}\n\
             [filter \"a=b\"]\n\tclean = {trap}\n\
             [diff]\n\texternal = {trap}\n[diff \"x\"]\n\ttextconv = {trap}\n\tcommand = {trap}\n\
             [pager]\n\tls-files = {trap}\n\tdiff-files = {trap}\n\ttag = {trap}\n\tfor-each-ref = {trap}\n\
             [alias]\n\tls-files = !{trap}\n\tdiff-files = !{trap}\n\tcat-file = !{trap}\n\
             [credential]\n\thelper = !{trap}\n[gpg]\n\tprogram = {trap}\n[gc]\n\tauto = 1\n\
             [uploadpack]\n\tpackObjectsHook = {trap}\n\
             [protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n\
             [remote \"origin\"]\n\turl = ext::{trap}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\
             \tpromisor = true\n\tpartialclonefilter = blob:none\n\tuploadpack = {trap}\n\tvcs = x\n",
            hooks = self.program.parent().expect("a folder").join("hooks").display(),
        )
    }

    /// Writes the settings to the end of a configuration, and hooks.
    fn set(&self, config: &Path) {
        let hooks = self.program.parent().expect("a folder").join("hooks");
        fs::create_dir_all(&hooks).expect("a folder");
        for hook in [
            "post-index-change",
            "fsmonitor-watchman",
            "pre-auto-gc",
            "post-checkout",
            "reference-transaction",
        ] {
            fs::copy(&self.program, hooks.join(hook)).expect("a copy");
        }
        let text = fs::read_to_string(config).expect("a configuration");
        fs::write(config, text + &self.settings()).expect("a file");
    }

    #[track_caller]
    fn is_unsprung(&self, what: &str) {
        let ran = fs::read_to_string(&self.sprung).unwrap_or_default();
        assert!(ran.is_empty(), "{what}: {ran}");
    }
}

/// Files that filters are for, one of which is large enough to be streamed.
fn filtered() -> Checkout {
    let large = "l\n".repeat(40_000);
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY . /api\n"),
        ("api/a.x", "x\n"),
        ("api/a.y", "y\n"),
        ("api/a.b", "b\n"),
        ("api/large", &large),
        ("web/Dockerfile.x", "FROM busybox\n"),
    ]);
    checkout.write(".gitattributes", "*.x filter=x diff=x\n*.y filter=y\n*.b filter=a=b\n");
    checkout.commit("attributes");
    checkout
}

fn run_all(checkout: &Checkout, folder: &Path, trap: &Trap, what: &str) -> Vec<Run> {
    let run = |arguments: &&[&str]| {
        let mut command = checkout.command(arguments);
        // Where an engine answers they would build.
        command.current_dir(folder).env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        let run = Run::of(&command.output().expect("the command runs"));
        trap.is_unsprung(&format!("{what}: {arguments:?}: {run:?}"));
        run
    };
    COMMANDS.iter().map(run).collect()
}

#[test]
fn no_program_of_the_checkout_s_configuration_runs() {
    // How git's index is stored decides whether git is asked to list it.
    let ways: [(&str, &[&str]); 5] = [
        ("plain", &["status"]),
        ("fsmonitor", &["update-index", "--fsmonitor"]),
        ("split", &["update-index", "--split-index"]),
        ("sparse", &["sparse-checkout", "set", "--sparse-index", "api", "web"]),
        ("untracked", &["update-index", "--untracked-cache"]),
    ];
    for (what, way) in ways {
        let checkout = filtered();
        if what == "fsmonitor" {
            checkout.git(&["config", "core.fsmonitor", "/bin/false"]);
        }
        checkout.git(way);
        let trap = Trap::new(&checkout.beside(""));
        trap.set(&checkout.root.join(".git/config"));
        // So that the index proves nothing about the files, and whoever asks git has it read them.
        checkout.write("api/a.x", "x\n");
        checkout.write("api/a.y", "y\n");
        for run in run_all(&checkout, &checkout.root, &trap, what) {
            let misses_an_engine = run.code == 3 && run.stderr.contains("no container engine answers");
            assert!([0, 1, 2].contains(&run.code) || misses_an_engine, "{what}: {run:?}");
        }
    }
}

#[test]
fn nor_does_one_where_references_are_read_by_git() {
    let checkout = filtered();
    let clone = checkout.beside("clone");
    git_in(&checkout.root, &["clone", "--quiet", "--ref-format=reftable", ".", &clone.to_string_lossy()]);
    let trap = Trap::new(&checkout.beside(""));
    trap.set(&clone.join(".git/config"));
    run_all(&checkout, &clone, &trap, "reftable");
}

#[test]
fn nor_does_one_to_fetch_what_a_partial_clone_lacks() {
    let checkout = filtered();
    checkout.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = checkout.beside("clone");
    let url = format!("file://{}", checkout.root.display());
    git_in(&checkout.root, &["clone", "--quiet", "--filter=blob:none", &url, &clone.to_string_lossy()]);
    checkout.write("api/a.x", "another\n");
    let trap = Trap::new(&checkout.beside(""));
    trap.set(&clone.join(".git/config"));
    git_in(&clone, &["config", "remote.origin.vcs", ""]);
    run_all(&checkout, &clone, &trap, "partial");
}

#[test]
fn nor_does_one_of_a_submodule_or_of_what_configuration_includes() {
    let library = filtered();
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY . /api\n")]);
    checkout.git(&["submodule", "--quiet", "add", &library.root.to_string_lossy(), "api/lib"]);
    checkout.commit("submodule");
    checkout.commit("more");
    let trap = Trap::new(&checkout.beside(""));
    let included = checkout.beside("included");
    fs::write(&included, trap.settings()).expect("a file");
    for config in [".git/config", ".git/modules/api/lib/config"] {
        let config = checkout.root.join(config);
        let text = fs::read_to_string(&config).expect("a configuration");
        let include = format!(
            "{text}[include]\n\tpath = {0}\n[includeIf \"hasconfig:remote.*.url:**\"]\n\tpath = {0}\n",
            included.display()
        );
        fs::write(&config, include).expect("a file");
    }
    checkout.write("api/lib/api/a.x", "x\n");
    run_all(&checkout, &checkout.root, &trap, "submodule");
    run_all(&checkout, &checkout.root.join("api/lib"), &trap, "in the submodule");
}

/// A clone brings such folders along: git would take them for repositories, and believe their configuration.
#[test]
fn nor_does_one_of_a_bare_repository_that_a_folder_hides() {
    let checkout = filtered();
    for (name, setting) in
        [("docs", "core.bare true"), ("more/tree", "core.bare false"), ("other", "core.worktree ..")]
    {
        let hidden = checkout.root.join(name);
        git_in(&checkout.root, &["clone", "--quiet", "--bare", ".", &hidden.to_string_lossy()]);
        let mut words = vec!["--git-dir", ".", "config"];
        words.extend(setting.split(' '));
        git_in(&hidden, &words);
        fs::copy(checkout.root.join(".git/index"), hidden.join("index")).expect("a copy");
    }
    checkout.commit("hidden");
    let expected = checkout.run(&["images", "--offline"]).exits(0).stdout;
    let trap = Trap::new(&checkout.beside(""));
    for name in ["docs", "more/tree", "other"] {
        let hidden = checkout.root.join(name);
        trap.set(&hidden.join("config"));
        for folder in [hidden.clone(), hidden.join("objects")] {
            for run in run_all(&checkout, &folder, &trap, name) {
                assert!(!run.stderr.contains("bare"), "{run:?}");
            }
            let images = checkout.run_in(&folder, &["images", "--offline"]).exits(0).stdout;
            assert_eq!(images, expected, "the checkout around it is meant");
        }
    }
}

/// `git lfs install` writes to the user's configuration. That is a program of the user's own choice, and git's word
/// that a file is the committed one needs it.
#[test]
fn a_filter_of_the_user_s_own_configuration_runs_and_the_checkout_cannot_put_another_in_its_place() {
    let checkout = filtered();
    let (own, trap) = (checkout.beside("own"), Trap::new(&checkout.beside("")));
    fs::write(&own, format!("#!/bin/sh\necho x >> '{}'\ncat\n", checkout.beside("used").display()))
        .expect("a file");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).expect("a mode");
    let global = format!("[filter \"x\"]\n\tclean = {0}\n\tsmudge = {0}\n", own.display());
    fs::write(checkout.beside(".gitconfig"), global).expect("a file");
    let config = checkout.root.join(".git/config");
    let text = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, format!("{text}[filter \"x\"]\n\tclean = {}\n", trap.program.display()))
        .expect("a file");
    // Written again with the time and size that the index has: it proves nothing, so git has to look.
    let old =
        Command::new("touch").args(["-d", "2100-01-01", "api/a.x"]).current_dir(&checkout.root).status();
    assert!(old.expect("touch runs").success());
    git_in(&checkout.root, &["-c", "filter.x.clean=cat", "add", "--all"]);
    let output =
        command_in(&checkout.root, &checkout.beside(""), &["plan", "--offline", "--format", "json"]).output();
    let run = Run::of(&output.expect("it runs")).exits(0);
    trap.is_unsprung("plan");
    assert!(checkout.beside("used").exists(), "the user's own was not asked: {run:?}");
    assert_eq!(support::dirty(&run.json()), [""; 0]);
}

/// A user without a home has no docker configuration: what lies in the current folder is the checkout's.
#[test]
fn no_engine_is_asked_that_only_the_checkout_names() {
    // `printf trap | sha256sum`
    const META: &str =
        "contexts/meta/11ba65852271cd24c56c865a9635b90616326949ff2bf6cd07eacaf788bad320/meta.json";
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let engine = format!("tcp://{}", listener.local_addr().expect("an address"));
    let meta = format!(r#"{{"Name":"trap","Endpoints":{{"docker":{{"Host":"{engine}"}}}}}}"#);
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\n")]);
    for folder in ["", ".docker/"] {
        checkout.write(&format!("{folder}config.json"), r#"{"currentContext":"trap"}"#);
        checkout.write(&format!("{folder}{META}"), &meta);
    }
    checkout.commit("a trap");
    for home in [None, Some(""), Some(".")] {
        for (context, arguments) in [("", &["plan"][..]), ("", &["images"]), ("trap", &["plan"])] {
            let mut command = checkout.command(arguments);
            command.env_remove("HOME").envs(home.map(|home| ("HOME", home)));
            command.env("DOCKER_CONTEXT", context);
            let run = Run::of(&command.output().expect("the command runs"));
            let asked = listener.accept().map_err(|error| error.kind());
            assert_eq!(
                asked.err(),
                Some(ErrorKind::WouldBlock),
                "{home:?} {context} {arguments:?}: {run:#?}"
            );
            if !context.is_empty() {
                run.exits(2).says("no docker context `trap`").says("set HOME");
            }
        }
    }
}
