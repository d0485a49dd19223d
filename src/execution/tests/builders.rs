//! Several builders, some of which go.

use std::collections::BTreeMap;

use super::scripted::{Record, Script};
use crate::execution::{Event, ImageOutcome, Offer, Outcome};

fn offers(names: &[&str]) -> Vec<Offer> {
    names.iter().map(|name| Offer { name: (*name).to_owned(), ..Offer::default() }).collect()
}

/// Images that depend on nothing, or on the one before them.
fn script(images: usize, builders: &[&str], jobs: usize) -> Script {
    let mut script = Script::builds(&vec![&[] as &[usize]; images]);
    script.options.builders = offers(builders);
    script.options.jobs = jobs;
    script
}

fn notices(record: &Record) -> Vec<&str> {
    let notices = record.events.iter().filter_map(|event| match event {
        Event::Notice { text } => Some(text.as_str()),
        _ => None,
    });
    notices.collect()
}

fn shares(record: &Record) -> BTreeMap<usize, usize> {
    record.state.built_by.iter().fold(BTreeMap::new(), |mut shares, (_, builder)| {
        *shares.entry(*builder).or_default() += 1;
        shares
    })
}

#[tokio::test(start_paused = true)]
async fn all_builders_work_and_each_has_its_jobs() {
    let record = script(12, &["a", "b", "c"], 2).run().await;
    assert_eq!(record.outcome, Outcome::Succeeded);
    assert_eq!(record.state.most_at_once, 6);
    assert_eq!(shares(&record), [(0, 4), (1, 4), (2, 4)].into());
    assert_eq!(record.elapsed.as_secs(), 20);
    assert!(matches!(record.events[0], Event::Started { jobs: 6, .. }));
    let begun = |event: &&Event| matches!(event, Event::BuildStarted { builder: Some(_), .. });
    assert_eq!(record.events.iter().filter(begun).count(), 12, "it is said where");
}

#[tokio::test(start_paused = true)]
async fn one_builder_needs_no_name() {
    let record = script(2, &["a"], 2).run().await;
    let begun = |event: &&Event| matches!(event, Event::BuildStarted { builder: None, .. });
    assert_eq!(record.events.iter().filter(begun).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn images_of_a_builder_that_goes_are_built_by_the_others() {
    let mut script = script(8, &["a", "b"], 2);
    script.builders_go = [(0, 5)].into();
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Succeeded);
    assert_eq!(notices(&record), ["the builder a is lost: connection reset"], "once");
    let again: Vec<_> = record.state.built_by.iter().filter(|(_, builder)| *builder == 0).collect();
    assert_eq!(again.len(), 2, "it gets nothing more: {:?}", record.state.built_by);
    for image in 0..8 {
        assert_eq!(record.outcome_of(image), Some(&ImageOutcome::Built), "{image}");
    }
    assert_eq!(record.elapsed.as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn without_builders_everything_fails_with_their_reasons_and_no_tag_moves() {
    let mut script = Script::builds(&[&[], &[], &[0]]);
    script.options.builders = offers(&["a", "b"]);
    script.builders_go = [(0, 5), (1, 7)].into();
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Failed);
    for image in [0, 1] {
        let Some(ImageOutcome::Failed { message, hint: Some(_), .. }) = record.outcome_of(image) else {
            panic!("{:?}", record.outcome_of(image));
        };
        assert_eq!(message, "no builder is left (a: connection reset; b: connection reset)");
    }
    assert!(matches!(record.outcome_of(2), Some(ImageOutcome::DependencyFailed { .. })));
    assert!(record.state.tagged.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_takes_its_builders_with_it_does_not_get_them_all() {
    let mut script = script(1, &["a", "b", "c", "d", "e", "f"], 1);
    script.builders_go = (0..6).map(|builder| (builder, 0)).collect();
    let record = script.run().await;
    let Some(ImageOutcome::Failed { message, .. }) = record.outcome_of(0) else { panic!("it fails") };
    assert!(message.contains("were lost with it"), "{message}");
    assert_eq!(record.state.built_by.len(), 4, "two are left");
}

#[tokio::test(start_paused = true)]
async fn platforms_wait_for_their_builder() {
    let mut script = script(4, &["a", "b"], 1);
    script.platform = "linux/amd64".parse().ok();
    let platform = |text: &str| vec![text.parse().expect("a platform")];
    script.options.builders[0].native = platform("linux/amd64");
    script.options.builders[1].native = platform("linux/arm64");
    script.options.builders[1].emulated = platform("linux/amd64");
    let record = script.run().await;
    assert_eq!(record.outcome, Outcome::Succeeded);
    assert_eq!(shares(&record), [(0, 4)].into(), "nothing is emulated meanwhile");
}
