use std::sync::Arc;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use super::answer::Answer;
use super::auth::{Authorization, Challenge, Credentials, Parties, Scopes, Tokens};
use super::failure::CallFailure;
use super::host::Host;
use super::wire::{ApiBase, Request, Wire};
use super::{Attempt, Notice, RegistryError, RegistryOptions, RetryPolicy};

/// Pauses that the user hears of.
const LONG_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Call<'a> {
    pub(super) registry: &'a str,
    /// The path of the repository that errors name.
    pub(super) repository: &'a str,
    /// In words, for errors.
    pub(super) action: String,
    pub(super) method: Method,
    /// What follows `/v2/`, with its query.
    pub(super) path: String,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: bytes::Bytes,
    pub(super) scopes: Scopes,
}

impl Call<'_> {
    pub(super) fn attempt(&self) -> Attempt {
        Attempt {
            registry: self.registry.to_owned(),
            repository: self.repository.to_owned(),
            action: self.action.clone(),
        }
    }
}

/// Repeats calls while that may help, and logs in where a registry wants it.
pub(super) struct Caller {
    wire: Wire,
    credentials: Arc<Credentials>,
    tokens: Tokens,
    retry: RetryPolicy,
}

impl Caller {
    pub(super) fn new(options: RegistryOptions, credentials: Arc<Credentials>) -> Self {
        let retry = options.retry;
        Self { wire: Wire::new(options), credentials, tokens: Tokens::default(), retry }
    }

