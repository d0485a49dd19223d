/// Why a build gave no image. Whatever the variant: no reference of the request was set.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// The Dockerfile or one of its steps failed.
    #[error("{message}")]
    Failed {
        /// What the builder said.
        message: String,
        /// The line of the failing instruction in the Dockerfile that was sent, from 1.
        line: Option<usize>,
        /// The end of the failing step's output.
        log: Vec<String>,
        /// What to do about it, where that is known.
        hint: Option<String>,
    },
    /// A file was not what had been planned when it was read for sending.
    #[error("{path} changed while the image was built: {reason}")]
    ContextChanged {
        /// The file, relative to the context.
        path: String,
        /// What the reader said.
        reason: String,
    },
    /// The builder wanted files that were not planned.
    #[error("the builder asks for files that were not foreseen: {0}")]
    ContextExceeded(String),
    /// The builder of this engine cannot build this.
    #[error("this engine's builder cannot do {what}")]
    Unsupported {
        /// What is asked for, such as a heredoc in line 3.
        what: String,
        /// The line of the Dockerfile, from 1.
        line: Option<usize>,
        /// What to do about it.
        hint: String,
    },
    /// The connection broke, or the engine stopped.
    #[error("lost the connection to the engine: {0}")]
    Connection(String),
}

impl BuildError {
    /// Whether a name or link was refused because it is no UTF-8, in the words of Go's protobuf.
    pub fn is_not_utf8(&self) -> bool {
        matches!(self, Self::Failed { message, .. } if message.contains("invalid UTF-8"))
    }

    /// Whether somebody else gave the image's name away at the same moment, as containerd's image store says.
    pub fn is_name_taken(&self) -> bool {
        matches!(self, Self::Failed { message, line: None, .. } if message.ends_with(": already exists"))
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Failed { hint, .. } => hint.clone(),
            Self::Unsupported { hint, .. } => Some(hint.clone()),
            Self::ContextChanged { .. } => Some("run again when nothing writes to it".to_owned()),
            Self::ContextExceeded(_) => {
                Some("`whole_context = true` in the image's settings sends everything".to_owned())
            }
            Self::Connection(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_says_what_kind_of_failure_it_is() {
        let failed = |message: &str, line| BuildError::Failed {
            message: message.into(),
            line,
            log: vec![],
            hint: None,
        };
        assert!(failed("string field contains invalid UTF-8", None).is_not_utf8());
        assert!(!failed("exit code: 1", None).is_not_utf8());
        assert!(failed("image \"x\": already exists", None).is_name_taken());
        assert!(!failed("mkdir: x: already exists", Some(3)).is_name_taken());
        assert!(!BuildError::Connection(": already exists".into()).is_name_taken());
    }
}
