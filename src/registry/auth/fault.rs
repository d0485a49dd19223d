use std::fmt;
use std::path::Path;
use std::time::Duration;

/// More than any login.
pub(super) const LONGEST_ANSWER: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelperFault {
    /// There is no such program.
    NotInstalled,
    /// It was asked and did not answer for so long.
    Silent(Duration),
    /// It answers with something else than a login.
    Rubbish,
    /// It answers with more than any login.
    TooLong,
    Failed(String),
}

impl HelperFault {
    /// What the user can do.
    pub(in crate::registry) fn hint(&self, name: &str, path: &Path) -> String {
        let or = format!("or remove it from {}", path.display());
        match self {
            Self::NotInstalled => format!("install docker-credential-{name}, {or}"),
            Self::Silent(_) => format!("it may wait for somebody to unlock a keychain: do so, {or}"),
            Self::Rubbish | Self::TooLong | Self::Failed(_) => {
                format!("`docker-credential-{name} list` shows whether it works; mend it, {or}")
            }
        }
    }
}

impl fmt::Display for HelperFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str("there is no such program"),
            Self::Silent(time) => write!(f, "it did not answer for {} seconds", time.as_secs()),
            Self::Rubbish => f.write_str("its answer is not what helpers say"),
            Self::TooLong => write!(f, "it answers with more than {} MiB", LONGEST_ANSWER >> 20),
            Self::Failed(said) => f.write_str(said),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_to_be_installed() {
        let path = Path::new("/home/me/config.json");
        let faults = [
            HelperFault::NotInstalled,
            HelperFault::Silent(Duration::from_secs(60)),
            HelperFault::Rubbish,
            HelperFault::TooLong,
            HelperFault::Failed("locked".into()),
        ];
        let says_so = faults.map(|fault| fault.hint("x", path).contains("install"));
        assert_eq!(says_so, [true, false, false, false, false]);
    }
}
