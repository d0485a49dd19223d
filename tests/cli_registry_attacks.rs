//! Registries that mean harm: answers without an end, ways that lead in circles or elsewhere, numbers beyond all
//! measure. Each ends soon, with an error that names the registry, and moves no tag.

mod registry;
mod support;

use std::fs;
use std::time::Duration;

use registry::http::{Fake, Reply, Seen, Then, own_address, reply};
use registry::server::{LOGIN, auths, basic, config, digest, image_manifest};
use serde_json::{Value, json};
use shipwright::internals::Platform;
use support::{Checkout, Run, image, text};
use tokio::runtime::Runtime;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A checkout of one image, and somebody to serve it.
struct Story {
    checkout: Checkout,
    runtime: Runtime,
    config: String,
    manifest: String,
}

impl Story {
    fn new() -> Self {
        let checkout = Checkout::with(&[
            ("shipwright.toml", "namespace = 'acme'\n"),
            ("api/Dockerfile", "FROM busybox\nCOPY a /a\n"),
            ("api/a", "1"),
        ]);
        let key = text(&image(&checkout.plan(&[]), "api")["key"]);
        let config = config(&[("io.shipwright.key", &key)], &Platform::host_linux().architecture);
        let manifest = image_manifest(&config, "layer").to_string();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { checkout, runtime: runtime.expect("one"), config, manifest }
    }

    /// The registry that has the image under every name, except for what `odd` answers.
    fn serve(&self, odd: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Fake {
        self.serve_document(self.manifest.clone(), MANIFEST, odd)
    }

    /// The same with another document in place of the image's manifest.
    fn serve_document(
        &self,
        document: String,
        media_type: &str,
        odd: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
    ) -> Fake {
        let (config, honest) = (self.config.clone(), head_of(&document, media_type));
        self.runtime.block_on(Fake::start(move |seen| {
            odd(seen).unwrap_or_else(|| match seen.method.as_str() {
                "HEAD" if is_manifest(seen) => honest.clone().into(),
                "GET" if is_manifest(seen) => (honest.clone() + &document).into(),
                "GET" if is_config(seen) => reply("200 OK", &[], &config).into(),
                _ => reply("200 OK", &[], "{}").into(),
            })
        }))
    }

    fn login(&self, host: &str) {
        fs::create_dir_all(self.checkout.beside(".docker")).expect("a folder");
        let config = auths(host, LOGIN).to_string();
        fs::write(self.checkout.beside(".docker/config.json"), config).expect("written");
    }

    fn push(&self, fake: &Fake, arguments: &[&str]) -> Run {
        let arguments = [&["push", "--registry", &fake.address], arguments].concat();
        // Nobody listens there, whatever runs on this machine.
        self.checkout.run_with(&[("DOCKER_HOST", "unix:///nonexistent/docker.sock")], &arguments)
    }

    /// A push that fails, names the registry, and has moved nothing.
    #[track_caller]
    fn fails(&self, fake: &Fake, arguments: &[&str]) -> Run {
        let run = self.push(fake, arguments).exits(4).says(&fake.address);
        let changed = |seen: &Seen| !matches!(seen.method.as_str(), "GET" | "HEAD");
        assert!(!fake.seen().iter().any(changed), "{:?}", fake.seen());
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }
}

/// The head of an answer with this document.
fn head_of(document: &str, media_type: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nDocker-Content-Digest: {}\r\nContent-Length: {}\r\n\r\n",
        digest(document.as_bytes()),
        document.len()
    )
}

fn is_manifest(seen: &Seen) -> bool {
    seen.target.contains("/manifests/")
}

fn is_config(seen: &Seen) -> bool {
    seen.target.contains("/blobs/sha256:")
}

fn gets(is_it: fn(&Seen) -> bool) -> impl Fn(&Seen) -> bool + Copy {
    move |seen| seen.method == "GET" && is_it(seen)
}

