//! Runs under attack, on a real engine, through the real binary: ended at any moment, with git at work in the
//! checkout, beside runs of other users, over a connection that breaks. After each attack the engine holds
//! nothing stale and nothing mixed, exit code 0 is true, and the next run repairs.
//!
//! Choices come from a seed; moments are as exact as the machine allows. `SHIPWRIGHT_ATTACK_ROUNDS` and
//! `SHIPWRIGHT_ATTACK_SEED` ask for more than fits into each change's tests: `.ci/soak 110 attacks`.

mod attacks;
mod support;

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use attacks::kills::{Blow, Moment, Running};
use attacks::proxy::{Fault, Proxy};
use attacks::races::{self, Action, Switching};
use attacks::rounds;
use attacks::states::{self, Judge};
use support::{Engine, Run};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

/// Asserts what holds after any attack, and gives nothing away about what is not the run's fault.
#[track_caller]
fn is_sound(judge: &mut Judge, half_way: bool, context: &str, said: &str) {
    let faults = judge.faults(half_way);
    assert!(faults.is_empty(), "{context}\n{}\n{said}", faults.join("\n"));
    assert!(!said.contains("panicked"), "{context}\n{said}");
}

#[test]
fn a_run_that_ends_at_any_moment_leaves_nothing_wrong_and_the_next_completes_it() {
    let engine = engine!();
    let checkout = states::checkout();
    let tags: String = (0..12).map(|at| format!("edge-{at}")).collect::<Vec<_>>().join(",");
    let mut judge = Judge::new(&engine, &checkout, &["--tag", &tags]);
    let first = judge.look("first");
    let start = Instant::now();
    let whole = Running::start(judge.command()).end(0);
    assert_eq!(whole.code, Some(0), "{}", whole.said);
    let time = usize::try_from(start.elapsed().as_millis()).expect("a short time");
    judge.repair(&first);
    let (rounds, mut random) = rounds(6);
    for round in 0..rounds {
        // With builds or with tags alone.
        let builds = random.percent(60);
        if builds {
            states::stamp(&checkout, &format!("round {round}"));
        } else {
            checkout.git(&["switch", "--quiet", "--create", &format!("round-{round}")]);
        }
        checkout.commit(&format!("round {round}"));
        let state = judge.look(&format!("round {round}"));
        let moment = if random.percent(70) {
            Moment::Events(random.within(0, if builds { whole.events } else { 60 }))
        } else {
            Moment::Time(Duration::from_millis(random.within(1, time) as u64))
        };
        let blow = Blow::random(&mut random);
        let ended = Running::start(judge.command()).attack(moment, blow);
        let context = format!("round {round}: {blow:?} at {moment:?}, ended with {:?}", ended.code);
        assert!(blow.allows(ended.code), "{context}\n{}", ended.said);
        is_sound(&mut judge, blow.is_rude(), &context, &ended.said);
        if ended.code == Some(0) {
            judge.is_done(std::slice::from_ref(&state)).unwrap_or_else(|error| panic!("{context}\n{error}"));
        }
        judge.repair(&state);
    }
}

#[test]
fn git_at_work_while_a_run_starts_mixes_nothing() {
    let engine = engine!();
    let checkout = races::checkout();
    let mut judge = Judge::new(&engine, &checkout, &[]);
    let state = judge.look("main");
    judge.repair(&state);
    let start = Instant::now();
    assert_eq!(Running::start(judge.command()).end(0).code, Some(0));
    // A run that has nothing to do: as long as it takes to plan and to look at the tags.
    let time = usize::try_from(start.elapsed().as_millis()).expect("a short time");
    let (rounds, mut random) = rounds(7);
    for round in 0..rounds {
        let action = Action::prepare(&mut random, &checkout, round);
        let before = judge.look(&format!("before round {round}"));
        let heads = states::heads(&checkout).len();
        let git_first = random.percent(25);
        let delay = Duration::from_millis(random.below(if git_first { 12 } else { time }) as u64);
        let running = if git_first {
            std::thread::scope(|scope| {
                scope.spawn(|| action.act(&checkout));
                sleep(delay);
                Running::start(judge.command())
            })
        } else {
            let running = Running::start(judge.command());
            sleep(delay);
            action.act(&checkout);
            running
        };
        let ended = running.end(0);
        let context = format!("round {round}: {} after {delay:?} (git first: {git_first})", action.what);
        let after = judge.look(&format!("after round {round}"));
        let passed = judge.look_back(heads);
        is_sound(&mut judge, false, &context, &ended.said);
        match ended.code {
            Some(0) => judge
                .is_done(&[vec![before, after.clone()], passed].concat())
                .unwrap_or_else(|error| panic!("{context}\n{error}\n{}", ended.said)),
            code => assert!(matches!(code, Some(1 | 2)), "{context}: {code:?}\n{}", ended.said),
        }
        judge.repair(&after);
    }
}

