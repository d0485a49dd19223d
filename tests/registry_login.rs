//! Who gets which credentials: logins, helpers, token servers, redirects.

mod registry;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use registry::http::{Fake, reply};
use registry::proxy::{Fault, Proxy};
use registry::server::{
    LOGIN, Server, Uploader, anonymous, auths, basic, credentials, digest, options, with_config,
};
use registry::tokens::{IDENTITY_TOKEN, READER, TokenServer, WRITER};
use serde_json::json;
use shipwright::internals::{
    Credentials, Manifest, ManifestName, Registry as _, RegistryClient, RegistryError, RegistryErrorKind,
};
use shipwright::internals::{ImageReference, Repository, Tag};

fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

fn name(text: &str) -> ManifestName {
    tag(text).into()
}

/// A helper program in a folder; it appends a line to `asked` there each time it runs.
fn helper(folder: &Path, name: &str, script: &str) {
    let file = folder.join(format!("docker-credential-{name}"));
    let text =
        format!("#!/bin/sh\nread -r host\necho \"$1 $host\" >>'{}/asked'\n{script}\n", folder.display());
    std::fs::write(&file, text).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("executable");
}

/// How often helpers in the folder have been asked for what.
fn asked(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("asked")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A registry of the kind `htpasswd` with `acme/api:src-1` in it.
async fn with_password() -> Option<Server> {
    let server = Server::start(&["htpasswd"])?;
    let uploader = Uploader { authorization: Some(basic(LOGIN)), ..Uploader::new(&server) };
    uploader.image("acme/api", "src-1", &[], "amd64").await;
    Some(server)
}

#[tokio::test]
async fn passwords() {
    let Some(server) = with_password().await else { return };
    let (folder, image) = (server.folder(), server.reference("acme/api:src-1"));

    let error = anonymous().head(&image).await.expect_err("a login is needed");
    assert!(matches!(error, RegistryError::Unauthorized { credential: None, .. }), "{error}");
    assert_eq!(error.kind(), RegistryErrorKind::Credentials);
    assert!(
        error.to_string().starts_with(&format!("{} wants a login to look up ", server.address)),
        "{error}"
    );
    assert_eq!(error.hint(), Some(format!("`docker login {}` stores a login", server.address)));

    let wrong = with_config(&folder, &auths(&server.address, ("me", "hunter2")), options());
    let error = wrong.head(&image).await.expect_err("the password is wrong");
    let shown = format!("{error} {error:?} {:?} {wrong:?}", error.hint());
    let start = format!("{} does not accept the login from `auths` in {}", server.address, folder.display());
    assert!(shown.starts_with(&start) && !shown.contains("hunter2"), "{shown}");
    assert_eq!(error.kind(), RegistryErrorKind::Credentials);

    let right = with_config(&folder, &auths(&server.address, LOGIN), options());
    assert!(right.head(&image).await.expect("an answer").is_some());
    right.copy_tag(&server.repository("acme/api"), &name("src-1"), &tag("main")).await.expect("copied");
    assert_eq!(right.image_config(&image).await.expect("a configuration").platforms.len(), 1);

    // Of a host that differs in its port only, nothing is sent.
    let other = with_config(&folder, &auths("127.0.0.1:1", LOGIN), options());
    let error = other.head(&image).await.expect_err("no login");
    assert!(matches!(error, RegistryError::Unauthorized { credential: None, .. }), "{error}");
}

#[tokio::test]
async fn a_login_is_sent_at_once_after_the_first_challenge() {
    let Some(server) = with_password().await else { return };
    let proxy = Proxy::start(&server.address).await;
    let client = with_config(&server.folder(), &auths(&proxy.address, LOGIN), options());
    let image = format!("{}/acme/api:src-1", proxy.address).parse().expect("a reference");
    for _ in 0..3 {
        assert!(client.head(&image).await.expect("an answer").is_some());
    }
    let sent: Vec<_> =
        proxy.seen().iter().map(|seen| (seen.method.clone(), seen.authorization().is_some())).collect();
    let head = |authorized| ("HEAD".to_owned(), authorized);
    assert_eq!(sent, [("GET".to_owned(), false), head(false), head(true), head(true), head(true)]);
}

#[tokio::test]
async fn helpers() {
    let Some(server) = with_password().await else { return };
    let (host, image) = (server.address.as_str(), server.reference("acme/api:src-1"));
    let answer = |(user, password)| format!("echo '{}'", json!({"Username": user, "Secret": password}));
    let fresh = || tempfile::tempdir().expect("a folder");

    let folder = fresh();
    helper(folder.path(), "store", &answer(LOGIN));
    let client = with_config(folder.path(), &json!({"credsStore": "store"}), options());
    let all = futures_util::future::join_all((0..20).map(|_| client.head(&image))).await;
    assert!(all.into_iter().all(|found| found.is_ok_and(|found| found.is_some())));
    assert_eq!(asked(folder.path()), [format!("get {host}")], "asked once, however many wait");

    // The helper for exactly this host counts before the store and before `auths`.
    let folder = fresh();
    helper(folder.path(), "store", "exit 1");
    helper(folder.path(), "own", &answer(("me", "hunter2")));
    let mut config = auths(host, LOGIN);
    config["credsStore"] = json!("store");
    config["credHelpers"] = json!({host: "own", "quay.io": "other"});
    let error = with_config(folder.path(), &config, options()).head(&image).await.expect_err("wrong");
    let start = format!("{host} does not accept the login from docker-credential-own (`credHelpers` in ");
    assert!(error.to_string().starts_with(&start) && !error.to_string().contains("hunter2"), "{error}");

    // A store without this login leaves it to `auths`.
    let folder = fresh();
    helper(folder.path(), "store", "echo 'credentials not found in native keychain'; exit 1");
    let mut config = auths(host, LOGIN);
    config["credsStore"] = json!("store");
    let found = with_config(folder.path(), &config, options()).head(&image).await;
    assert!(found.expect("an answer").is_some());

    for (script, part) in [
        (Some("echo 'keychain is locked: hunter' >&2; exit 1"), "keychain is locked"),
        (Some("exit 3"), "exit status: 3"),
        (Some("echo surprise"), "its answer is not what helpers say"),
        (Some("exec sleep 60"), "it did not answer for 2 seconds"),
        (None, "there is no such program"),
    ] {
        let folder = fresh();
        if let Some(script) = script {
            helper(folder.path(), "own", script);
        }
        let client = with_config(folder.path(), &json!({"credHelpers": {host: "own"}}), options());
        let error = client.head(&image).await.expect_err("no login");
        let shown = error.to_string();
        let start = format!("cannot get the login for {host} from docker-credential-own: ");
        assert!(shown.starts_with(&start) && shown.contains(part), "{shown}");
        assert_eq!(error.kind(), RegistryErrorKind::Configuration);
    }
}

/// Whether a process runs; one that nobody has asked for its end does not.
fn runs(process: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    state.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[tokio::test]
async fn what_a_helper_has_started_ends_with_it() {
    let Some(server) = with_password().await else { return };
    let image = server.reference("acme/api:src-1");
    let login = json!({"Username": LOGIN.0, "Secret": LOGIN.1});
    for (end, works) in [("wait".to_owned(), false), (format!("echo '{login}'"), true)] {
        let folder = tempfile::tempdir().expect("a folder");
        let child = folder.path().join("child");
        helper(folder.path(), "own", &format!("sleep 300 & echo $! >'{}'; {end}", child.display()));
        let client = with_config(folder.path(), &json!({"credsStore": "own"}), options());
        let found = client.head(&image).await;
        assert_eq!(found.is_ok(), works, "{found:?}");
        let process = std::fs::read_to_string(child).expect("it ran").trim().to_owned();
        let given_up = std::time::Instant::now() + Duration::from_secs(20);
        while runs(&process) {
            assert!(std::time::Instant::now() < given_up, "{process} runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn what_a_helper_says_has_an_end() {
    let Some(server) = with_password().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    helper(folder.path(), "own", "yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let client = with_config(folder.path(), &json!({"credsStore": "own"}), options());
    let error = client.head(&server.reference("acme/api:src-1")).await.expect_err("no login");
    assert!(error.to_string().contains("more than 1 MiB"), "{error}");
    assert!(!error.hint().expect("a hint").contains("install"));
}

#[tokio::test]
async fn docker_hub_has_a_key_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    helper(folder.path(), "store", r#"echo '{"Username":"<token>","Secret":"s"}'"#);
    let logins = credentials(folder.path(), &json!({"credsStore": "store"}));
    let host = Repository::new("acme/api").expect("a repository").host().to_owned();
    logins.login(&host).await.expect("an answer").expect("a login");
    assert_eq!(asked(folder.path()), ["get https://index.docker.io/v1/"]);
}

/// A registry that wants tokens, with an image in `acme/api` and in `public/api`.
async fn with_tokens(folder: &Path) -> Option<(TokenServer, Server)> {
    let tokens = TokenServer::start(folder).await;
    let server = Server::start(&["token", &tokens.realm, &tokens.certificate.to_string_lossy()])?;
    for repository in ["acme/api", "public/api"] {
        let authorization = Some(tokens.authorization(repository));
        let uploader = Uploader { authorization, ..Uploader::new(&server) };
        uploader.image(repository, "src-1", &[("a", "b")], "amd64").await;
    }
    Some((tokens, server))
}

#[tokio::test]
async fn tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((tokens, server)) = with_tokens(folder.path()).await else { return };
    let (host, image) = (server.address.as_str(), server.reference("acme/api:src-1"));
    let repository = server.repository("acme/api");

    let writer = with_config(folder.path(), &auths(host, WRITER), options());
    let all = futures_util::future::join_all((0..20).map(|_| writer.head(&image))).await;
    assert!(all.into_iter().all(|found| found.is_ok_and(|found| found.is_some())));
    assert_eq!(tokens.seen().len(), 1, "one token for all of one scope");
    writer.copy_tag(&repository, &name("src-1"), &tag("main")).await.expect("copied");
    writer.copy_tag(&repository, &name("src-1"), &tag("latest")).await.expect("copied");
    assert_eq!(tokens.seen().len(), 2, "and one for writing");

    let before = tokens.seen().len();
    let identity = json!({"auths": {host: {"identitytoken": IDENTITY_TOKEN}}});
    let identity = with_config(folder.path(), &identity, options());
    identity.copy_tag(&repository, &name("src-1"), &tag("main")).await.expect("copied");
    assert!(
        tokens.seen()[before..].iter().all(|seen| seen.method == "POST" && seen.authorization().is_none())
    );

    // Everyone may read what is public, and nothing else.
    assert!(anonymous().head(&server.reference("public/api:src-1")).await.expect("an answer").is_some());
    let error = anonymous().head(&image).await.expect_err("not public");
    assert!(matches!(error, RegistryError::Unauthorized { credential: None, .. }), "{error}");
}

#[tokio::test]
async fn tokens_that_are_not_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((tokens, server)) = with_tokens(folder.path()).await else { return };
    let (host, image) = (server.address.as_str(), server.reference("acme/api:src-1"));

    let reader = with_config(folder.path(), &auths(host, READER), options());
    assert!(reader.head(&image).await.expect("an answer").is_some());
    let error = reader.copy_tag(&server.repository("acme/api"), &name("src-1"), &tag("main")).await;
    let error = error.expect_err("reading only");
    assert!(matches!(error, RegistryError::Denied { credential: Some(_), .. }), "{error:?}");
    assert_eq!(error.kind(), RegistryErrorKind::Credentials);
    assert!(error.to_string().contains(&format!(" may not write {host}/acme/api:main at {host}")), "{error}");

    let wrong = with_config(folder.path(), &auths(host, ("writer", "hunter2")), options());
    let error = wrong.head(&image).await.expect_err("the password is wrong");
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("does not accept the login from `auths` in ") && !shown.contains("hunter2"),
        "{shown}"
    );
    let wrong = json!({"auths": {host: {"identitytoken": "hunter2"}}});
    let error = with_config(folder.path(), &wrong, options()).head(&image).await.expect_err("a wrong token");
    assert!(
        error.to_string().contains("does not accept") && !error.to_string().contains("hunter2"),
        "{error}"
    );

    // A token that has run out is fetched again before it is sent.
    tokens.set_lifetime(1);
    let writer = with_config(folder.path(), &auths(host, WRITER), options());
    assert!(writer.head(&image).await.is_ok());
    let before = tokens.seen().len();
    assert!(writer.head(&image).await.is_ok());
    assert_eq!(tokens.seen().len(), before);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(writer.head(&image).await.is_ok());
    assert_eq!(tokens.seen().len(), before + 1);
}

/// A registry that forgets its tokens gets a new one, once.
#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let tokens = Fake::start({
        let count = std::sync::atomic::AtomicUsize::new(1);
        move |_| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            reply(
                "200 OK",
                &[],
                &json!({"access_token": format!("t{number}"), "expires_in": 300}).to_string(),
            )
        }
    })
    .await;
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{}/t\",service=\"s\"", tokens.address);
    let registry = Fake::start(move |seen| match seen.authorization() {
        Some("Bearer t2") => {
            let found = ["Docker-Content-Digest: ", &digest(b"x"), "\r\nContent-Type: a/b"].concat();
            reply("200 OK", &[&found], "").replace("Content-Length: 0", "Content-Length: 7")
        }
        _ => reply("401 Unauthorized", &[&challenge], ""),
    })
    .await;
    let image: ImageReference = format!("{}/acme/api:main", registry.address).parse().expect("a reference");
    let client = anonymous();
    // Each look-up may ask for one new token: the first token is refused, the second one works.
    client.head(&image).await.expect_err("the first token is refused");
    client.head(&image).await.expect("the second one works");
    assert_eq!(tokens.seen().len(), 2);
    assert!(tokens.seen()[0].target.contains("scope=repository%3Aacme%2Fapi%3Apull"), "{:?}", tokens.seen());
}

