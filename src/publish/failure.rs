use crate::engine::EngineError;
use crate::image::ImageReference;
use crate::registry::{CredentialOrigin, RegistryError};

/// What went wrong with one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagFailure {
    pub reference: ImageReference,
    pub kind: FailureKind,
    pub message: String,
    pub hint: Option<String>,
}

impl TagFailure {
    /// Without a login it was the helper that should have given one.
    pub(super) fn or_of_helper(self, helper: Option<&RegistryError>) -> Self {
        match helper {
            Some(helper) if self.kind == FailureKind::Registry => {
                Self { message: format!("{}; {helper}", self.message), hint: helper.hint(), ..self }
            }
            _ => self,
        }
    }
}

/// Whose fault a [`TagFailure`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Engine,
    /// The registry's, or of the login to it.
    Registry,
    /// Nobody's: somebody else has moved the tag meanwhile.
    Overtaken,
}

pub(super) fn engine_failure(
    reference: &ImageReference,
    error: &EngineError,
    login: Option<&CredentialOrigin>,
) -> TagFailure {
    let denied = error.is_denied();
    let host = reference.repository.host();
    TagFailure {
        reference: reference.clone(),
        kind: if denied { FailureKind::Registry } else { FailureKind::Engine },
        message: error.to_string(),
        hint: if denied {
            let origin = login.map(|origin| format!("the login was that of {origin}; ")).unwrap_or_default();
            Some(format!("{origin}log in with `docker login {host}` as somebody who may push there"))
        } else {
            error.hint()
        },
    }
}

pub(super) fn registry_failure(reference: &ImageReference, error: &RegistryError) -> TagFailure {
    TagFailure {
        reference: reference.clone(),
        kind: FailureKind::Registry,
        message: error.to_string(),
        hint: error.hint(),
    }
}
