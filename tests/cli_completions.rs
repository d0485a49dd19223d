//! Completions through the real binary, asked as the scripts of `shipwright completions` ask.

mod support;

use support::{Checkout, Run};

/// What is offered for the last of these words.
fn offered(checkout: &Checkout, words: &[&str]) -> Vec<String> {
    offered_in(checkout, &checkout.root, words)
}

fn offered_in(checkout: &Checkout, folder: &std::path::Path, words: &[&str]) -> Vec<String> {
    let mut command = checkout.command(&[&["--", "shipwright"], words].concat());
    command.current_dir(folder).env("SHIPWRIGHT_COMPLETE", "fish");
    let run = Run::of(&command.output().expect("the command runs")).exits(0);
    let is_raw = |c: char| c.is_control() && !"\t\n".contains(c);
    assert!(!run.stdout.contains(is_raw), "{words:?}: {:?}", run.stdout);
    assert_eq!(run.stderr, "", "{words:?}");
    run.stdout.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn images_are_offered_wherever_one_is_meant() {
    let shop = Checkout::shop();
    let with_s = ["service1", "service1-dev", "service2", "shared"];
    for words in [&["plan", "s"][..], &["push", "-x", "s"], &["ensure", "s"], &["logs", "s"], &["-d", "s"]] {
        assert_eq!(offered(&shop, words), with_s, "{words:?}");
    }
    assert_eq!(offered(&shop, &["plan", "--explain", "too"]), ["tools"]);
    assert_eq!(offered(&shop, &["build", "web,too"]), ["web,tools"]);
    assert_eq!(offered(&shop, &["build", "acme/too"]), ["acme/tools"]);
    assert!(offered(&shop, &["inspect", "ba"]).contains(&"base".to_owned()));
    let first = offered(&shop, &[""]);
    for word in ["plan", "push", "base", "web"] {
        assert!(first.iter().any(|offered| offered == word), "{word}: {first:?}");
    }
}

#[test]
fn branches_tags_hooks_and_registries_are_offered() {
    let shop = Checkout::shop();
    shop.git(&["branch", "feature/login"]);
    shop.git(&["tag", "v1.2"]);
    let head = shop.head();
    shop.git(&["update-ref", "refs/remotes/origin/fix", &head]);
    shop.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/fix"]);
    let all = ["feature/login", "main", "origin/fix", "v1.2"];
    for words in [&["--rev", ""][..], &["affected", "--since", ""], &["plan", "--rev", ""]] {
        assert_eq!(offered(&shop, words), all, "{words:?}");
    }
    assert_eq!(offered(&shop, &["hook", "install", "p"]), ["pre-push", "post-checkout"]);
    assert_eq!(offered(&shop, &["hook", "install", "--mode", "b"]), ["build"]);
    assert_eq!(offered(&shop, &["push", "--registry", "gh"]), Vec::<String>::new());
    shop.write("shipwright.toml", "registry = [\"ghcr.io/acme\", \"registry.example.org\"]\n");
    assert_eq!(offered(&shop, &["push", "--registry", "gh"]), ["ghcr.io/acme"]);
}

#[test]
fn another_folder_counts_and_what_cannot_be_read_offers_nothing() {
    let shop = Checkout::shop();
    let outside = shop.beside("outside");
    std::fs::create_dir(&outside).expect("a folder");
    let root = shop.root.to_string_lossy().into_owned();
    assert_eq!(offered_in(&shop, &outside, &["-C", &root, "plan", "we"]), ["web"]);
    assert_eq!(offered_in(&shop, &outside, &["plan", "we"]), Vec::<String>::new());
    shop.write("shipwright.toml", "registry = 3\n");
    assert_eq!(offered(&shop, &["push", "--registry", "gh"]), Vec::<String>::new());
}

/// The terminal's user presses Tab in a checkout of somebody else.
#[test]
fn names_give_the_terminal_no_orders() {
    let checkout =
        Checkout::with(&[("a\u{1b}[2J/Dockerfile", "FROM busybox\n"), ("b/Dockerfile", "FROM busybox\n")]);
    checkout.git(&["branch", "a\u{9b}31m"]);
    offered(&checkout, &["plan", ""]);
    assert_eq!(offered(&checkout, &["--rev", ""]), ["main"]);
}

/// Whatever the variable of another program says.
#[test]
fn only_our_own_variable_asks() {
    let shop = Checkout::shop();
    let run = shop.run_with(&[("COMPLETE", "bash")], &["--version"]).exits(0);
    assert!(run.stdout.starts_with("shipwright "), "{}", run.stdout);
    for off in ["", "0"] {
        shop.run_with(&[("SHIPWRIGHT_COMPLETE", off)], &["--version"]).exits(0);
    }
}

#[test]
fn bash_completes_with_the_script() {
    let shop = Checkout::shop();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_shipwright"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().expect("a folder").display());
    let script = "source <(shipwright completions bash); COMP_WORDS=(shipwright plan to); COMP_CWORD=2; \
        COMP_TYPE=9; _clap_complete_shipwright shipwright to plan; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "-c", script]).current_dir(&shop.root).env("PATH", path);
    let output = bash.output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "tools\n", "{output:?}");
}
