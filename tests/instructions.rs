//! How many instructions the usual runs take, as valgrind counts them: the same on every machine, however busy, to some
//! hundredths of a percent. `.ci/instructions` runs this, and moves what it is compared with.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{Checkout, Engine};

/// Set to write what was counted instead of comparing it.
const ACCEPT: &str = "SHIPWRIGHT_ACCEPT_INSTRUCTIONS";

/// More instructions than this for each hundred of before, and somebody has to look.
const MOST: u64 = 105;

#[test]
#[ignore = "needs valgrind and an engine: .ci/instructions runs it"]
fn no_usual_run_takes_more_instructions_than_before() {
    let Some(engine) = Engine::start() else { return };
    let checkout = fifty_images();
    let shop = Checkout::shop();
    let (built, _) = engine.build(&shop, &[]);
    built.exits(0);
    let counts = BTreeMap::from([
        ("start-up", count(&checkout.command(&["--version"]))),
        ("plan-of-50-images", count(&checkout.command(&["plan", "--offline"]))),
        ("nothing-to-do", least(&engine.command(&shop, &["build"]))),
    ]);
    let tags =
        engine.docker(&["images", "--quiet", "--filter", &format!("reference={}/*", engine.namespace)]);
    let images: Vec<&str> = tags.lines().collect();
    engine.docker(&[&["rmi", "--force"][..], &images].concat());

    let compiler = compiler();
    let text =
        counts.iter().fold(format!("# {compiler}\n"), |text, (run, count)| format!("{text}{run} {count}\n"));
    if std::env::var_os(ACCEPT).is_some() {
        fs::write(accepted_file(), text).expect("the file is written");
        return;
    }
    let accepted = fs::read_to_string(accepted_file()).expect("benches/instructions.txt");
    if accepted.lines().next() != Some(&format!("# {compiler}")) {
        // Another compiler makes other instructions.
        say(&format!("not compared: benches/instructions.txt was counted with {accepted}"));
        return;
    }
    let over: Vec<String> =
        counts.iter().filter_map(|(run, count)| exceeds(&accepted, run, *count)).collect();
    say(&text);
    assert!(over.is_empty(), "{}\nwhere that is wanted: .ci/instructions --accept", over.join("\n"));
}

/// Fifty images in chains and fans of small contexts, committed, and planned once.
fn fifty_images() -> Checkout {
    let checkout = Checkout::empty();
    for image in 0..50 {
        let base = if image == 0 { "busybox".to_owned() } else { format!("acme/image{}", image / 3) };
        let folder = format!("services/area{}/image{image}", image % 5);
        checkout.write(&format!("{folder}/Dockerfile"), format!("FROM {base}\nCOPY src /src\nRUN true\n"));
        for file in 0..20 {
            checkout.write(&format!("{folder}/src/part{}/file{file}", file % 3), format!("{image} {file}\n"));
        }
    }
    checkout.commit("fifty images");
    // Only then does git's index vouch for what was written before.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    checkout.git(&["update-index", "--refresh", "--really-refresh"]);
    checkout.git(&["read-tree", "HEAD"]);
    checkout.git(&["update-index", "--refresh"]);
    for _ in 0..2 {
        checkout.run(&["plan", "--offline"]).exits(0);
    }
    checkout
}

/// The same where answers of an engine come in pieces, now more, now fewer.
fn least(command: &Command) -> u64 {
    count(command).min(count(command))
}

/// How many instructions a command takes, on one processor: threads that wait for each other would add theirs.
fn count(command: &Command) -> u64 {
    let mut counted = Command::new("taskset");
    counted.args(["--cpu-list", "0", "valgrind", "--tool=cachegrind", "--cache-sim=no"]);
    counted.args(["--cachegrind-out-file=/dev/null", "--log-fd=2"]).arg(command.get_program());
    counted.args(command.get_args()).env_clear();
    counted.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    counted.current_dir(command.get_current_dir().expect("a folder"));
    let output = counted.output().expect("taskset and valgrind run");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let refs = log
        .lines()
        .find_map(|line| line.split_once(" refs:"))
        .map(|(_, count)| count.trim().replace(',', ""));
    refs.and_then(|refs| refs.split_whitespace().next()?.parse().ok()).unwrap_or_else(|| panic!("{log}"))
}

fn exceeds(accepted: &str, run: &str, count: u64) -> Option<String> {
    let before = accepted.lines().find_map(|line| line.strip_prefix(run)?.trim().parse::<u64>().ok());
    let Some(before) = before else { return Some(format!("{run} is not in benches/instructions.txt")) };
    (count * 100 > before * MOST).then(|| format!("{run}: {count} instructions, {before} before"))
}

fn accepted_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt")
}

fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("rustc runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[expect(clippy::print_stderr, reason = "figures are for who reads the log")]
fn say(text: &str) {
    eprintln!("{text}");
}
