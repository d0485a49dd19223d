//! Edits with every kind of time: whatever a file's size and times say, a plan sees what is in it.
//!
//! After each edit the plan is compared with the one of a fresh copy of the same files, of which nothing is cached.

#[path = "soundness/random.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "a part of it is used here")]
mod random;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use random::Random;
use support::{Checkout, keys};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Files that images read, and one that nobody does.
const FILES: [&str; 4] = ["base/etc/shop.conf", "motd/motd.txt", "shared/notes.txt", "service1/Dockerfile"];

/// The keys that the same files have where nobody has seen them.
fn fresh(shop: &Checkout) -> Vec<(String, String)> {
    let copy = shop.beside("copy").join("shop");
    fs::create_dir_all(copy.parent().expect("a parent")).expect("a folder");
    let copied = Command::new("cp").args(["-r", "-P"]).args([&shop.root, &copy]).status().expect("cp runs");
    assert!(copied.success());
    fs::remove_dir_all(copy.join(".git")).expect("it can go");
    for arguments in [&["init", "--quiet", "--initial-branch=main"][..], &["add", "--all"]] {
        support::git_in(&copy, arguments);
    }
    let run = shop.run_in(&copy, &["plan", "--offline", "--format", "json"]).exits(0);
    fs::remove_dir_all(copy.parent().expect("a parent")).expect("it can go");
    keys(&run.json())
}

/// A time that a file may have: its own, the index's, now, long ago, to come, before 1970, without fractions.
fn time(random: &mut Random, shop: &Checkout, before: SystemTime) -> (SystemTime, &'static str) {
    let epoch = SystemTime::UNIX_EPOCH;
    let index = || fs::metadata(shop.root.join(".git/index")).and_then(|index| index.modified());
    let whole = |time: SystemTime| {
        epoch + Duration::from_secs(time.duration_since(epoch).map_or(0, |since| since.as_secs()))
    };
    match random.below(11) {
        0..=2 => (before, "its own"),
        3 => (index().unwrap_or(before), "the index's"),
        4 => (whole(index().unwrap_or(before)), "the index's second"),
        5 => (whole(before), "its own second"),
        6 => (before + Duration::from_nanos(1), "a nanosecond later"),
        7 => (SystemTime::now() + Duration::from_secs(86_400 * 365), "next year"),
        8 => (epoch, "1970"),
        9 => (epoch - Duration::from_secs(1_000), "before 1970"),
        // Beyond what 32 bits of an index hold.
        _ => (epoch + Duration::from_secs(5_000_000_000), "2128"),
    }
}

/// Changes a file so that as little as possible shows it, and says how.
fn edit(random: &mut Random, shop: &Checkout, number: usize) -> String {
    let name = *random.pick(&FILES);
    let path = shop.root.join(name);
    let before = fs::metadata(&path).expect("a file");
    let modified = before.modified().expect("a time");
    let mut text = fs::read_to_string(&path).expect("text");
    let same_size = random.percent(75);
    if name.ends_with("Dockerfile") {
        // It must stay one.
        let label = format!("LABEL edit=n{:04}\n", number % 10_000);
        let kept = text.split("LABEL edit=").next().unwrap_or_default().to_owned();
        text = if same_size && text.contains("LABEL edit=") { kept + &label } else { kept + "\n" + &label };
    } else if same_size && text.len() >= 6 {
        text.replace_range(0..6, &format!("{number:06}"));
    } else {
        text = format!("{number:06} {}\n", "x".repeat(random.below(30)));
    }
    let (time, which) = time(random, shop, modified);
    let replaced = random.percent(40);
    let target = if replaced { shop.beside("new") } else { path.clone() };
    fs::write(&target, &text).expect("a file");
    fs::set_permissions(&target, before.permissions()).expect("a mode");
    let file = fs::File::options().write(true).open(&target).expect("a file");
    file.set_modified(time).expect("a time");
    drop(file);
    if replaced {
        fs::rename(&target, &path).expect("it takes its place");
    }
    let size = if same_size { "same size" } else { "another size" };
    format!("{name}: {size}, time {which}{}", if replaced { ", another file in its place" } else { "" })
}

/// What git does to its index between edits.
fn index(random: &mut Random, shop: &Checkout) -> &'static str {
    let run = |arguments: &[&str]| drop(shop.git(arguments));
    match random.below(8) {
        0 => run(&["add", "--all"]),
        1 => run(&["commit", "--quiet", "--all", "--allow-empty", "--message", "x"]),
        2 => run(&["update-index", "-q", "--refresh"]),
        3 => run(&["status"]),
        4 => run(&["config", "core.trustctime", *random.pick(&["true", "false"])]),
        5 => run(&["config", "core.checkStat", *random.pick(&["default", "minimal"])]),
        _ => return "nothing",
    }
    "git"
}

#[test]
fn whatever_times_say_an_edit_is_seen() {
    let shop = Checkout::shop();
    shop.write("shared/notes.txt", "nobody reads this\n");
    shop.commit("notes");
    let mut random = Random::new(number("SHIPWRIGHT_ATTACK_SEED").unwrap_or(1));
    let mut story = Vec::new();
    assert_eq!(shop.keys(), fresh(&shop));
    let rounds = number("SHIPWRIGHT_ATTACK_ROUNDS").unwrap_or(40);
    for round in 0..usize::try_from(rounds).expect("a number of rounds") {
        let git = index(&mut random, &shop);
        for at in 0..random.within(1, 2) {
            story.push(format!("{round}: after {git}, {}", edit(&mut random, &shop, round * 2 + at)));
        }
        let (seen, true_ones) = (shop.keys(), fresh(&shop));
        let last = story[story.len().saturating_sub(8)..].join("\n");
        assert_eq!(seen, true_ones, "round {round}\n{last}");
        assert_eq!(read_again(&shop.root, &shop), true_ones, "round {round}, once more\n{last}");
    }
}

fn read_again(folder: &Path, shop: &Checkout) -> Vec<(String, String)> {
    keys(&shop.run_in(folder, &["plan", "--offline", "--format", "json"]).exits(0).json())
}
