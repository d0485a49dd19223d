//! Certificates: the authorities and clients of `certs.d`, what Docker allows on the loopback interface, proxies.

mod registry;

use std::path::Path;

use registry::proxy::Proxy;
use registry::server::{LOGIN, Server, Uploader, anonymous, auths, basic, options, with_config};
use registry::tls::{Authority, install};
use registry::tokens::{TokenServer, WRITER};
use serde_json::{Value, json};
use shipwright::internals::ImageReference;
use shipwright::internals::{ProxySettings, Registry as _, RegistryClient, RegistryError, RegistryOptions};

/// A registry with a certificate that a new authority signed for `names`.
fn encrypted(
    folder: &Path,
    names: &[&str],
    more: &[&Path],
    arguments: &[&str],
) -> Option<(Server, Authority)> {
    let authority = Authority::new(folder, "ca");
    let (certificate, key) = authority.sign(names);
    let server = Server::start_encrypted(arguments, &[&[&*certificate, &*key], more].concat())?;
    Some((server, authority))
}

fn client_with(certificates: &Path, config: &Value, folder: &Path) -> RegistryClient {
    let options = RegistryOptions { certificates: vec![certificates.to_owned()], ..options() };
    with_config(folder, config, options)
}

#[tokio::test]
async fn on_loopback_a_certificate_counts_if_its_authority_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((server, authority)) = encrypted(folder.path(), &["127.0.0.1"], &[], &[]) else { return };
    let (image, certificates) = (server.reference("acme/api:main"), folder.path().join("certs.d"));
    let look_up = async || client_with(&certificates, &json!({}), folder.path()).head(&image).await;
    assert_eq!(look_up().await, Ok(None), "as Docker does: not verified, and no need for plain HTTP");
    install(&certificates, &server.address, &[(&authority.certificate, "ca.crt")]);
    assert_eq!(look_up().await, Ok(None));
    let other = Authority::new(folder.path(), "other");
    install(&certificates, &server.address, &[(&other.certificate, "ca.crt")]);
    let error = look_up().await.expect_err("not trusted");
    assert!(matches!(error, RegistryError::Certificate { .. }), "{error}");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
}

/// `registry.test` and Docker Hub are reached through a proxy that leads all names to the registry under test.
#[tokio::test]
async fn certificates_of_other_hosts_are_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = ["registry.test", "registry-1.docker.io"];
    let Some((server, authority)) = encrypted(folder.path(), &names, &[], &["htpasswd"]) else { return };
    let uploader = Uploader {
        authorization: Some(basic(LOGIN)),
        base: format!("https://{}/v2", server.address),
        ..Uploader::new(&server)
    };
    uploader.image("acme/api", "main", &[], "amd64").await;
    let proxy = Proxy::start(&server.address).await;
    let certificates = folder.path().join("certs.d");
    let client = |insecure: &[&str]| {
        let mut config = auths("registry.test:5000", LOGIN);
        config["auths"]["https://index.docker.io/v1/"] =
            json!({"auth": basic(LOGIN).trim_start_matches("Basic ")});
        let proxy =
            ProxySettings { https: Some(format!("http://{}", proxy.address)), ..ProxySettings::default() };
        let insecure = insecure.iter().map(ToString::to_string).collect();
        let options =
            RegistryOptions { certificates: vec![certificates.clone()], proxy, insecure, ..options() };
        with_config(folder.path(), &config, options)
    };
    let image: ImageReference = "registry.test:5000/acme/api:main".parse().expect("a reference");

    let error = client(&[]).head(&image).await.expect_err("not trusted");
    assert!(matches!(error, RegistryError::Certificate { .. }), "{error}");
    assert!(error.hint().expect("a hint").contains("/certs.d/registry.test:5000/"), "{error}");
    assert!(client(&["registry.test:5000"]).head(&image).await.expect("an answer").is_some());
    assert!(client(&["registry.test"]).head(&image).await.is_err(), "that is another registry");

    install(&certificates, "registry.test:5000", &[(&authority.certificate, "private.crt")]);
    assert!(client(&[]).head(&image).await.expect("an answer").is_some());
    assert!(
        proxy.seen().iter().all(|seen| seen.target == "registry.test:5000" && seen.authorization().is_none())
    );

    // Docker Hub's names, host and key.
    install(&certificates, "registry-1.docker.io", &[(&authority.certificate, "private.crt")]);
    for name in ["acme/api:main", "docker.io/acme/api:main", "index.docker.io/acme/api:main"] {
        proxy.heal();
        let found = client(&[]).head(&name.parse().expect("a reference")).await;
        assert!(found.expect("an answer").is_some(), "{name}");
        assert!(
            proxy.seen().iter().all(|seen| seen.target == "registry-1.docker.io:443"),
            "{:?}",
            proxy.seen()
        );
    }
}

#[tokio::test]
async fn client_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let clients = Authority::new(folder.path(), "clients");
    let (certificate, key) = clients.sign(&["builder"]);
    let more = [&*clients.certificate];
    let Some((server, authority)) = encrypted(folder.path(), &["127.0.0.1"], &more, &[]) else { return };
    let (image, certificates) = (server.reference("acme/api:main"), folder.path().join("certs.d"));
    install(&certificates, &server.address, &[(&authority.certificate, "ca.crt")]);
    let look_up = async || client_with(&certificates, &json!({}), folder.path()).head(&image).await;
    let error = look_up().await.expect_err("it wants a certificate");
    assert!(matches!(error, RegistryError::ClientCertificate { .. }), "{error:?}");
    install(&certificates, &server.address, &[(&certificate, "client.cert"), (&key, "client.key")]);
    assert_eq!(look_up().await, Ok(None));
}

#[tokio::test]
async fn a_token_server_without_encryption_gets_no_login_of_an_encrypted_registry() {
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = TokenServer::start(folder.path()).await;
    let arguments = ["token", &tokens.realm, &tokens.certificate.to_string_lossy()];
    let Some((server, _)) = encrypted(folder.path(), &["127.0.0.1"], &[], &arguments) else { return };
    let image = server.reference("public/api:main");
    let client = with_config(folder.path(), &auths(&server.address, WRITER), options());
    let error = client.head(&image).await.expect_err("the login stays here");
    assert!(matches!(error, RegistryError::InsecureTokenServer { .. }), "{error}");
    assert!(tokens.seen().is_empty());
    // Without a login there is nothing to lose.
    assert_eq!(anonymous().head(&image).await, Ok(None));
}
