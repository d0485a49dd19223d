//! What enters a key is what is meant, not how it is spelled; and what means something else enters otherwise.

mod spellings;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shipwright::internals::Platform;
use shipwright::internals::{Evaluation, Scope, Trigger, evaluate, parse};
use spellings::{DIFFERENT, SAME};

fn read(source: &str, triggers: &[(usize, &str)], unseen_triggers: bool) -> Evaluation {
    let platform: Platform = "linux/amd64".parse().expect("a platform");
    let carried: Vec<(usize, Trigger)> = triggers
        .iter()
        .map(|(stage, text)| (*stage, Trigger { text: (*text).to_owned(), line: 1 }))
        .collect();
    let inherited = carried.iter().map(|(stage, trigger)| (*stage, std::slice::from_ref(trigger))).collect();
    evaluate(
        &parse(source.as_bytes()),
        &Scope {
            build_args: &BTreeMap::new(),
            target: None,
            target_platform: &platform,
            build_platform: &platform,
            inherited: &inherited,
            unseen_triggers,
            contexts: &BTreeMap::new(),
        },
    )
}

/// What of a Dockerfile's own text enters the key.
fn material(source: &str) -> (Vec<String>, BTreeSet<String>) {
    let read = read(source, &[], false);
    let lines = read.logical_lines.into_iter().map(|line| line.text).collect();
    let bases = read.references.into_iter().filter_map(|used| Some(used.reference?.explicit()));
    (lines, bases.collect())
}

#[test]
fn what_means_the_same_is_the_same() {
    for texts in SAME {
        let first = material(texts[0]);
        for text in &texts[1..] {
            assert_eq!(material(text), first, "{text}");
        }
    }
}

#[test]
fn what_means_something_else_is_something_else() {
    for texts in DIFFERENT {
        for (at, text) in texts.iter().enumerate() {
            for other in &texts[..at] {
                assert_ne!(material(text), material(other), "{text}\n{other}");
            }
        }
    }
}

#[test]
fn names_stay_where_a_trigger_of_a_base_may_name_them() {
    let texts =
        ["FROM busybox AS a\nFROM acme/base\nRUN true\n", "FROM busybox AS b\nFROM acme/base\nRUN true\n"];
    let lines = |text: &str, trigger: &str| {
        read(text, &[(1, trigger)], false).logical_lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
    };
    // The stage is needed because the trigger takes from it.
    for trigger in ["COPY --from=a /x /", "COPY --from=0 /x /", "RUN --mount=from=a,target=/m true"] {
        assert_ne!(lines(texts[0], trigger), lines(texts[1], trigger), "{trigger}");
    }
    assert_eq!(lines(texts[0], "RUN true"), lines(texts[1], "RUN true"));
}

/// A base's triggers may name any stage, or count them. Where they may take something (`whole_context`), all stages are
/// needed, and stay as they are called; elsewhere such a base stops the build.
#[test]
fn all_stages_count_as_they_are_where_unseen_triggers_may_take_from_them() {
    let lines = |text: &str, unseen: bool| {
        let read = read(text, &[], unseen);
        assert_eq!(read.unseen_triggers, unseen && !text.contains("FROM scratch\nCOPY"));
        read.logical_lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
    };
    let same = [
        "FROM busybox AS a\nFROM vendor/base\nRUN true\n",
        "FROM busybox AS b\nFROM vendor/base\nRUN true\n",
        "FROM busybox:1 AS a\nFROM vendor/base\nRUN true\n",
        "FROM scratch AS z\nFROM busybox AS a\nFROM vendor/base\nRUN true\n",
        "FROM vendor/base\nRUN true\n",
    ];
    for (at, text) in same.iter().enumerate() {
        for other in &same[..at] {
            assert_eq!(lines(text, false), lines(other, false), "{text}\n{other}");
            assert_ne!(lines(text, true), lines(other, true), "{text}\n{other}");
        }
    }
    // No image, no triggers.
    let known = ["FROM busybox AS x\nFROM scratch\nCOPY a /\n", "FROM scratch\nCOPY a /\n"];
    assert_eq!(lines(known[0], true), lines(known[1], true));
}

#[test]
fn values_of_arguments_that_nothing_reads_do_not_count() {
    let unread = |text: &str| read(text, &[], false).unread_args.into_iter().collect::<Vec<_>>().join(",");
    assert_eq!(unread("FROM busybox\nARG A\nARG B=1\nCOPY a /\n"), "A,B");
    assert_eq!(unread("FROM busybox\nARG A\nRUN true\nARG B\n"), "B");
    assert_eq!(unread("ARG A\nFROM busybox:$A\nARG A\nCOPY a /\n"), "", "it is read in front of FROM");
    assert_eq!(unread("FROM busybox\nARG TARGETARCH\nARG HTTP_PROXY\nARG BUILDKIT_INLINE_CACHE\n"), "");
}

/// A file of stages that take from each other, with names of the caller's choice.
fn stages(uses: &[(usize, u8)], names: &[String]) -> String {
    let mut text = String::new();
    for (at, (from, how)) in uses.iter().enumerate() {
        let base = &names[from % (at + 1).max(1)];
        let (base, from) =
            (if at == 0 { "busybox" } else { "busybox:1" }, if at == 0 { None } else { Some(base) });
        text.push_str(&match (how % 3, from) {
            (0, Some(name)) => format!("FROM {name} AS {}\nENV N={at}\n", names[at]),
            (1, Some(name)) => format!("FROM {base} AS {}\nCOPY --from={name} /a /b{at}\n", names[at]),
            (2, Some(name)) => {
                format!("FROM {base} AS {}\nRUN --mount=from={name},target=/m echo {at}\n", names[at])
            }
            _ => format!("FROM {base} AS {}\nRUN echo {at}\n", names[at]),
        });
    }
    text
}

proptest! {
    #[test]
    fn names_of_stages_are_only_names(
        uses in prop::collection::vec((0usize..9, any::<u8>()), 1..8),
        order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        // Stage 0 takes from nothing, and a stage from earlier ones alone.
        let uses: Vec<(usize, u8)> =
            uses.iter().enumerate().map(|(at, (from, how))| (from % at.max(1), *how)).collect();
        let plain: Vec<String> = (0..8).map(|at| format!("stage-{at}")).collect();
        let others: Vec<String> = order.iter().map(|at| format!("x{at}.y_z")).collect();
        prop_assert_eq!(material(&stages(&uses, &plain)), material(&stages(&uses, &others)));
        // The same names on other stages mean other stages, as soon as one is taken from.
        let swapped: Vec<String> = order.iter().map(|at| plain[*at].clone()).collect();
        prop_assert_eq!(material(&stages(&uses, &plain)), material(&stages(&uses, &swapped)));
    }
}