/// An answer whose body has no end.
fn endless(status: &str, headers: &str, repeated: &'static str, pause: Duration) -> Reply {
    let chunk = if pause.is_zero() { repeated } else { " " };
    let bytes = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 99999999999\r\n\r\n").into_bytes();
    Reply { bytes, then: Then::Repeat(chunk, pause) }
}

/// Many blanks, which JSON takes no offence at.
const BLANKS: &str = match std::str::from_utf8(&[b' '; 64 << 10]) {
    Ok(text) => text,
    Err(_) => "",
};

const AT_ONCE: Duration = Duration::ZERO;
const A_BYTE_A_SECOND: Duration = Duration::from_secs(1);

/// One of each kind of answer that has a body: which request gets it, and its status and headers.
type Kind = (fn(&Seen) -> bool, &'static str, &'static str);

const BODIES: [Kind; 5] = [
    (is_manifest, "200 OK", ""),
    (is_config, "200 OK", ""),
    (|seen| seen.target.contains("/token"), "200 OK", ""),
    (is_manifest, "500 Internal Server Error", ""),
    (is_manifest, "307 Temporary Redirect", "Location: elsewhere\r\n"),
];

/// A registry of which one answer has no end. It wants a token, so that there is that one too.
fn with_endless_answer(story: &Story, (is_it, status, headers): Kind, pause: Duration) -> Fake {
    story.serve(move |seen| {
        if seen.method == "GET" && is_it(seen) && !seen.target.ends_with("/elsewhere") {
            return Some(endless(status, headers, BLANKS, pause));
        }
        if seen.target.contains("/token") {
            return Some(reply("200 OK", &[], r#"{"token":"t"}"#).into());
        }
        let host = &seen.headers["host"];
        let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"s\"");
        seen.authorization()
            .is_none()
            .then(|| reply("401 Unauthorized", &[&challenge], "").replace("\r\n\r\n{}", "\r\n\r\n").into())
    })
}

#[test]
fn an_answer_without_an_end_is_an_error_or_left_unread() {
    for kind in BODIES {
        let story = Story::new();
        let fake = with_endless_answer(&story, kind, AT_ONCE);
        let run = story.push(&fake, &[]);
        if kind.1.starts_with("307") {
            // What stands behind a redirect does not matter.
            continue;
        }
        let part = if kind.1.starts_with("200") { "longer than" } else { "500" };
        run.exits(4).says(&fake.address).says(part);
    }
}

#[test]
fn an_answer_of_a_byte_a_second_is_given_up_and_not_asked_for_again() {
    std::thread::scope(|scope| {
        for kind in BODIES {
            scope.spawn(move || {
                let story = Story::new();
                let fake = with_endless_answer(&story, kind, A_BYTE_A_SECOND);
                let run = story.push(&fake, &[]);
                if kind.1.starts_with("307") {
                    return;
                }
                let part = if kind.1.starts_with("200") { "no whole answer within 30 s" } else { "500" };
                let run = run.exits(4).says(&fake.address).says(part);
                if kind.1.starts_with("200") {
                    assert!(!run.stderr.contains("tried"), "{}", run.stderr);
                }
            });
        }
    });
}

#[test]
fn a_body_of_another_length_than_its_head_says_is_an_error() {
    let story = Story::new();
    for is_it in [is_manifest, is_config] {
        for (more, then) in [(9, Then::Close), (-9, Then::Listen)] {
            let body = if is_it(&seen_of("/manifests/")) { &story.manifest } else { &story.config };
            let head = head_of(body, MANIFEST);
            let length = i64::try_from(body.len()).expect("a length");
            let head = head.replace(&format!("Length: {length}"), &format!("Length: {}", length + more));
            let whole = head + body;
            let fake = story.serve(move |seen| {
                gets(is_it)(seen).then(|| Reply { bytes: whole.clone().into_bytes(), then })
            });
            story.fails(&fake, &[]);
        }
    }
}

fn seen_of(target: &str) -> Seen {
    Seen {
        method: "GET".to_owned(),
        target: target.to_owned(),
        headers: std::collections::BTreeMap::new(),
        body: Vec::new(),
        raw: Vec::new(),
    }
}

/// Nothing is decompressed, so that no answer grows.
#[test]
fn a_compressed_answer_is_no_answer() {
    let story = Story::new();
    // The smallest gzip stream there is, of nothing.
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", gzip.len());
    let bytes = [head.as_bytes(), &gzip].concat();
    let fake = story.serve(move |seen| {
        gets(is_manifest)(seen).then(|| Reply { bytes: bytes.clone(), then: Then::Listen })
    });
    let run = story.fails(&fake, &[]);
    assert!(fake.seen().iter().all(|seen| !seen.headers.contains_key("accept-encoding")), "{}", run.stderr);
}

#[test]
fn heads_beyond_all_measure_are_an_error() {
    let story = Story::new();
    let long = format!("X-Long: {}", "x".repeat(3 << 20));
    let many = vec!["X-Many: y"; 20_000].join("\r\n");
    for header in [long, many] {
        let fake = story.serve(move |seen| is_manifest(seen).then(|| reply("200 OK", &[&header], "").into()));
        story.fails(&fake, &[]);
    }
    // One that never ends.
    let bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
    let fake = story.serve(move |seen| {
        let then = Then::Repeat("X-Many: y\r\n", AT_ONCE);
        is_manifest(seen).then(|| Reply { bytes: bytes.clone(), then })
    });
    story.fails(&fake, &[]);
}

#[test]
fn redirects_in_circles_end() {
    let story = Story::new();
    for to in ["self", "next"] {
        let fake = story.serve(move |seen| {
            let target = if to == "self" { seen.target.clone() } else { format!("{}x", seen.target) };
            is_manifest(seen)
                .then(|| reply("307 Temporary Redirect", &[&format!("Location: {target}")], "").into())
        });
        story.fails(&fake, &[]).says("redirects more than 5 times");
        // At most six requests follow each other, for each of four tags.
        assert!(fake.seen().len() <= 1 + 4 * 6, "{}", fake.seen().len());
    }
}

/// The login is for the registry alone, whoever it sends us to.
#[test]
fn a_login_follows_no_redirect_and_no_upload_to_another_host() {
    let story = Story::new();
    let elsewhere = story.runtime.block_on(Fake::start(|_: &Seen| reply("200 OK", &[], "{}")));
    let wants_login = |seen: &Seen| {
        let wanted = "WWW-Authenticate: Basic realm=x";
        seen.authorization().is_none().then(|| reply("401 Unauthorized", &[wanted], "").into())
    };
    let target = elsewhere.address.clone();
    let fake = story.serve(move |seen| {
        wants_login(seen).or_else(|| {
            let location = format!("Location: http://{target}{}", seen.target);
            gets(is_config)(seen).then(|| reply("307 Temporary Redirect", &[&location], "").into())
        })
    });
    story.login(&fake.address);
    story.fails(&fake, &[]);
    assert!(fake.seen().iter().any(|seen| seen.authorization() == Some(&basic(LOGIN))));
    assert!(!elsewhere.seen().is_empty(), "it is followed");

    // It tells nobody what is there, so that an upload is begun to see who may push, and ended again.
    let target = elsewhere.address.clone();
    let fake = story.serve(move |seen| {
        wants_login(seen).or_else(|| {
            let location = format!("Location: http://{target}/v2/acme/api/blobs/uploads/1?state=x");
            match seen.method.as_str() {
                "HEAD" => Some(reply("403 Forbidden", &[], "").into()),
                "POST" => Some(reply("202 Accepted", &[&location], "").into()),
                _ => None,
            }
        })
    });
    story.login(&fake.address);
    story.push(&fake, &[]);
    assert!(fake.seen().iter().any(|seen| seen.method == "POST"), "{:?}", fake.seen());
    for seen in elsewhere.seen() {
        assert!(seen.authorization().is_none() && seen.method == "GET", "{seen:?}");
    }
}

/// What listens on this machine alone is nobody's to ask from elsewhere.
#[test]
fn a_registry_elsewhere_leads_to_nothing_on_this_machine() {
    let Some(address) = own_address() else { return };
    let story = Story::new();
    let inside = story.runtime.block_on(Fake::start(|_: &Seen| reply("200 OK", &[], "{}")));
    let port = inside.address.rsplit_once(':').expect("a port").1.to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "x.localhost",
        "169.254.1.1",
    ] {
        let location = format!("Location: http://{host}:{port}/secret");
        let fake = story.runtime.block_on(Fake::start_at(address, move |seen: &Seen| {
            let answer = if is_manifest(seen) { "307 Temporary Redirect" } else { "200 OK" };
            reply(answer, &[&location], "")
        }));
        let run = story.fails(&fake, &["--insecure-registry", &fake.address]);
        run.says("it redirects to this machine");
        assert!(inside.seen().is_empty(), "{host}: {:?}", inside.seen());
    }
}

