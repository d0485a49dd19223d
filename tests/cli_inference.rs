//! What is inferred from a checkout without settings, through the real binary.

mod support;

use serde_json::{Value, json};
use support::{Checkout, image, names, texts};

/// Dockerfile, and the name and context that are planned for it.
fn inferred(checkout: &Checkout) -> Vec<(String, String, Value)> {
    let plan = checkout.plan(&[]);
    let images = plan["images"].as_array().expect("images").iter();
    let text = |image: &Value, field: &str| image[field].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = images
        .map(|image| {
            let prefix = image["tag_prefix"].as_str().map_or(String::new(), |prefix| format!(":{prefix}"));
            (text(image, "dockerfile"), text(image, "short_name") + &prefix, image["context"].clone())
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn is_inferred(checkout: &Checkout, expected: &[(&str, &str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, name, context)| ((*path).to_owned(), (*name).to_owned(), json!(context)))
        .collect();
    assert_eq!(inferred(checkout), expected);
}

#[test]
fn sources_with_values_of_the_dockerfile_tell_the_context() {
    for copy in [
        "COPY [\"svc/api/${WHAT}\", \"/app/\"]",
        "COPY svc/api/${WHAT} /app/",
        "COPY svc/api/s* /app/",
        "COPY svc/api/$WHAT/*.py /app/",
        "ADD [\"svc/${NAME:-api}/src/main.py\", \"/\"]",
        "RUN --mount=type=bind,source=svc/api/${WHAT},target=/in true",
    ] {
        let dockerfile = format!("FROM busybox\nARG WHAT=src\nARG NAME=api\n{copy}\n");
        let checkout = Checkout::with(&[("svc/api/Dockerfile", &dockerfile), ("svc/api/src/main.py", "1")]);
        let plan = checkout.plan(&[]);
        let api = image(&plan, "api");
        assert_eq!((&api["context"], &api["inputs"]["files"]), (&json!("."), &json!(1)), "{copy}");
        assert_eq!(checkout.plan(&["--rev", "HEAD"])["images"][0]["key"], api["key"], "{copy}");
    }
}

#[test]
fn a_folder_of_dockerfiles_that_copies_all_means_what_is_around_it() {
    let all = "FROM busybox\nCOPY . /src\n";
    let checkout = Checkout::with(&[
        ("main.py", "1"),
        ("deploy/images/api/Dockerfile", all),
        ("deploy/images/api/.dockerignore", "x"),
        ("deploy/images/web/Dockerfile", all),
        ("own/Dockerfile", all),
        ("own/main.py", "2"),
    ]);
    is_inferred(
        &checkout,
        &[
            ("deploy/images/api/Dockerfile", "api", "."),
            ("deploy/images/web/Dockerfile", "web", "."),
            ("own/Dockerfile", "own", "own"),
        ],
    );
    let api = checkout.run(&["plan", "--offline", "api", "-v"]).exits(0);
    assert!(format!("{}{}", api.stdout, api.stderr).contains("the folder around"), "{api:?}");
}

#[test]
fn a_source_in_a_submodule_that_is_not_checked_out_blocks_with_what_brings_it() {
    let part = Checkout::with(&[("src/lib.c", "1"), ("README", "1")]);
    let checkout =
        Checkout::with(&[("svc/Dockerfile", "FROM busybox\nCOPY deps/lib/src /src\n"), ("x", "1")]);
    let url = format!("file://{}", part.root.display());
    checkout.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "deps/lib"]);
    checkout.commit("with a submodule");
    is_inferred(&checkout, &[("svc/Dockerfile", "svc", ".")]);
    let here = image(&checkout.plan(&[]), "svc")["key"].clone();
    assert!(here.is_string());
    checkout.git(&["submodule", "--quiet", "deinit", "-f", "deps/lib"]);
    let run = checkout.run(&["inspect", "svc/Dockerfile", "--format", "json"]);
    let inspected: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(inspected["context"], ".");
    let plan = checkout.plan(&[]);
    let reasons = image(&plan, "svc")["reasons"].to_string();
    assert!(reasons.contains("git submodule update --init deps/lib"), "{reasons}");
}

#[test]
fn names_of_places() {
    let from = "FROM busybox\n";
    is_inferred(
        &Checkout::with(&[("app/Dockerfile", from), ("worker/Dockerfile", from)]),
        &[("app/Dockerfile", "app", "app"), ("worker/Dockerfile", "worker", "worker")],
    );
    is_inferred(&Checkout::with(&[("app/Dockerfile", from)]), &[("app/Dockerfile", "shop", "app")]);
    is_inferred(
        &Checkout::with(&[
            ("Dockerfile.api", from),
            ("worker.Dockerfile", from),
            ("api/Dockerfile.web", from),
        ]),
        &[
            ("Dockerfile.api", "api", "."),
            ("api/Dockerfile.web", "api-web", "api"),
            ("worker.Dockerfile", "worker", "."),
        ],
    );
    is_inferred(
        &Checkout::with(&[
            ("api/Dockerfile.api", from),
            ("php/8.2/Dockerfile", from),
            ("php/8.3/Dockerfile", from),
        ]),
        &[
            ("api/Dockerfile.api", "api", "api"),
            ("php/8.2/Dockerfile", "php:8.2", "php/8.2"),
            ("php/8.3/Dockerfile", "php:8.3", "php/8.3"),
        ],
    );
}

#[test]
fn versions_are_tagged_in_one_repository() {
    let checkout = Checkout::with(&[
        ("php/8.2/Dockerfile", "FROM busybox\n"),
        ("php/8.3/Dockerfile", "FROM busybox\n"),
        ("web/Dockerfile", "FROM acme/php:8.3\n"),
        ("db/Dockerfile", "FROM acme/web\n"),
    ]);
    let plan = checkout.plan(&[]);
    let of = |path: &str| {
        let images = plan["images"].as_array().expect("images");
        images.iter().find(|image| image["dockerfile"] == path).cloned().expect("an image")
    };
    let newer = of("php/8.3/Dockerfile");
    assert_eq!((&newer["name"], &newer["tag_prefix"]), (&json!("acme/php"), &json!("8.3")));
    assert!(texts(&newer["tags"]).contains(&"8.3".to_owned()), "{newer:#}");
    assert!(texts(&newer["tags"]).contains(&"8.3-main".to_owned()), "{newer:#}");
    let web = of("web/Dockerfile");
    assert_eq!(web["dependencies"][0]["image"], "acme/php:8.3");
    assert_eq!(web["dependencies"].as_array().map(Vec::len), Some(1));
}

#[cfg(unix)]
#[test]
fn a_link_beside_its_dockerfile_is_no_second_image() {
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\n")]);
    std::os::unix::fs::symlink("Dockerfile", checkout.root.join("api/Dockerfile.prod")).expect("a link");
    std::os::unix::fs::symlink("api/Dockerfile", checkout.root.join("Dockerfile.all")).expect("a link");
    checkout.commit("links");
    assert_eq!(names(&checkout.plan(&[])), ["all", "api"]);
}

#[test]
fn a_bare_reference_to_the_only_dockerfile_of_that_name_is_bound_and_marked() {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\n"),
        ("node/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM base\nCOPY --from=node /a /a\n"),
        ("stage/Dockerfile", "FROM busybox AS base\nFROM base\n"),
        ("full/Dockerfile", "FROM docker.io/library/base\n"),
        ("old/Dockerfile", "FROM base:1\n"),
    ]);
    let plan = checkout.plan(&[]);
    let api = image(&plan, "api");
    let base = image(&plan, "base");
    let expected = json!([{"image": base["name"], "kind": "from", "line": 1, "inferred": true}]);
    assert_eq!(api["dependencies"], expected);
    assert_eq!(api["bases"], json!(["node:latest"]));
    for other in ["stage", "full", "old"] {
        assert_eq!(image(&plan, other)["dependencies"], json!([]), "{other}");
    }
    let graph = checkout.run(&["graph", "--format", "json"]).exits(0).json();
    assert!(graph.to_string().contains("\"inferred\":true"), "{graph:#}");
    checkout.write("shipwright.toml", "[image.api]\nfollow = false\n");
    assert_eq!(image(&checkout.plan(&[]), "api")["dependencies"], json!([]));
    assert_eq!(image(&checkout.plan(&[]), "api")["bases"], json!(["base:latest", "node:latest"]));
}

