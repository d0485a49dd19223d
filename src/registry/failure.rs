use std::time::Duration;

use super::answer::Answer;
use super::{Attempt, RegistryError};

/// Why one try gave no answer.
#[derive(Debug)]
pub(super) enum CallFailure {
    /// Another try may succeed.
    Transient {
        reason: String,
        status: Option<u16>,
        retry_after: Option<Duration>,
    },
    Certificate(String),
    /// It wants a certificate of ours, or does not take the one it got.
    ClientCertificate,
    /// It does not speak TLS.
    Unencrypted,
    /// The answer is of no use.
    Unusable(String),
    Final(RegistryError),
}

impl CallFailure {
    pub(super) fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into(), status: None, retry_after: None }
    }

    /// A status that may be another one next time, of the registry or of what stands by it.
    pub(super) fn from_status(answer: &Answer, who: &str) -> Self {
        let message = answer.message();
        let separator = if message.is_empty() { "" } else { ": " };
        Self::Transient {
            reason: format!("{who} answers {}{separator}{message}", answer.status),
            status: Some(answer.status.as_u16()),
            retry_after: answer.retry_after(),
        }
    }

    pub(super) fn refused(attempt: &Attempt, status: u16, message: &str) -> Self {
        Self::Final(RegistryError::Refused {
            attempt: Box::new(attempt.clone()),
            status,
            message: message.to_owned(),
        })
    }
}

impl From<RegistryError> for CallFailure {
    fn from(error: RegistryError) -> Self {
        Self::Final(error)
    }
}
