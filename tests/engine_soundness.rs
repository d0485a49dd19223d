//! The promises on random checkouts: never stale, never wasteful. See docs/testing.md.

mod soundness;
mod support;

use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime};

use soundness::docker::Docker;
use soundness::life::{Counts, Life};
use soundness::{disturbance, elsewhere, history};
use support::{Engine, Share};

/// Steps of a life where nothing else is said.
const STEPS: usize = 9;

/// After so many failures a soak ends: it has said enough.
const FAILURES: usize = 50;

/// Lives through one seed; an error tells how to do it again.
fn live(seed: u64, steps: usize, counts: &mut Counts) -> Result<(), String> {
    let Some(mut engine) = Engine::start() else { return Ok(()) };
    engine.namespace = format!("swt-sound-{}-{seed}", std::process::id());
    let docker = Docker::new(engine.host());
    let mut life = Life::new(seed, engine, docker);
    let mut story = String::new();
    let mut lived = Ok(());
    for step in 0..=steps {
        if step > 0 {
            for _ in 0..life.random.within(1, 4) {
                let change = history::change(&mut life);
                writeln!(story, "  {step}: {change}").expect("memory");
            }
            life.track();
        }
        lived = step_of(&mut life, &mut |what| writeln!(story, "  {step}: {what}").expect("memory"));
        if let Err(error) = &lived {
            let again = format!("SHIPWRIGHT_SOUNDNESS_SEED={seed} SHIPWRIGHT_SOUNDNESS_STEPS={steps}");
            lived = Err(format!(
                "seed {seed}, step {step}: {error}\nhistory:\n{story}again: {again} cargo test --test engine_soundness one_seed"
            ));
            break;
        }
    }
    counts.steps += life.counts.steps;
    counts.images += life.counts.images;
    counts.built += life.counts.built;
    counts.neither += life.counts.neither;
    counts.attacks += life.counts.attacks;
    if lived.is_err() && std::env::var_os("SHIPWRIGHT_SOUNDNESS_KEEP").is_some() {
        std::mem::forget(life);
    }
    lived
}

/// One run and its comparison, and perhaps another one elsewhere.
fn step_of(life: &mut Life, tell: &mut dyn FnMut(String)) -> Result<(), String> {
    if life.random.percent(25) {
        let (what, judged) = disturbance::disturb(life);
        tell(what);
        judged?;
    }
    let mut options = Vec::new();
    if life.random.percent(15) {
        options.push(format!("--build-arg=EXTRA={}", life.random.below(3)));
    }
    if life.random.percent(60) && life.current().iter().any(|(_, spec)| spec.takes_base()) {
        let bases = life.bases();
        options.push(format!("--build-arg=BASE={}", life.random.pick(&bases)));
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    tell(format!("run {}", options.join(" ")));
    life.check(&life.root(), &options)?;
    let Some((place, checked)) = elsewhere::check(life) else { return Ok(()) };
    tell(format!("run in {place}"));
    checked
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

#[expect(clippy::print_stderr, reason = "figures are what a soak is for")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Lives through those of these seeds that are this engine's.
fn lives(seeds: impl Iterator<Item = u64>) {
    let mut counts = Counts::default();
    let share = Share::of_this_engine();
    for seed in seeds.filter(|seed| share.has(usize::from(seed % 2 == 1))) {
        if let Err(error) = live(seed, STEPS, &mut counts) {
            panic!("{error}");
        }
    }
    say(&counts.to_string());
}

#[test]
fn random_checkouts_stay_sound() {
    lives(1..=2);
}

#[test]
fn more_random_checkouts_stay_sound() {
    lives(101..=102);
}

/// The seed that `SHIPWRIGHT_SOUNDNESS_SEED` names.
#[test]
fn one_seed() {
    let Some(seed) = number("SHIPWRIGHT_SOUNDNESS_SEED") else { return };
    let steps = number("SHIPWRIGHT_SOUNDNESS_STEPS").and_then(|steps| usize::try_from(steps).ok());
    let mut counts = Counts::default();
    let lived = live(seed, steps.unwrap_or(STEPS), &mut counts);
    say(&counts.to_string());
    lived.unwrap_or_else(|error| panic!("{error}"));
}

/// New seeds until the time is over (`SHIPWRIGHT_SOUNDNESS_MINUTES`) or so many steps are compared
/// (`SHIPWRIGHT_SOUNDNESS_STEPS`); goes on after a failure, and fails at the end.
#[test]
#[ignore = "it takes as long as it is given: .ci/soak"]
fn soak() {
    if Engine::start().is_none() {
        return;
    }
    let steps = number("SHIPWRIGHT_SOUNDNESS_STEPS").and_then(|steps| usize::try_from(steps).ok());
    let minutes = number("SHIPWRIGHT_SOUNDNESS_MINUTES").unwrap_or(60);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    let first = number("SHIPWRIGHT_SOUNDNESS_SEED").unwrap_or(now.as_secs());
    let start = Instant::now();
    let mut failures = Vec::new();
    let mut counts = Counts::default();
    let mut seeds = first..;
    let goes_on = |counts: &Counts| match steps {
        Some(steps) => counts.steps < steps,
        None => start.elapsed() < Duration::from_secs(minutes * 60),
    };
    while goes_on(&counts) && failures.len() < FAILURES {
        let seed = seeds.next().expect("there is always another");
        if let Err(error) = live(seed, 2 * STEPS, &mut counts) {
            say(&error);
            failures.push(seed);
        }
        say(&format!("seed {seed}: {counts}, {} failed, {}", failures.len(), time(start.elapsed())));
    }
    let lives = seeds.next().expect("there is always another") - first;
    say(&format!(
        "soak: {counts}, in {lives} checkouts, {}; {} failed",
        time(start.elapsed()),
        failures.len()
    ));
    assert!(failures.is_empty(), "seeds that failed: {failures:?}");
}

fn time(elapsed: Duration) -> String {
    let minutes = elapsed.as_secs() / 60;
    format!("{minutes} min {} s", elapsed.as_secs() % 60)
}
