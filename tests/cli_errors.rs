//! What the command says where something is wrong, and with which exit code it ends.

mod support;

use support::{Checkout, Run, image, names, text};

const JSON: [&str; 4] = ["plan", "--offline", "--format", "json"];

fn plan_of(checkout: &Checkout, arguments: &[&str]) -> Run {
    checkout.run(&[&["plan", "--offline"], arguments].concat())
}

#[test]
fn an_unknown_target_names_the_closest() {
    let shop = Checkout::shop();
    for option in
        [&["sevice1"][..], &["-u", "sevice1"], &["-d", "sevice1"], &["-e", "sevice1"], &["-x", "sevice1"]]
    {
        let run =
            plan_of(&shop, option).exits(2).says("there is no image `sevice1`").says("the closest: service1");
        assert_eq!(run.stdout, "", "{option:?}");
    }
    plan_of(&shop, &["motd/Dockerfil"]).exits(2).says("motd/Dockerfile");
}

#[test]
fn outside_of_a_work_tree_it_says_so() {
    let shop = Checkout::shop();
    let outside = shop.beside("outside");
    std::fs::create_dir(&outside).expect("a folder");
    shop.run_in(&outside, &JSON).exits(2).says("is not in a git repository").says("-C DIR");
    let bare = shop.beside("bare.git");
    shop.git(&["clone", "--quiet", "--bare", ".", &bare.to_string_lossy()]);
    shop.run_in(&bare, &JSON).exits(2).says("is a bare repository").says("git worktree add");
    shop.run(&["-C", "nowhere", "plan", "--offline"]).exits(2).says("nowhere");
}

#[test]
fn a_wrong_settings_file_is_named_with_the_closest_key() {
    let shop = Checkout::shop();
    for (file, content) in [
        ("shipwright.toml", "tags = []\nnamespac = \"x\"\n"),
        (".shipwright.json", "{\n\"namespac\": \"x\"}\n"),
    ] {
        shop.write(file, content);
        let run = plan_of(&shop, &[]).exits(2);
        assert_eq!(run.stdout, "");
        run.says("`namespac` is not a setting").says(file).says("did you mean `namespace`?");
        shop.remove(file);
    }
    shop.write("shipwright.toml", "[image.servise1]\ntarget = \"x\"\n");
    plan_of(&shop, &[]).exits(2).says("servise1").says("service1");
    shop.write("shipwright.toml", "namespace = \n");
    plan_of(&shop, &[]).exits(2).says("shipwright.toml");
    shop.write("shipwright.toml", "namespace = \"Not A Name\"\n");
    plan_of(&shop, &[]).exits(2).says("Not A Name");
    shop.write("shipwright.toml", "tags = [\"src-abc\"]\n");
    plan_of(&shop, &[]).exits(2).says("src-abc");
}

#[test]
fn a_wrong_settings_file_is_shown_with_its_line() {
    let shop = Checkout::shop();
    shop.write("shipwright.toml", "tags = []\nnamespac = \"x\"\n");
    plan_of(&shop, &[]).exits(2).says("shipwright.toml:2:1").says("2 | namespac = \"x\"");
}

#[test]
fn what_is_found_out_late_about_the_settings_is_shown_with_its_line_too() {
    let shop = Checkout::shop();
    for (line, code, hint) in [
        ("[image.servise1]\ntarget = \"x\"\n", 2, "did you mean service1?"),
        ("[image.new]\ndockerfile = \"motd/Dockerfil\"\n", 2, "did you mean motd/Dockerfile?"),
        ("[image.motd]\ndepends_on = [\"sharde\"]\n", 2, "did you mean shared?"),
        ("[image.motd]\ndepends_on = [\"zzz\"]\n", 2, "`shipwright images` lists them"),
        ("[names]\n\"motd\" = \"M\"\n", 2, "a line reads"),
        ("[names]\n\"modt\" = \"m\"\n", 0, "the closest path is"),
    ] {
        shop.write("shipwright.toml", format!("tags = [\"edge\"]\n{line}"));
        let run = plan_of(&shop, &["-v"]).exits(code).says("--> shipwright.toml:").says("^^").says(hint);
        plan_of(&shop, &[]).exits(code).says("shipwright.toml:").says(hint);
        assert!(!run.stderr.contains("shipwright.toml:1"), "{}", run.stderr);
    }
    shop.remove("shipwright.toml");
    shop.write(".shipwright.json", "{\n\"names\": {\n\"modt\": \"m\"}}");
    plan_of(&shop, &["-v"]).exits(0).says("--> .shipwright.json:3:");
    plan_of(&shop, &[]).exits(0).says("(.shipwright.json:3)");
}

