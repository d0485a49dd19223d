use proptest::prelude::*;
use snapbox::{IntoData as _, assert_data_eq, str};

use super::*;
use crate::execution::{Event, ImageOutcome};
use crate::graph::DependencyKind;
use crate::plan::{Dependency, Plan};
use crate::report::roster::Roster;
use crate::report::testing::run::{failing_run, failure, finished, good_run, over, seconds};
use crate::report::testing::{ascii, colored, narrow, piped, plan, shop, step, visible};

const DOCKERFILE: &str = "FROM busybox\nCOPY . /src\nRUN cd /src && \\\n    # build it\n    make\nCMD x\n";

fn sum_up(plan: &Plan, view: &View, events: &[Event], positions: &[TagPosition]) -> String {
    let mut record = Record::new(Roster::new(plan));
    for event in events {
        record.event(event);
    }
    let sources = |path: &crate::path::TreePath| {
        (path.as_bytes() == b"shared/Dockerfile").then(|| DOCKERFILE.as_bytes().to_vec())
    };
    summary(&record, view, &sources, positions)
}

#[test]
fn a_good_run() {
    assert_data_eq!(
        sum_up(&shop(), &piped(), &good_run(), &[]),
        str![[r#"
4 images: 2 built, 2 tagged, 6.1 s

"#]]
    );
    assert_data_eq!(
        visible(&sum_up(&shop(), &colored(), &good_run(), &[])),
        str![[r#"
4 images: ␛[32m2 built␛[0m, ␛[32m2 tagged␛[0m, 6.1 s

"#]]
    );
}

#[test]
fn a_long_run_names_the_chain_that_took_longest() {
    let mut events = good_run();
    events.pop();
    events.push(over(Outcome::Succeeded, 61.0));
    let mut plan = shop();
    plan.steps[2].dependencies.push(Dependency {
        image: "acme/shared".to_owned(),
        step: Some(StepId(1)),
        kind: DependencyKind::From,
        line: Some(1),
        is_inferred: false,
    });
    assert_data_eq!(
        sum_up(&plan, &piped(), &events, &[]),
        str![[r#"
slowest chain: acme/shared 3.9 s → acme/service1 2.0 s, 6.0 s together
4 images: 2 built, 2 tagged, 1 min 01 s

"#]]
    );
    let verbose = View { verbose: true, ..ascii() };
    let shown = sum_up(&plan, &verbose, &good_run(), &[]);
    assert!(shown.starts_with("slowest chain: acme/shared 3.9 s -> acme/service1"), "{shown}");
}

#[test]
fn superseded_images_are_counted_with_what_removes_them() {
    let run = |count: usize| {
        let references = (1..=count).map(|at| format!("acme/api:src-{at}")).collect();
        let mut events = good_run();
        events.insert(events.len() - 1, Event::Superseded { references, bytes: 6_200_000_000 });
        events
    };
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    assert_eq!(
        first(sum_up(&shop(), &piped(), &run(1), &[])),
        "superseded: 1 image of earlier edits holds up to 6.2 GB; `shipwright prune` removes what nothing needs"
    );
    assert_eq!(
        first(sum_up(&shop(), &piped(), &run(4), &[])),
        "superseded: 4 images of earlier edits hold up to 6.2 GB; `shipwright prune` removes what nothing needs"
    );
}

#[test]
fn a_failing_run() {
    let positions = [
        TagPosition { tag: "feature-login".into(), position: Position::Commit("9f3b21c04d55".into()) },
        TagPosition { tag: "latest".into(), position: Position::Absent },
    ];
    assert_data_eq!(
        sum_up(&shop(), &piped(), &failing_run(), &positions),
        str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
 --> shared/Dockerfile:3:1
  |
3 | / RUN cd /src && \
4 | |     # build it
5 | |     make
  | |________^
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
hint: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
not moved: `feature-login` still points at 9f3b21c04d55 and `latest` does not exist yet
4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s

"#]]
        .raw()
    );
    assert_data_eq!(
        sum_up(&shop(), &ascii(), &failing_run(), &[]),
        str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
 --> shared/Dockerfile:3:1
  |
3 | / RUN cd /src && \
4 | |     # build it
5 | |     make
  | |________^
  the end of its output:
  | cc -c main.c
  | 100%
  | main.c:3: error: expected ';'
  | make: *** [all] Error 1
hint: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
not moved: `feature-login` and `latest` are where they were
4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s

"#]]
        .raw()
    );
    assert_data_eq!(visible(&sum_up(&shop(), &colored(), &failing_run(), &[])), str![[r#"

␛[1m␛[91merror␛[0m␛[1m: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2␛[0m
 ␛[1m␛[94m--> ␛[0mshared/Dockerfile:3:1
  ␛[1m␛[94m|␛[0m
␛[1m␛[94m3␛[0m ␛[1m␛[94m|␛[0m ␛[1m␛[91m/␛[0m RUN cd /src && \
␛[1m␛[94m4␛[0m ␛[1m␛[94m|␛[0m ␛[1m␛[91m|␛[0m     # build it
␛[1m␛[94m5␛[0m ␛[1m␛[94m|␛[0m ␛[1m␛[91m|␛[0m     make
  ␛[1m␛[94m|␛[0m ␛[1m␛[91m|________^␛[0m
  ␛[2mthe end of its output:␛[0m
  ␛[2m│␛[0m cc -c main.c
  ␛[2m│␛[0m 100%
  ␛[2m│␛[0m main.c:3: error: expected ';'
  ␛[2m│␛[0m make: *** [all] Error 1
␛[1mhint␛[0m: run it alone with `-e shared`

␛[1m␛[33mnot started␛[0m: acme/service1, which needs acme/shared
␛[1m␛[33mnot moved␛[0m: `feature-login` and `latest` are where they were
4 images: 2 unchanged, ␛[1m␛[91m1 failed␛[0m, ␛[1m␛[33m1 not started␛[0m, 6.1 s

"#]].raw());
    assert_data_eq!(
        sum_up(&shop(), &narrow(20), &failing_run(), &[]),
        str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
 --> shared/Dockerfile:3:1
  |
3 | / RUN cd /src && \
4 | |     # build it
5 | |     make
  | |________^
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
hint: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
not moved: `feature-login` and `latest` are where they were
4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s

"#]]
        .raw()
    );
}

#[test]
fn without_a_line_or_a_source_the_dockerfile_is_named() {
    let run = |image, line| [finished(image, failure(line), 1.0), over(Outcome::Failed, 1.0)];
    assert_data_eq!(
        sum_up(&shop(), &piped(), &run(1, None), &[]),
        str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> shared/Dockerfile
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
hint: run it alone with `-e shared`

not moved: `feature-login` and `latest` are where they were
4 images: 1 failed, 3 not started, 1.0 s

"#]]
        .raw()
    );
    assert_data_eq!(
        sum_up(&shop(), &piped(), &run(2, Some(7)), &[]),
        str![[r#"

error: acme/service1 could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> service1/Dockerfile:7
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
hint: run it alone with `-e shared`

not moved: `feature-login` and `latest` are where they were
4 images: 1 failed, 3 not started, 1.0 s

"#]]
        .raw()
    );
    assert_data_eq!(
        sum_up(&shop(), &piped(), &run(1, Some(70)), &[]),
        str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> shared/Dockerfile:70
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
hint: run it alone with `-e shared`

not moved: `feature-login` and `latest` are where they were
4 images: 1 failed, 3 not started, 1.0 s

"#]]
        .raw()
    );
}

#[test]
fn an_interrupted_run() {
    let events = [
        finished(0, ImageOutcome::Reused, 0.0),
        Event::Interrupted,
        finished(1, ImageOutcome::Cancelled, 2.0),
        finished(2, ImageOutcome::Cancelled, 0.0),
        over(Outcome::Interrupted, 2.0),
    ];
    assert_data_eq!(
        sum_up(&shop(), &piped(), &events, &[]),
        str![[r#"
not moved: `feature-login` and `latest` are where they were
interrupted: 4 images: 1 unchanged, 1 stopped, 2 not started, 2.0 s

"#]]
    );
}

#[test]
fn a_base_that_cannot_be_pulled_fails_its_images_in_one_sentence() {
    let failed = ImageOutcome::Failed {
        message: "cannot pull acme.internal/base:1: no such host".into(),
        line: None,
        log: Vec::new(),
        hint: None,
    };
    let error = Some("no such host".to_owned());
    let reference = "acme.internal/base:1".to_owned();
    let events = [
        Event::PullFinished { reference, elapsed: seconds(1.0), error },
        finished(1, failed.clone(), 0.0),
        finished(2, failed, 0.0),
        over(Outcome::Failed, 1.0),
    ];
    assert_data_eq!(
        sum_up(&shop(), &piped(), &events, &[]),
        str![[r#"

error: acme/shared and acme/service1 could not be built: cannot pull acme.internal/base:1: no such host

not moved: `feature-login` and `latest` are where they were
4 images: 2 failed, 2 not started, 1.0 s

"#]]
    );
}

#[test]
fn a_push_that_failed() {
    let events = [
        finished(0, ImageOutcome::Reused, 0.0),
        Event::PushFinished {
            image: StepId(0),
            reference: "hub.acme.com/acme/base:src-1".into(),
            elapsed: seconds(1.0),
            error: Some("denied\u{1b}[2J".into()),
        },
        over(Outcome::Failed, 1.0),
    ];
    assert_data_eq!(
        sum_up(&shop(), &piped(), &events, &[]),
        str![[r#"

error: hub.acme.com/acme/base:src-1 could not be pushed: denied\u{1b}[2J

not moved: `feature-login` and `latest` are where they were
4 images: 1 unchanged, 3 not started, 1.0 s

"#]]
        .raw()
    );
}

#[test]
fn a_tag_that_could_not_be_moved() {
    let mut events = good_run();
    events.truncate(events.len() - 2);
    events.push(Event::TagFailed {
        image: StepId(3),
        reference: "acme/admin:feature-login".into(),
        error: "no space left".into(),
    });
    events.push(over(Outcome::Failed, 6.1));
    assert_data_eq!(
        sum_up(&shop(), &piped(), &events, &[]),
        str![[r#"
error: acme/admin:feature-login could not be moved: no space left
hint: the other moving tags have moved; the next run moves the rest
4 images: 2 built, 1 tagged, 1 unchanged, 6.1 s

"#]]
    );
}

#[test]
fn tags_that_were_held() {
    let events =
        [Event::TagsHeld { reason: "errors were found in the checkout".into() }, over(Outcome::Failed, 6.1)];
    let at = |position| [TagPosition { tag: "main".into(), position }];
    let mut text = String::new();
    for position in [Position::Uncommitted, Position::Mixed] {
        text += &sum_up(&shop(), &piped(), &events, &at(position));
    }
    assert_data_eq!(
        text,
        str![[r#"
not moved: `main` still points at images with uncommitted changes, because errors were found in the checkout
4 images: 4 not started, 6.1 s
not moved: `main` still points at the images from before, because errors were found in the checkout
4 images: 4 not started, 6.1 s

"#]]
    );
}

#[test]
fn nothing_to_do() {
    let idle = |n: usize| step(Action::None, &format!("s{n}"), &["unchanged"]);
    let mut steps: Vec<_> = (0..30).map(idle).collect();
    let done = |count: usize| -> Vec<Event> {
        let each = (0..count).map(|image| finished(image, ImageOutcome::Reused, 0.0));
        each.chain([over(Outcome::Succeeded, 0.06)]).collect()
    };
    assert_data_eq!(
        sum_up(&plan(steps.clone()), &piped(), &done(30), &[]),
        str![[r#"
30 images: 30 unchanged, 0.1 s

"#]]
    );
    steps.push(step(Action::Blocked, "b", &["set BASE"]));
    assert_data_eq!(
        sum_up(
            &plan(steps),
            &piped(),
            &[&[finished(30, ImageOutcome::Blocked, 0.0)], &done(30)[..]].concat(),
            &[]
        ),
        str![[r#"
31 images: 30 unchanged, 1 blocked, 0.1 s

"#]]
    );
    assert_data_eq!(
        sum_up(&plan(Vec::new()), &piped(), &done(0), &[]),
        str![[r#"
no images: no Dockerfile was found or selected

"#]]
    );
}

#[test]
fn a_thousand_images_of_which_most_did_not_start() {
    let steps = (0..1000).map(|n| step(Action::Build, &format!("s{n}"), &["never built here"])).collect();
    let mut events = vec![finished(0, failure(None), 1.0)];
    events.extend(
        (1..1000).map(|n| finished(n, ImageOutcome::DependencyFailed { dependency: StepId(0) }, 0.0)),
    );
    events.push(over(Outcome::Failed, 3_840.0));
    assert_data_eq!(
        sum_up(&plan(steps), &piped(), &events, &[]),
        str![[r#"

error: acme/s0 could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> s0/Dockerfile
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
hint: run it alone with `-e shared`

not started: acme/s1, acme/s2, acme/s3, acme/s4, acme/s5, acme/s6, acme/s7, acme/s8 and 991 more, which need acme/s0
not moved: `feature-login` and `latest` are where they were
1000 images: 1 failed, 999 not started, 1 h 04 min

"#]]
    );
}

proptest! {
    #[test]
    fn any_line_of_any_file(source in proptest::collection::vec(any::<u8>(), 0..99), line in 0_usize..99) {
        if let Some(span) = instruction(&source, line) {
            prop_assert!(span.start < span.end && span.end <= source.len());
        }
    }
}
