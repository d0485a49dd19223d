//! The registry module against a real registry, in order and out of order.

mod registry;

use std::time::{Duration, Instant};

use registry::http::{Fake, reply};
use registry::proxy::{Fault, Proxy};
use registry::server::{Server, Uploader, anonymous, digest, options};
use serde_json::json;
use shipwright::internals::{
    Credentials, ManifestName, Registry as _, RegistryClient, RegistryError, RegistryErrorKind,
    RegistryOptions,
};
use shipwright::internals::{Digest, ImageReference, Repository, Tag};

macro_rules! server {
    () => {
        match Server::start(&[]) {
            Some(server) => server,
            None => return,
        }
    };
}

fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

fn named(text: &str) -> ManifestName {
    Digest::new(text).map_or_else(|_| tag(text).into(), ManifestName::from)
}

#[tokio::test]
async fn looks_up_reads_copies_and_lists() {
    let server = server!();
    let (image, size) = Uploader::new(&server).image("acme/api", "src-1", &[("a", "b")], "amd64").await;
    let client = anonymous();

    assert_eq!(client.head(&server.reference("acme/api:src-2")).await, Ok(None));
    assert_eq!(client.head(&server.reference("acme/none:src-1")).await, Ok(None));
    let found =
        client.head(&server.reference("acme/api:src-1")).await.expect("an answer").expect("the image");
    assert_eq!((found.digest.as_str(), found.size), (image.as_str(), size));
    assert_eq!(found.media_type, "application/vnd.docker.distribution.manifest.v2+json");
    let by_digest = client.head(&server.reference(&format!("acme/api@{image}"))).await;
    assert_eq!(by_digest, Ok(Some(found.clone())));

    let repository = server.repository("acme/api");
    assert_eq!(client.copy_tag(&repository, &named("src-1"), &tag("main")).await, Ok(found.clone()));
    assert_eq!(client.copy_tag(&repository, &named(&image), &tag("latest")).await, Ok(found.clone()));
    for copy in ["main", "latest"] {
        let there = client.head(&server.reference(&format!("acme/api:{copy}"))).await;
        assert_eq!(there, Ok(Some(found.clone())), "{copy}");
    }

    let config = client.image_config(&server.reference("acme/api:main")).await.expect("a configuration");
    assert_eq!(config.descriptor, found);
    assert_eq!(config.labels.get("a").map(String::as_str), Some("b"));
    assert_eq!(config.platforms, ["linux/amd64".parse().expect("a platform")]);

    let mut tags = client.tags(&repository).await.expect("tags");
    tags.sort();
    assert_eq!(tags, ["latest", "main", "src-1"].map(tag));
    assert_eq!(client.tags(&server.repository("acme/none")).await, Ok(Vec::new()));

    let error = client.manifest(&server.reference("acme/api:gone")).await.expect_err("absent");
    assert_eq!(error.kind(), RegistryErrorKind::NotFound);
    let shown = error.to_string();
    assert!(
        shown.starts_with(&format!("{0} cannot read {0}/acme/api:gone: not found", server.address)),
        "{shown}"
    );
    assert!(shown.contains("MANIFEST_UNKNOWN"), "{shown}");
}

#[tokio::test]
async fn an_index_is_copied_byte_for_byte() {
    let server = server!();
    let index = Uploader::new(&server).index("acme/api", "src-1", &[("k", "v")]).await;
    let client = anonymous();
    let copied = client.copy_tag(&server.repository("acme/api"), &named("src-1"), &tag("main")).await;
    assert_eq!(copied.expect("copied").digest.as_str(), index);
    let there = client.manifest(&server.reference("acme/api:main")).await.expect("the index");
    assert_eq!(digest(&there.bytes), index);
    assert!(there.is_index() && there.children().len() == 3);

    let config = client.image_config(&server.reference("acme/api:main")).await.expect("a configuration");
    assert_eq!(config.labels.get("k").map(String::as_str), Some("v"));
    let platforms: Vec<String> = config.platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/arm64", "linux/amd64"]);
}

