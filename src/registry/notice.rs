use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::RegistryError;
use super::error::{how_to_allow, withheld};

/// What the user should know while requests are under way. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Somebody takes long to answer.
    Waiting {
        /// A registry, a token server or a credential helper.
        whom: String,
    },
    /// A request is sent again after a while.
    Pausing {
        registry: String,
        reason: String,
        /// How long it is left alone.
        pause: Duration,
        /// How long it asked to be left alone.
        wanted: Option<Duration>,
    },
    /// A credential helper does not do its work; what needs no login goes on.
    Helper(RegistryError),
    /// A registry asks for a login that it does not get, because only the checkout says how it is spoken to.
    LoginWithheld { registry: String },
}

impl Notice {
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Helper(_) | Self::LoginWithheld { .. })
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Helper(error) => error.hint(),
            Self::LoginWithheld { registry } => Some(how_to_allow(registry)),
            Self::Waiting { .. } | Self::Pausing { .. } => None,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { whom } => write!(f, "waiting for {whom} …"),
            Self::Pausing { registry, reason, pause, wanted } => {
                write!(f, "{registry}: {reason}; trying again in {} s", pause.as_secs().max(1))?;
                match wanted {
                    Some(wanted) if wanted > pause => write!(f, ", not in {} s", wanted.as_secs()),
                    _ => Ok(()),
                }
            }
            Self::Helper(error) => write!(f, "{error}; going on without a login"),
            Self::LoginWithheld { registry } => write!(f, "{}", withheld(registry)),
        }
    }
}

#[derive(Clone, Default)]
pub struct Listener(Option<Arc<dyn Fn(Notice) + Send + Sync>>);

impl Listener {
    /// Calls `told` with each notice, from whichever thread; it must not block.
    pub fn new(told: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    pub(super) fn tell(&self, notice: Notice) {
        if let Some(told) = &self.0 {
            told(notice);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_says_what_was_asked_for_if_that_is_longer() {
        let pausing = |wanted| Notice::Pausing {
            registry: "ghcr.io".into(),
            reason: "it answers 429".into(),
            pause: Duration::from_secs(30),
            wanted,
        };
        let short = "ghcr.io: it answers 429; trying again in 30 s";
        assert_eq!(pausing(None).to_string(), short);
        assert_eq!(pausing(Some(Duration::from_secs(30))).to_string(), short);
        assert_eq!(pausing(Some(Duration::from_secs(3600))).to_string(), format!("{short}, not in 3600 s"));
    }
}