#[tokio::test]
async fn faults_of_the_token_server_are_retried() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = TokenServer::start(folder.path()).await;
    let proxy = Proxy::start(fake.realm.trim_start_matches("http://").trim_end_matches("/token")).await;
    let realm = format!("http://{}/token", proxy.address);
    let Some(server) = Server::start(&["token", &realm, &fake.certificate.to_string_lossy()]) else { return };
    let image = server.reference("public/api:absent");
    for fault in [
        Fault::Cut,
        Fault::CutAfter,
        Fault::Truncate,
        Fault::Status("429 Too Many Requests", Some(0)),
        Fault::Status("503 Service Unavailable", None),
    ] {
        proxy.break_requests(1, 1, fault);
        assert_eq!(anonymous().head(&image).await, Ok(None), "{fault:?}");
        proxy.break_requests(1, usize::MAX, fault);
        let error = anonymous().head(&image).await.expect_err("no tokens");
        assert_eq!(error.kind(), RegistryErrorKind::Unavailable, "{fault:?}: {error}");
    }
}

/// Where a redirect leads, credentials do not go.
#[tokio::test]
async fn redirects_to_another_host_carry_no_credentials() {
    let config = json!({"os": "linux", "architecture": "amd64"}).to_string();
    let body = config.clone();
    let elsewhere = Fake::start(move |seen| match seen.target.as_str() {
        "/signed?secret=hunter2" => reply("200 OK", &[], &body),
        // What it says about logins is not the registry's word.
        _ => reply("401 Unauthorized", &["WWW-Authenticate: Basic realm=x"], ""),
    })
    .await;
    let manifest = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": digest(config.as_bytes()), "size": config.len()}})
    .to_string();
    let target = elsewhere.address.clone();
    let registry = Fake::start(move |seen| {
        if seen.authorization().is_none() {
            return reply("401 Unauthorized", &["WWW-Authenticate: Basic realm=x"], "");
        }
        match seen.target.as_str() {
            "/v2/" | "/v2/acme/api/manifests/hop" => reply("200 OK", &[], &manifest),
            // On its own host they do.
            "/v2/acme/api/manifests/main" => {
                reply("307 Temporary Redirect", &["Location: /v2/acme/api/manifests/hop"], "")
            }
            "/v2/acme/api/manifests/loop" => reply("302 Found", &["Location: loop"], ""),
            "/v2/acme/api/manifests/away" => {
                reply("302 Found", &[&format!("Location: http://{target}/manifest")], "")
            }
            "/v2/acme/api/manifests/file" => reply("302 Found", &["Location: file:///etc/passwd"], ""),
            _ => reply(
                "307 Temporary Redirect",
                &[&format!("Location: http://{target}/signed?secret=hunter2")],
                "",
            ),
        }
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = auths(&registry.address, LOGIN);
    // Not even if there were one for that host.
    config["auths"][&elsewhere.address] = json!({"username": "x", "password": "y"});
    let client = with_config(folder.path(), &config, options());
    let image = |name: &str| format!("{}/acme/api:{name}", registry.address).parse().expect("a reference");

    assert_eq!(client.image_config(&image("main")).await.expect("a configuration").platforms.len(), 1);
    let error = client.manifest(&image("away")).await.expect_err("refused there");
    assert!(matches!(error, RegistryError::Refused { status: 401, .. }), "{error}");
    assert_eq!(elsewhere.seen().len(), 2);
    for seen in elsewhere.seen() {
        assert!(seen.authorization().is_none() && !seen.headers.contains_key("cookie"), "{seen:?}");
    }
    for odd in ["loop", "file"] {
        let error = client.manifest(&image(odd)).await.expect_err(odd);
        assert!(error.to_string().contains("it redirects"), "{error}");
    }
    // Writing is never redirected.
    let text = bytes::Bytes::from_static(b"{}");
    let manifest = Manifest::new(text, None).expect("a manifest");
    let repository = Repository::new(&format!("{}/acme/api", registry.address)).expect("a repository");
    let error = client.put_manifest(&repository, &name("new"), &manifest).await.expect_err("redirected");
    assert!(matches!(error, RegistryError::Refused { status: 307, .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert_eq!(elsewhere.seen().len(), 2);
}

#[tokio::test]
async fn credentials_can_be_shared() {
    let folder = tempfile::tempdir().expect("a folder");
    let logins: Arc<Credentials> = Arc::new(credentials(folder.path(), &auths("h", LOGIN)));
    let _client = RegistryClient::new(options(), Arc::clone(&logins));
    let login = logins.login("h").await.expect("an answer").expect("a login");
    assert!(!format!("{login:?} {logins:?}").contains(LOGIN.1));
}