#[test]
fn a_name_that_three_folders_have_is_taken_for_a_published_image() {
    let checkout = Checkout::with(&[
        ("a/builder/Dockerfile", "FROM busybox\n"),
        ("b/builder/Dockerfile", "FROM busybox\n"),
        ("c/builder/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM acme/builder\n"),
    ]);
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "api")["action"], "build");
    assert_eq!(image(&plan, "api")["bases"], json!(["acme/builder:latest"]));
    let severities: Vec<&Value> =
        plan["diagnostics"].as_array().expect("a list").iter().map(|found| &found["severity"]).collect();
    assert!(severities.iter().all(|severity| *severity == "note"), "{plan:#}");
}

#[test]
fn a_hint_never_shows_a_placeholder_for_a_folder() {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM acme/base\n"),
        ("web/Dockerfile", "FROM acme/wholly-else\n"),
    ]);
    let run = checkout.run(&["plan", "--offline"]).exits(0);
    assert!(run.stderr.contains("acme/wholly-else"), "{run:?}");
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("FOLDER"), "{run:?}");
}

#[test]
fn a_blocked_image_says_where_it_would_be_built() {
    let checkout = Checkout::with(&[
        ("go.mod", "1"),
        ("main.go", "1"),
        ("svc/generated/Dockerfile", "FROM busybox\nCOPY go.mod main.go generated.go /src/\n"),
        (
            "svc/above/Dockerfile",
            "FROM busybox AS a\nFROM shop/generated\nCOPY --from=a / /\nCOPY go.mod /\n",
        ),
        ("svc/waits/Dockerfile", "ARG BASE\nFROM ${BASE}\nCOPY svc/waits/x /\n"),
        ("svc/waits/x", "1"),
        ("svc/triggers/Dockerfile", "ARG BASE\nFROM ${BASE}\n"),
        ("svc/windows/Dockerfile", "FROM mcr.microsoft.com/windows/nanoserver:ltsc2022\nCOPY x /\n"),
        ("svc/windows/x", "1"),
        ("svc/broken/Dockerfile", "FROM busybox\nCOPY\n"),
        ("shipwright.toml", "namespace = \"shop\"\n"),
    ]);
    let plan = checkout.plan(&[]);
    for (name, context) in [
        ("generated", json!(".")),
        ("above", json!(".")),
        ("waits", json!(".")),
        // The base may bring triggers that copy.
        ("triggers", Value::Null),
        ("windows", json!("svc/windows")),
        ("broken", Value::Null),
    ] {
        let image = image(&plan, name);
        assert_eq!((&image["action"], &image["key"]), (&json!("blocked"), &Value::Null), "{name}");
        assert_eq!(image["context"], context, "{name}");
    }
}

