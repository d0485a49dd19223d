//! The coordination of a run against a scripted worker, on a clock that does not wait.

mod builders;
mod scripted;
mod simulation;

use std::time::Duration;

use scripted::{Record, Script};
use tokio_util::sync::CancellationToken;

use super::superseded::Superseded;
use super::{BasePull, BuildFailure, Event, ImageOutcome, LockScope, Outcome, RunSummary, lock::TagLock};
use crate::diagnostic::Diagnostic;
use crate::limits;
use crate::plan::{Action, StepId};

fn failure(message: &str) -> BuildFailure {
    BuildFailure { line: Some(4), ..BuildFailure::new(message) }
}

fn pull(reference: &str, images: &[usize]) -> BasePull {
    BasePull { reference: reference.to_owned(), images: images.iter().copied().map(StepId).collect() }
}

fn summary_of(events: &[Event]) -> RunSummary {
    let mut summary = RunSummary::default();
    for event in events {
        summary.apply(event);
    }
    summary
}

fn set(texts: &[&str]) -> std::collections::BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn cancelled(record: &Record, image: usize) -> bool {
    record.outcome_of(image) == Some(&ImageOutcome::Cancelled)
}

fn seconds(record: &Record) -> u64 {
    record.elapsed.as_secs()
}

#[tokio::test(start_paused = true)]
async fn builds_run_side_by_side_and_start_when_their_dependencies_are_done() {
    let mut script = Script::builds(&[&[], &[], &[0], &[1, 2]]);
    script.seconds = [(0, 10), (1, 50), (2, 10), (3, 10)].into();
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Succeeded);
    assert_eq!(record.state.began, [(0, 0), (1, 0), (2, 10), (3, 50)].into());
    assert_eq!(seconds(&record), 60);
    assert!(matches!(record.events.first(), Some(Event::Started { builds: 4, .. })));
    let last = Event::Finished { outcome: Outcome::Succeeded, elapsed: Duration::from_secs(60) };
    assert_eq!(record.events.last(), Some(&last));
}

#[tokio::test(start_paused = true)]
async fn no_more_builds_than_jobs() {
    let mut script = Script::builds(&[&[] as &[usize]; 9]);
    script.options.jobs = 3;
    let record = script.run().await;
    assert_eq!((record.state.most_at_once, seconds(&record)), (3, 30));
}

