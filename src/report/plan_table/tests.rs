use proptest::prelude::*;
use snapbox::{IntoData as _, assert_data_eq, str};

use super::*;
use crate::report::testing::{ascii, colored, narrow, piped, plan, shop, step, visible};

#[test]
fn the_four_images() {
    assert_data_eq!(
        plan_text(&shop(), &piped()),
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  build   acme/shared     shared     shared/auth.py changed
  build   acme/service1   service1   acme/shared is rebuilt
  tag     acme/base       base       unchanged since 9f3b21c04d55
  tag     acme/admin      admin      unchanged since 9f3b21c04d55
4 images: 2 to build, 2 to tag

"#]]
    );
    assert_data_eq!(
        plan_text(&shop(), &ascii()),
        str![[r#"
shop - feature/login - 3f9ac0d1e2b4

  build   acme/shared     shared     shared/auth.py changed
  build   acme/service1   service1   acme/shared is rebuilt
  tag     acme/base       base       unchanged since 9f3b21c04d55
  tag     acme/admin      admin      unchanged since 9f3b21c04d55
4 images: 2 to build, 2 to tag

"#]]
    );
    assert_data_eq!(
        visible(&run_head(&shop(), &colored())),
        str![[r#"
␛[1mshop␛[0m␛[2m · ␛[0mfeature/login␛[2m · ␛[0m3f9ac0d1e2b4␛[2m · ␛[0m␛[1m␛[36m2 to build, 2 to tag␛[0m

  ␛[1m␛[36mbuild␛[0m   ␛[1macme/shared␛[0m     shared     shared/auth.py changed
  ␛[1m␛[36mbuild␛[0m   ␛[1macme/service1␛[0m   service1   acme/shared is rebuilt
  ␛[32mtag␛[0m     ␛[1macme/base␛[0m       base       ␛[2munchanged since 9f3b21c04d55␛[0m
  ␛[32mtag␛[0m     ␛[1macme/admin␛[0m      admin      ␛[2munchanged since 9f3b21c04d55␛[0m


"#]]
    );
}

#[test]
fn narrow_terminals() {
    assert_data_eq!(
        plan_text(&shop(), &narrow(20)),
        str![[r#"
shop · feature/login

  build   …me/shared
  build   …/service1
  tag     acme/base
  tag     acme/admin
4 images: 2 to buil…

"#]]
    );
    assert_data_eq!(
        plan_text(&shop(), &narrow(40)),
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  build   acme/shared     shared/auth.p…
  build   acme/service1   acme/shared i…
  tag     acme/base       unchanged sin…
  tag     acme/admin      unchanged sin…
4 images: 2 to build, 2 to tag

"#]]
    );
    assert_data_eq!(
        plan_text(&shop(), &narrow(55)),
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  build   acme/shared     shared/auth.py changed
  build   acme/service1   acme/shared is rebuilt
  tag     acme/base       unchanged since 9f3b21c04d55
  tag     acme/admin      unchanged since 9f3b21c04d55
4 images: 2 to build, 2 to tag

"#]]
    );
    assert_eq!(plan_text(&shop(), &narrow(200)), plan_text(&shop(), &piped()));
    assert_eq!(plan_text(&shop(), &narrow(80)), plan_text(&shop(), &piped()));
}

#[test]
fn a_run_begins_with_how_much_there_is_to_do() {
    let first = |view: &View| run_head(&shop(), view).lines().take(2).collect::<Vec<_>>().join("\n");
    assert_data_eq!(
        format!("{}\n{}\n{}", first(&piped()), first(&narrow(50)), first(&narrow(20))),
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4 · 2 to build, 2 to tag

shop · feature/login · 3f9ac0d1e2b4
2 to build, 2 to tag
shop · feature/login
2 to build, 2 to tag
"#]]
    );
}

#[test]
fn headlines() {
    let mut plan = plan(Vec::new());
    plan.checkout.dirty = true;
    let mut lines = headline(&plan, &piped()) + &headline(&plan, &narrow(24));
    plan.checkout.branch = None;
    lines += &headline(&plan, &ascii());
    plan.checkout.dirty = false;
    plan.checkout.head = None;
    lines += &headline(&plan, &piped());
    plan.checkout.branch = Some("main".into());
    lines += &headline(&plan, &piped());
    plan.checkout.name = "日本\u{1b}[2J\n".into();
    plan.checkout.branch = Some("feature/日本語".into());
    lines += &headline(&plan, &piped());
    lines += &headline(&plan, &narrow(30));
    assert_data_eq!(
        lines,
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4 · uncommitted changes
shop · feature/login
shop - detached - 3f9ac0d1e2b4 - uncommitted changes
shop · no commit yet
shop · main · no commit yet
日本\u{1b}[2J\n · feature/日本語 · no commit yet
日本\u{1b}[2J\n · feature/日…

"#]]
        .raw()
    );
}

#[test]
fn nothing_to_do() {
    let idle = |name: usize| step(Action::None, &format!("s{name}"), &["unchanged since 9f3b21c04d55"]);
    let mut idle_plan = plan((0..30).map(idle).collect());
    assert_data_eq!(
        plan_text(&idle_plan, &piped()),
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4
30 images: nothing to do

"#]]
    );
    idle_plan.steps.truncate(2);
    let verbose = View { verbose: true, ..piped() };
    assert_data_eq!(
        plan_text(&idle_plan, &verbose),
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  unchanged   acme/s0   s0   unchanged since 9f3b21c04d55
  unchanged   acme/s1   s1   unchanged since 9f3b21c04d55
2 images: nothing to do

"#]]
    );
    idle_plan.steps.clear();
    assert_data_eq!(
        plan_text(&idle_plan, &piped()),
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4
no images: no Dockerfile was found or selected

"#]]
    );
}

#[test]
fn a_thousand_images_of_which_three_matter() {
    let mut steps: Vec<Step> = (0..1000)
        .map(|n| step(Action::Tag, &format!("service{n}"), &["unchanged since 9f3b21c04d55"]))
        .collect();
    steps[500] = step(Action::Build, "service500", &["a.py changed", "b.py added", "argument X"]);
    steps[600] = step(Action::Pull, "service600", &["the registry has it"]);
    steps[700] = step(Action::Blocked, "service700", &["set BASE: --build-arg BASE=…", "set the context"]);
    let plan = plan(steps);
    assert_data_eq!(
        plan_text(&plan, &piped()),
        str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  build     acme/service500   service500   a.py changed, b.py added, argument X
  pull      acme/service600   service600   the registry has it
  tag       acme/service0     service0     unchanged since 9f3b21c04d55
  tag       acme/service1     service1     unchanged since 9f3b21c04d55
  tag       acme/service2     service2     unchanged since 9f3b21c04d55
  tag       acme/service3     service3     unchanged since 9f3b21c04d55
  tag       acme/service4     service4     unchanged since 9f3b21c04d55
  …and 992 more to tag
  blocked   acme/service700   service700   set BASE: --build-arg BASE=…; set the context
1000 images: 1 to build, 1 to pull, 997 to tag, 1 blocked

"#]]
    );
    // What has to be set is not cut, whatever the width.
    assert_data_eq!(
        table(&plan, &narrow(30)),
        str![[r#"

  build     acme/service500
  pull      acme/service600
  tag       acme/service0
  tag       acme/service1
  tag       acme/service2
  tag       acme/service3
  tag       acme/service4
  …and 992 more to tag
  blocked   acme/service700   set BASE: --build-arg BASE=…; set the context

"#]]
    );
    let verbose = table(&plan, &View { verbose: true, ..piped() });
    assert_eq!(verbose.lines().count(), 1 + 1000 + 2);
}

#[test]
fn places_say_what_is_unusual() {
    let mut variant = step(Action::Build, "api", &["never built here"]);
    variant.dockerfile = "api/Dockerfile.dev".into();
    let mut outer = step(Action::Build, "web", &["never built here"]);
    outer.context = Some(crate::path::TreePath::root());
    outer.target = Some("prod".into());
    let mut root = step(Action::Build, "shop", &["never built here"]);
    root.dockerfile = "Dockerfile".into();
    root.context = Some(crate::path::TreePath::root());
    let mut hostile = step(Action::Build, "evil", &["a\u{1b}[31m\tb\nchanged"]);
    hostile.dockerfile = "e\u{1b}]0;x\u{7}\tvil/Dockerfile".into();
    hostile.context = hostile.dockerfile.parent();
    let mut wide = step(Action::Build, "wide", &["日本語/設定 changed"]);
    wide.dockerfile = "日本語/Dockerfile".into();
    wide.context = wide.dockerfile.parent();
    assert_data_eq!(
        table(&plan(vec![variant, outer, root, hostile, wide]), &piped()),
        str![[r#"

  build   acme/api    api/Dockerfile.dev     never built here
  build   acme/web    web (prod) in .        never built here
  build   acme/shop   Dockerfile             never built here
  build   acme/evil   e\u{1b}]0;x\u{7} vil   a\u{1b}[31m b changed
  build   acme/wide   日本語                 日本語/設定 changed

"#]]
        .raw()
    );
}

#[test]
fn one_long_name_does_not_cost_everybody_the_reasons() {
    let long = "averyveryveryverylongnameofanimagethatsomebodythoughtwasagoodidea";
    let steps = vec![
        step(Action::Build, long, &["shared/auth.py changed"]),
        step(Action::Build, "api", &["api/main.go changed"]),
    ];
    assert_data_eq!(
        table(&plan(steps), &narrow(80)),
        str![[r#"

  build   …somebodythoughtwasagoodidea   averyveryvery…   shared/auth.py changed
  build   acme/api                       api              api/main.go changed

"#]]
    );
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal(
        width in 12_usize..120,
        names in proptest::collection::vec("[a-z]{1,40}", 0..5),
        reason in "\\PC{0,60}",
    ) {
        let steps = names.iter().map(|name| step(Action::Build, name, &[&reason])).collect();
        for line in plan_text(&plan(steps), &narrow(width)).lines() {
            prop_assert!(text::columns(line) <= width, "{line:?}");
        }
    }
}
