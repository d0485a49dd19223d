//! The rules of naming, through the module's own interface.

mod inferred;

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::image::{ImageReference, Tag};
use crate::path::TreePath;

/// A checkout called `shop`, cloned from `acme-corp/shop` on this machine.
#[derive(Default)]
struct Checkout {
    files: Vec<(TreePath, bool, Vec<Reference>, Option<String>)>,
    names: Vec<(String, String)>,
    namespace: Option<(String, NamespaceSource)>,
    origin: Option<&'static str>,
}

fn reference(text: &str) -> ImageReference {
    text.parse().expect("a valid reference")
}

impl Checkout {
    fn of(files: &[(&str, &[&str])]) -> Self {
        files
            .iter()
            .fold(Self::default(), |checkout, (path, references)| checkout.with(path, true, references))
    }

    fn with(mut self, path: &str, tracked: bool, references: &[&str]) -> Self {
        let path = TreePath::from(path);
        let references = references
            .iter()
            .enumerate()
            .map(|(line, text)| Reference {
                reference: reference(text),
                location: Location::span(path.clone(), line + 1, 0..1),
                is_bare: !text.contains('/'),
            })
            .collect();
        self.files.push((path, tracked, references, None));
        self
    }

    fn image(mut self, path: &str, name: &str) -> Self {
        self.files.push((path.into(), true, Vec::new(), Some(name.to_owned())));
        self
    }

    fn names(mut self, lines: &[(&str, &str)]) -> Self {
        self.names = lines.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
        self
    }

    fn namespace(mut self, value: &str, source: NamespaceSource) -> Self {
        self.namespace = Some((value.to_owned(), source));
        self
    }

    fn origin(mut self, url: &'static str) -> Self {
        self.origin = Some(url);
        self
    }

    fn naming(&self) -> Naming {
        let candidates: Vec<Candidate<'_>> = self
            .files
            .iter()
            .map(|(path, tracked, references, explicit_name)| Candidate {
                path,
                tracked: *tracked,
                aside: path.is_under(&"examples".into()),
                references: references.clone(),
                explicit_name: explicit_name.clone(),
                claim: None,
            })
            .collect();
        assign(
            &candidates,
            &NamingRules {
                namespace: self.namespace.clone(),
                names: &self.names,
                locations: &BTreeMap::new(),
                checkout_name: "shop",
                origin_url: self.origin.or(Some("/srv/git/acme-corp/shop.git")),
            },
        )
    }

    fn inferred(&self) -> Option<String> {
        let namespace = self.naming().namespace;
        (namespace.source == NamespaceSource::FromLines).then_some(namespace.value)
    }
}

fn titles(naming: &Naming) -> Vec<String> {
    naming.names.iter().map(ImageName::full).collect()
}

fn bind(naming: &Naming, from: usize, text: &str) -> Binding {
    naming.bind(&reference(text), from, &[])
}

fn errors(naming: &Naming) -> Vec<&Diagnostic> {
    naming.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect()
}

const FAMILY: &[(&str, &[&str])] = &[
    ("base/Dockerfile", &["alpine"]),
    ("shared/Dockerfile", &["acme/base"]),
    ("service1/Dockerfile", &["acme/shared:latest", "acme/base"]),
];

#[test]
fn the_namespace_is_inferred_from_the_references() {
    let naming = Checkout::of(FAMILY).naming();
    assert_eq!(naming.namespace, Namespace { value: "acme".into(), source: NamespaceSource::FromLines });
    assert_eq!(titles(&naming), ["acme/base", "acme/shared", "acme/service1"]);
    assert_eq!(bind(&naming, 1, "acme/base"), Binding::Local(0));
    assert_eq!(bind(&naming, 1, "docker.io/acme/base:latest"), Binding::Local(0));
    assert_eq!(bind(&naming, 0, "alpine"), Binding::External);
    assert_eq!(bind(&naming, 1, "quay.io/acme/base"), Binding::External);
    assert_eq!(naming.diagnostics, []);
}