#[test]
fn a_context_of_the_settings_that_is_not_there_blocks_its_image() {
    let shop = Checkout::shop();
    shop.write("shipwright.toml", "[image.base]\ncontext = \"bsae\"\n");
    shop.write("base/Dockerfile", "FROM busybox\n");
    let run = plan_of(&shop, &[]).exits(0).says("shipwright.toml:1").says("`bsae` is not a folder");
    assert!(run.stdout.contains("blocked   acme/base"), "{}", run.stdout);
    plan_of(&shop, &["base"]).exits(2);
    for context in [".", "base"] {
        shop.write("shipwright.toml", format!("[image.base]\ncontext = \"{context}\"\n"));
        plan_of(&shop, &["base"]).exits(0);
        shop.commit(context);
        shop.run(&["plan", "--offline", "--rev", "HEAD", "base"]).exits(0);
    }
}

#[test]
fn a_settings_file_beside_the_original_s_wins_with_a_warning() {
    let shop = Checkout::shop();
    shop.write("shipwright.toml", "namespace = \"new\"\n");
    shop.write(".shipwright.json", "{\"namespace\": \"old\"}");
    let run = plan_of(&shop, &["motd"]).exits(0).says(".shipwright.json is not read");
    assert!(run.stdout.contains("new/motd"), "{}", run.stdout);
}

#[test]
fn a_loop_is_shown_whole_and_the_rest_is_planned() {
    let shop = Checkout::shop();
    shop.write("base/Dockerfile", "FROM acme/service1\n");
    let run = plan_of(&shop, &[]).exits(2);
    let run = run.says("base → service1 → shared → base");
    for place in ["base/Dockerfile:1", "service1/Dockerfile:1", "shared/Dockerfile:1"] {
        assert!(run.stderr.contains(place), "{place}: {}", run.stderr);
    }
    let plan = shop.plan(&[]);
    let blocked: Vec<String> =
        names(&plan).into_iter().filter(|name| image(&plan, name)["action"] == "blocked").collect();
    assert_eq!(
        blocked,
        ["base", "service1", "shared", "reports", "service1-dev", "service2", "admin"],
        "{plan:#}"
    );
    assert_eq!(image(&plan, "lint")["action"], "build");
}

#[test]
fn a_loop_through_copies_and_mounts_is_one_too() {
    let checkout = Checkout::with(&[
        ("a/Dockerfile", "FROM acme/b\n"),
        ("b/Dockerfile", "FROM busybox\nRUN --mount=type=bind,from=acme/c,target=/c true\n"),
        ("c/Dockerfile", "FROM scratch\nCOPY --from=acme/a / /\n"),
        ("d/Dockerfile", "FROM busybox\n"),
    ]);
    let run = plan_of(&checkout, &[]).exits(2);
    for place in ["a/Dockerfile:1", "b/Dockerfile:2", "c/Dockerfile:2"] {
        assert!(run.stderr.contains(place), "{place}: {}", run.stderr);
    }
    assert!(run.stdout.ends_with("4 images: 1 to build, 3 blocked\n"), "{}", run.stdout);
}

