//! Order, loops, selection and drawings of small graphs, and laws for all graphs.

use std::collections::{BTreeSet, HashSet};

use petgraph::graph::DiGraph;
use proptest::prelude::*;

use super::cycles::Cycle;
use super::render::Marks;
use super::*;
use crate::diagnostic::{Location, Severity};
use crate::path::TreePath;

fn image(name: &str) -> GraphImage {
    GraphImage {
        title: name.to_owned(),
        full: format!("acme/{name}"),
        short: name.to_owned(),
        plain: None,
        dockerfile: TreePath::from(format!("{name}/Dockerfile").as_str()),
        aside: false,
    }
}

/// From `dependent: dependency dependency …` lines; a name with `~` in front stands aside, a dependency with
/// `+` in front is copied from.
fn graph(lines: &[&str]) -> Graph {
    let split = |line: &&str| {
        let (name, needs) = line.split_once(':').unwrap_or((line, ""));
        (name.trim().to_owned(), needs.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    let rows: Vec<(String, Vec<String>)> = lines.iter().map(split).collect();
    let images: Vec<GraphImage> = rows
        .iter()
        .map(|(name, _)| GraphImage { aside: name.starts_with('~'), ..image(name.trim_start_matches('~')) })
        .collect();
    let number = |name: &str| images.iter().position(|image| image.title == name).expect("a name of a line");
    let mut all = Vec::new();
    for (dependent, (_, needs)) in rows.iter().enumerate() {
        for (line, need) in needs.iter().enumerate() {
            let (kind, name) = match need.strip_prefix('+') {
                Some(name) => (DependencyKind::Copy, name),
                None => (DependencyKind::From, need.as_str()),
            };
            let place = Location::span(images[dependent].dockerfile.clone(), line + 1, 0..1);
            all.push(Link {
                dependent: ImageId(dependent),
                dependency: ImageId(number(name)),
                kind,
                location: Some(place),
            });
        }
    }
    Graph::new(images, all)
}

fn titles(graph: &Graph, images: &[ImageId]) -> String {
    images.iter().map(|image| graph.images()[*image].title.as_str()).collect::<Vec<_>>().join(" ")
}

/// The family of the original's documentation, with more than one dependency here and there.
fn family() -> Graph {
    graph(&[
        "service3: shared",
        "service2: service1",
        "service1: shared +tools",
        "shared: base",
        "independent: base",
        "base",
        "tools",
        "~e2e: service1 +fake",
        "~fake",
    ])
}

fn selected(graph: &Graph, select: impl FnOnce(&mut Selector)) -> String {
    let mut selector = Selector::default();
    select(&mut selector);
    let selection = graph.select(&selector).expect("known images");
    titles(graph, &selection.images)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn dependencies_come_first_and_ties_go_by_name() {
    let graph = family();
    assert_eq!(
        titles(&graph, graph.order()),
        "base fake independent shared service3 tools service1 e2e service2"
    );
}

#[test]
fn the_order_does_not_depend_on_the_order_of_the_images() {
    let mut lines = vec!["a: b", "b", "c: b", "d: a c", "e"];
    let expected = titles(&graph(&lines), graph(&lines).order());
    for _ in 0..lines.len() {
        lines.rotate_left(1);
        let graph = graph(&lines);
        assert_eq!(titles(&graph, graph.order()), expected);
    }
}

#[test]
fn a_cycle_is_an_error_that_shows_the_whole_loop_with_its_places() {
    let graph = graph(&["c: base a", "a: b", "b: c", "base", "user: a", "other"]);
    let cycles = graph.cycles();
    assert_eq!(cycles.len(), 1);
    assert_eq!(titles(&graph, &cycles[0].images().collect::<Vec<_>>()), "a b c");
    let error = cycles[0].diagnostic(&graph);
    assert_eq!(error.severity, Severity::Error);
    assert!(error.message.ends_with("a → b → c → a"), "{}", error.message);
    let places: Vec<String> = error
        .related
        .iter()
        .map(|(place, label)| format!("{}:{} {label}", place.path, place.line.unwrap_or_default()))
        .collect();
    assert_eq!(places, ["a/Dockerfile:1 a needs b", "b/Dockerfile:1 b needs c", "c/Dockerfile:2 c needs a"]);
    assert_eq!(titles(&graph, &graph.images_in_cycles()), "a b c");
    // What has nothing to do with it is still ordered, what needs it comes after it.
    assert_eq!(titles(&graph, graph.order()), "base a b c other user");
}

#[test]
fn every_loop_is_reported_once() {
    let graph = graph(&["a: b b c", "b: a", "c: a d", "d: c", "e: e", "f: a"]);
    let loops: Vec<String> =
        graph.cycles().iter().map(|cycle| titles(&graph, &cycle.images().collect::<Vec<_>>())).collect();
    let found: BTreeSet<&str> = loops.iter().map(String::as_str).collect();
    assert_eq!(found, BTreeSet::from(["a b", "a c", "c d", "e"]));
    assert_eq!(loops.len(), found.len());
}

#[test]
fn a_tangle_with_countless_loops_is_cut_off() {
    let names: Vec<String> = (0..60).map(|at| format!("i{at:02}")).collect();
    let all = names.join(" ");
    let lines: Vec<String> = names.iter().map(|name| format!("{name}: {all}")).collect();
    let graph = graph(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(graph.cycles().len(), 32);
}

#[test]
fn a_declared_loop_names_the_dockerfile() {
    let link = |dependent, dependency| Link {
        dependent: ImageId(dependent),
        dependency: ImageId(dependency),
        kind: DependencyKind::Declared,
        location: None,
    };
    let graph = Graph::new(vec![image("a"), image("b")], [link(0, 1), link(1, 0)]);
    let error = graph.cycles()[0].diagnostic(&graph);
    assert_eq!(error.related[0].1, "a needs b (depends_on in the settings)");
    assert_eq!(error.related[0].0.path, TreePath::from("a/Dockerfile"));
}

#[test]
fn links_keep_their_lines_and_their_order() {
    let graph = graph(&["a: b +c b", "b", "c"]);
    let lines: Vec<_> = graph.links(ImageId(0)).iter().map(|link| (link.dependency.0, link.line())).collect();
    assert_eq!(lines, [(1, Some(1)), (2, Some(2)), (1, Some(3))]);
    assert_eq!(graph.direct_dependencies(ImageId(0)), [ImageId(1), ImageId(2)]);
    assert_eq!(graph.direct_dependents(ImageId(1)), [ImageId(0)]);
}

#[test]
fn a_bare_command_selects_all_that_does_not_stand_aside() {
    let graph = family();
    assert_eq!(selected(&graph, |_| {}), "base independent shared service3 tools service1 service2");
    let selection = graph.select(&Selector::default()).expect("selects");
    assert!(selection.is_unnamed());
    assert_eq!(titles(&graph, &selection.left_aside), "fake e2e");
}

#[test]
fn an_image_aside_is_selected_when_depended_on_or_named() {
    let graph = graph(&["app: fake", "~fake", "~e2e: app"]);
    assert_eq!(selected(&graph, |_| {}), "fake app");
    assert_eq!(selected(&graph, |s| s.upto = words("e2e")), "fake app e2e");
    assert_eq!(selected(&graph, |s| s.dependents = words("app")), "fake app");
    assert_eq!(selected(&graph, |s| s.dependents = words("fake")), "fake app e2e");
}

#[test]
fn upto_dependents_and_exact_are_united_and_exclude_comes_last() {
    let graph = family();
    assert_eq!(selected(&graph, |s| s.upto = words("service1")), "base shared tools service1");
    assert_eq!(selected(&graph, |s| s.dependents = words("service1")), "base shared tools service1 service2");
    assert_eq!(selected(&graph, |s| s.exact = words("service1")), "service1");
    assert_eq!(selected(&graph, |s| s.exclude = words("service1")), "base independent shared service3 tools");
    assert_eq!(
        selected(&graph, |s| {
            s.dependents = words("service1");
            s.upto = words("independent");
        }),
        "base independent shared tools service1 service2"
    );
    assert_eq!(
        selected(&graph, |s| {
            s.upto = words("service2,independent");
            s.exact = words("service3");
            s.exclude = words("service1");
        }),
        "base independent shared service3 tools"
    );
}

#[test]
fn what_dependents_need_besides_is_selected() {
    let graph = graph(&["app: base +assets", "base", "assets"]);
    assert_eq!(selected(&graph, |s| s.dependents = words("base")), "assets base app");
}

#[test]
fn named_images_are_known_also_when_they_are_excluded() {
    let graph = family();
    let selection = graph
        .select(&Selector { upto: words("shared"), exclude: words("base"), ..Selector::default() })
        .expect("selects");
    assert!(!selection.is_unnamed());
    assert_eq!(titles(&graph, &selection.images), "");
    assert_eq!(titles(&graph, &selection.named_and_excluded().collect::<Vec<_>>()), "shared");
}

#[test]
fn images_go_by_full_name_short_name_or_path() {
    let graph = family();
    for word in [
        "shared",
        "acme/shared",
        "docker.io/acme/shared:latest",
        "shared/Dockerfile",
        "./shared/Dockerfile",
        "./shared",
        "shared/",
        "./base/../shared",
    ] {
        assert_eq!(selected(&graph, |s| s.exact = vec![word.to_owned()]), "shared", "{word}");
    }
}

#[test]
fn paths_are_seen_from_where_the_user_stands() {
    let graph = family();
    for word in [".", "./Dockerfile", "Dockerfile", "../shared", "shared/Dockerfile", "../../../shared"] {
        let found = selected(&graph, |s| {
            s.exact = vec![word.to_owned()];
            s.folder = "shared".into();
        });
        assert_eq!(found, "shared", "{word}");
    }
}

#[test]
fn several_values_by_comma() {
    let graph = family();
    assert_eq!(selected(&graph, |s| s.exact = words("base,tools, acme/shared,")), "base shared tools");
    let mut odd = image("odd");
    odd.dockerfile = "a,b/Dockerfile".into();
    let graph = Graph::new(vec![odd], []);
    assert_eq!(selected(&graph, |s| s.exact = words("a,b")), "odd");
}

#[test]
fn an_unknown_one_is_an_error_with_the_closest_names() {
    let graph = family();
    let error =
        graph.select(&Selector { upto: words("sevrice1"), ..Selector::default() }).expect_err("unknown");
    assert_eq!(error.to_string(), "there is no image `sevrice1`");
    let hint = error.hint();
    assert!(hint.starts_with("the closest: service1"), "{hint}");
    for options in [
        Selector { exclude: words("nothing-like-it"), ..Selector::default() },
        Selector { exact: vec!["\u{1b}[31m".to_owned()], ..Selector::default() },
        Selector { exact: words("acme/sha256:x"), ..Selector::default() },
    ] {
        let error = graph.select(&options).expect_err("unknown");
        assert!(!error.to_string().contains('\u{1b}'));
        assert!(matches!(error, UnknownImage::Unknown { .. }));
    }
}

#[test]
fn an_ambiguous_name_is_an_error_that_lists_them() {
    let plain = |name: &str| GraphImage { plain: Some("alpine".into()), ..image(name) };
    let versioned = |prefix: &str| GraphImage {
        title: format!("dotnet/sdk:{prefix}"),
        full: format!("acme/dotnet/sdk:{prefix}"),
        short: "dotnet/sdk".to_owned(),
        ..image(prefix)
    };
    let images = vec![plain("3.13-alpine"), plain("3.12-alpine"), versioned("8.0"), versioned("9.0")];
    let graph = Graph::new(images, []);
    for (word, hint) in [
        ("alpine", "write one of acme/3.12-alpine, acme/3.13-alpine"),
        ("dotnet/sdk", "write one of acme/dotnet/sdk:8.0, acme/dotnet/sdk:9.0"),
        ("acme/dotnet/sdk", "write one of acme/dotnet/sdk:8.0, acme/dotnet/sdk:9.0"),
    ] {
        let error =
            graph.select(&Selector { upto: words(word), ..Selector::default() }).expect_err("ambiguous");
        assert_eq!(error.hint(), hint);
    }
    assert_eq!(selected(&graph, |s| s.exact = words("dotnet/sdk:9.0")), "dotnet/sdk:9.0");
    assert_eq!(selected(&graph, |s| s.exact = words("docker.io/acme/dotnet/sdk:8.0")), "dotnet/sdk:8.0");
}

#[test]
fn a_dockerfile_means_all_images_made_of_it_and_names_win_over_paths() {
    let at = |name: &str, path: &str| GraphImage { dockerfile: path.into(), ..image(name) };
    let images = vec![
        at("api", "api/Dockerfile"),
        at("api-dev", "api/Dockerfile"),
        at("x", "y/Dockerfile"),
        at("y", "z/Dockerfile"),
    ];
    let graph = Graph::new(images, []);
    assert_eq!(selected(&graph, |s| s.exact = words("api/Dockerfile")), "api api-dev");
    assert_eq!(selected(&graph, |s| s.exact = words("./api")), "api api-dev");
    assert_eq!(selected(&graph, |s| s.exact = words("api")), "api");
    assert_eq!(selected(&graph, |s| s.exact = words("y")), "y");
    assert_eq!(selected(&graph, |s| s.exact = words("./y")), "x");
}

#[test]
fn the_tree_shows_dependents_below_and_repeats_none() {
    let graph = graph(&["app: +tools shared", "deep: app", "shared: base", "base", "tools", "~e2e: base"]);
    let expected = "\
acme/base
├── acme/e2e (built only when named)
└── acme/shared
    └── acme/app
        └── acme/deep
acme/tools
└── acme/app (copy; see above)
";
    assert_eq!(render::text(&graph, graph.order(), &Marks::new()), expected);
    assert_eq!(render::text(&graph, &[ImageId(0), ImageId(1)], &Marks::new()), "acme/app\n└── acme/deep\n");
}

#[test]
fn the_tree_of_a_ladder_does_not_blow_up() {
    let mut lines = vec!["i00: ".to_owned(), "j00".to_owned()];
    for at in 1..40 {
        lines.push(format!("i{at:02}: i{:02} j{:02}", at - 1, at - 1));
        lines.push(format!("j{at:02}: i{:02} j{:02}", at - 1, at - 1));
    }
    let graph = graph(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(render::text(&graph, graph.order(), &Marks::new()).lines().count() <= 80 + 4 * 40);
}

#[test]
fn the_tree_of_a_loop_shows_every_image() {
    let graph = graph(&["a: b", "b: a", "c: b"]);
    assert_eq!(
        render::text(&graph, graph.order(), &Marks::new()),
        "acme/a\n└── acme/b\n    ├── acme/a (see above)\n    └── acme/c\n"
    );
}

#[test]
fn dot_and_mermaid_draw_what_is_needed() {
    let graph = graph(&["app: base +base", "base", "~e2e: app"]);
    let dot = render::dot(&graph, graph.order(), &Marks::new());
    assert!(dot.starts_with("digraph shipwright {\n") && dot.ends_with("}\n"));
    for line in [
        "n1 [label = \"acme/base\"];",
        "n2 [label = \"acme/e2e\", style = dashed];",
        "n1 -> n0 [label = \"from, copy\"];",
        "n0 -> n2;",
    ] {
        assert!(dot.contains(&format!("  {line}\n")), "{line} in {dot}");
    }
    assert_eq!(
        render::mermaid(&graph, &[ImageId(1), ImageId(0)], &Marks::new()),
        "flowchart LR\n  n1[\"acme/base\"]\n  n0[\"acme/app\"]\n  n1 -->|from, copy| n0\n"
    );
}

#[test]
fn hostile_names_are_escaped_in_every_drawing() {
    let hostile = "a\"];\n<b>\\n\u{1b}[31m#end;";
    let graph = Graph::new(vec![GraphImage { full: hostile.to_owned(), ..image("x") }], []);
    let dot = render::dot(&graph, graph.order(), &Marks::new());
    assert!(dot.contains("label = \"a\\\"];\\\\n<b>\\\\n\\\\u{1b}[31m#end;\"];"), "{dot}");
    let mermaid = render::mermaid(&graph, graph.order(), &Marks::new());
    assert_eq!(mermaid.lines().count(), 2);
    assert_eq!(mermaid.matches(['"', '<', '\\', '\u{1b}']).count(), 2, "{mermaid}");
    assert_eq!(render::text(&graph, graph.order(), &Marks::new()).lines().count(), 1);
}

/// Random graphs; `forward` ones have no cycles.
fn any_graph(forward: bool) -> impl Strategy<Value = Graph> {
    (1usize..14).prop_flat_map(move |size| {
        let links = proptest::collection::vec((0..size, 0..size), 0..size * 2);
        let aside = proptest::collection::vec(any::<bool>(), size);
        (links, aside).prop_map(move |(links, aside)| {
            let images = aside
                .iter()
                .enumerate()
                .map(|(at, aside)| GraphImage {
                    aside: *aside,
                    ..image(&format!("i{}", (at * 7) % 10 * 100 + at))
                })
                .collect();
            let links =
                links.into_iter().filter(|(a, b)| !forward || a > b).map(|(dependent, dependency)| Link {
                    dependent: ImageId(dependent),
                    dependency: ImageId(dependency),
                    kind: DependencyKind::From,
                    location: None,
                });
            Graph::new(images, links)
        })
    })
}

fn as_set(images: &[ImageId]) -> HashSet<ImageId> {
    images.iter().copied().collect()
}

proptest! {
    #[test]
    fn the_order_respects_every_link(graph in any_graph(true)) {
        let position = |image| graph.order().iter().position(|other| *other == image);
        prop_assert_eq!(graph.order().len(), graph.images().len());
        for link in graph.all_links() {
            prop_assert!(position(link.dependency) < position(link.dependent));
        }
    }

    #[test]
    fn cycles_are_found_if_and_only_if_there_are_some(graph in any_graph(false)) {
        let mut plain: DiGraph<(), ()> = DiGraph::new();
        let nodes: Vec<_> = graph.images().iter().map(|_| plain.add_node(())).collect();
        for link in graph.all_links() {
            plain.add_edge(nodes[link.dependent], nodes[link.dependency], ());
        }
        let cycles = graph.cycles();
        prop_assert_eq!(!cycles.is_empty(), petgraph::algo::is_cyclic_directed(&plain));
        let mut different = HashSet::new();
        for cycle in &cycles {
            let images: Vec<ImageId> = cycle.images().collect();
            prop_assert_eq!(as_set(&images).len(), images.len());
            for (at, link) in cycle.links.iter().enumerate() {
                prop_assert_eq!(link.dependency, images[(at + 1) % images.len()]);
            }
            prop_assert!(different.insert(images));
        }
        let in_loops: HashSet<ImageId> = cycles.iter().flat_map(Cycle::images).collect();
        prop_assert_eq!(in_loops, as_set(&graph.images_in_cycles()));
        prop_assert_eq!(as_set(graph.order()).len(), graph.images().len());
        // Without the loops' images the order respects every link.
        let tangled = as_set(&graph.images_in_cycles());
        let position = |image| graph.order().iter().position(|other| *other == image);
        for link in graph.all_links() {
            if !(tangled.contains(&link.dependent) && tangled.contains(&link.dependency)) {
                prop_assert!(position(link.dependency) < position(link.dependent));
            }
        }
        let text = render::text(&graph, graph.order(), &Marks::new());
        prop_assert!(text.lines().count() <= graph.images().len() + graph.all_links().count());
    }

    #[test]
    fn selections_are_closed(
        graph in any_graph(false),
        upto in proptest::collection::vec(0usize..14, 0..3),
        dependents in proptest::collection::vec(0usize..14, 0..2),
        excluded in proptest::collection::vec(0usize..14, 0..3),
    ) {
        let title = |at: &usize| graph.images()[at % graph.images().len()].title.clone();
        let selector = Selector {
            upto: upto.iter().map(title).collect(),
            dependents: dependents.iter().map(title).collect(),
            exclude: excluded.iter().map(title).collect(),
            ..Selector::default()
        };
        let all = graph.select(&Selector { exclude: vec![], ..selector.clone() }).expect("known");
        let selection = graph.select(&selector).expect("known");
        let images = as_set(&selection.images);
        // Whatever is selected has its dependencies selected, also after an exclusion.
        prop_assert_eq!(as_set(&graph.with_dependencies(selection.images.iter().copied())), images.clone());
        let gone = as_set(&graph.with_dependents(excluded.iter().map(|at| ImageId(at % graph.images().len()))));
        prop_assert_eq!(&as_set(&all.images) - &gone, images);
        prop_assert!(as_set(&selection.named).is_subset(&as_set(&all.images)));
        prop_assert_eq!(graph.ordered(selection.images.iter().copied()), selection.images);
        // An image aside is there only if it was named or something selected needs it, or with `dependents`
        // of one that stands aside itself.
        if dependents.is_empty() {
            for image in all.images.iter().filter(|image| graph.images()[**image].aside) {
                let needed = graph.direct_dependents(*image).iter().any(|other| all.images.contains(other));
                prop_assert!(all.named.contains(image) || needed);
            }
        }
    }
}

#[test]
fn a_long_chain_needs_no_stack() {
    let mut links = Vec::new();
    let images: Vec<GraphImage> = (0..50_000).map(|at| image(&format!("i{at:05}"))).collect();
    for dependent in 1..images.len() {
        let (dependent, dependency) = (ImageId(dependent), ImageId(dependent - 1));
        links.push(Link { dependent, dependency, kind: DependencyKind::From, location: None });
    }
    let (dependent, dependency) = (ImageId(0), ImageId(49_999));
    links.push(Link { dependent, dependency, kind: DependencyKind::From, location: None });
    let graph = Graph::new(images, links);
    assert_eq!(graph.cycles().len(), 1);
    assert_eq!(graph.with_dependencies([ImageId(0)]).len(), 50_000);
    let message = graph.cycles()[0].diagnostic(&graph).message;
    assert!(message.len() < 500, "{message}");
}