#[test]
fn a_checkout_that_is_switched_all_the_time_gives_one_branch_or_an_error() {
    let engine = engine!();
    let checkout = races::checkout();
    let mut judge = Judge::new(&engine, &checkout, &[]);
    let mut states = Vec::new();
    for branch in ["feature", "main"] {
        checkout.git(&["switch", "--quiet", branch]);
        states.push(judge.look(branch));
        judge.repair(&states[states.len() - 1]);
    }
    let switching = Switching::start(&checkout);
    let (rounds, mut random) = rounds(4);
    for round in 0..rounds {
        sleep(Duration::from_millis(random.below(120) as u64));
        let ended = Running::start(judge.command()).end(0);
        is_sound(&mut judge, false, &format!("round {round}"), &ended.said);
        assert!(matches!(ended.code, Some(0..=2)), "{ended:?}");
    }
    switching.end(&checkout);
    let state = judge.look("main");
    judge.repair(&state);
}

/// Two users with homes of their own, or two containers of a CI system, on one engine: the last to move a tag
/// moves all of it.
#[test]
fn runs_of_two_users_on_one_engine_leave_no_tag_that_is_of_both() {
    let engine = engine!();
    let checkout = races::checkout();
    let tags: String = (0..20).map(|at| format!("edge-{at}")).collect::<Vec<_>>().join(",");
    let mut judge = Judge::new(&engine, &checkout, &["--tag", &tags]);
    let worktree = checkout.beside("worktree");
    let path = worktree.to_string_lossy().into_owned();
    checkout.git(&["worktree", "add", "--quiet", &path, "feature"]);
    let states = [judge.look("main"), judge.look_in(&worktree, "feature")];
    let homes = ["here", "there"].map(|name| checkout.beside(&format!("home-{name}")));
    let (rounds, mut random) = rounds(2);
    for round in 0..rounds {
        // Both have all of them to move.
        judge.forget_tags("edge-");
        let folders = [&checkout.root, &worktree];
        let runs: Vec<_> = (0..2)
            .map(|at| {
                sleep(Duration::from_millis(random.below(40) as u64));
                let mut command = judge.command();
                command.current_dir(folders[at]).env("HOME", &homes[at]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs")
            })
            .collect();
        let ended: Vec<Run> =
            runs.into_iter().map(|run| Run::of(&run.wait_with_output().expect("it ends"))).collect();
        let said = format!("{ended:#?}");
        let all_done = ended.iter().all(|run| run.code == 0);
        // One may say that the other was in its way.
        is_sound(&mut judge, !all_done, &format!("round {round}"), &said);
        if all_done {
            judge.is_done(&states).unwrap_or_else(|error| panic!("round {round}: {error}\n{said}"));
            continue;
        }
        for (folder, home) in folders.into_iter().zip(&homes) {
            let mut command = judge.command();
            command.current_dir(folder).env("HOME", home);
            Run::of(&command.output().expect("the command runs")).exits(0);
        }
        is_sound(&mut judge, false, &format!("round {round}, each once more"), &said);
    }
}

#[test]
fn whatever_breaks_between_a_run_and_its_engine_nothing_is_wrong_and_the_next_run_completes_it() {
    let engine = engine!();
    let checkout = states::checkout();
    let mut judge = Judge::new(&engine, &checkout, &["--tag", "edge"]);
    let first = judge.look("first");
    let proxy = Proxy::start(engine.host());
    let through = |judge: &Judge| {
        let mut command = judge.command();
        command.env("DOCKER_HOST", proxy.host());
        Running::start(command).end(0)
    };
    let whole = through(&judge);
    assert_eq!(whole.code, Some(0), "{}", whole.said);
    let traffic = proxy.traffic();
    judge.repair(&first);
    let (rounds, mut random) = rounds(5);
    for round in 0..rounds {
        states::stamp(&checkout, &format!("round {round}"));
        checkout.commit(&format!("round {round}"));
        let state = judge.look(&format!("round {round}"));
        let fault = Fault::random(&mut random, &traffic);
        proxy.break_with(fault);
        let ended = through(&judge);
        proxy.heal();
        let context = format!("round {round}: {fault:?}, ended with {:?}", ended.code);
        assert!(matches!(ended.code, Some(0..=4)), "{context}\n{}", ended.said);
        is_sound(&mut judge, ended.code != Some(0), &context, &ended.said);
        if ended.code == Some(0) {
            judge.is_done(std::slice::from_ref(&state)).unwrap_or_else(|error| panic!("{context}\n{error}"));
        }
        judge.repair(&state);
    }
}