#[test]
fn a_registry_or_its_host_alone_can_be_the_namespace() {
    let checkout = |prefix: &str| {
        let base = format!("{prefix}/base");
        Checkout::of(&[("base/Dockerfile", &["alpine"]), ("app1/Dockerfile", &[&base])]).inferred()
    };
    assert_eq!(checkout("quay.io/jupyter"), Some("quay.io/jupyter".into()));
    assert_eq!(checkout("r.j3ss.co"), Some("r.j3ss.co".into()));
    assert_eq!(checkout("localhost:5000"), Some("localhost:5000".into()));
}

#[test]
fn a_reference_with_a_tag_or_digest_is_no_evidence() {
    let digest = format!("acme/base@sha256:{}", "a".repeat(64));
    for text in ["acme/base:1.2", &digest] {
        let checkout = Checkout::of(&[("base/Dockerfile", &["alpine"]), ("api/Dockerfile", &[text])]);
        assert_eq!(checkout.inferred(), None, "{text}");
    }
}

#[test]
fn a_reference_to_the_name_of_its_own_dockerfile_is_no_evidence() {
    let checkout = Checkout::of(&[("kafka/Dockerfile", &["someone/kafka"]), ("api/Dockerfile", &["alpine"])]);
    assert_eq!(checkout.inferred(), None);
    // Nor where another Dockerfile has that name as well.
    assert_eq!(checkout.with("x/y/kafka/Dockerfile", true, &["someone/kafka"]).inferred(), None);
}

#[test]
fn a_well_known_publisher_is_refused_with_a_note_that_shows_the_line() {
    for (text, line) in [
        ("bitnami/kafka", "namespace = \"bitnami\""),
        ("docker.io/library/kafka", "namespace = \"docker.io/library\""),
        ("mcr.microsoft.com/kafka", "namespace = \"mcr.microsoft.com\""),
        ("gcr.io/distroless/kafka", "namespace = \"gcr.io/distroless\""),
    ] {
        let naming =
            Checkout::of(&[("kafka/Dockerfile", &["alpine"]), ("api/Dockerfile", &["alpine", text])])
                .naming();
        assert_ne!(naming.namespace.source, NamespaceSource::FromLines, "{text}");
        assert_eq!(bind(&naming, 1, text), Binding::External, "{text}");
        let [note] = &naming.diagnostics[..] else { panic!("{text}: {:?}", naming.diagnostics) };
        assert_eq!(note.severity, Severity::Note);
        assert_eq!(note.location.as_ref().and_then(|location| location.line), Some(2));
        assert!(note.hint.as_ref().is_some_and(|hint| hint.ends_with(line)), "{note:?}");
    }
}

#[test]
fn the_line_that_the_note_shows_accepts_the_publisher() {
    let checkout = Checkout::of(&[("kafka/Dockerfile", &["alpine"]), ("api/Dockerfile", &["kafka"])])
        .namespace("docker.io/library", NamespaceSource::Settings);
    let naming = checkout.naming();
    assert_eq!(bind(&naming, 1, "kafka"), Binding::Local(0));
    assert_eq!(titles(&naming), ["kafka", "api"]);
    assert_eq!(naming.diagnostics, []);
}

#[test]
fn a_publishers_own_checkout_is_not_refused() {
    let checkout =
        Checkout::of(&[("loki/Dockerfile", &["alpine"]), ("canary/Dockerfile", &["grafana/loki"])]);
    assert_eq!(checkout.inferred(), None);
    assert_eq!(checkout.origin("git@github.com:grafana/loki.git").inferred(), Some("grafana".into()));
}

#[test]
fn the_prefix_with_the_most_distinct_names_wins() {
    let checkout = Checkout::of(&[
        ("a/Dockerfile", &["one/b", "one/b", "one/b"]),
        ("b/Dockerfile", &["two/a"]),
        ("c/Dockerfile", &["two/b"]),
    ]);
    let naming = checkout.naming();
    assert_eq!(naming.namespace.value, "two");
    assert_eq!(bind(&naming, 0, "one/b"), Binding::External);
    assert!(naming.diagnostics.iter().any(|note| note.message.contains("one/b")), "{:?}", naming.diagnostics);
}