#[test]
fn a_loop_through_a_stage_that_only_an_inherited_trigger_takes_is_one_too() {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nONBUILD COPY --from=builder /x /y\n"),
        ("a/Dockerfile", "FROM acme/b AS builder\nFROM acme/base\n"),
        ("b/Dockerfile", "FROM acme/a AS builder\nFROM acme/base\n"),
    ]);
    let run = plan_of(&checkout, &[]).exits(2).says("a → b → a");
    for place in ["a/Dockerfile:1", "b/Dockerfile:1"] {
        assert!(run.stderr.contains(place), "{place}: {}", run.stderr);
    }
    assert_eq!(run.stderr.matches("in a loop").count(), 1, "{}", run.stderr);
    assert!(run.stdout.ends_with("3 images: 1 to build, 2 blocked\n"), "{}", run.stdout);
    // The trigger of an image that is part of the loop.
    checkout.write("base/Dockerfile", "FROM acme/a\nONBUILD COPY --from=builder /x /y\n");
    checkout.write("b/Dockerfile", "FROM busybox\n");
    plan_of(&checkout, &[]).exits(2).says("a → base → a");
}

#[test]
fn an_image_that_refers_to_itself_means_what_is_published() {
    let shop = Checkout::shop();
    shop.write("tools/Dockerfile", "FROM acme/tools\nCOPY wrap.sh /usr/bin/wrap\n");
    plan_of(&shop, &[]).exits(0);
    assert_eq!(image(&shop.plan(&[]), "tools")["bases"], serde_json::json!(["acme/tools:latest"]));
}

#[test]
fn a_dockerfile_that_does_not_parse_is_shown_and_the_rest_is_planned() {
    let shop = Checkout::shop();
    shop.write("motd/Dockerfile", "FROM scratch\nCOPPY motd.txt /\n");
    let run = plan_of(&shop, &[]).exits(2);
    let run = run
        .says("unknown instruction: COPPY")
        .says("motd/Dockerfile:2")
        .says("2 | COPPY motd.txt /")
        .says("  | ^^^^^");
    assert!(run.stdout.ends_with("12 images: 11 to build, 1 blocked\n"), "{}", run.stdout);
    let run = shop.run(&JSON).exits(2);
    let diagnostic = &run.json()["diagnostics"][0];
    assert_eq!(
        (&diagnostic["severity"], &diagnostic["path"], &diagnostic["line"]),
        (&"error".into(), &"motd/Dockerfile".into(), &2.into())
    );
    shop.run(&["images", "--offline"]).exits(2);
    shop.run(&["graph", "--offline"]).exits(2);
    let run = shop.run(&["inspect", "motd/Dockerfile", "--format", "json"]).exits(2);
    assert_eq!(run.json()["valid"], false, "inspect answers what is wrong");
}

#[test]
fn empty_and_headless_dockerfiles_are_errors() {
    for content in ["", "# nothing\n", "RUN true\n", "FROM\n", "FROM busybox\nCOPY\n"] {
        let checkout = Checkout::with(&[("a/Dockerfile", content), ("b/Dockerfile", "FROM busybox\n")]);
        let run = plan_of(&checkout, &[]).exits(2).says("a/Dockerfile");
        assert!(run.stdout.contains("build     shop/b"), "{content:?}: {}", run.stdout);
    }
}

#[test]
fn a_reference_that_nothing_here_builds_names_the_closest() {
    let shop = Checkout::shop();
    shop.write("web/Dockerfile", "FROM acme/node-bsae\n");
    let run = plan_of(&shop, &["web"]).exits(0);
    let run = run.says("acme/node-bsae is in this checkout's namespace, but no Dockerfile here builds it");
    run.says("web/Dockerfile:1").says("acme/node-base").says("[names]");
    assert_eq!(image(&shop.plan(&[]), "web")["bases"], serde_json::json!(["acme/node-bsae:latest"]));
}

