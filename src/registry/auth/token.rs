use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::challenge::Bearer;
use super::{Challenge, Credential, Credentials, Login, Scopes};
use crate::registry::failure::CallFailure;
use crate::registry::host::Host;
use crate::registry::wire::{Request, Wire, secret_header};
use crate::registry::{Attempt, Notice, RegistryError, Secret};

/// How long a token is good for if its server does not say; the specification's number.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// What each registry wants, and the tokens that it has been satisfied with.
#[derive(Default)]
pub(in crate::registry) struct Tokens {
    wanted: StdMutex<HashMap<String, Challenge>>,
    slots: StdMutex<HashMap<(String, Scopes), Slot>>,
    /// Registries that wanted a login and got none, because their connection is not protected.
    withheld: StdMutex<HashSet<String>>,
}

/// Locked while its token is fetched, so that requests that need the same one wait for it.
type Slot = Arc<Mutex<Option<Token>>>;

#[derive(Clone)]
struct Token {
    value: Secret,
    credential: Option<Credential>,
    expires: Instant,
}

/// What is sent as `Authorization`.
#[derive(Clone)]
pub(in crate::registry) struct Authorization {
    pub(in crate::registry) header: HeaderValue,
    /// The login behind it; a token may be anonymous.
    pub(in crate::registry) credential: Option<Credential>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

pub(in crate::registry) struct Parties<'a> {
    pub(in crate::registry) wire: &'a Wire,
    pub(in crate::registry) credentials: &'a Credentials,
    pub(in crate::registry) host: &'a Host,
    /// Whether the registry may get a login.
    pub(in crate::registry) takes_logins: bool,
    pub(in crate::registry) encrypted: bool,
    pub(in crate::registry) attempt: &'a Attempt,
}

impl Parties<'_> {
    pub(in crate::registry) async fn login(&self) -> Result<Option<Credential>, RegistryError> {
        if self.takes_logins { self.credentials.login(&self.host.name).await } else { Ok(None) }
    }
}

impl Tokens {
    /// What to send before the registry asks: nothing, until it has asked once.
    pub(in crate::registry) async fn known(
        &self,
        parties: &Parties<'_>,
        scopes: &Scopes,
    ) -> Result<Option<Authorization>, CallFailure> {
        let wanted = self.wanted().get(&parties.host.name).cloned();
        match wanted {
            None => Ok(None),
            Some(Challenge::Basic) => basic(parties).await,
            Some(Challenge::Bearer(bearer)) => self.token(parties, &bearer, scopes, None).await.map(Some),
        }
    }

    /// What to send after the registry has answered with `challenge` to a request that carried `used`. `None`:
    /// there is nothing better.
    pub(in crate::registry) async fn after(
        &self,
        parties: &Parties<'_>,
        scopes: &Scopes,
        challenge: Challenge,
        used: Option<&Authorization>,
    ) -> Result<Option<Authorization>, CallFailure> {
        // The scope is this request's alone.
        let kept = match &challenge {
            Challenge::Basic => Challenge::Basic,
            Challenge::Bearer(bearer) => {
                Challenge::Bearer(Bearer { scope: Scopes::default(), error: None, ..bearer.clone() })
            }
        };
        self.wanted().insert(parties.host.name.clone(), kept);
        if !parties.takes_logins {
            self.withhold(parties);
        }
        match challenge {
            Challenge::Basic => {
                let login = basic(parties).await?;
                Ok(login.filter(|login| used.is_none_or(|used| used.header != login.header)))
            }
            Challenge::Bearer(bearer) => self.token(parties, &bearer, scopes, used).await.map(Some),
        }
    }

    pub(in crate::registry) fn is_wanted(&self, host: &str) -> bool {
        self.wanted().contains_key(host)
    }

    /// Whether a registry has asked for a login that it may not have.
    pub(in crate::registry) fn are_withheld_from(&self, host: &str) -> bool {
        self.withheld.lock().unwrap_or_else(PoisonError::into_inner).contains(host)
    }