#[test]
fn ties_do_not_depend_on_the_order() {
    let mut files: Vec<(&str, &[&str])> =
        vec![("a/Dockerfile", &["two/b"]), ("b/Dockerfile", &["one/a"]), ("c/Dockerfile", &["alpine"])];
    for _ in 0..files.len() {
        files.rotate_left(1);
        assert_eq!(Checkout::of(&files).inferred(), Some("one".into()));
    }
}

#[test]
fn an_untracked_file_does_not_change_the_namespace() {
    let checkout =
        Checkout::of(FAMILY).with("x/Dockerfile", false, &["other/base", "other/shared", "other/service1"]);
    assert_eq!(checkout.inferred(), Some("acme".into()));
}

#[test]
fn an_untracked_or_aside_name_speaks_for_a_namespace_only_if_nothing_else_does() {
    let checkout = Checkout::of(&[("base/Dockerfile", &["alpine"]), ("api/Dockerfile", &["other/kafka"])])
        .with("kafka/Dockerfile", false, &[]);
    assert_eq!(checkout.inferred(), Some("other".into()));
    let checkout = checkout.with("more/Dockerfile", true, &["zacme/base"]);
    assert_eq!(checkout.inferred(), Some("zacme".into()));
}

#[test]
fn without_evidence_it_is_the_checkouts_name_which_never_binds() {
    let naming =
        Checkout::of(&[("base/Dockerfile", &["alpine"]), ("api/Dockerfile", &["shop/base:1"])]).naming();
    assert_eq!(naming.namespace, Namespace { value: "shop".into(), source: NamespaceSource::Checkout });
    assert_eq!(titles(&naming), ["shop/base", "shop/api"]);
    assert_eq!(bind(&naming, 1, "shop/base"), Binding::External);
    assert_eq!(bind(&naming, 1, "shop/bsae"), Binding::External);
}

#[test]
fn binding_and_tagging_are_two_things() {
    let naming = Checkout::of(FAMILY).namespace("quay.io/me", NamespaceSource::Flag).naming();
    assert_eq!(titles(&naming), ["quay.io/me/base", "quay.io/me/shared", "quay.io/me/service1"]);
    assert_eq!(bind(&naming, 1, "acme/base"), Binding::Local(0));
    assert_eq!(bind(&naming, 1, "quay.io/me/base"), Binding::Local(0));
    assert_eq!(naming.namespace.source, NamespaceSource::Flag);
}

#[test]
fn a_wrong_namespace_is_an_error_and_an_empty_variable_is_not_set() {
    let naming = Checkout::of(FAMILY).namespace("Acme", NamespaceSource::Flag).naming();
    assert_eq!(errors(&naming).len(), 1);
    assert!(errors(&naming)[0].message.contains("--namespace"));
    let naming = Checkout::of(FAMILY).namespace("", NamespaceSource::Environment).naming();
    assert_eq!((errors(&naming).len(), naming.namespace.value.as_str()), (0, "acme"));
}

#[test]
fn another_tag_or_a_digest_is_pinned() {
    let naming = Checkout::of(FAMILY).naming();
    assert_eq!(bind(&naming, 1, "acme/base:1.2"), Binding::Pinned(0));
    let digest = format!("acme/base:latest@sha256:{}", "0".repeat(64));
    assert_eq!(bind(&naming, 1, &digest), Binding::Pinned(0));
}

#[test]
fn tags_that_the_settings_follow_count_as_local() {
    let naming = Checkout::of(FAMILY).naming();
    let follow = ["main".to_owned()];
    assert_eq!(naming.bind(&reference("acme/base:main"), 1, &follow), Binding::Local(0));
    assert_eq!(naming.bind(&reference("acme/base:main2"), 1, &follow), Binding::Pinned(0));
}

#[test]
fn an_image_that_refers_to_its_own_repository_means_its_predecessor() {
    let naming = Checkout::of(FAMILY).naming();
    for text in ["acme/base", "acme/base:latest", "acme/base:1"] {
        assert_eq!(bind(&naming, 0, text), Binding::External, "{text}");
    }
}

