//! How long an engine may be silent. A build, a push or a pull may take any time; an engine that does not answer at all
//! is an error that says so.

use std::time::Duration;

use futures_util::{Stream, StreamExt};

use super::connection::ping;
use super::error::refused;
use super::{Endpoint, Engine, EngineError};

/// How long a question about one thing may take: an image, a tag, the version.
const ANSWER: Duration = Duration::from_secs(10);
/// The same over ssh, which may have to be connected first.
const ANSWER_OVER_SSH: Duration = Duration::from_secs(30);
/// How long a list of everything may take; engines with thousands of images need their time.
const LIST: Duration = Duration::from_secs(30);
/// How often an engine that works on something long is asked whether it is still there, and how often it may not
/// answer. Together with [`ANSWER`] that is half a minute.
pub(crate) const PULSE: Duration = Duration::from_secs(10);
const MISSED: u32 = 2;
/// Over ssh each such question is a login.
const PULSE_OVER_SSH: Duration = Duration::from_secs(60);
/// How long a pull or push may say nothing although the engine answers: longer than a registry takes to store its
/// largest layer. HTTP/1.1 has no other sign that a connection is lost.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

impl Endpoint {
    /// How long a question about one thing may take here.
    pub(crate) fn patience(&self) -> Duration {
        if self.is_ssh() { ANSWER_OVER_SSH } else { ANSWER }
    }
}

type Answer<T> = Result<T, bollard::errors::Error>;

impl Engine {
    /// Asks the engine to `action`, which it has to answer soon. What it answers may be an error.
    pub(crate) fn ask<T>(
        &self,
        action: &str,
        question: impl Future<Output = Answer<T>>,
    ) -> impl Future<Output = Result<Answer<T>, EngineError>> {
        self.ask_within(self.endpoint().patience(), action, Box::pin(question))
    }

    /// The same for a list of everything.
    pub(crate) fn ask_for_all<T>(
        &self,
        action: &str,
        question: impl Future<Output = Answer<T>>,
    ) -> impl Future<Output = Result<Answer<T>, EngineError>> {
        self.ask_within(LIST.max(self.endpoint().patience()), action, Box::pin(question))
    }

    async fn ask_within<T>(
        &self,
        limit: Duration,
        action: &str,
        question: impl Future<Output = Answer<T>>,
    ) -> Result<Answer<T>, EngineError> {
        let silent = || EngineError::Silent { action: action.to_owned(), seconds: limit.as_secs() };
        if self.silence().is_within(ANSWER) {
            return Err(silent());
        }
        let answer = tokio::time::timeout(limit, question).await;
        self.silence().note(answer.is_err());
        answer.map_err(|_| silent())
    }

    /// The next message of a long `action`; `None` at its end.
    pub(crate) async fn next_of<T>(
        &self,
        action: &str,
        messages: &mut (impl Stream<Item = Answer<T>> + Unpin),
    ) -> Result<Option<T>, EngineError> {
        let silent =
            |limit: Duration| EngineError::Silent { action: action.to_owned(), seconds: limit.as_secs() };
        tokio::select! {
            message = messages.next() => message.transpose().map_err(|error| refused(action, &error)),
            () = Box::pin(stops_answering(self.endpoint())) => {
                self.silence().note(true);
                Err(silent(PULSE + self.endpoint().patience() * MISSED))
            }
            () = tokio::time::sleep(LONGEST_SILENCE) => Err(silent(LONGEST_SILENCE)),
        }
    }
}

/// Ends when the engine does not answer any more, and never while it does.
pub(crate) async fn stops_answering(endpoint: &Endpoint) {
    let pulse = if endpoint.is_ssh() { PULSE_OVER_SSH } else { PULSE };
    let mut missed = 0;
    while missed < MISSED {
        if missed == 0 {
            tokio::time::sleep(pulse).await;
        }
        let answer = tokio::time::timeout(endpoint.patience(), ping(endpoint)).await;
        // Refused or closed is for the connection in use to find out, which says more.
        missed = if answer.is_ok() { 0 } else { missed + 1 };
    }
}