#[test]
fn a_blocked_image_fails_only_who_named_it_or_is_strict() {
    let shop = Checkout::shop();
    shop.write("shared/Dockerfile", "ARG BASE\nFROM ${BASE}\nCOPY auth.sh /usr/lib/shop/auth.sh\n");
    let run = plan_of(&shop, &[]).exits(0).says("--build-arg BASE=");
    assert!(run.stdout.ends_with("12 images: 8 to build, 4 blocked\n"), "{}", run.stdout);
    let plan = shop.plan(&[]);
    assert_eq!(image(&plan, "service1")["action"], "blocked");
    assert!(text(&image(&plan, "service1")["reasons"][0]["text"]).contains("acme/shared"));
    plan_of(&shop, &["shared"]).exits(2);
    plan_of(&shop, &["service1"]).exits(2);
    plan_of(&shop, &["-e", "shared"]).exits(2);
    plan_of(&shop, &["motd"]).exits(0);
    plan_of(&shop, &["--strict"]).exits(2);
    plan_of(&shop, &["-x", "shared", "--strict"]).exits(0);
    shop.run_with(&[("CI", "true")], &["plan", "--offline"]).exits(2);
    shop.run_with(&[("CI", "false")], &["plan", "--offline"]).exits(0);
    plan_of(&shop, &["--build-arg", "BASE=busybox", "--strict"]).exits(0);
}

#[test]
fn a_source_that_is_nowhere_blocks_its_image() {
    let shop = Checkout::shop();
    shop.write("tools/Dockerfile", "FROM busybox\nCOPY wrapp.sh /usr/bin/wrap\n");
    let run = plan_of(&shop, &[]).exits(0).says("tools/Dockerfile:2").says("wrapp.sh");
    assert!(run.stdout.ends_with("12 images: 8 to build, 4 blocked\n"), "{}", run.stdout);
    plan_of(&shop, &["lint"]).exits(2);
}

#[test]
fn a_source_with_windows_separators_is_nowhere() {
    let checkout = Checkout::with(&[
        ("app/Dockerfile", "# escape=`\nFROM busybox\nCOPY src\\main.sh /main.sh\n"),
        ("app/src/main.sh", "true\n"),
        ("odd/Dockerfile", "# escape=`\nFROM busybox\nCOPY src\\main.sh /main.sh\n"),
        ("odd/src\\main.sh", "true\n"),
    ]);
    let run = plan_of(&checkout, &[]).exits(0).says("app/Dockerfile:3").says("`/`");
    assert!(run.stdout.ends_with("2 images: 1 to build, 1 blocked\n"), "{}", run.stdout);
    assert_eq!(image(&checkout.plan(&[]), "odd")["inputs"]["files"], 1);
}

#[test]
fn an_image_for_another_operating_system_is_blocked() {
    let checkout = Checkout::with(&[
        ("core/Dockerfile", "FROM mcr.microsoft.com/windows/servercore:ltsc2022\n"),
        ("web/Dockerfile", "FROM mcr.microsoft.com/dotnet/aspnet:8.0-nanoserver-1809 AS b\nFROM b\n"),
        ("go/Dockerfile.windows", "FROM golang:1.23 AS b\nFROM --platform=windows/amd64 acme/base:1\n"),
        ("dependent/Dockerfile", "FROM other/core\n"),
        ("job/Dockerfile", "FROM busybox\n"),
        ("unneeded/Dockerfile", "FROM mcr.microsoft.com/windows/nanoserver:1809 AS w\nFROM busybox\n"),
        ("cross/Dockerfile", "FROM --platform=windows/amd64 scratch\nCOPY Dockerfile /\n"),
    ]);
    let run = plan_of(&checkout, &[]).exits(0).says("core/Dockerfile:1").says("exclude");
    assert!(run.stdout.ends_with("7 images: 3 to build, 4 blocked\n"), "{}", run.stdout);
    let plan = checkout.plan(&[]);
    for blocked in ["core", "web", "go-windows", "dependent"] {
        assert_eq!(image(&plan, blocked)["action"], "blocked", "{blocked}");
    }
    plan_of(&checkout, &["core"]).exits(2);
    plan_of(&checkout, &["--strict"]).exits(2);
    // Offline nobody says what the engine builds, so what was chosen counts.
    let run = plan_of(&checkout, &["core,web", "--platform", "windows/amd64"]).exits(0);
    assert!(run.stdout.ends_with("2 images: 2 to build\n"), "{}", run.stdout);
}

