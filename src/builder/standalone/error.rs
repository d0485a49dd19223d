use std::path::PathBuf;

/// Why a builder cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuilderError {
    /// It is no address, or none of a builder.
    #[error("`{address}` is not the address of a builder: {reason}")]
    Address {
        /// As it was written, without a password.
        address: String,
        /// What is wrong.
        reason: String,
        /// What to write.
        hint: &'static str,
    },
    /// No builder is stored under the name, or its file makes no sense.
    #[error("{message}")]
    Stored {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A file with a certificate or key cannot be read or understood, or one is missing.
    #[error("{part}{}: {reason}", path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
    Certificate {
        /// Which of them: the authority's, the client's, its key.
        part: &'static str,
        /// Where it is.
        path: Option<PathBuf>,
        /// What is wrong with it.
        reason: String,
    },
    /// It and we do not trust each other.
    #[error("the builder {address} cannot be trusted: {reason}")]
    Distrust {
        /// Where it is.
        address: String,
        /// Which part failed.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Nothing answers there, or nothing that is `BuildKit`.
    #[error("no builder answers at {address}: {reason}")]
    NoAnswer {
        /// Where it is.
        address: String,
        /// What happened instead.
        reason: String,
        /// What to do.
        hint: String,
        /// Whether it may be otherwise a moment later.
        may_pass: bool,
    },
}

impl BuilderError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Address { hint, .. } => Some((*hint).to_owned()),
            Self::Stored { hint, .. } | Self::Distrust { hint, .. } | Self::NoAnswer { hint, .. } => {
                Some(hint.clone())
            }
            Self::Certificate { .. } => {
                Some("--builder-cacert, --builder-cert and --builder-key name PEM files".to_owned())
            }
        }
    }

    /// Whether the user has to mend what he wrote, rather than the builder.
    pub fn is_wrong(&self) -> bool {
        matches!(self, Self::Address { .. } | Self::Stored { .. } | Self::Certificate { .. })
    }

    /// Whether asking again may help.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::NoAnswer { may_pass: true, .. })
    }

    /// Why, without where.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Distrust { reason, .. } | Self::NoAnswer { reason, .. } => reason.clone(),
            other => other.to_string(),
        }
    }
}
