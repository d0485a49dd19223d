//! What stands beside a Dockerfile, and what refers to it, decide its name; which bare names and guesses bind.

use super::*;

#[test]
fn a_bare_reference_means_the_only_dockerfile_of_that_name() {
    let bare = |checkout: &Checkout, from, text: &str| checkout.naming().bind_bare(&reference(text), from);
    let checkout = Checkout::of(&[
        ("base/Dockerfile", &["alpine"]),
        ("api/Dockerfile", &["base", "base:latest"]),
        ("nginx/Dockerfile", &["alpine"]),
        ("php/8.3/Dockerfile", &["alpine"]),
        ("a/x/Dockerfile", &["alpine"]),
        ("b/x/Dockerfile", &["alpine"]),
    ]);
    assert_eq!(bare(&checkout, 1, "base"), Some(0));
    assert_eq!(bare(&checkout, 1, "base:latest"), Some(0));
    // Another version, itself, Docker's own, an image with a tag prefix, several of one name, a namespace.
    for text in ["base:1", "api", "nginx", "php", "x", "acme/base", "quay.io/base", "other"] {
        assert_eq!(bare(&checkout, 1, text), None, "{text}");
    }
    assert!(checkout.naming().diagnostics.iter().all(|found| !found.message.contains("base")));
    assert_eq!(checkout.inferred(), None);
    // What is new or aside neither takes a name away nor is meant by what is published.
    let checkout = checkout
        .with("old/base/Dockerfile", false, &["lib"])
        .with("lib/Dockerfile", false, &[])
        .with("examples/demo/Dockerfile", true, &["alpine"]);
    assert_eq!(bare(&checkout, 1, "base"), Some(0));
    assert_eq!((bare(&checkout, 1, "lib"), bare(&checkout, 6, "lib")), (None, Some(7)));
    assert_eq!((bare(&checkout, 1, "demo"), bare(&checkout, 6, "demo")), (None, Some(8)));
}

#[test]
fn a_bare_reference_to_an_official_image_is_taken_for_that_with_a_note() {
    let naming = Checkout::of(&[("redis/Dockerfile", &["alpine"]), ("api/Dockerfile", &["redis"])]).naming();
    assert_eq!(naming.namespace.source, NamespaceSource::Checkout);
    assert_eq!(naming.bind_bare(&reference("redis"), 1), None);
    let [note] = &naming.diagnostics[..] else { panic!("{:?}", naming.diagnostics) };
    assert!(note.message.starts_with("redis is taken for a published image"), "{note:?}");
}

#[test]
fn the_owner_of_the_remote_is_a_better_guess_that_never_binds_either() {
    let checkout = Checkout::of(&[("base/Dockerfile", &["alpine"]), ("api/Dockerfile", &["acme/base:1"])]);
    let naming = checkout.origin("git@git.test:Acme/shop.git").naming();
    assert_eq!(naming.namespace, Namespace { value: "acme".into(), source: NamespaceSource::Origin });
    assert_eq!(titles(&naming), ["acme/base", "acme/api"]);
    assert_eq!(bind(&naming, 1, "acme/bsae"), Binding::External);
    assert_eq!(bind(&naming, 1, "acme/api:1"), Binding::External);
    // Names that would be read as somebody else's, or as a host.
    for url in ["https://git.test/library/shop", "https://git.test/a.b/shop", "https://git.test/a%20b/shop"] {
        let naming = Checkout::of(&[("base/Dockerfile", &[])]).origin(url).naming();
        assert_eq!(naming.namespace.source, NamespaceSource::Checkout, "{url}");
    }
}