#[test]
fn a_word_that_is_no_architecture_is_no_platform() {
    let shop = Checkout::shop();
    plan_of(&shop, &["--platform", "foo"]).exits(2).says("`foo` is not a platform");
    shop.run_with(&[("DOCKER_DEFAULT_PLATFORM", "linuxx")], &["plan", "--offline"])
        .exits(2)
        .says("`linuxx` is not a platform");
    plan_of(&shop, &["--platform", "arm64"]).exits(0);
}

#[test]
fn a_build_argument_that_nothing_declares_is_a_warning() {
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "ARG BASE=busybox\nFROM $BASE\nARG VERSION\n"),
        ("web/Dockerfile", "FROM busybox\n"),
    ]);
    let warning = |arguments: &[&str]| plan_of(&checkout, arguments).exits(0).stderr.contains("warning");
    let misspelt = plan_of(&checkout, &["--build-arg", "VERSOIN=1"]).exits(0);
    misspelt.says("no image that is selected declares the build argument `VERSOIN`").says("VERSION");
    assert!(warning(&["--unhashed-build-arg", "TOKEN=1"]) && warning(&["web", "--build-arg", "VERSION=1"]));
    let used = ["VERSION=1", "BASE=busybox:1", "HTTP_PROXY=x", "no_proxy=x", "BUILDKIT_INLINE_CACHE=1"];
    for argument in used {
        assert!(!warning(&["--build-arg", argument]), "{argument}");
    }
}

#[test]
fn an_unknown_target_that_is_like_none_says_how_to_list_them() {
    let shop = Checkout::shop();
    plan_of(&shop, &["zzz"]).exits(2).says("there is no image `zzz`").says("hint: `shipwright images` lists");
}

#[test]
fn exact_names_the_dependency_that_is_not_there() {
    let shop = Checkout::shop();
    let run = plan_of(&shop, &["-e", "service1"]).exits(2);
    assert!(run.stdout.contains("acme/shared:src-"), "{}", run.stdout);
    assert!(run.stdout.contains("is not built"), "{}", run.stdout);
    plan_of(&shop, &["-e", "shared,base"]).exits(0);
}

#[test]
fn no_engine_is_an_exit_code_of_its_own_with_a_hint() {
    let shop = Checkout::shop();
    for arguments in [&[][..], &["ensure", "motd"], &["build", "motd"]] {
        let run = shop.run(&[arguments, &["-H", "unix:///nonexistent.sock"]].concat()).exits(3);
        let run = run.says("unix:///nonexistent.sock").says("hint: ");
        assert_eq!(run.stdout, "", "{arguments:?}");
        shop.run_with(&[("DOCKER_HOST", "unix:///nonexistent.sock")], arguments).exits(3);
    }
    let start = std::time::Instant::now();
    shop.run(&["build", "-H", "tcp://127.0.0.1:9"]).exits(3).says("127.0.0.1:9");
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    for command in ["images", "graph", "plan"] {
        shop.run(&[command, "-H", "unix:///nonexistent.sock"]).exits(0);
    }
    shop.run(&["build", "--offline"]).exits(2).says("plan --offline");
}

#[test]
fn something_else_behind_the_address_is_no_engine() {
    let shop = Checkout::shop();
    let socket = shop.beside("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::Write as _;
            // The command may have gone; then there is nobody to answer.
            let _ = stream.expect("a stream").write_all(b"220 mail.example.com ESMTP\r\n");
        }
    });
    let run = shop.run_without_hanging(&["build", "-H", &format!("unix://{}", socket.display())]);
    assert!([1, 3].contains(&run.code), "{run:#?}");
    assert!(run.stderr.starts_with("error: ") && !run.stderr.contains("panicked"), "{run:#?}");
}