#[test]
fn a_reference_into_the_namespace_that_nothing_builds_names_the_closest() {
    let naming = Checkout::of(FAMILY).naming();
    let Binding::Unbuilt { closest } = bind(&naming, 1, "acme/service2") else { panic!("bound") };
    assert_eq!(closest, ["acme/service1"]);
    let warning = naming.unbuilt(&reference("acme/service2"), &closest, Location::file("x".into()));
    assert_eq!(warning.severity, Severity::Warning);
    let hint = warning.hint.expect("a hint");
    assert!(hint.contains("acme/service1") && hint.ends_with("\"service1\" = \"service2\""), "{hint}");
    // The line that it shows binds it.
    let naming = Checkout::of(FAMILY).names(&[("service1", "service2")]).naming();
    assert_eq!(bind(&naming, 1, "acme/service2"), Binding::Local(2));
    assert_eq!(bind(&naming, 1, "acme/team/base"), Binding::External);
    assert_eq!(bind(&naming, 1, "acme/nothing-like-it"), Binding::Unbuilt { closest: vec![] });
}

#[test]
fn a_reference_to_a_name_that_several_had_is_an_error_that_shows_them() {
    let naming = Checkout::of(&[
        ("3.12/alpine/Dockerfile", &["scratch-x"]),
        ("3.13/alpine/Dockerfile", &[]),
        ("base/Dockerfile", &["acme/alpine"]),
        ("api/Dockerfile", &["acme/base"]),
    ])
    .naming();
    assert_eq!(titles(&naming)[..2], ["acme/3.12-alpine", "acme/3.13-alpine"]);
    assert_eq!(bind(&naming, 2, "acme/alpine"), Binding::Ambiguous(vec![0, 1]));
    assert_eq!(bind(&naming, 2, "acme/alpine:3"), Binding::Pinned(0));
    assert_eq!(bind(&naming, 2, "acme/3.12-alpine"), Binding::Local(0));
    let error =
        naming.ambiguous(&reference("acme/alpine"), &[0, 1], Location::file("base/Dockerfile".into()));
    assert_eq!(error.severity, Severity::Error);
    let shown: Vec<String> = error.related.iter().map(|(place, _)| place.path.to_string()).collect();
    assert_eq!(shown, ["3.12/alpine/Dockerfile", "3.13/alpine/Dockerfile"]);
    // The line of its hint settles it.
    let hint = error.hint.expect("a hint");
    assert!(hint.ends_with("\"3.12/alpine\" = \"alpine\""), "{hint}");
    let naming = Checkout::of(&[("3.12/alpine/Dockerfile", &[]), ("3.13/alpine/Dockerfile", &[]), FAMILY[1]])
        .names(&[("3.12/alpine", "alpine")])
        .namespace("acme", NamespaceSource::Settings)
        .naming();
    assert_eq!(bind(&naming, 2, "acme/alpine"), Binding::Local(0));
}

#[test]
fn the_one_that_kept_the_name_is_not_bound_either() {
    let naming = Checkout::of(FAMILY).with("old/legacy/base/Dockerfile", true, &[]).naming();
    assert_eq!(titles(&naming)[0], "acme/base");
    assert!(!naming.names[0].provisional && naming.names[3].provisional);
    assert_eq!(bind(&naming, 1, "acme/base"), Binding::Ambiguous(vec![0, 3]));
    assert_eq!(bind(&naming, 0, "acme/base"), Binding::External);
}

#[test]
fn an_untracked_one_neither_renames_nor_unbinds_a_tracked_one() {
    let naming = Checkout::of(FAMILY).with("Base/Dockerfile", false, &[]).naming();
    assert_eq!(titles(&naming)[0], "acme/base");
    assert_eq!(bind(&naming, 1, "acme/base"), Binding::Local(0));
    assert!(naming.names[3].provisional);
    let [note] = &naming.diagnostics[..] else { panic!("{:?}", naming.diagnostics) };
    assert_eq!(note.location, Some(Location::file("Base/Dockerfile".into())));
}

#[test]
fn one_aside_neither_renames_nor_unbinds_another_and_is_no_news() {
    let naming = Checkout::of(FAMILY)
        .with("examples/base/Dockerfile", true, &[])
        .with("examples/x/Dockerfile", true, &[])
        .with("examples/y/x/Dockerfile", true, &[])
        .naming();
    assert_eq!(titles(&naming)[0], "acme/base");
    assert_eq!(bind(&naming, 1, "acme/base"), Binding::Local(0));
    assert!(naming.names[3].provisional);
    assert_eq!(naming.diagnostics, []);
}