#[tokio::test]
async fn a_manifest_needs_its_blobs() {
    let server = server!();
    Uploader::new(&server).image("acme/api", "src-1", &[], "amd64").await;
    let client = anonymous();
    let manifest = client.manifest(&server.reference("acme/api:src-1")).await.expect("the image");
    let to = server.repository("other/api");
    let error = client.put_manifest(&to, &named("src-1"), &manifest).await.expect_err("no blobs");
    assert!(matches!(error.kind(), RegistryErrorKind::NotFound | RegistryErrorKind::Refused), "{error}");
    assert!(error.to_string().contains("BLOB_UNKNOWN"), "{error}");
}

/// Everything that the client can do, once; the registry holds the same afterwards, however often it runs.
async fn all_calls(
    client: &RegistryClient,
    host: &str,
    owner: &str,
    image: &str,
) -> Result<(), RegistryError> {
    let reference =
        |rest: &str| format!("{host}/{owner}/{rest}").parse::<ImageReference>().expect("a reference");
    let repository = |path: &str| Repository::new(&format!("{host}/{owner}/{path}")).expect("a repository");
    assert_eq!(client.head(&reference("api:absent")).await?, None);
    let found = client.head(&reference("api:src-1")).await?.expect("the image");
    assert_eq!(found.digest.as_str(), image);
    let copied = client.copy_tag(&repository("api"), &named("src-1"), &tag("main")).await?;
    assert_eq!(copied, found);
    let config = client.image_config(&reference("api:main")).await?;
    assert_eq!((config.descriptor, config.labels.len()), (found, 1));
    assert!(client.tags(&repository("api")).await?.contains(&tag("src-1")));
    Ok(())
}

#[tokio::test]
async fn every_request_may_fail_once_in_every_way() {
    let server = server!();
    let uploader = Uploader::new(&server);
    let (image, _) = uploader.image("acme/api", "src-1", &[("a", "b")], "amd64").await;
    let proxy = Proxy::start(&server.address).await;
    all_calls(&anonymous(), &proxy.address, "acme", &image).await.expect("without faults");
    let requests = proxy.seen().len();
    assert!((7..=10).contains(&requests), "{requests} requests");
    let faults = [
        Fault::Cut,
        Fault::CutAfter,
        Fault::Truncate,
        Fault::Delay(Duration::from_secs(1)),
        Fault::Status("429 Too Many Requests", Some(0)),
        Fault::Status("500 Internal Server Error", None),
        Fault::Status("502 Bad Gateway", None),
        Fault::Status("503 Service Unavailable", None),
        Fault::Status("504 Gateway Timeout", None),
    ];
    // Side by side, because some take their time; each with repositories of its own, because the registry answers
    // 500 when one tag is written twice at the same moment.
    let one_kind = async |(at, fault)| {
        let owner = format!("owner-{at}");
        let (image, _) = uploader.image(&format!("{owner}/api"), "src-1", &[("a", "b")], "amd64").await;
        let proxy = Proxy::start(&server.address).await;
        for number in 1..=requests {
            proxy.break_requests(number, 1, fault);
            let options = RegistryOptions { request_timeout: Duration::from_millis(500), ..options() };
            let credentials = Credentials::new(None, None, Duration::from_secs(1));
            let client = RegistryClient::new(options, credentials.into());
            let result = all_calls(&client, &proxy.address, &owner, &image).await;
            assert_eq!(result, Ok(()), "{fault:?} at request {number}");
            // To the first, which finds out whether the registry speaks TLS, any status is an answer.
            let met = proxy.seen().len() > requests || (number == 1 && matches!(fault, Fault::Status(..)));
            assert!(met, "{fault:?} at request {number} was not met");
        }
    };
    futures_util::future::join_all(faults.into_iter().enumerate().map(one_kind)).await;
}

