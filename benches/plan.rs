//! How fast Shipwright is, as ratios to git and `docker buildx bake` measured side by side.
//!
//! `cargo bench --bench plan` prints one table; words after `--` choose among `start`, `small`, `large`, `evidence`, `history`, `engine` and
//! `switch`; `keep` only makes the large checkout and says where, to profile in. `SHIPWRIGHT_BENCH_RUNS` is how
//! often each thing runs (11); `--quick` says 3, and makes the large checkout a fifth of its size. Nothing here fails because something was slow: that is for the
//! reader to judge, who knows what else the machine does.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what a benchmark is for")]

mod support;

use std::error::Error;
use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use support::SHIPWRIGHT;
use support::checkout::{Checkout, Shape};
use support::engine::Engine;
use support::machine::machine;
use support::table::{Budget, Table};
use support::timing::{self, in_turns};

const PLAN: [&str; 4] = ["plan", "--offline", "--format", "json"];

const CHECK: [&str; 5] = ["hook", "run", "pre-push", "origin", "elsewhere"];

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this file too, without the option.
    if !words.iter().any(|word| word == "--bench") {
        return Ok(());
    }
    let chosen: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let wants = |what: &str| chosen.is_empty() || chosen.iter().any(|word| *word == what);
    let is_quick = words.iter().any(|word| word == "--quick");
    let usual = if is_quick { 3 } else { 11 };
    let runs = std::env::var("SHIPWRIGHT_BENCH_RUNS").ok().map_or(Ok(usual), |runs| runs.parse())?;
    let begun = Instant::now();

    if chosen.iter().any(|word| *word == "keep") {
        println!("{}", make(large_shape())?.keep().display());
        return Ok(());
    }
    let mut table = Table::default();
    if wants("start") {
        start(&mut table, runs)?;
    }
    if wants("small") {
        small(&mut table, runs)?;
    }
    if wants("large") {
        large(&mut table, runs, is_quick)?;
    }
    if wants("evidence") {
        evidence(&mut table, runs)?;
    }
    if wants("history") {
        history(&mut table, runs)?;
    }
    let on_engine: [(&str, OnEngine); 2] = [("engine", building), ("switch", switching)];
    for (_, measure) in on_engine.into_iter().filter(|(what, _)| wants(what)) {
        match Engine::find() {
            Ok(engine) => {
                let result = measure(&mut table, &engine, runs);
                engine.clean_up()?;
                result?;
            }
            Err(reason) => eprintln!("without an engine: {reason}"),
        }
    }
    println!("\n{table}\n{} ({runs} runs, {:.0} s)", machine(), begun.elapsed().as_secs_f64());
    Ok(())
}

type OnEngine = fn(&mut Table, &Engine, usize) -> io::Result<()>;

/// From nothing to the first output.
fn start(table: &mut Table, runs: usize) -> io::Result<()> {
    let folder = Checkout::make(Shape { images: 1, files: 5, commits: 1, seed: "start".to_owned() })?;
    let pair = in_turns(
        runs * 3,
        || timing::time(folder.command(SHIPWRIGHT, &["--version"])),
        || timing::time(folder.git_command(&["--version"])),
    )?;
    table.compare("start-up, --version", pair, "git --version", Budget::Time(Duration::from_millis(5)));
    Ok(())
}

/// What most checkouts are like.
fn small(table: &mut Table, runs: usize) -> io::Result<()> {
    let checkout = make(Shape { images: 50, files: 2_000, commits: 200, seed: "small".to_owned() })?;
    let budget = Budget::Time(Duration::from_millis(20));
    plans(table, &checkout, runs, "50 images, 2,000 files", budget, budget)
}

fn large_shape() -> Shape {
    Shape { images: 1_000, files: 100_000, commits: 2_000, seed: "large".to_owned() }
}

