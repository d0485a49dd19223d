use proptest::prelude::*;
use snapbox::{IntoData as _, assert_data_eq, str};

use super::*;
use crate::execution::Outcome;
use crate::report::testing::run::{
    begin, end, failing_run, finished, good_run, log, over, publishing_run, seconds, started,
};
use crate::report::testing::{Terminal, ascii, colored, feed, narrow, plan, shop, step, visible};

fn start(view: View, plan: &Plan) -> (Terminal, LiveRenderer) {
    let terminal = Terminal::new(view.size.expect("a terminal has a size"));
    let renderer = LiveRenderer::new(view, terminal.capture.boxed(), plan);
    (terminal, renderer)
}

/// Two builds in flight, one of them logging, after one that is finished.
fn half_way() -> Vec<Event> {
    vec![
        started(3),
        Event::BuildStarted { image: StepId(0), builder: None },
        finished(0, ImageOutcome::Built, 3.1),
        Event::BuildStarted { image: StepId(1), builder: None },
        begin(1, 1, "[internal] load build context"),
        Event::ContextSent { image: StepId(1), bytes: 12_300_000 },
        Event::BuildStarted { image: StepId(2), builder: None },
        end(2, 1, "[stage 1/5] FROM busybox", true),
        begin(2, 2, "[stage 2/5] RUN make all"),
        log(2, 2, "cc \u{1b}[1mmain.c\u{1b}[0m\t-o main"),
        Event::PullStarted { reference: "busybox:latest".into() },
    ]
}

fn half_way_on(view: View) -> String {
    let (mut terminal, mut renderer) = start(view, &shop());
    renderer.tick(seconds(1.0));
    feed(&mut renderer, &half_way());
    renderer.tick(seconds(73.2));
    assert_eq!(terminal.cursor(), (true, 0));
    terminal.text()
}

