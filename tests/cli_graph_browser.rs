//! The page of `shipwright graph --format html` in a browser: what its script makes of it. Without one (chromium) the test says
//! that it did not run, and fails in CI.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::Checkout;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = all.find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no chromium");
        #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
        {
            eprintln!("not run: there is no chromium");
        }
    }
    found
}

/// The document that the browser made of a page, and what it complained of.
fn shown(browser: &Path, profile: &Path, page: &Path, mark: &str) -> String {
    let run = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
        .args(["--virtual-time-budget=2000", "--window-size=1400,900", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}#{mark}", page.display()))
        .output()
        .expect("a browser");
    let complaints = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!complaints.contains("CONSOLE"), "{complaints}");
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// The images whose element has a class, by what a reader of the screen hears.
fn with_class(document: &str, class: &str) -> BTreeSet<String> {
    let images = document.split("<g class=\"image ").skip(1);
    let with = images.filter(|image| {
        let (classes, _) = image.split_once('"').expect("classes");
        classes.split(' ').any(|other| other == class)
    });
    let name = |image: &str| {
        let (_, rest) = image.split_once("aria-label=\"").expect("a label");
        rest.split_once([',', '"']).expect("its end").0.to_owned()
    };
    with.map(name).filter(|name| name.starts_with("acme/")).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("acme/{name}")).collect()
}

#[test]
fn a_page_answers() {
    let Some(browser) = browser() else { return };
    let shop = Checkout::shop();
    // Names that would end a script, a tag or a text.
    shop.write("web/pages/</script><b>&\"'", "1");
    shop.commit("odd");
    let folder = shop.root.parent().expect("a folder");
    let (profile, page) = (folder.join("profile"), folder.join("page.html"));
    let html = shop.run(&["graph", "--offline", "--format", "html", "--since", "HEAD~1"]).exits(0).stdout;
    fs::write(&page, html).expect("a page");

    let document = shown(&browser, &profile, &page, "acme%2Fshared");
    assert_eq!(with_class(&document, "chosen"), set(&["shared"]));
    // What it depends on and what depends on it, and nothing else.
    let chain = set(&["base", "shared", "service1", "service1-dev", "service2"]);
    assert_eq!(with_class(&document, "on"), chain);
    assert_eq!(document.matches("line from on\"").count(), 4, "{document}");
    let key = shop.plan(&["--rev", "HEAD"]);
    let key = support::text(&support::image(&key, "shared")["key"]);
    let card = document.split_once("id=\"chosen\"").expect("the card").1;
    let (card, _) = card.split_once("</aside>").expect("its end");
    assert!(card.contains(&key), "{card}");
    let document = shown(&browser, &profile, &page, "acme%2Fweb");
    assert!(document.contains("&lt;/script&gt;&lt;b&gt;"), "the file is a text: {document}");

    let document = shown(&browser, &profile, &page, "?service%20dev");
    assert_eq!(with_class(&document, "hit"), set(&["service1-dev"]));
    assert!(document.contains(">1 of 12</span>"), "{document}");
    let document = shown(&browser, &profile, &page, "");
    assert_eq!(with_class(&document, "hit").len() + with_class(&document, "on").len(), 0);
}