/// What a checkout may grow to.
fn large(table: &mut Table, runs: usize, is_quick: bool) -> io::Result<()> {
    let whole = large_shape();
    let (shape, work) = if is_quick {
        (Shape { images: 200, files: 20_000, commits: 400, ..whole }, "200 images, 20,000 files")
    } else {
        (whole, "1,000 images, 100,000 files")
    };
    plans(table, &make(shape)?, runs, work, Budget::Ratio(2.0), Budget::Ratio(0.6))
}

/// Plans without anything remembered, and with it, beside `git status`.
fn plans(
    table: &mut Table,
    checkout: &Checkout,
    runs: usize,
    work: &str,
    first: Budget,
    second: Budget,
) -> io::Result<()> {
    let plan = || timing::time(checkout.command(SHIPWRIGHT, &PLAN));
    let status = || timing::time(checkout.git_command(&["status"]));
    plan()?;
    status()?;
    let forgetful = || {
        checkout.remove_caches()?;
        plan()
    };
    table.compare(
        &format!("plan, {work}, first run"),
        in_turns(runs, forgetful, status)?,
        "git status",
        first,
    );
    table.compare(&format!("plan, {work}, second run"), in_turns(runs, plan, status)?, "git status", second);
    let lines = checkout.pushed_lines()?;
    let check = || {
        let mut command = checkout.command(SHIPWRIGHT, &CHECK);
        command.stdin(File::open(&lines)?);
        timing::time(command)
    };
    table.compare(
        &format!("pre-push check, {work}"),
        in_turns(runs, check, status)?,
        "git status",
        Budget::Ratio(2.0),
    );
    Ok(())
}

/// What reading 300 compose files and workflows adds to a plan.
fn evidence(table: &mut Table, runs: usize) -> io::Result<()> {
    let shape = || Shape { images: 1_000, files: 20_000, commits: 50, seed: "evidence".to_owned() };
    let (with, without) = (make(shape())?, make(shape())?);
    for checkout in [&with, &without] {
        checkout.add_evidence()?;
    }
    without.commit("shipwright.toml", "evidence = false\n")?;
    with.commit("shipwright.toml", "evidence = true\n")?;
    let plan = |checkout: &Checkout| timing::time(checkout.command(SHIPWRIGHT, &PLAN));
    plan(&with)?;
    plan(&without)?;
    let pair = in_turns(runs, || plan(&with), || plan(&without))?;
    let work = "plan, 1,000 images, 300 files of evidence";
    table.compare(work, pair, "plan without evidence", Budget::Ratio(1.15));
    let first = |checkout: &Checkout| {
        checkout.remove_caches()?;
        plan(checkout)
    };
    let pair = in_turns(runs, || first(&with), || first(&without))?;
    table.compare(&format!("{work}, first run"), pair, "plan without evidence", Budget::Ratio(1.15));
    Ok(())
}

/// What 1,000 commits needed: all of them looked at, and again when they have been.
fn history(table: &mut Table, runs: usize) -> io::Result<()> {
    let checkout = make(large_shape())?;
    let replay = || {
        timing::time(checkout.command(SHIPWRIGHT, &["history", "--since", "HEAD~1000", "--format", "json"]))
    };
    let names = ["log", "--first-parent", "-m", "--name-only", "--format=%H", "HEAD~1000.."];
    let log = || timing::time(checkout.git_command(&names));
    let first = || {
        checkout.remove_caches()?;
        replay()
    };
    let pair = in_turns(runs.min(3), first, log)?;
    let work = "history, 1,000 commits, 1,000 images, 100,000 files";
    table.compare(&format!("{work}, first run"), pair, "git log", Budget::Time(Duration::from_secs(60)));
    let pair = in_turns(runs.min(3), replay, log)?;
    table.compare(work, pair, "git log", Budget::Time(Duration::from_secs(3)));
    Ok(())
}