#[tokio::test(start_paused = true)]
async fn moving_tags_move_after_everything_else_and_in_the_order_of_the_plan() {
    let record = Script::builds(&[&[], &[0], &[]]).run().await;
    assert_eq!(record.moved(), ["0:main", "0:latest", "1:main", "1:latest", "2:main", "2:latest"]);
    let is_move = |event: &Event| matches!(event, Event::Tagged { moves: true, .. });
    let first_move = record.position(is_move);
    let ends = |event: &Event| matches!(event, Event::ImageFinished { .. });
    assert!(record.events[first_move..].iter().all(|event| !ends(event)));
    // Immutable tags came with the builds: seen, but not asked for.
    let immutable = |event: &&Event| matches!(event, Event::Tagged { moves: false, .. });
    assert_eq!(record.events.iter().filter(immutable).count(), 6);
    assert_eq!(record.state.tagged.len(), 6);
    assert_eq!(summary_of(&record.events).built, [StepId(0), StepId(1), StepId(2)].into());
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_its_dependents_only_and_no_moving_tag_moves() {
    let mut script = Script::builds(&[&[], &[0], &[1], &[]]);
    script.build_fails = [(0, failure("rpc error: code = Unknown desc = failed to solve: boom"))].into();
    script.lines = [(0, 50)].into();
    script.seconds = [(3, 100)].into();
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    let Some(ImageOutcome::Failed { message, line, log, hint }) = record.outcome_of(0) else {
        panic!("image 0 failed");
    };
    assert_eq!((message.as_str(), *line, hint), ("boom", Some(4), &None));
    assert_eq!((log.len(), log.last().map(String::as_str)), (20, Some("the end")));
    // The whole chain names the image that failed, not the one between.
    assert_eq!(record.outcome_of(1), Some(&ImageOutcome::DependencyFailed { dependency: StepId(0) }));
    assert_eq!(record.outcome_of(2), Some(&ImageOutcome::DependencyFailed { dependency: StepId(0) }));
    assert_eq!(record.outcome_of(3), Some(&ImageOutcome::Built));
    assert!(record.state.tagged.is_empty());
    assert_eq!(seconds(&record), 100);
}

#[tokio::test(start_paused = true)]
async fn a_failing_step_that_an_update_names_gives_the_log() {
    let mut script = Script::builds(&[&[]]);
    script.build_fails = [(0, BuildFailure { step: Some(99), ..failure("boom") })].into();
    script.lines = [(0, 5)].into();
    let record = script.run().await;
    assert!(
        matches!(record.outcome_of(0), Some(ImageOutcome::Failed { log, .. }) if log.is_empty()),
        "step 99 printed nothing, and another step's lines would mislead",
    );
}

#[tokio::test(start_paused = true)]
async fn fail_fast_drops_what_runs() {
    let mut script = Script::builds(&[&[], &[0], &[], &[2]]);
    script.options.fail_fast = true;
    script.build_fails = [(0, failure("boom"))].into();
    script.seconds = [(0, 5), (2, 100)].into();
    let record = script.run().await;
    assert_eq!((record.outcome, seconds(&record)), (Outcome::Failed, 5));
    assert_eq!(record.state.dropped, [2].into());
    assert!(cancelled(&record, 2) && cancelled(&record, 3));
    assert_eq!(record.outcome_of(1), Some(&ImageOutcome::DependencyFailed { dependency: StepId(0) }));
    assert!(!record.events.contains(&Event::Interrupted));
    assert!(record.state.tagged.is_empty());
}

#[tokio::test(start_paused = true)]
async fn bases_are_pulled_once_while_other_builds_run() {
    let mut script = Script::builds(&[&[], &[], &[]]);
    script.pulls = vec![pull("busybox", &[0, 1]), pull("unneeded", &[])];
    script.pull_seconds = 7;
    let record = script.run().await;
    assert_eq!(record.state.pulled, ["busybox"]);
    assert_eq!(record.state.began, [(0, 7), (1, 7), (2, 0)].into());
}

#[tokio::test(start_paused = true)]
async fn a_base_that_cannot_be_pulled_fails_those_that_share_it() {
    let mut script = Script::builds(&[&[], &[], &[0], &[]]);
    script.pulls = vec![pull("busybox", &[0, 1])];
    script.pull_fails = set(&["busybox"]);
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    for image in [0, 1] {
        let Some(ImageOutcome::Failed { message, .. }) = record.outcome_of(image) else {
            panic!("image {image} failed");
        };
        assert_eq!(message, "cannot pull busybox: no route");
    }
    assert_eq!(record.outcome_of(2), Some(&ImageOutcome::DependencyFailed { dependency: StepId(0) }));
    assert_eq!(record.outcome_of(3), Some(&ImageOutcome::Built));
}

#[tokio::test(start_paused = true)]
async fn a_base_that_cannot_be_pulled_says_what_here_reads_like_it() {
    let mut script = Script::builds(&[&[], &[]]);
    script.pulls = vec![pull("acme/bsae:latest", &[0]), pull("busybox:latest", &[1])];
    script.pull_fails = set(&["acme/bsae:latest", "busybox:latest"]);
    let unbuilt = "acme/bsae is in this checkout's namespace, but no Dockerfile here builds it";
    script.diagnostics = vec![
        Diagnostic::note("acme/bsae is a note").hint("no"),
        Diagnostic::warning(unbuilt).hint("the closest are acme/base"),
    ];
    let record = script.run().await;
    let hint = |image| match record.outcome_of(image) {
        Some(ImageOutcome::Failed { hint, .. }) => hint.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((hint(0).as_deref(), hint(1)), (Some("the closest are acme/base"), None));
}

#[tokio::test(start_paused = true)]
async fn images_that_exist_get_what_they_lack_and_hold_nobody_up() {
    let mut script = Script::builds(&[&[], &[0], &[]]);
    script.actions = vec![Action::Tag, Action::Build, Action::None];
    script.tag_seconds = 20;
    script.in_place = set(&["2:3f9ac0d1e2b4", "2:main", "2:latest", "0:latest"]);
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Succeeded);
    assert_eq!(record.state.began, [(1, 0)].into(), "0 has its key, so 1 need not wait for its tags");
    // Nothing that is in place is asked for again.
    assert_eq!(record.state.tagged, ["0:3f9ac0d1e2b4", "0:main", "1:main", "1:latest"]);
    let summary = summary_of(&record.events);
    assert_eq!(
        (summary.tagged, summary.built, summary.reused),
        ([StepId(0)].into(), [StepId(1)].into(), [StepId(2)].into())
    );
}

#[tokio::test(start_paused = true)]
async fn with_everything_in_place_nothing_is_asked() {
    let mut script = Script::builds(&[&[], &[0]]);
    script.actions = vec![Action::None, Action::Blocked];
    script.in_place = set(&["0:3f9ac0d1e2b4", "0:main", "0:latest"]);
    let record = script.run().await;
    assert_eq!((record.outcome, record.state.surveys), (Outcome::Succeeded, 0));
    assert!(record.state.tagged.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_another_run_took_meanwhile_is_put_back_with_the_others() {
    let mut script = Script::builds(&[&[], &[]]);
    script.actions = vec![Action::None, Action::Build];
    script.in_place = set(&["0:3f9ac0d1e2b4", "0:main", "0:latest"]);
    script.stolen = set(&["0:latest"]);
    let record = script.run().await;
    assert_eq!(record.moved(), ["0:latest", "1:main", "1:latest"]);
}

#[tokio::test(start_paused = true)]
async fn an_immutable_tag_that_cannot_be_put_fails_its_image_alone() {
    let mut script = Script::builds(&[&[], &[0]]);
    script.actions = vec![Action::Tag, Action::Build];
    script.tag_fails = set(&["0:3f9ac0d1e2b4"]);
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    let Some(ImageOutcome::Failed { message, .. }) = record.outcome_of(0) else { panic!("0 failed") };
    assert_eq!(message, "cannot tag it acme/i0:3f9ac0d1e2b4: no space left");
    assert_eq!(record.outcome_of(1), Some(&ImageOutcome::Built));
    assert!(record.moved().is_empty());
}

#[tokio::test(start_paused = true)]
async fn fetched_images_come_before_their_dependents_and_get_their_tags() {
    let mut script = Script::builds(&[&[], &[0]]);
    script.actions = vec![Action::Pull, Action::Build];
    script.pull_seconds = 3;
    let record = script.clone().run().await;
    assert_eq!(record.state.began, [(1, 3)].into());
    assert_eq!(record.state.tagged[0], "0:3f9ac0d1e2b4");
    assert_eq!(record.moved().len(), 4);

    script.pull_fails = set(&["i0"]);
    let record = script.run().await;
    let Some(ImageOutcome::Failed { message, .. }) = record.outcome_of(0) else { panic!("0 failed") };
    assert!(message.starts_with("cannot pull acme/i0:src-") && message.ends_with("no route"), "{message}");
    assert_eq!(record.outcome_of(1), Some(&ImageOutcome::DependencyFailed { dependency: StepId(0) }));
}

#[tokio::test(start_paused = true)]
async fn blocked_images_and_their_dependents_are_left_out_and_the_rest_moves() {
    let mut script = Script::builds(&[&[], &[0], &[1], &[]]);
    script.actions[0] = Action::Blocked;
    script.pulls = vec![pull("busybox", &[1])];
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Succeeded);
    for image in 0..3 {
        assert_eq!(record.outcome_of(image), Some(&ImageOutcome::Blocked));
    }
    assert_eq!(record.moved(), ["3:main", "3:latest"]);
    assert!(record.state.pulled.is_empty(), "nobody needs that base");
    assert!(matches!(record.events.first(), Some(Event::Started { builds: 1, .. })));
}

#[tokio::test(start_paused = true)]
async fn held_tags_stay_and_the_run_has_failed() {
    let mut script = Script::builds(&[&[]]);
    script.options.hold_tags = Some("b/Dockerfile is not valid".to_owned());
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    assert_eq!(record.outcome_of(0), Some(&ImageOutcome::Built));
    assert!(record.moved().is_empty());
    let held = Event::TagsHeld { reason: "b/Dockerfile is not valid".to_owned() };
    assert!(record.events.contains(&held));
}

#[tokio::test(start_paused = true)]
async fn no_tag_moves_for_what_is_gone() {
    let script = Script { gone: Some("HEAD moved".to_owned()), ..Script::builds(&[&[]]) };
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    assert_eq!(record.outcome_of(0), Some(&ImageOutcome::Built));
    assert!(record.moved().is_empty());
    assert!(record.events.contains(&Event::TagsHeld { reason: "HEAD moved".to_owned() }));
}

/// Runs on one engine need not see each other's locks.
#[tokio::test(start_paused = true)]
async fn tags_that_another_run_takes_at_the_same_time_are_put_again() {
    let mut script = Script::builds(&[&[], &[]]);
    script.actions[1] = Action::Tag;
    script.in_place = set(&["1:main", "1:latest"]);
    script.taken = [(2, set(&["0:main", "1:main"])), (3, set(&["0:latest"]))].into();
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Succeeded);
    assert_eq!(record.moved(), ["0:main", "0:latest", "0:main", "1:main", "0:latest"]);
    let said = |event: &&Event| matches!(event, Event::Notice { text } if text.contains("at the same time"));
    assert_eq!(record.events.iter().filter(said).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn tags_that_another_run_takes_again_and_again_are_named() {
    let mut script = Script::builds(&[&[], &[]]);
    script.taken = (2..100).map(|survey| (survey, set(&["1:main"]))).collect();
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    assert_eq!(summary_of(&record.events).tags_failed, ["acme/i1:main"]);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_vanished_holds_all_tags() {
    let mut script = Script::builds(&[&[], &[]]);
    script.actions[0] = Action::Tag;
    script.vanish = [0].into();
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    assert!(record.moved().is_empty());
    let held =
        |event: &&Event| matches!(event, Event::TagsHeld { reason } if reason.contains("acme/i0:src-"));
    assert_eq!(record.events.iter().filter(held).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_moving_tag_that_fails_is_named_and_the_others_still_move() {
    let mut script = Script::builds(&[&[], &[]]);
    script.tag_fails = set(&["0:latest"]);
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    assert_eq!(record.moved(), ["0:main", "1:main", "1:latest"]);
    assert_eq!(summary_of(&record.events).tags_failed, ["acme/i0:latest"]);
}

#[tokio::test(start_paused = true)]
async fn what_superseded_images_hold_is_said_when_it_is_much_and_something_was_built() {
    let said = async |action: Action, bytes: u64| {
        let mut script = Script::builds(&[&[]]);
        script.actions[0] = action;
        script.superseded = Superseded { references: vec!["acme/i0:src-old".to_owned()], bytes };
        let record = script.run().await;
        assert_eq!(record.outcome, Outcome::Succeeded);
        record.events.iter().any(|event| matches!(event, Event::Superseded { .. }))
    };
    assert!(said(Action::Build, limits::SUPERSEDED).await);
    assert!(!said(Action::Build, limits::SUPERSEDED - 1).await);
    assert!(!said(Action::Tag, limits::SUPERSEDED).await);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_stops_builds_at_once_and_moves_nothing() {
    let mut script = Script::builds(&[&[], &[], &[0]]);
    script.seconds = [(0, 5), (1, 100), (2, 100)].into();
    let record = script.interrupted_after(20.0).await;
    assert_eq!(record.outcome, Outcome::Interrupted);
    assert!(record.elapsed < Duration::from_secs(21));
    assert_eq!(record.outcome_of(0), Some(&ImageOutcome::Built));
    assert!(cancelled(&record, 1) && cancelled(&record, 2));
    assert_eq!(record.state.dropped, [1, 2].into());
    assert!(record.state.tagged.is_empty());
    let said = record.position(|event| *event == Event::Interrupted);
    let first_cancelled = record
        .position(|event| matches!(event, Event::ImageFinished { outcome: ImageOutcome::Cancelled, .. }));
    assert!(said < first_cancelled);
    let ran_for: Vec<_> = record
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ImageFinished { image: StepId(2), elapsed, .. } => Some(elapsed.as_secs()),
            _ => None,
        })
        .collect();
    assert_eq!(ran_for, [15]);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_before_the_beginning_starts_nothing() {
    let token = CancellationToken::new();
    token.cancel();
    let record = Script::builds(&[&[]]).run_until(token).await;
    assert_eq!(record.outcome, Outcome::Interrupted);
    assert!(record.state.began.is_empty());
    assert!(cancelled(&record, 0));
}

/// Builds that end in the very moment of the interruption: each image ends once, and all are accounted for.
#[tokio::test(start_paused = true)]
async fn an_interruption_at_the_end_of_builds_counts_every_image_once() {
    for wait in [9.998, 9.999, 10.0, 10.001] {
        let mut script = Script::builds(&[&[] as &[usize]; 30]);
        script.options.jobs = 30;
        let record = script.interrupted_after(wait).await;
        let summary = summary_of(&record.events);
        assert_eq!(summary.images(), 30);
        for image in 0..30 {
            assert!(record.outcome_of(image).is_some());
        }
        let is_cut = record.events.contains(&Event::Interrupted);
        assert_eq!(record.moved().is_empty(), is_cut);
        assert!(!is_cut || record.outcome == Outcome::Interrupted);
    }
}

/// The same on several threads and the real clock: whenever the interruption comes, the account is complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_interruption_at_any_time_counts_every_image_once() {
    for round in 0..40_u32 {
        let mut script = Script::builds(&[&[], &[0], &[0], &[1, 2], &[], &[4], &[4], &[5, 6], &[7]]);
        script.seconds = (0..9).map(|image| (image, 0)).collect();
        script.lines = (0..9).map(|image| (image, 40)).collect();
        script.pulls = vec![pull("busybox", &[0, 4])];
        let record = script.interrupted_after(f64::from(round) * 0.0002).await;
        assert_eq!(summary_of(&record.events).images(), 9);
        for image in 0..9 {
            assert!(record.outcome_of(image).is_some());
        }
        let is_cut = record.events.contains(&Event::Interrupted);
        assert_eq!(record.moved().len(), if is_cut { 0 } else { 18 });
        assert!(!is_cut || record.outcome == Outcome::Interrupted);
        assert!(
            matches!(record.events.last(), Some(Event::Finished { outcome, .. }) if *outcome == record.outcome)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_interruption_in_the_last_moment_before_the_tags_moves_nothing() {
    let token = CancellationToken::new();
    let mut script = Script::builds(&[&[]]);
    script.interrupted_by_survey = Some(token.clone());
    let record = script.run_until(token).await;
    assert_eq!(record.outcome, Outcome::Interrupted);
    assert!(record.moved().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_built_again_takes_over_the_tags_of_the_one_before() {
    let mut script = Script::builds(&[&[]]);
    script.in_place = set(&["0:main", "0:latest"]);
    let record = script.run().await;
    assert_eq!(record.moved(), ["0:main", "0:latest"]);
}

#[tokio::test(start_paused = true)]
async fn a_pull_that_is_interrupted_has_an_end() {
    let mut script = Script::builds(&[&[], &[]]);
    script.actions[1] = Action::Pull;
    script.pulls = vec![pull("busybox", &[0])];
    script.pull_seconds = 100;
    let record = script.interrupted_after(5.0).await;
    let ends = |event: &&Event| matches!(event, Event::PullFinished { error: Some(_), .. });
    assert_eq!(record.events.iter().filter(ends).count(), 2);
    assert!(cancelled(&record, 0) && cancelled(&record, 1));
}

#[tokio::test(start_paused = true)]
async fn an_interruption_while_tags_move_lets_them_finish() {
    let mut script = Script::builds(&[&[], &[], &[]]);
    script.tag_seconds = 10;
    // Builds end at 10 seconds; six tags, four at a time, end at 30.
    let record = script.interrupted_after(15.0).await;
    assert_eq!(record.outcome, Outcome::Interrupted);
    assert!(
        matches!(record.events.last(), Some(Event::Finished { outcome: Outcome::Interrupted, .. })),
        "the last event says what the exit code says"
    );
    assert_eq!((record.moved().len(), seconds(&record)), (6, 30));
    assert!(!record.events.contains(&Event::Interrupted));
    let notices = record.events.iter().filter(|event| matches!(event, Event::Notice { .. })).count();
    assert_eq!(notices, 1);
}

#[tokio::test(start_paused = true)]
async fn tags_wait_for_the_lock_and_an_interruption_ends_the_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let scope = LockScope {
        folder: folder.path().to_owned(),
        engine: "engine".to_owned(),
        namespace: "acme".to_owned(),
    };
    let mut script = Script::builds(&[&[]]);
    script.options.lock = Some(scope.clone());
    let held = TagLock::try_acquire(&scope).expect("works").expect("free");

    let record = script.clone().interrupted_after(60.0).await;
    assert_eq!(record.outcome, Outcome::Interrupted);
    assert!(record.moved().is_empty());
    assert_eq!(record.outcome_of(0), Some(&ImageOutcome::Built));
    assert!(record.events.contains(&Event::Interrupted));

    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(held);
    });
    let record = script.run().await;
    // Not exactly 30: a process that another test forks holds the file open until it executes its program.
    assert_eq!(record.outcome, Outcome::Succeeded);
    assert!(seconds(&record) >= 30, "the tags did not wait");
    assert!(TagLock::try_acquire(&scope).expect("works").is_some(), "given back");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_cannot_be_taken_is_said_and_the_tags_move() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let mut script = Script::builds(&[&[]]);
    script.options.lock = Some(LockScope {
        folder: file.path().join("below"),
        engine: "engine".to_owned(),
        namespace: "acme".to_owned(),
    });
    let record = script.run().await;
    assert_eq!((record.outcome, record.moved().len()), (Outcome::Succeeded, 2));
    assert!(record.events.iter().any(|event| matches!(event, Event::Notice { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_cycle_ends_as_a_failure() {
    let record = Script::builds(&[&[1], &[0], &[]]).run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    assert!(matches!(record.outcome_of(0), Some(ImageOutcome::Failed { .. })));
    assert_eq!(record.outcome_of(2), Some(&ImageOutcome::Built));
    assert!(record.moved().is_empty());
}

/// A renderer that does not drain: the build waits for it instead of filling the memory, and Ctrl-C is heard.
#[tokio::test(start_paused = true)]
async fn a_renderer_that_hangs_slows_the_build_and_not_the_interruption() {
    let mut script = Script::builds(&[&[], &[0]]);
    script.lines = [(0, 100_000)].into();
    script.seconds = [(0, 0)].into();
    let stuck = script.run_stuck(Duration::from_secs(50)).await;
    assert_eq!(stuck.dropped, [0].into(), "dropped while the renderer still hung");
    assert!(stuck.lines_sent < 1000, "{} lines went into a channel that nobody reads", stuck.lines_sent);
}

/// Every line of a chatty build arrives, in order, before the image's end.
#[tokio::test(start_paused = true)]
async fn a_chatty_build_loses_nothing() {
    let mut script = Script::builds(&[&[]]);
    script.lines = [(0, 100_000)].into();
    let record = script.run().await;
    let lines: Vec<usize> = record
        .events
        .iter()
        .filter_map(|event| match event {
            Event::BuildLog { line, .. } => line.strip_prefix("line ").and_then(|number| number.parse().ok()),
            _ => None,
        })
        .collect();
    assert!(lines.iter().copied().eq(0..100_000));
    assert!(
        record.events.iter().any(|event| matches!(event, Event::BuildLog { line, .. } if line == "the end"))
    );
    // The end of it, which was still on its way when the build was over, too.
    let last_line = record.events.iter().rposition(|event| matches!(event, Event::BuildLog { .. }));
    assert!(last_line < Some(record.position(|event| matches!(event, Event::ImageFinished { .. }))));
}

#[tokio::test(start_paused = true)]
async fn nobody_listening_is_no_reason_to_stop() {
    let mut script = Script::builds(&[&[], &[0]]);
    script.lines = [(0, 5000)].into();
    let state = script.run_unheard().await;
    assert_eq!(state.tagged.len(), 4);
}