#[test]
fn an_index_beyond_all_measure_is_no_image() {
    let story = Story::new();
    let child = |at: usize, media_type: &str| {
        let digest = format!("sha256:{at:064x}");
        json!({"mediaType": media_type, "digest": digest, "size": 1,
            "platform": {"os": "linux", "architecture": "amd64"}})
    };
    let index = |manifests: Vec<Value>| {
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string()
    };
    let many = index((0..5_000).map(|at| child(at, MANIFEST)).collect());
    let fake = story.serve_document(many, INDEX, |_| None);
    story.fails(&fake, &[]).says("acme/api:src-");
    assert!(fake.seen().len() < 20, "{}", fake.seen().len());

    // An index in an index in an index …: each names the next.
    let mut nested = vec![index(vec![child(1, INDEX)])];
    for _ in 0..50 {
        let inner = nested.last().expect("one");
        let mut outer = child(0, INDEX);
        outer["digest"] = digest(inner.as_bytes()).into();
        nested.push(index(vec![outer]));
    }
    let top = nested.last().expect("one").clone();
    let fake = story.serve_document(top, INDEX, move |seen| {
        let found = nested.iter().find(|index| seen.target.ends_with(&digest(index.as_bytes())))?;
        gets(is_manifest)(seen).then(|| (head_of(found, INDEX) + found).into())
    });
    story.fails(&fake, &[]).says("acme/api:src-");
    assert!(fake.seen().len() < 20, "{}", fake.seen().len());

    // Text that is deep, or long, where short text is expected.
    let deep = "[".repeat(1 << 20);
    let fake = story.serve_document(deep, MANIFEST, |_| None);
    story.fails(&fake, &[]);
    let errors = json!({"errors": vec![json!({"code": "X", "message": "y"}); 5_000]}).to_string();
    let fake =
        story.serve(move |seen| is_manifest(seen).then(|| reply("400 Bad Request", &[], &errors).into()));
    let run = story.fails(&fake, &[]);
    assert!(run.stderr.len() < 4_000, "{}", run.stderr.len());
}

#[test]
fn a_pause_beyond_all_measure_is_announced_and_cut() {
    let date = |wanted: &'static [&'static str]| {
        move || {
            let story = Story::new();
            let asked = std::sync::atomic::AtomicBool::new(false);
            let fake = story.serve(move |seen| {
                let is_first = is_manifest(seen) && !asked.swap(true, std::sync::atomic::Ordering::SeqCst);
                is_first.then(|| reply("429 Too Many Requests", wanted, "").into())
            });
            story.push(&fake, &[]).says(&fake.address).says("429").says("trying again in 30 s, not in ")
        }
    };
    std::thread::scope(|scope| {
        for wanted in [
            &["Retry-After: 18446744073709551615"][..],
            &["Date: Sat, 06 Nov 2094 08:49:37 GMT", "Retry-After: Fri, 06 Nov 2099 08:49:37 GMT"],
            // It does not say what it takes for now.
            &["Retry-After: Fri, 06 Nov 2099 08:49:37 GMT"],
        ] {
            scope.spawn(date(wanted));
        }
    });
}