/// `INFERRED IMAGE` of all that an image is built from.
fn edges(plan: &Value, name: &str) -> Vec<String> {
    let edges = image(plan, name)["dependencies"].as_array().expect("a list").iter();
    edges
        .map(|edge| format!("{} {}", edge["inferred"] == true, edge["image"].as_str().unwrap_or("?")))
        .collect()
}

#[test]
fn a_reference_with_variables_alone_around_its_name_means_the_one_image_of_that_name() {
    let from = "ARG ns\nARG v\nFROM ${ns}/shop-base:${v}\nCOPY a /a\n";
    let files = |base: &'static str| {
        vec![
            (base, "FROM busybox\nONBUILD COPY b /b\n"),
            ("api/a", "1"),
            ("web/a", "1"),
            ("api/b", "1"),
            ("web/b", "1"),
        ]
    };
    for base in ["shop-base/Dockerfile", "base/Dockerfile"] {
        // One Dockerfile alone may mean anything.
        let mut one = files(base);
        one.push(("api/Dockerfile", from));
        let plan = Checkout::with(&one).plan(&[]);
        assert_eq!(
            (edges(&plan, "api"), &image(&plan, "api")["action"]),
            (vec![], &json!("blocked")),
            "{base}"
        );
        let mut two = one.clone();
        two.push(("web/Dockerfile", from));
        let checkout = Checkout::with(&two);
        let plan = checkout.plan(&[]);
        let base_name =
            image(&plan, base.trim_end_matches("/Dockerfile"))["name"].as_str().expect("a name").to_owned();
        for name in ["api", "web"] {
            assert_eq!(edges(&plan, name), [format!("true {base_name}")], "{base}");
            assert_eq!(
                (&image(&plan, name)["action"], &image(&plan, name)["bases"]),
                (&json!("build"), &json!([]))
            );
            // The triggers of the base copy as well.
            assert_eq!(image(&plan, name)["inputs"]["files"], 2, "{base}");
        }
        // Another name for what is tagged is no other content.
        let elsewhere = checkout.plan(&["--namespace", "quay.io/acme"]);
        assert_eq!(image(&elsewhere, "api")["key"], image(&plan, "api")["key"]);
        // What somebody says is what is meant.
        let given = checkout.plan(&["--build-arg", "ns=quay.io/other", "--build-arg", "v=1"]);
        assert_eq!(
            (edges(&given, "api"), &image(&given, "api")["bases"]),
            (vec![], &json!(["quay.io/other/shop-base:1"]))
        );
        checkout.write("shipwright.toml", "[image.api]\nfollow = false\n");
        assert_eq!(image(&checkout.plan(&[]), "api")["action"], "blocked");
    }
    // A file that builds it under that name says enough.
    let mut said = files("base/Dockerfile");
    said.push(("api/Dockerfile", from));
    said.push(("Makefile", "base:\n\tdocker build -t $(NS)/shop-base:$(V) base\n"));
    assert_eq!(edges(&Checkout::with(&said).plan(&[]), "api").len(), 1);
    // Two prefixes, two images of one name, and Docker's own names are doubts.
    let doubts: [&[(&str, &str)]; 3] = [
        &[
            ("lib/Dockerfile", "FROM busybox\n"),
            ("x/Dockerfile", "ARG ns\nFROM ${ns}/other-lib\n"),
            ("y/Dockerfile", "ARG ns\nFROM ${ns}/other-lib\n"),
        ],
        &[("more/base/Dockerfile", "FROM busybox\n")],
        &[
            ("x/Dockerfile", "ARG ns\nFROM ${ns}/node\n"),
            ("y/Dockerfile", "ARG ns\nFROM ${ns}/node\n"),
            ("node/Dockerfile", "FROM busybox\n"),
        ],
    ];
    for (at, doubt) in doubts.into_iter().enumerate() {
        let mut files = files("base/Dockerfile");
        files.extend([("api/Dockerfile", from), ("web/Dockerfile", from)]);
        files.extend(doubt);
        let plan = Checkout::with(&files).plan(&[]);
        let name = if at == 2 { "x" } else { "api" };
        assert_eq!(edges(&plan, name), [""; 0], "{at}");
    }
}

