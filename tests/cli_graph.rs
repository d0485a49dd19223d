//! `shipwright graph` through the real binary: pictures, what is marked, and what a hostile checkout cannot do to them.

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{Checkout, text};

const SVG: [&str; 4] = ["graph", "--offline", "--format", "svg"];
const HTML: [&str; 4] = ["graph", "--offline", "--format", "html"];

/// The shop, with the branch `feature/login` on which one script is another.
fn login() -> Checkout {
    let shop = Checkout::shop();
    shop.git(&["switch", "--quiet", "--create", "feature/login"]);
    shop.write("shared/auth.sh", "true\n");
    shop.commit("Login");
    shop
}

/// The images that a page knows.
fn images(page: &str) -> Vec<Value> {
    let (_, rest) = page.split_once("id=\"images\">").expect("the images");
    let (json, _) = rest.split_once("</script>").expect("their end");
    serde_json::from_str(json).expect("JSON")
}

fn shown<'a>(images: &'a [Value], name: &str) -> &'a Value {
    images.iter().find(|image| image["name"] == name).unwrap_or_else(|| panic!("{name}: {images:#?}"))
}

#[test]
fn the_picture_in_the_readme_is_of_the_shop() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/graph.svg");
    let shop = login();
    let picture = shop.run(&[&SVG[..], &["--since", "main"]].concat()).exits(0).stdout;
    if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        fs::write(&path, &picture).expect("docs/graph.svg is written");
    }
    let kept = fs::read_to_string(&path).expect("docs/graph.svg");
    assert!(
        picture == kept,
        "docs/graph.svg is of another shop: SNAPSHOTS=overwrite writes it anew\n{picture}"
    );
    for part in [">reports</text>", "5 affected", "7 not affected", "COPY --from", "RUN --mount", "acme/…"]
    {
        assert!(picture.contains(part), "{part}: {picture}");
    }
    assert_eq!(picture.matches("<g class=\"image build\"><title>").count(), 5);
    assert_eq!(picture.matches("<path class=\"line ").count(), 10 + 3);
}

#[test]
fn what_a_branch_affects_is_marked_in_every_format() {
    let shop = login();
    let graph = |format: &str| {
        shop.run(&["graph", "--offline", "--since", "main", "--format", format]).exits(0).stdout
    };
    assert_eq!(
        graph("text"),
        "\
acme/base
├── acme/admin
├── acme/reports (shared/auth.sh changed)
└── acme/shared (shared/auth.sh changed)
    ├── acme/service1 (acme/shared is rebuilt)
    │   └── acme/service1-dev (acme/service1 is rebuilt ← shared: shared/auth.sh)
    └── acme/service2 (acme/shared is rebuilt)
acme/motd
acme/node-base
└── acme/web
acme/tools
├── acme/admin (copy)
├── acme/lint
└── acme/web (mount)
"
    );
    assert_eq!(graph("dot").matches("style = filled").count(), 5);
    assert_eq!(graph("mermaid").lines().filter(|line| line.starts_with("  class ")).count(), 1);
    let json: Value = serde_json::from_str(&graph("json")).expect("JSON");
    let reports = support::image(&json, "reports");
    assert_eq!(
        (&reports["affected"], &reports["reasons"][0]["path"]),
        (&json!(true), &json!("shared/auth.sh"))
    );
    let base = support::image(&json, "base");
    assert_eq!((&base["affected"], &base["reasons"]), (&json!(false), &json!([])));
    let page = images(&graph("html"));
    assert_eq!(shown(&page, "acme/service2")["reasons"], json!(["acme/shared is rebuilt"]));
    assert_eq!(shown(&page, "acme/base")["standing"], "not affected");
    // Exactly those of `affected`, with the same options.
    let exact = ["--since", "main", "--exact-rev", "shared", "web"];
    let text = shop.run(&[&["graph", "--offline"], &exact[..]].concat()).exits(0).stdout;
    assert_eq!(text.matches(" changed)").count(), 1, "{text}");
    shop.run(&["graph", "--offline", "--since", "nowhere"]).exits(2);
}

#[test]
fn without_an_engine_edits_are_marked() {
    let shop = Checkout::shop();
    shop.write("motd/motd.txt", "edited\n");
    let text = shop.run(&["graph", "--offline"]).exits(0).stdout;
    assert!(text.contains("acme/motd (uncommitted changes)\n"), "{text}");
    assert_eq!(text.matches("changes").count(), 1, "{text}");
    let page = shop.run(&HTML).exits(0).stdout;
    assert_eq!(shown(&images(&page), "acme/motd")["standing"], "uncommitted changes");
    assert!(page.contains("11 no engine asked"), "{page}");
}