    fn withhold(&self, parties: &Parties<'_>) {
        let registry = parties.host.name.clone();
        if self.withheld.lock().unwrap_or_else(PoisonError::into_inner).insert(registry.clone()) {
            parties.wire.say(Notice::LoginWithheld { registry });
        }
    }

    fn wanted(&self) -> std::sync::MutexGuard<'_, HashMap<String, Challenge>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token for these scopes: the one that is kept, unless it is the one that was `refused` or too old.
    async fn token(
        &self,
        parties: &Parties<'_>,
        bearer: &Bearer,
        scopes: &Scopes,
        refused: Option<&Authorization>,
    ) -> Result<Authorization, CallFailure> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry((parties.host.name.clone(), scopes.clone())).or_default())
        };
        let mut kept = slot.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.expires > Instant::now()) {
            let authorization = token.authorization()?;
            if refused.is_none_or(|refused| refused.header != authorization.header) {
                return Ok(authorization);
            }
        }
        // What the registry itself asked for may be more than what we know it needs.
        let token = fetch(parties, bearer, &scopes.clone().and(&bearer.scope)).await?;
        let authorization = token.authorization();
        *kept = Some(token);
        authorization
    }
}

impl Token {
    fn authorization(&self) -> Result<Authorization, CallFailure> {
        let header = secret_header(&format!("Bearer {}", self.value.reveal())).ok_or_else(|| {
            CallFailure::transient("its token server sends a token with control characters")
        })?;
        Ok(Authorization { header, credential: self.credential.clone() })
    }
}

async fn basic(parties: &Parties<'_>) -> Result<Option<Authorization>, CallFailure> {
    let Some(credential) = parties.login().await? else { return Ok(None) };
    Ok(basic_header(&credential.login).map(|header| Authorization { header, credential: Some(credential) }))
}

/// `None` for what is no name and password.
fn basic_header(login: &Login) -> Option<HeaderValue> {
    match login {
        Login::Password { username, password } => {
            secret_header(&format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.reveal()))))
        }
        Login::RegistryToken(token) => secret_header(&format!("Bearer {}", token.reveal())),
        Login::IdentityToken(_) => None,
    }
}

async fn fetch(parties: &Parties<'_>, bearer: &Bearer, scopes: &Scopes) -> Result<Token, CallFailure> {
    let credential = parties.login().await?;
    if let Some(Login::RegistryToken(token)) = credential.as_ref().map(|credential| &credential.login) {
        return Ok(Token { value: token.clone(), credential, expires: Instant::now() + DEFAULT_LIFETIME });
    }
    let realm = Url::parse(&bearer.realm)
        .ok()
        .filter(|realm| realm.has_host() && matches!(realm.scheme(), "https" | "http"))
        .ok_or_else(|| CallFailure::refused(parties.attempt, 401, "its token server has no address"))?;
    // What an encrypted registry may know goes nowhere in the open, not even on this machine.
    let is_less_protected = parties.encrypted && realm.scheme() != "https";
    if credential.is_some() && (is_less_protected || !parties.wire.takes_logins(&realm)) {
        return Err(CallFailure::Final(RegistryError::InsecureTokenServer {
            registry: parties.host.name.clone(),
            realm: realm.origin().ascii_serialization(),
        }));
    }
    let asked = Instant::now();
    let request =
        token_request(realm, bearer, scopes, credential.as_ref().map(|credential| &credential.login));
    let answer = parties.wire.send(&request).await?;
    if answer.is_transient() {
        return Err(CallFailure::from_status(&answer, "its token server"));
    }
    if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
        return Err(CallFailure::Final(RegistryError::Unauthorized {
            attempt: Box::new(parties.attempt.clone()),
            credential: credential.map(|credential| credential.origin),
            message: answer.message(),
        }));
    }
    if !answer.status.is_success() {
        let message = format!("its token server answers {} {}", answer.status, answer.message());
        return Err(CallFailure::refused(parties.attempt, answer.status.as_u16(), message.trim_end()));
    }
    let parsed: Option<TokenAnswer> = serde_json::from_slice(&answer.body).ok();
    let (value, lifetime) = parsed
        .and_then(|parsed| {
            let value = parsed.token.filter(|token| !token.is_empty()).or(parsed.access_token)?;
            Some((value, parsed.expires_in.map_or(DEFAULT_LIFETIME, Duration::from_secs)))
        })
        .ok_or_else(|| CallFailure::transient("its token server answers without a token"))?;
    // A tenth less, for the way and for clocks that differ.
    let expires = asked + lifetime.min(Duration::from_secs(24 * 60 * 60)).mul_f64(0.9);
    Ok(Token { value: Secret::new(value), credential, expires })
}