#[tokio::test]
async fn what_stays_broken_is_named() {
    let server = server!();
    Uploader::new(&server).image("acme/api", "src-1", &[], "amd64").await;
    let proxy = Proxy::start(&server.address).await;
    let reference: ImageReference = format!("{}/acme/api:src-1", proxy.address).parse().expect("a reference");
    // The first request finds out whether the registry speaks TLS.
    let client = anonymous();
    client.head(&reference).await.expect("without faults");
    for (fault, status, part) in [
        (Fault::Cut, None, "the connection broke"),
        (Fault::Truncate, None, "the connection broke"),
        (Fault::Delay(Duration::from_secs(3)), None, "no answer within 1"),
        (
            Fault::Status("429 Too Many Requests", Some(0)),
            Some(429),
            "it answers 429 Too Many Requests: out of order",
        ),
        (Fault::Status("503 Service Unavailable", None), Some(503), "(TESTED)"),
    ] {
        proxy.break_requests(1, usize::MAX, fault);
        let error = client.manifest(&reference).await.expect_err("broken for good");
        let shown = error.to_string();
        let RegistryError::Unavailable { status: answered, tries, attempt, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((*answered, *tries), (status, 3), "{shown}");
        assert_eq!((&attempt.registry, attempt.repository.as_str()), (&proxy.address, "acme/api"));
        let start = format!("{0} cannot read {0}/acme/api:src-1: ", proxy.address);
        assert!(shown.starts_with(&start) && shown.contains(part), "{shown}");
        assert!(shown.ends_with(" (tried 3 times)"), "{shown}");
        assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
        assert_eq!(proxy.seen().len(), 3, "{fault:?}");
    }
    // What is sent must be what was asked for.
    proxy.break_requests(1, usize::MAX, Fault::Flip);
    let error = client.manifest(&reference).await.expect_err("damaged");
    assert!(matches!(error, RegistryError::Damaged { tries: 3, .. }), "{error}");
    proxy.break_requests(1, 1, Fault::Flip);
    client.manifest(&reference).await.expect("the second try is right");
    // What will not change is not asked for again.
    proxy.break_requests(1, usize::MAX, Fault::Status("405 Method Not Allowed", None));
    let error = client.manifest(&reference).await.expect_err("refused");
    assert!(
        matches!(error, RegistryError::Refused { status: 405, .. }) && proxy.seen().len() == 1,
        "{error}"
    );
}

#[tokio::test]
async fn retry_after_is_kept_to_up_to_the_longest_pause() {
    let server = server!();
    let (image, _) = Uploader::new(&server).image("acme/api", "src-1", &[], "amd64").await;
    let proxy = Proxy::start(&server.address).await;
    let reference: ImageReference = format!("{}/acme/api:src-1", proxy.address).parse().expect("a reference");
    let mut options = options();
    options.retry.longest_pause = Duration::from_millis(1200);
    let client = RegistryClient::new(options, Credentials::new(None, None, Duration::from_secs(1)).into());
    client.head(&reference).await.expect("without faults");
    for (seconds, at_least) in [(1, 1000), (3600, 1200)] {
        proxy.break_requests(1, 1, Fault::Status("429 Too Many Requests", Some(seconds)));
        let start = Instant::now();
        let found = client.head(&reference).await.expect("later").expect("the image");
        assert_eq!(found.digest.as_str(), image);
        let took = start.elapsed().as_millis();
        assert!((at_least..at_least + 900).contains(&took), "Retry-After: {seconds} took {took} ms");
    }
}

#[tokio::test]
async fn nobody_there() {
    let client = anonymous();
    let error = client.head(&"127.0.0.1:1/acme/api".parse().expect("a reference")).await.expect_err("nobody");
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
    let shown = error.to_string();
    assert!(
        shown.contains("127.0.0.1:1 cannot look up 127.0.0.1:1/acme/api:latest: no connection: "),
        "{shown}"
    );
    assert!(shown.to_lowercase().contains("connection refused"), "{shown}");
}

/// Registries that leave out what others send.
#[tokio::test]
async fn a_look_up_without_a_digest_reads_the_manifest() {
    let text = json!({"schemaVersion": 2, "layers": []}).to_string();
    let body = text.clone();
    let fake = Fake::start(move |request| match request.method.as_str() {
        "HEAD" => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        _ => reply("200 OK", &["Content-Type: application/vnd.oci.image.manifest.v1+json; x=y"], &body),
    })
    .await;
    let reference = format!("{}/acme/api:main", fake.address).parse().expect("a reference");
    let found = anonymous().head(&reference).await.expect("an answer").expect("the image");
    assert_eq!(found.digest.as_str(), digest(text.as_bytes()));
    assert_eq!(found.media_type, "application/vnd.oci.image.manifest.v1+json");
}

#[tokio::test]
async fn lists_of_tags_have_pages() {
    let fake = Fake::start(|request| {
        let (link, tags) = match request.target.as_str() {
            "/v2/acme/api/tags/list?n=1000" => {
                ("Link: </v2/acme/api/tags/list?last=b&n=2>; rel=\"next\"", ["a", "b"])
            }
            "/v2/acme/api/tags/list?last=b&n=2" => ("X: y", ["c", "not a tag"]),
            _ => return reply("200 OK", &[], "{}"),
        };
        reply("200 OK", &[link], &json!({"tags": tags}).to_string())
    })
    .await;
    let repository = Repository::new(&format!("{}/acme/api", fake.address)).expect("a repository");
    assert_eq!(anonymous().tags(&repository).await, Ok(["a", "b", "c"].map(tag).to_vec()));
}

#[tokio::test]
async fn a_list_of_tags_that_leads_back_to_itself_ends() {
    for step in [0, 1] {
        let fake = Fake::start(move |request| {
            let number = request.target.rsplit_once('=').map_or(0, |(_, number)| number.parse().unwrap_or(0));
            let next = if step == 0 { (number + 1) % 3 } else { number + step };
            let link = format!("Link: </v2/acme/api/tags/list?last={next}>; rel=\"next\"");
            reply("200 OK", &[&link], &json!({"tags": ["a", "b"]}).to_string())
        })
        .await;
        let repository = Repository::new(&format!("{}/acme/api", fake.address)).expect("a repository");
        let error = anonymous().tags(&repository).await.expect_err("no end");
        assert!(error.to_string().contains("has no end"), "{error}");
    }
}

/// Prints how long 200 look-ups and 200 copied tags take: `cargo test --release --test registry_client --
/// --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn two_hundred_at_once() {
    let server = server!();
    let (image, _) = Uploader::new(&server).image("acme/api", "src-1", &[], "amd64").await;
    let client = anonymous();
    let manifest = client.manifest(&server.reference("acme/api:src-1")).await.expect("the image");
    let repository = server.repository("acme/api");
    let numbers: Vec<ImageReference> =
        (0..200).map(|n| server.reference(&format!("acme/api:t{n}"))).collect();
    let measure = async |what: &str, present: bool| {
        let start = Instant::now();
        let all =
            futures_util::future::join_all(numbers.iter().map(|reference| client.head(reference))).await;
        let found = all.into_iter().filter_map(|found| found.expect("an answer")).count();
        assert_eq!(found, if present { 200 } else { 0 });
        #[expect(clippy::print_stderr, reason = "the figures are the point")]
        {
            eprintln!("200 look-ups, {what}: {:?}", start.elapsed());
        }
    };
    measure("absent", false).await;
    let start = Instant::now();
    let puts = numbers.iter().map(ManifestName::of).collect::<Vec<_>>();
    let puts = puts.iter().map(|name| client.put_manifest(&repository, name, &manifest));
    for done in futures_util::future::join_all(puts).await {
        done.expect("put");
    }
    #[expect(clippy::print_stderr, reason = "the figures are the point")]
    {
        eprintln!("200 tags put: {:?}", start.elapsed());
    }
    measure("present", true).await;
    let start = Instant::now();
    let from = named(&image);
    let tags: Vec<Tag> = (0..200).map(|n| tag(&format!("u{n}"))).collect();
    for done in
        futures_util::future::join_all(tags.iter().map(|to| client.copy_tag(&repository, &from, to))).await
    {
        done.expect("copied");
    }
    #[expect(clippy::print_stderr, reason = "the figures are the point")]
    {
        eprintln!("200 tags copied (read and put): {:?}", start.elapsed());
    }
}