    /// Does the call until `check` accepts its answer. `check` sees only statuses that are success, or 404; its
    /// error says why the answer is damaged.
    pub(super) async fn call<T>(
        &self,
        call: Call<'_>,
        check: impl Fn(Answer) -> Result<T, String>,
    ) -> Result<T, RegistryError> {
        let host = self.wire.host(call.registry);
        let attempt = Box::new(call.attempt());
        let begun = Instant::now();
        let mut tries = 0;
        loop {
            if let Some(reason) = self.wire.given_up(&host, begun) {
                return Err(RegistryError::Unavailable {
                    attempt,
                    reason,
                    status: None,
                    retry_after: None,
                    tries,
                });
            }
            tries += 1;
            let (error, wanted) = match self.once(&host, &call, &attempt, begun).await {
                Ok(answer) => match check(answer) {
                    Ok(result) => return Ok(result),
                    Err(reason) => (RegistryError::Damaged { attempt: attempt.clone(), reason, tries }, None),
                },
                Err(CallFailure::Transient { reason, status, retry_after }) => {
                    let attempt = attempt.clone();
                    (RegistryError::Unavailable { attempt, reason, status, retry_after, tries }, retry_after)
                }
                Err(CallFailure::Certificate(reason)) => {
                    return Err(RegistryError::Certificate { attempt, reason });
                }
                Err(CallFailure::ClientCertificate) => {
                    return Err(RegistryError::ClientCertificate { attempt });
                }
                Err(CallFailure::Unencrypted) => return Err(RegistryError::Unencrypted { attempt }),
                Err(CallFailure::Unusable(reason)) => {
                    return Err(RegistryError::Damaged { attempt, reason, tries });
                }
                Err(CallFailure::Final(error)) => return Err(self.explained(&host, error).await),
            };
            if tries >= self.retry.tries || self.wire.given_up(&host, begun).is_some() {
                return Err(error);
            }
            let pause = self.retry.pause(tries, wanted, rand::random());
            if let (RegistryError::Unavailable { reason, .. }, true) = (&error, pause >= LONG_PAUSE) {
                let (registry, reason) = (call.registry.to_owned(), reason.clone());
                self.wire.tell(&host.api, Notice::Pausing { registry, reason, pause, wanted });
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Why there was no login, for whoever is refused without one.
    async fn explained(&self, host: &Host, error: RegistryError) -> RegistryError {
        let (attempt, message, was_asked) = match error {
            RegistryError::Unauthorized { attempt, credential: None, message } => (attempt, message, true),
            RegistryError::Denied { attempt, credential: None, message } => (attempt, message, false),
            other => return other,
        };
        if self.tokens.are_withheld_from(&host.name) {
            return RegistryError::LoginWithheld { attempt };
        }
        if let Some(failure) = self.credentials.failure(&host.name).await {
            return failure;
        }
        match self.credentials.login(&host.name).await {
            Ok(Some(credential)) if !self.tokens.is_wanted(&host.name) => {
                RegistryError::LoginNotAsked { attempt, origin: credential.origin, message }
            }
            _ if was_asked => RegistryError::Unauthorized { attempt, credential: None, message },
            _ => RegistryError::Denied { attempt, credential: None, message },
        }
    }

    /// One try: sends the request, once more if the registry then wants a login.
    async fn once(
        &self,
        host: &Host,
        call: &Call<'_>,
        attempt: &Attempt,
        begun: Instant,
    ) -> Result<Answer, CallFailure> {
        let base = self.wire.base(host, begun).await?;
        let url = base
            .url
            .join(&call.path)
            .map_err(|_| CallFailure::Unusable("it names an address that is none".to_owned()))?;
        let (takes_logins, encrypted) = (base.takes_logins, base.url.scheme() == "https");
        let parties = Parties {
            wire: &self.wire,
            credentials: &self.credentials,
            host,
            takes_logins,
            encrypted,
            attempt,
        };
        let request = Request {
            method: call.method.clone(),
            url,
            headers: call.headers.clone(),
            body: call.body.clone(),
        };
        let mut used = self.tokens.known(&parties, &call.scopes).await?;
        let mut answer = self.wire.send(&with(&request, used.as_ref())).await?;
        let mut challenge = answer.challenge().filter(|_| answer.status == StatusCode::UNAUTHORIZED);
        if challenge.is_none() && used.is_none() {
            challenge = self.unasked(&parties, &base, &answer).await?;
        }
        if let Some(challenge) = challenge {
            let next = self.tokens.after(&parties, &call.scopes, challenge, used.as_ref()).await?;
            if next.is_some() {
                used = next;
                answer = self.wire.send(&with(&request, used.as_ref())).await?;
            }
        }
        judge(answer, used.as_ref(), attempt)
    }

    /// Some registries tell somebody without a login that there is nothing, or nothing to see, and do not ask for one.
    /// Docker asks for their start page before anything else; where that wants a login, and there is one, it counts.
    async fn unasked(
        &self,
        parties: &Parties<'_>,
        base: &ApiBase,
        answer: &Answer,
    ) -> Result<Option<Challenge>, CallFailure> {
        if !answer.same_origin || !matches!(answer.status.as_u16(), 401 | 403 | 404) {
            return Ok(None);
        }
        let Some(challenge) = self.wire.greeting(parties.host, base).await else { return Ok(None) };
        Ok(parties.login().await?.map(|_| challenge))
    }
}

fn with(request: &Request, authorization: Option<&Authorization>) -> Request {
    let mut request = request.clone();
    if let Some(authorization) = authorization {
        request.headers.insert(AUTHORIZATION, authorization.header.clone());
    }
    request
}

/// Sorts answers: success and 404 are for the caller, all else is a failure.
fn judge(answer: Answer, used: Option<&Authorization>, attempt: &Attempt) -> Result<Answer, CallFailure> {
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        return Ok(answer);
    }
    if answer.is_transient() {
        return Err(CallFailure::from_status(&answer, "it"));
    }
    let (attempt, message) = (Box::new(attempt.clone()), answer.message());
    let credential =
        used.and_then(|used| used.credential.as_ref()).map(|credential| credential.origin.clone());
    Err(CallFailure::Final(match answer.status {
        // The login stayed behind, so it is not what was refused.
        status if !answer.same_origin => RegistryError::Refused {
            attempt,
            status: status.as_u16(),
            message: "from where it redirects to".to_owned(),
        },
        StatusCode::UNAUTHORIZED if credential.is_some() && !is_login_refused(&answer) => {
            RegistryError::Denied { attempt, credential, message }
        }
        StatusCode::UNAUTHORIZED => RegistryError::Unauthorized { attempt, credential, message },
        StatusCode::FORBIDDEN => RegistryError::Denied { attempt, credential, message },
        status => RegistryError::Refused { attempt, status: status.as_u16(), message },
    }))
}

/// Whether a 401 means that the login is wrong. A token of the token server is proof that it is right: then it
/// is the permission that lacks.
fn is_login_refused(answer: &Answer) -> bool {
    match answer.challenge() {
        Some(Challenge::Bearer(_)) => false,
        Some(Challenge::Basic) | None => true,
    }
}