#[test]
fn a_page_tells_what_a_plan_tells() {
    let shop = Checkout::shop();
    let plan = shop.plan(&[]);
    let page = images(&shop.run(&HTML).exits(0).stdout);
    assert_eq!(page.len(), 12);
    for image in plan["images"].as_array().expect("images") {
        let on_page = shown(&page, &text(&image["name"]));
        for field in ["key", "revision", "dockerfile", "bases"] {
            assert_eq!(on_page[field], image[field], "{field} of {}", image["name"]);
        }
        let mut needed: Vec<String> = image["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .map(|dependency| text(&dependency["image"]))
            .collect();
        needed.sort();
        needed.dedup();
        let numbers = on_page["needs"].as_array().expect("numbers").iter();
        let number = |number: &Value| usize::try_from(number.as_u64().expect("a number")).expect("small");
        let mut names: Vec<String> = numbers.map(|it| text(&page[number(it)]["name"])).collect();
        names.sort();
        assert_eq!(names, needed);
    }
}

#[test]
fn the_same_checkout_has_the_same_picture_everywhere() {
    let shop = Checkout::shop();
    let clone = Checkout::shop();
    clone.write("notes.txt", "nothing to an image\n");
    for format in ["svg", "html"] {
        let arguments = ["graph", "--offline", "--format", format, "--rev", "HEAD"];
        let one = shop.run(&arguments).exits(0).stdout;
        assert_eq!(one, shop.run(&arguments).exits(0).stdout);
        let head = |checkout: &Checkout| checkout.git(&["rev-parse", "HEAD"]);
        let other = clone.run(&arguments).exits(0).stdout;
        let other =
            other.replace(&head(&clone), &head(&shop)).replace(&head(&clone)[..12], &head(&shop)[..12]);
        assert!(one == other, "{format}");
    }
}

/// Everything of a checkout that stands in a picture and that its author chooses.
#[test]
fn a_hostile_checkout_cannot_write_into_a_picture() {
    let evil = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;</title>]]>";
    let folder = "x\"><svg onload=alert(3)>' -->\u{202e}\u{7}";
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM acme/base\nCOPY . /\n"),
    ]);
    checkout.write(&format!("{folder}/Dockerfile"), format!("FROM {evil}\nCOPY . /\n"));
    checkout.write(&format!("api/{folder}"), "1");
    checkout.commit("evil");
    checkout.git(&["switch", "--quiet", "--create", "b<i>&\"'"]);
    checkout.write(&format!("api/{folder}"), "2");
    checkout.commit("evil again");
    for arguments in [&SVG, &HTML] {
        let run = checkout.run(&[&arguments[..], &["--since", "main"]].concat());
        let picture = run.stdout;
        assert!(picture.contains("acme/api") || picture.contains(">api<"), "{picture}");
        for injected in ["<script>alert", "<img", "onload=alert(3)>", "<b>", "<i>", "\u{202e}", "\u{7}"] {
            assert!(!picture.contains(injected), "{injected}: {picture}");
        }
        for (opened, closed) in
            [("<svg", "</svg>"), ("<script", "</script>"), ("<style", "</style>"), ("<g", "</g>")]
        {
            assert_eq!(
                picture.matches(opened).count(),
                picture.matches(closed).count(),
                "{opened}: {picture}"
            );
        }
    }
    let page = checkout.run(&[&HTML[..], &["--since", "main"]].concat()).stdout;
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{page}");
    let reasons = shown(&images(&page), "acme/api")["reasons"].to_string();
    assert!(reasons.contains("onload=alert(3)"), "the file is named: {reasons}");
}

#[test]
fn a_picture_needs_nothing_else() {
    let page = Checkout::shop().run(&HTML).exits(0).stdout;
    for loading in ["src=", "href=", "url(", "@import", "fetch(", "import("] {
        assert!(!page.contains(loading), "{loading}");
    }
    let picture = Checkout::shop().run(&SVG).exits(0).stdout;
    assert!(!picture.replace("http://www.w3.org/2000/svg", "").contains("http"), "{picture}");
}

#[cfg(unix)]
#[test]
fn open_shows_the_file_in_the_chosen_browser() {
    let shop = Checkout::shop();
    shop.write("../browser", "#!/bin/sh\ncp \"$2\" \"$1\"\n");
    shop.make_executable("../browser");
    let folder = shop.root.parent().expect("a folder");
    let (browser, seen) = (folder.join("browser"), folder.join("seen"));
    let browser = format!("/nowhere/browser:{} {} %s", browser.display(), seen.display());
    let run = shop.run_with(&[("BROWSER", &browser)], &["graph", "--offline", "--open"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.contains("graph.html")), ("", true), "{}", run.stderr);
    let page = fs::read_to_string(&seen).expect("what the browser was given");
    assert_eq!(page, shop.run(&HTML).exits(0).stdout);
    assert_eq!(shop.git(&["status", "--porcelain"]), "");
    shop.run_with(&[("BROWSER", &browser)], &["graph", "--offline", "--open", "--format", "svg"]).exits(0);
    assert!(fs::read_to_string(&seen).expect("a picture").starts_with("<svg "));

    let none = [("BROWSER", "/bin/false"), ("PATH", "/nowhere")];
    let run = shop.run_with(&none, &["graph", "--offline", "--open"]).exits(1);
    assert!(run.stderr.contains("graph.html, but /bin/false did not open it"), "{}", run.stderr);
    let run = shop.run_with(&[("PATH", "/nowhere")], &["graph", "--offline", "--open"]).exits(1);
    assert!(run.stderr.contains("no browser was found") && run.stderr.contains("BROWSER"), "{}", run.stderr);
    let run = shop.run(&["graph", "--offline", "--open", "--format", "dot"]).exits(2);
    assert!(run.stderr.contains("--open shows a picture"), "{}", run.stderr);
}