#[test]
fn an_address_that_is_none_is_wrong_usage() {
    Checkout::shop().run(&["plan", "-H", "nonsense://x"]).exits(2).says("unix:///path/to/docker.sock");
}

#[test]
fn wrong_usage_is_refused() {
    let shop = Checkout::shop();
    for (arguments, says) in [
        (&["plan", "--fromat", "json"][..], "--format"),
        (&["plan", "--format", "jsno"], "json"),
        (&["plan", "--offline", "--platform", "x/y/z/w"], "x/y/z/w"),
        (&["plan", "--offline", "--tag", "src-abc"], "src-abc"),
        (&["plan", "--offline", "--tag", "0123456789ab"], "0123456789ab"),
        (&["plan", "--offline", "--build-arg", "=x"], "NAME=VALUE"),
        (&["plan", "--offline", "--namespace", "Not A Name"], "Not A Name"),
        (&["build", "--jobs", "0"], "--jobs"),
        (&["build", "--secret", "nonsense=x"], "nonsense"),
        (&["build", "-q", "-v"], "--verbose"),
        (&["inspect", "nowhere/Dockerfile"], "nowhere/Dockerfile"),
        (&["completions", "tcsh"], "bash"),
    ] {
        let run = shop.run(arguments).exits(2).says(says);
        assert!(!run.stderr.contains("panicked"), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_folder_that_is_called_dockerfile_is_none_and_a_pipe_is_an_error_that_names_it() {
    let shop = Checkout::shop();
    std::fs::create_dir_all(shop.root.join("folder/Dockerfile")).expect("a folder");
    assert_eq!(names(&shop.run_without_hanging(&JSON).exits(0).json()).len(), 12);
    shop.run_without_hanging(&["inspect", "folder/Dockerfile"]).exits(2).says("folder/Dockerfile");
    std::fs::create_dir(shop.root.join("pipe")).expect("a folder");
    make_pipe(&shop, "pipe/Dockerfile");
    let plan = shop.run_without_hanging(&JSON).exits(2).json();
    assert_eq!(names(&plan).len(), 13);
    assert_eq!(image(&plan, "pipe")["reasons"][0]["text"], "has a Dockerfile that cannot be read");
    let error = &plan["diagnostics"][0];
    assert_eq!(error["path"], "pipe/Dockerfile");
    assert_eq!(error["message"], "pipe/Dockerfile is a device, socket or pipe, so it cannot be read");
}

fn make_pipe(checkout: &Checkout, path: &str) {
    let made = std::process::Command::new("mkfifo").arg(checkout.root.join(path)).status();
    assert!(made.expect("mkfifo runs").success());
}

#[test]
fn a_pipe_among_the_inputs_is_passed_over_and_never_waited_for() {
    let shop = Checkout::shop();
    let keys = shop.keys();
    make_pipe(&shop, "admin/static/pipe");
    let run = shop.run_without_hanging(&JSON).exits(0);
    assert_eq!(support::keys(&run.json()), keys);
    shop.run_without_hanging(&["plan", "--offline", "-v"]).exits(0).says("admin/static/pipe");
}

#[test]
fn a_link_that_leads_nowhere_and_a_loop_of_links_do_not_hang() {
    let shop = Checkout::shop();
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, shop.root.join(at)).expect("a link");
    link("nowhere", "admin/static/dangling");
    link("loop-b", "admin/static/loop-a");
    link("loop-a", "admin/static/loop-b");
    link("..", "admin/static/up");
    let run = shop.run_without_hanging(&JSON).exits(0);
    assert_eq!(image(&run.json(), "admin")["inputs"]["files"], 9);
}

#[test]
fn hostile_names_never_reach_the_terminal_raw() {
    let shop = Checkout::shop();
    shop.write("n\u{1b}[31mx/Dockerfile", "FROM busybox\nCOPY miss\u{1b}]0;ing\u{7} /\n");
    shop.write("line\nfeed/Dockerfile", "FROM acme/b\u{1b}[2Jase\nCOPY . /\n");
    shop.write("c1/Dockerfile", "FROM busybox\nCOPY a\u{9b}31m* /\n");
    shop.write("c1/a\u{9b}31mb", "x");
    shop.write("syntax/Dockerfile", "FROM busybox\nRU\u{1b}[31mN x\n");
    shop.write("stage/Dockerfile", "FROM busybox AS st\u{1b}[31mage\nFROM busybox\nLABEL a=\"\u{1b}[31m\"\n");
    shop.git(&["switch", "--quiet", "--create", "x\u{9b}31m"]);
    for command in [
        &["plan", "--offline"][..],
        &["plan", "--offline", "-v"],
        &["images", "--offline", "-v"],
        &["graph", "--offline"],
        &["graph", "--offline", "--format", "dot"],
        &["graph", "--offline", "--format", "mermaid"],
        &["inspect", "n\u{1b}[31mx/Dockerfile"],
        &["inspect", "syntax/Dockerfile"],
        &["inspect", "stage/Dockerfile"],
        &["inspect", "c1/Dockerfile"],
    ] {
        let run = shop.run(command).shows_nothing_raw();
        assert!([0, 2].contains(&run.code), "{command:?}: {run:#?}");
    }
    for wrong in [
        &["plan", "--offline", "\u{1b}[31mfoo"][..],
        &["plan", "--offline", "--\u{1b}[31mfoo"],
        &["plan", "--offline", "--format", "\u{1b}[31mfoo"],
        &["plan", "--offline", "-t", "\u{1b}[31mfoo"],
        &["plan", "--offline", "--namespace", "\u{1b}[31mfoo"],
        &["plan", "--offline", "--target", "\u{1b}[31mfoo", "motd"],
        &["plan", "-C", "\u{1b}[31mfoo"],
        &["plan", "-H", "unix:///\u{1b}[31mfoo"],
        &["inspect", "\u{1b}[31mfoo"],
    ] {
        let run = shop.run(wrong).shows_nothing_raw();
        assert!([2, 3].contains(&run.code), "{wrong:?}: {run:#?}");
    }
    shop.write("shipwright.toml", "names\u{1b}[31m = 1\n\"\u{1b}\" = 2\n");
    plan_of(&shop, &[]).exits(2).shows_nothing_raw();
    shop.write("shipwright.toml", "\"na\\u001bme\" = 2\n");
    plan_of(&shop, &[]).exits(2).shows_nothing_raw();
}

#[test]
fn hostile_names_are_escaped_in_json() {
    let shop = Checkout::shop();
    shop.write("n\u{1b}[31mx/Dockerfile", "FROM busybox\nCOPY . /\n");
    shop.git(&["switch", "--quiet", "--create", "x\u{9b}31m"]);
    let run = shop.run(&JSON).exits(0).shows_nothing_raw();
    assert_eq!(run.json()["checkout"]["branch"], "x\u{9b}31m");
}

#[test]
fn file_names_that_are_not_utf_8_are_planned() {
    use std::os::unix::ffi::OsStrExt;
    let shop = Checkout::shop();
    let before = shop.keys();
    let name = std::ffi::OsStr::from_bytes(b"admin/static/caf\xe9.html");
    std::fs::write(shop.root.join(name), "x").expect("a file");
    let plan = shop.plan(&[]);
    assert_eq!(image(&plan, "admin")["inputs"]["files"], 6);
    assert_ne!(support::keys(&plan), before);
}

#[test]
fn a_secret_in_the_origin_s_address_is_never_shown() {
    let shop = Checkout::shop();
    shop.git(&["remote", "add", "origin", "https://me:hunter2@git.example.com/acme/store.git"]);
    for command in [&["plan", "--offline", "-v"][..], &JSON, &["images", "--offline", "-v"]] {
        let run = shop.run(command).exits(0);
        assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"), "{run:#?}");
    }
}