/// What an engine has a part in.
fn building(table: &mut Table, engine: &Engine, runs: usize) -> io::Result<()> {
    const IMAGES: usize = 50;
    let bake = format!("bake, {IMAGES} images");
    // Each build of everything gets a checkout whose content nobody has built.
    let unique = std::process::id();
    let mut round = 0;
    let mut fresh = || {
        round += 1;
        let seed = format!("round {round} of {unique}");
        let checkout = Checkout::make(Shape { images: IMAGES, files: IMAGES * 20, commits: 20, seed })?;
        engine.write_definition(&checkout)?;
        Ok::<_, io::Error>(checkout)
    };
    let rounds = runs.min(3);
    let ours: Vec<Checkout> = (0..rounds).map(|_| fresh()).collect::<io::Result<_>>()?;
    let theirs: Vec<Checkout> = (0..rounds).map(|_| fresh()).collect::<io::Result<_>>()?;
    let (mut our_next, mut their_next) = (ours.iter(), theirs.iter());
    let none = || io::Error::other("no checkout is left");
    let pair = in_turns(
        rounds,
        || timing::time(engine.shipwright(our_next.next().ok_or_else(none)?, &[])),
        || timing::time(engine.bake(their_next.next().ok_or_else(none)?)),
    )?;
    table.compare(&format!("building all of {IMAGES} images"), pair, &bake, Budget::Ratio(1.05));

    // The last ones built stand for the rest.
    let (Some(ours), Some(theirs)) = (ours.last(), theirs.last()) else { return Ok(()) };
    let pair =
        in_turns(runs, || timing::time(engine.shipwright(ours, &[])), || timing::time(engine.bake(theirs)))?;
    let budget = Budget::Time(Duration::from_millis(60));
    table.compare(&format!("nothing to do, {IMAGES} images"), pair, &bake, budget);

    let changed = AREA_CHAIN;
    let images = ours.shape.chain_of(changed).len();
    let (mut our_version, mut their_version) = (0, 0);
    let pair = in_turns(
        rounds,
        || {
            our_version += 1;
            ours.change(changed, our_version)?;
            timing::time(engine.shipwright(ours, &[]))
        },
        || {
            their_version += 1;
            theirs.change(changed, their_version)?;
            timing::time(engine.bake(theirs))
        },
    )?;
    table.compare(&format!("one change, {images} of {IMAGES} images"), pair, &bake, Budget::Ratio(1.05));
    Ok(())
}

/// A branch switch after which nothing has to be built, beside the bare calls that put as many tags.
fn switching(table: &mut Table, engine: &Engine, runs: usize) -> io::Result<()> {
    const IMAGES: usize = 200;
    const TAGS: usize = 3;
    let seed = format!("switch of {}", std::process::id());
    let checkout = make(Shape { images: IMAGES, files: IMAGES * 20, commits: 20, seed })?;
    timing::time(engine.shipwright(&checkout, &[]))?;
    let (mut ours, mut bare) = (0, 0);
    let pair = in_turns(
        runs,
        || {
            ours += 1;
            checkout.git(&["switch", "--quiet", "--create", &format!("branch{ours}")])?;
            timing::time(engine.shipwright(&checkout, &["--tag", &format!("a{ours},b{ours}")]))
        },
        || {
            bare += 1;
            engine.tag_bare((0..IMAGES).map(Shape::name), TAGS, bare)
        },
    )?;
    let work = format!("branch switch, {IMAGES} images with {TAGS} tags each");
    table.compare(&work, pair, "the tag calls alone", Budget::Ratio(1.2));
    Ok(())
}

/// The second of a chain of six.
const AREA_CHAIN: usize = 26;

fn make(shape: Shape) -> io::Result<Checkout> {
    let start = Instant::now();
    let checkout = Checkout::make(shape)?;
    let Shape { images, files, commits, .. } = checkout.shape;
    eprintln!(
        "made {images} images, {files} files, {commits} commits in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(checkout)
}