#[test]
fn of_ten_folders_of_versions_only_those_that_are_named_are_built() {
    let versions: Vec<String> = (0..10).map(|minor| format!("php/8.{minor}/Dockerfile")).collect();
    let all = |more: &[(&'static str, &'static str)], count: usize| {
        let checkout = Checkout::with(&[("tool/Dockerfile", "FROM busybox\n")]);
        for path in &versions[..count] {
            checkout.write(path, "FROM busybox\n");
        }
        for (path, text) in more {
            checkout.write(path, *text);
        }
        checkout.commit("versions");
        checkout
    };
    let compose = ("compose.yaml", "services: {a: {image: 'acme/php:8.9', build: php/8.9}}\n");
    let from = ("app/Dockerfile", "FROM acme/php:8.7\n");
    let base = ("base/Dockerfile", "FROM busybox\n");
    let checkout = all(&[compose, from, ("web/Dockerfile", "FROM acme/base\n"), base], 10);
    let prefixes = |plan: &Value| {
        let images = plan["images"].as_array().expect("images").iter();
        images.filter_map(|image| image["tag_prefix"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let plan = checkout.plan(&[]);
    let mut named = prefixes(&plan);
    named.sort();
    assert_eq!(named, ["8.7", "8.9"]);
    checkout.run(&["plan", "--offline"]).exits(0).says("8 aside, built only when named");
    // Who asks for one gets it, and settings take some back.
    assert_eq!(prefixes(&checkout.plan(&["php:8.2"])), ["8.2"]);
    checkout.write("shipwright.toml", "include = [\"php/8.1\"]\n");
    assert_eq!(prefixes(&checkout.plan(&[])).len(), 3);
    // Nine are kept up, and where nothing names any all are.
    assert_eq!(prefixes(&all(&[compose, from, base], 9).plan(&[])).len(), 9);
    assert_eq!(prefixes(&all(&[], 10).plan(&[])).len(), 10);
}
