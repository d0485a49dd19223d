//! A token server, as Docker's specification has it, for a registry of the kind `token`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

use super::http::{Fake, Seen, reply};

/// A refresh token that the server takes.
pub const IDENTITY_TOKEN: &str = "identity+/token=";

/// A user who may read and write everything.
pub const WRITER: (&str, &str) = ("writer", "p?~>ss");

/// A user who may only read.
pub const READER: (&str, &str) = ("reader", "secret");

/// A running token server.
pub struct TokenServer {
    fake: Fake,
    /// Its certificate, for the registry.
    pub certificate: PathBuf,
    /// For the registry's configuration.
    pub realm: String,
    lifetime: Arc<Mutex<u64>>,
    signer: Arc<Signer>,
}

struct Signer {
    key: EcdsaKeyPair,
    certificate: Vec<u8>,
}

impl TokenServer {
    pub async fn start(folder: &Path) -> Self {
        let own = rcgen::generate_simple_self_signed(["tokens".to_owned()]).expect("a certificate");
        let certificate = folder.join("tokens.crt");
        std::fs::write(&certificate, own.cert.pem()).expect("written");
        let key = own.signing_key.serialize_der();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &SystemRandom::new());
        let signer = Arc::new(Signer { key: key.expect("a key"), certificate: own.cert.der().to_vec() });
        let lifetime = Arc::new(Mutex::new(300));
        let (shared, seconds) = (Arc::clone(&signer), Arc::clone(&lifetime));
        let fake =
            Fake::start(move |request| answer(&shared, request, *seconds.lock().expect("not poisoned")))
                .await;
        let realm = format!("http://{}/token", fake.address);
        Self { fake, certificate, realm, lifetime, signer }
    }

    /// What it has been asked.
    pub fn seen(&self) -> Vec<Seen> {
        self.fake.seen()
    }

    /// How many seconds its tokens are good for from now on.
    pub fn set_lifetime(&self, seconds: u64) {
        *self.lifetime.lock().expect("not poisoned") = seconds;
    }

    /// `Bearer …` that allows these actions, for bringing content into the registry.
    pub fn authorization(&self, repository: &str) -> String {
        let access = json!([{"type": "repository", "name": repository, "actions": ["pull", "push"]}]);
        format!("Bearer {}", self.signer.token(&access, 300))
    }
}

fn answer(signer: &Signer, request: &Seen, lifetime: u64) -> String {
    let query = if request.method == "POST" { request.text() } else { request.target.clone() };
    let query = query.split_once('?').map_or(query.as_str(), |(_, query)| query);
    let url = Url::parse(&format!("form:?{query}")).expect("a query");
    let get =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let denied =
        || reply("401 Unauthorized", &[], r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong login"}]}"#);
    let actions: &[&str] = if request.method == "POST" {
        if get("refresh_token").as_deref() != Some(IDENTITY_TOKEN) {
            return denied();
        }
        &["pull", "push"]
    } else {
        let basic = |(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        match request.authorization() {
            // Anyone may read what is public.
            None => &["pull"],
            Some(login) if login == basic(WRITER) => &["pull", "push", "*"],
            Some(login) if login == basic(READER) => &["pull"],
            Some(_) => return denied(),
        }
    };
    assert_eq!(get("service").as_deref(), Some("tests"));
    let scopes = url.query_pairs().filter(|(key, _)| key == "scope").map(|(_, value)| value.into_owned());
    let scopes: Vec<String> =
        scopes.flat_map(|scope| scope.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    let anonymous = request.authorization().is_none() && request.method == "GET";
    let access: Vec<Value> = scopes
        .iter()
        .filter_map(|scope| {
            let (resource, wanted) = scope.rsplit_once(':')?;
            let (kind, name) = resource.split_once(':')?;
            let visible = !anonymous || name.starts_with("public/");
            let granted: Vec<_> =
                wanted.split(',').filter(|action| visible && actions.contains(action)).collect();
            Some(json!({"type": kind, "name": name, "actions": granted}))
        })
        .collect();
    let token = signer.token(&json!(access), lifetime.max(60));
    // One of the two names, as servers differ in it.
    let name = if request.method == "POST" { "access_token" } else { "token" };
    reply(
        "200 OK",
        &["Content-Type: application/json"],
        &json!({name: token, "expires_in": lifetime}).to_string(),
    )
}

impl Signer {
    fn token(&self, access: &Value, lifetime: u64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&self.certificate)]});
        let random = self.key.sign(&SystemRandom::new(), b"id").expect("random bytes");
        let claims = json!({"iss": "tests", "sub": "", "aud": "tests", "nbf": now - 10, "iat": now,
            "exp": now + lifetime, "jti": URL_SAFE_NO_PAD.encode(random.as_ref()), "access": access});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
