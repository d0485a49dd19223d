//! What people do with git while a run starts.

use std::fs;
use std::process::{Child, Command, Stdio};

use super::random::Random;
use super::states;
use crate::support::Checkout;

/// Something that changes a checkout, made ready while nothing runs.
pub struct Action {
    /// What it is.
    pub what: String,
    /// What is run, one after the other.
    commands: Vec<Vec<String>>,
}

/// Files that no image reads: git goes through them between one image's folder and the next one's.
const BETWEEN: usize = 800;

/// A checkout with two branches that differ in every folder, on `main`.
pub fn checkout() -> Checkout {
    let checkout = states::checkout();
    let fill = |branch: &str| {
        states::stamp(&checkout, branch);
        for number in 0..BETWEEN {
            checkout.write(&format!("docs/{number}"), format!("{branch} {number}"));
        }
        checkout.commit(branch);
    };
    checkout.git(&["switch", "--quiet", "--create", "feature"]);
    fill("feature");
    checkout.git(&["switch", "--quiet", "main"]);
    fill("main");
    checkout
}

impl Action {
    /// Puts the checkout back to a commit of some branch, and prepares one of all kinds of changes.
    pub fn prepare(random: &mut Random, checkout: &Checkout, round: usize) -> Self {
        let git = |arguments: &[&str]| checkout.git(arguments);
        git(&["reset", "--quiet", "--hard"]);
        git(&["clean", "--quiet", "--force", "-d"]);
        let branch = *random.pick(&["main", "feature"]);
        let other = if branch == "main" { "feature" } else { "main" };
        git(&["switch", "--quiet", branch]);
        let word = format!("round {round}");
        let edit = || states::stamp_one(checkout, "tool", &word);
        let commands: &[&[&str]] = match random.below(16) {
            // The one that was found mixing tags, and the most common.
            0..=5 => &[&["switch", "--quiet", other]],
            6 => {
                edit();
                &[&["commit", "--quiet", "--all", "--amend", "--message", &word]]
            }
            7 => {
                edit();
                git(&["add", "--all"]);
                &[&["commit", "--quiet", "--message", &word]]
            }
            8 => {
                states::stamp(checkout, &word);
                &[&["stash", "push", "--quiet"]]
            }
            9 => {
                edit();
                git(&["stash", "push", "--quiet"]);
                &[&["stash", "pop", "--quiet"]]
            }
            10 => {
                git(&["switch", "--quiet", "--create", &format!("topic-{round}")]);
                edit();
                git(&["commit", "--quiet", "--all", "--message", &word]);
                &[&["rebase", "--quiet", "--strategy-option=theirs", other]]
            }
            11 => &[&["checkout", "--quiet", other, "--", "base", "api"]],
            12 => &[&["gc", "--quiet", "--prune=now"], &["pack-refs", "--all"]],
            13 => &[&["switch", "--quiet", "--detach", other]],
            14 => &[
                &["stash", "push", "--quiet"],
                &["switch", "--quiet", other],
                &["switch", "--quiet", branch],
            ],
            _ => {
                git(&["switch", "--quiet", "--create", &format!("reset-{round}")]);
                &[&["reset", "--quiet", "--hard", other]]
            }
        };
        let commands: Vec<Vec<String>> = commands
            .iter()
            .map(|arguments| arguments.iter().map(|argument| (*argument).to_owned()).collect())
            .collect();
        let what: Vec<String> =
            commands.iter().map(|arguments| format!("git {}", arguments.join(" "))).collect();
        Self { what: format!("on {branch}: {}", what.join("; ")), commands }
    }

    /// Does it. Git must not be hindered by a run that only reads.
    pub fn act(&self, checkout: &Checkout) {
        for arguments in &self.commands {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            checkout.git(&arguments);
        }
    }
}

/// Switches between two branches without end, as a process of its own; ends when it is dropped.
pub struct Switching(Child);

impl Switching {
    /// Begins.
    pub fn start(checkout: &Checkout) -> Self {
        let script =
            "while [ -e ../switching ]; do git switch -q feature; git switch -q main; sleep 0.1; done";
        fs::write(checkout.beside("switching"), "").expect("a file");
        let mut command = Command::new("sh");
        command.current_dir(&checkout.root).args(["-c", script]);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sh runs"))
    }

    /// Ends on `main`.
    pub fn end(mut self, checkout: &Checkout) {
        fs::remove_file(checkout.beside("switching")).expect("it is there");
        self.0.wait().expect("it ends");
    }
}
