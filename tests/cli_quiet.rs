//! How much is said: the table, a few lines about the rest, and all of it only when asked.

mod support;

use support::{Checkout, Run};

fn many() -> Checkout {
    let checkout = Checkout::empty();
    for at in 0..22 {
        checkout.write(&format!("i{at:02}/Dockerfile"), "ARG BASE_IMAGE\nFROM $BASE_IMAGE\n");
    }
    for at in 0..15 {
        checkout.write(
            &format!("m{at:02}/Dockerfile"),
            format!("FROM busybox\nCOPY gone{at} /\nCOPY more{at} /\n"),
        );
    }
    checkout.write("ok/Dockerfile", "FROM busybox\n");
    checkout.commit("many");
    checkout
}

fn run(checkout: &Checkout, arguments: &[&str]) -> Run {
    checkout.run(&[arguments, &["--offline"]].concat()).exits(0)
}

#[test]
fn causes_are_told_once_and_rows_say_what_is_needed() {
    let checkout = many();
    let plan = run(&checkout, &["plan"]);
    let told: Vec<&str> = plan.stderr.lines().collect();
    assert!(told.len() <= 10, "{}", plan.stderr);
    let needs = "warning: 22 images need BASE_IMAGE, which has no default (i00/Dockerfile:2 and 21 more)";
    assert!(told.contains(&needs), "{}", plan.stderr);
    let absent = "warning: 15 images copy what is not in their build contexts (m00/Dockerfile:2 and 14 more)";
    assert!(told.contains(&absent), "{}", plan.stderr);
    let row = |name: &str| plan.stdout.lines().find(|row| row.contains(name)).unwrap_or_default().trim_end();
    assert!(row("/i07 ").ends_with("needs BASE_IMAGE"), "{}", plan.stdout);
    assert!(
        row("/m07 ").ends_with("needs gone7, more7, which the build context does not have"),
        "{}",
        plan.stdout
    );
    // Asked for, all of it comes with its place in the source.
    let all = run(&checkout, &["plan", "--verbose"]);
    assert_eq!(all.stderr.matches("FROM $BASE_IMAGE").count(), 22, "{}", all.stderr);
}

#[test]
fn lists_say_what_is_wrong_and_leave_the_rest_to_the_plan() {
    let checkout = many();
    for command in [&["images"][..], &["graph"], &["affected", "--since", "HEAD"]] {
        assert_eq!(run(&checkout, command).stderr, "", "{command:?}");
    }
    assert!(run(&checkout, &["images", "--verbose"]).stderr.contains("BASE_IMAGE"));
    checkout.write("broken/Dockerfile", "FORM busybox\n");
    for command in ["images", "graph"] {
        checkout.run(&[command, "--offline"]).exits(2).says("did you mean FROM?").says("1 | FORM busybox");
    }
}

#[test]
fn a_list_of_nothing_says_why() {
    let checkout = many();
    let none = run(&checkout, &["images", "-x", "ok"]);
    assert_eq!(none.stdout, "");
    none.says("note: none of 37 images can be built").says("`shipwright plan` says why");
    run(&Checkout::with(&[("README", "")]), &["images"]).says("no Dockerfile was found");
}

#[test]
fn a_broken_dockerfile_that_stands_aside_fails_nothing_until_it_is_asked_for() {
    let checkout = Checkout::with(&[
        ("examples/x/Dockerfile", "FORM busybox\n"),
        ("examples/base/Dockerfile", "FORM busybox\n"),
        ("ok/Dockerfile", "FROM busybox\n"),
    ]);
    let plan = run(&checkout, &["plan"]);
    assert!(!plan.stderr.contains("error"), "{}", plan.stderr);
    plan.says(
        "note: 2 Dockerfiles that are built only when named do not parse: examples/base/Dockerfile, examples/x/Dockerfile",
    );
    checkout
        .run(&["plan", "--offline", "x"])
        .exits(2)
        .says("did you mean FROM?")
        .says("examples/x/Dockerfile:1:1");
    // What others need is wrong all the same.
    checkout.write("ok/Dockerfile", "FROM acme/base\n");
    checkout.write("other/Dockerfile", "FROM acme/ok\n");
    checkout.run(&["plan", "--offline"]).exits(2).says("examples/base/Dockerfile:1:1");
}