#[test]
fn a_name_that_several_have_speaks_for_no_namespace() {
    let naming = Checkout::of(&[
        ("a/builder/Dockerfile", &["alpine"]),
        ("b/builder/Dockerfile", &["alpine"]),
        ("c/builder/Dockerfile", &["alpine"]),
        ("api/Dockerfile", &["acme/builder"]),
    ])
    .naming();
    assert_eq!(naming.namespace.source, NamespaceSource::Checkout);
    assert_eq!(bind(&naming, 3, "acme/builder"), Binding::External);
    assert_eq!(errors(&naming), Vec::<&Diagnostic>::new());
    let note = naming.diagnostics.iter().find(|found| found.message.starts_with("acme/builder is taken"));
    let note = note.expect("a note");
    assert_eq!(note.severity, Severity::Note);
    assert!(note.hint.as_ref().is_some_and(|hint| hint.ends_with("namespace = \"acme\"")), "{note:?}");
    // Who takes that line, or refers to another of its names, means it.
    let settled = Checkout::of(&[
        ("a/builder/Dockerfile", &[]),
        ("b/builder/Dockerfile", &[]),
        ("base/Dockerfile", &[]),
        ("api/Dockerfile", &["acme/builder", "acme/base"]),
    ]);
    assert_eq!(bind(&settled.naming(), 3, "acme/builder"), Binding::Ambiguous(vec![0, 1]));
}

#[test]
fn versions_of_one_repository_bind_by_their_tags() {
    let naming = Checkout::of(&[
        ("php/8.2/Dockerfile", &["alpine"]),
        ("php/8.3/Dockerfile", &["alpine"]),
        ("php/8.3/Dockerfile.fpm", &["acme/php:8.3"]),
        ("shop/Dockerfile", &["acme/php:8.2"]),
    ])
    .naming();
    assert_eq!(titles(&naming), ["acme/php:8.2", "acme/php:8.3", "acme/php:8.3-fpm", "acme/shop"]);
    assert_eq!(bind(&naming, 2, "acme/php:8.3"), Binding::Local(1));
    assert_eq!(bind(&naming, 3, "acme/php:8.2"), Binding::Local(0));
    assert!(matches!(bind(&naming, 3, "acme/php"), Binding::Unbuilt { .. }));
    assert!(naming.names.iter().all(|name| !name.provisional));
    let tag = |text: &str| naming.names[1].tag(&Tag::new(text).expect("a tag")).to_string();
    assert_eq!((tag("main"), tag("latest")), ("8.3-main".into(), "8.3".into()));
}

#[test]
fn versions_with_one_name_get_folders_in_front() {
    let naming = Checkout::of(&[
        ("a/php/8.3/Dockerfile", &[]),
        ("b/php/8.3/Dockerfile", &[]),
        ("b/php/8.2/Dockerfile", &[]),
    ])
    .naming();
    assert_eq!(titles(&naming), ["shop/a-php:8.3", "shop/b-php:8.3", "shop/php:8.2"]);
    let provisional: Vec<bool> = naming.names.iter().map(|name| name.provisional).collect();
    assert_eq!(provisional, [true, true, false]);
}

#[test]
fn siblings_and_references_decide_whether_a_folder_says_something() {
    let of = |files: &[(&str, &[&str])]| titles(&Checkout::of(files).naming());
    assert_eq!(of(&[("app/Dockerfile", &[])]), ["shop/shop"]);
    assert_eq!(of(&[("app/Dockerfile", &[]), ("worker/Dockerfile", &[])]), ["shop/app", "shop/worker"]);
    assert_eq!(of(&[("app/Dockerfile", &[]), ("x/y/Dockerfile", &["acme/app"])]), ["acme/app", "acme/y"]);
    assert_eq!(of(&[("build/Dockerfile", &[]), ("x/y/Dockerfile", &["bitnami/build"])])[0], "shop/shop");
    // New files and ones aside rename nothing.
    let app = || Checkout::of(&[("app/Dockerfile", &[])]);
    assert_eq!(titles(&app().with("worker/Dockerfile", false, &["acme/app"]).naming())[0], "shop/shop");
    assert_eq!(titles(&app().with("examples/Dockerfile", true, &["acme/app"]).naming())[0], "shop/shop");
}