#[test]
fn provisional_names_are_listed_with_the_lines_that_settle_them() {
    let files: &[(&str, &[&str])] = &[
        ("3.12/alpine/Dockerfile", &[]),
        ("3.13/alpine/Dockerfile", &[]),
        ("{{project}}/api/Dockerfile", &[]),
        ("x/api/Dockerfile.dev", &[]),
        ("y/api/dev.Dockerfile", &[]),
        ("z/api/Dockerfile", &[]),
        ("api/src/Dockerfile", &[]),
        ("solo/Dockerfile", &[]),
    ];
    let before = Checkout::of(files).naming();
    let lines: Vec<(String, String)> = before
        .provisional()
        .iter()
        .map(|(_, line)| {
            let table: toml::Table = line.parse().expect("a line of TOML");
            let (key, name) = table.into_iter().next().expect("one line");
            (key, name.as_str().expect("a string").to_owned())
        })
        .collect();
    assert_eq!(lines.len(), 7);
    let mut checkout = Checkout::of(files);
    checkout.names = lines;
    let after = checkout.naming();
    assert_eq!(titles(&after), titles(&before));
    assert_eq!(after.provisional(), []);
    assert_eq!(after.diagnostics, []);
}

#[test]
fn tag_prefixes_make_several_images_of_one_repository() {
    let naming = Checkout::of(&[
        ("src/sdk/8.0/Dockerfile", &["mcr.test/dotnet/runtime:8.0"]),
        ("src/sdk/8.0/alpine/Dockerfile", &[]),
        ("src/runtime/8.0/Dockerfile", &["alpine"]),
    ])
    .names(&[("src/{repo}/{ver}", "dotnet/{repo}:{ver}"), ("src/{r}/{v}/{os}", "dotnet/{r}:{v}-{os}")])
    .naming();
    assert_eq!(
        titles(&naming),
        ["mcr.test/dotnet/sdk:8.0", "mcr.test/dotnet/sdk:8.0-alpine", "mcr.test/dotnet/runtime:8.0"]
    );
    assert_eq!(bind(&naming, 0, "mcr.test/dotnet/runtime:8.0"), Binding::Local(2));
    assert_eq!(bind(&naming, 2, "mcr.test/dotnet/sdk:8.0"), Binding::Local(0));
    assert_eq!(bind(&naming, 2, "mcr.test/dotnet/sdk:8.0-alpine"), Binding::Local(1));
    assert_eq!(bind(&naming, 2, "mcr.test/dotnet/sdk:8.0-latest"), Binding::Local(0));
    assert_eq!(bind(&naming, 2, "mcr.test/dotnet/sdk:8.0-main"), Binding::Pinned(0));
    assert_eq!(bind(&naming, 2, "mcr.test/dotnet/sdk:8.0-alpine-main"), Binding::Pinned(1));
    assert_eq!(bind(&naming, 1, "mcr.test/dotnet/sdk:8.0"), Binding::Local(0));
    assert_eq!(bind(&naming, 0, "mcr.test/dotnet/sdk:8.0"), Binding::External);
    assert_eq!(bind(&naming, 0, "mcr.test/dotnet/sdk:7.0"), Binding::External);
    let unbuilt = Binding::Unbuilt {
        closest: vec!["mcr.test/dotnet/sdk:8.0".into(), "mcr.test/dotnet/sdk:8.0-alpine".into()],
    };
    assert_eq!(bind(&naming, 2, "mcr.test/dotnet/sdk"), unbuilt);
    assert_eq!(bind(&naming, 2, "mcr.test/dotnet/sdk:8.01"), unbuilt);
    let tag = |text: &str| naming.names[0].tag(&Tag::new(text).expect("a tag")).to_string();
    assert_eq!((tag("main"), tag("latest")), ("8.0-main".into(), "8.0".into()));
    assert_eq!(tag(&"b".repeat(128)).len(), 128);
}