#[test]
fn widths() {
    assert_data_eq!(
        half_way_on(narrow(200)),
        str![[r#"
  built    acme/base      3.1 s
⠹ acme/shared    1 min 12 s     sending 12 of 30 MB
⠹ acme/service1  1 min 12 s 2/5 RUN make all │ cc main.c -o main
⠹ busybox:latest 1 min 12 s     pulling
  1 of 3 built · 1 min 13 s · 3 running
"#]]
    );
    assert_data_eq!(
        half_way_on(narrow(80)),
        str![[r#"
  built    acme/base      3.1 s
⠹ acme/shared    1 min 12 s     sending 12 of 30 MB
⠹ acme/service1  1 min 12 s 2/5 RUN make all │ cc main.c -o main
⠹ busybox:latest 1 min 12 s     pulling
  1 of 3 built · 1 min 13 s · 3 running
"#]]
    );
    assert_data_eq!(
        half_way_on(narrow(40)),
        str![[r#"
  built    acme/base      3.1 s
⠹ acme/shared   1 min 12 s     sending…
⠹ acme/service1 1 min 12 s 2/5 RUN mak…
⠹ …sybox:latest 1 min 12 s     pulling
  1 of 3 built · 1 min 13 s · 3 running
"#]]
    );
    assert_data_eq!(
        half_way_on(narrow(20)),
        str![[r#"
  built    acme/base
⠹ …hared 1 min 12 s
⠹ …vice1 1 min 12 s
⠹ …atest 1 min 12 s
  1 of 3 built
"#]]
    );
    assert_data_eq!(
        half_way_on(View { theme: ascii().theme, ..narrow(60) }),
        str![[r#"
  built    acme/base      3.1 s
| acme/shared    1 min 12 s     sending 12 of 30 MB
| acme/service1  1 min 12 s 2/5 RUN mak... | cc main.c -...
| busybox:latest 1 min 12 s     pulling
  1 of 3 built - 1 min 13 s - 3 running
"#]]
    );
}

#[test]
fn colours() {
    let view = View { theme: colored().theme, ..narrow(60) };
    let (mut terminal, mut renderer) = start(view, &shop());
    feed(&mut renderer, &half_way());
    renderer.tick(seconds(3.2));
    assert_data_eq!(
        visible(&terminal.capture.take()),
        str![[r#"
␛[?25l
␛[J  ␛[32mbuilt␛[0m    acme/base      3.1 s
␛[?7l␛[1m␛[36m⠹␛[0m␛[1m acme/shared   ␛[0m 3.2 s␛[2m    ␛[0m sending 12 of 30 MB␛[K
␛[1m␛[36m⠹␛[0m␛[1m acme/service1 ␛[0m 3.2 s␛[2m 2/5␛[0m RUN make all␛[2m │ cc main.c -o main␛[0m␛[K
␛[1m␛[36m⠹␛[0m␛[1m busybox:latest␛[0m 3.2 s␛[2m    ␛[0m pulling␛[K
␛[2m  ␛[0m1 of 3 built␛[2m · ␛[0m3.2 s␛[2m · ␛[0m3 running␛[K
␛[J␛[?7h␛[?25h
"#]]
        .raw()
    );
    drop(renderer);
    assert!(terminal.text().is_empty());
}

#[test]
fn a_run_leaves_only_what_is_finished() {
    for events in [failing_run(), good_run()] {
        let (mut terminal, mut renderer) = start(narrow(60), &shop());
        for (number, event) in (0..).zip(&events) {
            renderer.event(event);
            renderer.tick(seconds(0.1 * f64::from(number)));
        }
        renderer.print("4 images: …\n");
        drop(renderer);
        assert_eq!(terminal.cursor(), (true, 0));
        if events == good_run() {
            assert_data_eq!(
                terminal.text(),
                str![[r#"
  built    acme/shared    3.9 s
  built    acme/service1  2.0 s
4 images: …
"#]]
            );
        } else {
            assert_data_eq!(
                terminal.text(),
                str![[r#"
  pulled   busybox:latest  1.2 s
note: `base:1.0` already names another key and stays
  failed   acme/shared    4.2 s  exit code: 2
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
4 images: …
"#]]
            );
        }
    }
}

#[test]
fn pushes() {
    let events = publishing_run();
    let (mut terminal, mut renderer) = start(narrow(70), &shop());
    feed(&mut renderer, &events[..5]);
    renderer.tick(seconds(1.0));
    let half_way = terminal.text();
    feed(&mut renderer, &events[5..]);
    drop(renderer);
    assert_data_eq!(
        format!("{half_way}\n\n{}", terminal.text()),
        str![[r#"
  failed   acme/admin     0.3 s  denied\u{7}
⠋ acme/base 1.0 s pushing 12 of 30 MB
  0 of 3 pushed · 1.0 s · 1 running

  failed   acme/admin     0.3 s  denied\u{7}
  pushed   acme/base (main, v1\u{7})              1.5 s
  failed   hub.acme.com/acme/base:main  too many requests
"#]]
        .raw()
    );
}

/// What Ctrl-C leaves: the terminal's own echo is overwritten, and no line of the display stays.
#[test]
fn an_interruption_leaves_no_line_behind() {
    let (mut terminal, mut renderer) = start(narrow(70), &shop());
    feed(&mut renderer, &half_way());
    renderer.tick(seconds(1.0));
    terminal.echo("^C");
    let events = [
        Event::Interrupted,
        Event::PullFinished {
            reference: "busybox:latest".into(),
            elapsed: seconds(1.0),
            error: Some("cancelled".into()),
        },
        finished(1, ImageOutcome::Cancelled, 1.0),
        finished(2, ImageOutcome::Cancelled, 1.0),
        finished(3, ImageOutcome::Cancelled, 0.0),
        over(Outcome::Interrupted, 1.0),
    ];
    feed(&mut renderer, &events);
    renderer.print("the summary\n");
    assert_data_eq!(
        terminal.text(),
        str![[r#"
  built    acme/base      3.1 s
  stopped  acme/shared    1.0 s
  stopped  acme/service1  1.0 s
the summary
"#]]
    );
    assert_eq!(terminal.cursor(), (true, 0));
}

#[test]
fn what_is_left_is_shown_where_earlier_runs_tell_it() {
    let left = |expected: &[(usize, f64)]| {
        let (mut terminal, mut renderer) = start(narrow(70), &shop());
        let expected = expected.iter().map(|(at, took)| (StepId(*at), seconds(*took))).collect();
        renderer.event(&Event::Started { builds: 2, jobs: 2, expected });
        renderer.event(&Event::BuildStarted { image: StepId(1), builder: None });
        renderer.tick(seconds(3.0));
        terminal.text().lines().last().map(str::to_owned)
    };
    let shown = left(&[(1, 20.0), (2, 31.0)]);
    assert_eq!(shown.as_deref(), Some("  0 of 2 built · 3.0 s · about 30 s left · 1 running · 1 waiting"));
    assert_eq!(left(&[(1, 20.0)]).as_deref(), Some("  0 of 2 built · 3.0 s · 1 running · 1 waiting"));
}

#[test]
fn a_quick_run_draws_nothing() {
    let (terminal, mut renderer) = start(narrow(60), &shop());
    feed(&mut renderer, &[started(0), over(Outcome::Succeeded, 0.05)]);
    renderer.tick(seconds(0.05));
    drop(renderer);
    assert_eq!(terminal.capture.take(), "");
}

#[test]
fn printed_text_stays_above() {
    let (mut terminal, mut renderer) = start(narrow(60), &shop());
    renderer.print("before\n");
    assert_eq!(terminal.text(), "before");
    feed(&mut renderer, &half_way());
    renderer.tick(seconds(1.0));
    renderer.print("warning: odd\n");
    renderer.event(&Event::Interrupted);
    terminal.echo("^C");
    renderer.tick(seconds(2.0));
    assert_data_eq!(
        terminal.text(),
        str![[r#"
before
  built    acme/base      3.1 s
warning: odd
⠋ acme/shared    2.0 s     sending 12 of 30 MB
⠋ acme/service1  2.0 s 2/5 RUN make all │ cc main.c -o main
⠋ busybox:latest 2.0 s     pulling
  stopping · 1 of 3 built · 2.0 s · 3 running
"#]]
    );
}

#[test]
fn a_resize_leaves_no_pieces() {
    for columns in [120, 61, 60, 40, 20, 10] {
        let (mut terminal, mut renderer) = start(narrow(100), &shop());
        terminal.fill();
        feed(&mut renderer, &half_way());
        renderer.tick(seconds(1.0));
        let size = Size { columns, rows: 24 };
        terminal.resize(size);
        renderer.resize(size);
        renderer.tick(seconds(2.0));
        let text = terminal.text();
        assert_eq!(text.matches('⠋').count(), 3, "{columns}:\n{text}");
        drop(renderer);
        let left = terminal.text();
        assert!(left.contains("built") && !left.contains("of 3"), "{columns}:\n{left}");
    }
}

#[test]
fn lines_that_were_wrapped_are_not_joined_when_the_terminal_widens() {
    let (mut terminal, mut renderer) = start(narrow(100), &shop());
    terminal.fill();
    feed(&mut renderer, &half_way());
    for (now, columns) in (1..).zip([100, 40, 120, 20, 120]) {
        let size = Size { columns, rows: 24 };
        terminal.resize(size);
        renderer.resize(size);
        renderer.tick(seconds(f64::from(now)));
    }
    let text = terminal.text();
    assert_eq!(text.matches("built    acme/base").count(), 1, "{text}");
    assert_eq!(text.matches('⠋').count(), 3, "{text}");
}

#[test]
fn absurd_sizes() {
    for (columns, rows) in [(0, 0), (1, 1), (2, 1), (3, 2), (usize::MAX, usize::MAX)] {
        let capture = crate::report::testing::Capture::default();
        let view = View { size: Some(Size { columns, rows }), ..narrow(1) };
        let mut renderer = LiveRenderer::new(view, capture.boxed(), &shop());
        feed(&mut renderer, &half_way());
        renderer.tick(seconds(1.0));
        renderer.tick(seconds(2.0));
        assert!(capture.take().ends_with("\u{1b}[?25h"));
    }
}

#[test]
fn more_images_than_lines() {
    let steps = (0..1000).map(|n| step(Action::Build, &format!("s{n}"), &["never built here"])).collect();
    let view = View { size: Some(Size { columns: 60, rows: 6 }), ..narrow(60) };
    let (mut terminal, mut renderer) = start(view, &plan(steps));
    renderer.event(&started(1000));
    (0..50).for_each(|image| renderer.event(&Event::BuildStarted { image: StepId(image), builder: None }));
    for tick in 1..30 {
        renderer.tick(seconds(f64::from(tick)));
    }
    assert_data_eq!(
        terminal.text(),
        str![[r#"
⠋ acme/s0  29 s starting
⠋ acme/s1  29 s starting
⠋ acme/s2  29 s starting
  …and 47 more
  0 of 1000 built · 29 s · 50 running · 950 waiting
"#]]
    );
}

#[test]
fn logs_cost_no_drawing() {
    let (terminal, mut renderer) = start(narrow(80), &shop());
    feed(&mut renderer, &half_way());
    for number in 0..100_000_u64 {
        renderer.event(&log(2, 2, "a line of output that says little"));
        renderer.tick(Duration::from_micros(10 * number));
    }
    let frames = terminal.capture.take().matches("\u{1b}[?25h").count();
    assert!((2..=14).contains(&frames), "{frames} frames in a second");
}

#[test]
fn wide_and_hostile_text() {
    let (mut terminal, mut renderer) = start(narrow(40), &shop());
    renderer.event(&Event::BuildStarted { image: StepId(1), builder: None });
    renderer.event(&begin(1, 1, "[1/1] RUN echo 日本語日本語日本語日本語日本語"));
    renderer.event(&Event::BuildStarted { image: StepId(2), builder: None });
    renderer.event(&begin(2, 1, "[1/1] RUN \u{1b}[2J\u{9b}2J\n\u{202e}x"));
    renderer.event(&Event::PullStarted { reference: "a\u{1b}]0;x\u{7}b".into() });
    renderer.event(&Event::Notice { text: "bad \u{1b}[2J notice".into() });
    renderer.tick(seconds(1.0));
    assert_data_eq!(
        terminal.text(),
        str![[r#"
note: bad \u{1b}[2J notice
⠋ acme/shared     1.0 s 1/1 RUN echo…
⠋ acme/service1   1.0 s 1/1 RUN \u{1b}…
⠋ …{1b}]0;x\u{7}b 1.0 s     pulling
  1.0 s · 3 running
"#]]
        .raw()
    );
}

/// Tells a run while the terminal takes these extents one after the other; gives what stays.
fn resized(widths: &[(usize, usize)], names: &[String]) -> String {
    let (mut terminal, mut renderer) = start(narrow(80), &shop());
    terminal.fill();
    for (number, (columns, rows)) in (0..).zip(widths) {
        let size = Size { columns: *columns, rows: *rows };
        for (id, name) in names.iter().enumerate() {
            renderer.event(&Event::BuildStarted { image: StepId(id), builder: None });
            renderer.event(&begin(id, id, name));
            renderer.event(&log(id, id, name));
        }
        renderer.tick(seconds(f64::from(number)));
        terminal.resize(size);
        renderer.resize(size);
        renderer.print(&format!("done{number}\n"));
        renderer.tick(seconds(f64::from(number) + 0.5));
        (0..names.len()).for_each(|id| renderer.event(&finished(id, ImageOutcome::Reused, 0.0)));
    }
    renderer.event(&over(Outcome::Succeeded, 9.0));
    terminal.text()
}

#[test]
fn a_wide_character_at_the_edge_is_counted_as_the_terminal_wraps_it() {
    let names = ["00a0AAA0", "0aa 日日aa日 0日A日a0AA Aa日Aaa日a"].map(str::to_owned);
    let text = resized(&[(39, 20), (40, 20)], &names);
    for done in ["done0", "done1"] {
        assert_eq!(text.matches(done).count(), 1, "{text}");
    }
}

proptest! {
    /// Whatever is told when, and however the terminal changes while all lines fit on it: finished lines stay, nothing else does.
    #[test]
    fn nothing_is_left_and_nothing_is_lost(
        widths in proptest::collection::vec((30_usize..90, 20_usize..30), 1..6),
        names in proptest::collection::vec("[ -~日]{1,60}", 1..6),
    ) {
        let text = resized(&widths, &names);
        for number in 0..widths.len() {
            prop_assert_eq!(text.matches(&format!("done{number}")).count(), 1, "{}", text);
        }
    }
}

#[test]
fn times_stay_in_their_column_beside_long_names() {
    let steps = ["api", "payment-processing-and-reconciliation-worker-of-the-shop"];
    let plan = plan(steps.map(|name| step(Action::Build, name, &["never built here"])).into());
    for columns in [50, 80, 120] {
        let (mut terminal, mut renderer) = start(narrow(columns), &plan);
        feed(
            &mut renderer,
            &[started(2), finished(0, ImageOutcome::Built, 0.4), finished(1, ImageOutcome::Built, 12.0)],
        );
        drop(renderer);
        let text = terminal.text();
        let times: Vec<Option<usize>> = text
            .lines()
            .zip(["0.4 s", "12 s"])
            .map(|(line, took)| line.split(took).next().map(text::columns))
            .collect();
        assert!(times.len() == 2 && times[0] == times[1], "{columns}:\n{text}");
    }
}