/// A name and password ask by GET with Basic, an identity token is exchanged by POST, as Docker does.
fn token_request(mut realm: Url, bearer: &Bearer, scopes: &Scopes, login: Option<&Login>) -> Request {
    if let Some(Login::IdentityToken(refresh)) = login {
        let mut form = Url::parse("form:").unwrap_or_else(|_| realm.clone());
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", "shipwright")
            .append_pair("refresh_token", refresh.reveal())
            .append_pair("scope", &scopes.to_string())
            .extend_pairs(bearer.service.iter().map(|service| ("service", service)));
        let mut request = Request::new(Method::POST, realm);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request.body = Bytes::from(form.query().unwrap_or_default().to_owned());
        return request;
    }
    {
        let mut query = realm.query_pairs_mut();
        query.extend_pairs(bearer.service.iter().map(|service| ("service", service)));
        query.extend_pairs(scopes.words().map(|scope| ("scope", scope)));
        if let Some(Login::Password { username, .. }) = login {
            query.append_pair("account", username);
        }
    }
    let mut request = Request::new(Method::GET, realm);
    if let Some(header) = login.and_then(basic_header) {
        request.headers.insert(AUTHORIZATION, header);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer() -> Bearer {
        Bearer { service: Some("reg & co".into()), ..Bearer::default() }
    }

    fn realm() -> Url {
        Url::parse("https://auth.example/token?tenant=1").expect("an address")
    }

    #[test]
    fn a_password_asks_by_get() {
        let login = Login::Password { username: "me".into(), password: Secret::new("p?~>ss") };
        let scopes = Scopes::push("acme/api").and(&Scopes::pull("acme/base"));
        let request = token_request(realm(), &bearer(), &scopes, Some(&login));
        assert_eq!(
            request.url.as_str(),
            "https://auth.example/token?tenant=1&service=reg+%26+co\
             &scope=repository%3Aacme%2Fapi%3Apull%2Cpush&scope=repository%3Aacme%2Fbase%3Apull&account=me"
        );
        assert_eq!(request.headers[AUTHORIZATION], "Basic bWU6cD9+PnNz");
        assert!(!format!("{request:?}").contains("bWU6"));
    }

    #[test]
    fn an_identity_token_is_posted() {
        let login = Login::IdentityToken(Secret::new("a+b"));
        let request = token_request(realm(), &bearer(), &Scopes::pull("acme/api"), Some(&login));
        assert_eq!(request.url, realm());
        assert!(!request.headers.contains_key(AUTHORIZATION));
        assert_eq!(
            request.body,
            "grant_type=refresh_token&client_id=shipwright&refresh_token=a%2Bb\
             &scope=repository%3Aacme%2Fapi%3Apull&service=reg+%26+co"
        );
    }

    #[test]
    fn without_a_login_nothing_is_sent() {
        let request = token_request(realm(), &bearer(), &Scopes::pull("acme/api"), None);
        assert!(!request.headers.contains_key(AUTHORIZATION) && request.method == Method::GET);
    }
}