#[test]
fn a_whole_repository_in_the_settings_has_no_namespace() {
    let naming = Checkout::of(&[("a/Dockerfile", &[]), ("b/Dockerfile", &["shipyard/shared"])])
        .names(&[("/a", "/shipyard/shared")])
        .naming();
    assert_eq!(titles(&naming), ["shipyard/shared", "shop/b"]);
    assert_eq!(bind(&naming, 1, "shipyard/shared"), Binding::Local(0));
}

#[test]
fn an_image_table_names_its_image_and_wins_over_names() {
    let naming = Checkout::of(&[("api/Dockerfile", &[])])
        .image("api/Dockerfile", "api-dev")
        .image("api/Dockerfile", "api-test")
        .names(&[("api", "renamed")])
        .naming();
    assert_eq!(titles(&naming), ["shop/renamed", "shop/api-dev", "shop/api-test"]);
    assert_eq!(naming.names[1].source, NameSource::Image);
    assert_eq!(naming.names[0].source, NameSource::Names("api".into()));
}

#[test]
fn two_images_of_one_name_in_the_settings_are_an_error() {
    let naming = Checkout::of(&[("a/1/Dockerfile", &[]), ("a/2/Dockerfile", &[]), ("b/Dockerfile", &[])])
        .names(&[("a/{x}", "same")])
        .naming();
    let [error] = errors(&naming)[..] else { panic!("{:?}", naming.diagnostics) };
    assert!(error.message.contains("shop/same"));
    assert_eq!((error.location.iter().count(), error.related.len()), (1, 1));
    let different: HashSet<String> = titles(&naming).into_iter().collect();
    assert_eq!(different.len(), 3);
}

#[test]
fn wrong_lines_of_names_are_errors_and_useless_ones_warnings() {
    let naming = Checkout::of(FAMILY).names(&[("base", "Wrong Name"), ("sevrice1", "x")]).naming();
    assert_eq!(errors(&naming).len(), 1);
    assert_eq!(titles(&naming)[0], "acme/base");
    let warning = naming.diagnostics.iter().find(|found| found.severity == Severity::Warning);
    let warning = warning.expect("a warning for the line that matches nothing");
    assert_eq!(warning.hint.as_deref(), Some("the closest path is \"service1\""));
}

#[test]
fn hostile_text_is_escaped() {
    let naming = Checkout::of(&[("a\u{1b}[31m\"\\\n/x/Dockerfile", &[]), ("b/x/Dockerfile", &[])])
        .names(&[("\u{1b}]0;x\u{7}", "\u{1b}")])
        .naming();
    for diagnostic in &naming.diagnostics {
        let text = format!("{}{}", diagnostic.message, diagnostic.hint.as_deref().unwrap_or_default());
        assert!(!text.replace('\n', "").contains(char::is_control), "{text:?}");
    }
    let (_, line) = &naming.provisional()[0];
    let table: toml::Table = line.parse().expect("a line of TOML");
    assert_eq!(table.keys().next().map(String::as_str), Some("a\u{1b}[31m\"\\\n/x"));
}

proptest! {
    #[test]
    fn any_checkout_gets_names_that_differ_and_bind_to_themselves(
        files in proptest::collection::btree_map("([a-cA-C日. ]{1,4}/){0,4}(Dockerfile|Dockerfile[.]a|B[.]Dockerfile)", any::<bool>(), 0..20),
        namespace in proptest::option::of("[a-z.:/A-Z]{0,12}"),
    ) {
        let mut checkout = Checkout::default();
        for (path, tracked) in &files {
            checkout = checkout.with(path, *tracked, &["acme/a", "acme/b:1", "c"]);
        }
        if let Some(namespace) = &namespace {
            checkout = checkout.namespace(namespace, NamespaceSource::Settings);
        }
        let naming = checkout.naming();
        let different: HashSet<String> = titles(&naming).into_iter().collect();
        prop_assert_eq!(different.len(), files.len());
        for (image, name) in naming.names.iter().enumerate() {
            let itself = name.repository.with_tag(Tag::new("latest").expect("a tag"));
            prop_assert_eq!(naming.bind(&itself, image, &[]), Binding::External);
            if !naming.namespace.source.is_guess() && !naming.diagnostics.iter().any(|d| d.message.contains("would be called")) {
                prop_assert_eq!(naming.bind(&itself, usize::MAX, &[]), Binding::Local(image));
            }
        }
    }
}
