use bstr::{BStr, ByteSlice};

/// How a file name says that the file is a Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileNameForm {
    /// `Dockerfile`, `dockerfile`, `Containerfile`
    Plain,
    /// `Dockerfile.dev`, `Dockerfile-dev`, `Dockerfile_dev`: `dev`
    Variant(String),
    /// `api.Dockerfile`, `api.dockerfile`: `api`
    Prefix(String),
}

impl FileNameForm {
    /// What the name adds to `Dockerfile`.
    pub fn variant(&self) -> Option<&str> {
        match self {
            Self::Plain => None,
            Self::Variant(text) | Self::Prefix(text) => Some(text),
        }
    }
}

const PLAIN: [&[u8]; 3] = [b"Dockerfile", b"dockerfile", b"Containerfile"];
const WITH_VARIANT: [&[u8]; 2] = [b"Dockerfile", b"Containerfile"];
const WITH_PREFIX: [&[u8]; 4] = [b".Dockerfile", b".dockerfile", b".Containerfile", b".containerfile"];

/// Ends of names that belong to something else, whatever comes before: ignore files, what editors and merges
/// leave behind, templates, documents.
const NEVER: [&[u8]; 15] = [
    b".dockerignore",
    b"~",
    b".orig",
    b".rej",
    b".bak",
    b".swp",
    b".j2",
    b".tmpl",
    b".template",
    b".tpl",
    b".erb",
    b".in",
    b".md",
    b".txt",
    b".rst",
];

/// The form of a file name, if it is a Dockerfile's. A variant must also have a FROM to be one.
pub fn dockerfile_name(file_name: &BStr) -> Option<FileNameForm> {
    // Nearly every name of a checkout ends here.
    if file_name.len() < 10 || !names_a_dockerfile(file_name) {
        return None;
    }
    let ends_with = |end: &&[u8]| {
        file_name.len() >= end.len() && file_name[file_name.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    if NEVER.iter().any(ends_with) {
        return None;
    }
    if PLAIN.iter().any(|name| file_name == *name) {
        return Some(FileNameForm::Plain);
    }
    let text = |bytes: &[u8]| bytes.to_str_lossy().into_owned();
    for name in WITH_VARIANT {
        if let Some([b'.' | b'-' | b'_', variant @ ..]) = file_name.strip_prefix(name)
            && !variant.is_empty()
        {
            return Some(FileNameForm::Variant(text(variant)));
        }
    }
    // Emacs marks a file that is being edited by a link `.#NAME`.
    let prefix = WITH_PREFIX.iter().find_map(|end| file_name.strip_suffix(*end))?;
    (!prefix.is_empty() && !prefix.starts_with(b".#")).then(|| FileNameForm::Prefix(text(prefix)))
}

/// Whether `ockerfile` or `ontainerfile` stands in the name. Names are short: to prepare a search takes longer than
/// to look everywhere.
fn names_a_dockerfile(file_name: &[u8]) -> bool {
    file_name.windows(6).enumerate().any(|(at, part)| {
        let before = &file_name[..at];
        part == b"erfile" && (before.ends_with(b"ock") || before.ends_with(b"ontain"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(name: &str) -> Option<FileNameForm> {
        dockerfile_name(name.into())
    }

    #[test]
    fn plain_names() {
        for name in ["Dockerfile", "dockerfile", "Containerfile"] {
            assert_eq!(form(name), Some(FileNameForm::Plain), "{name}");
        }
    }

    #[test]
    fn variants_follow_a_dot_a_dash_or_an_underscore() {
        for name in
            ["Dockerfile.dev", "Dockerfile-dev", "Dockerfile_dev", "Containerfile.dev", "Containerfile-dev"]
        {
            assert_eq!(form(name), Some(FileNameForm::Variant("dev".into())), "{name}");
        }
        assert_eq!(form("Dockerfile.api.v2"), Some(FileNameForm::Variant("api.v2".into())));
    }

    #[test]
    fn prefixes_come_before_a_dot() {
        for name in ["api.Dockerfile", "api.dockerfile", "api.Containerfile", "api.containerfile"] {
            assert_eq!(form(name), Some(FileNameForm::Prefix("api".into())), "{name}");
        }
    }

    #[test]
    fn never_ignore_files_leftovers_templates_and_documents() {
        for end in [
            ".dockerignore",
            "~",
            ".orig",
            ".rej",
            ".bak",
            ".swp",
            ".j2",
            ".tmpl",
            ".template",
            ".tpl",
            ".erb",
            ".in",
            ".md",
            ".txt",
            ".rst",
            ".TXT",
        ] {
            assert_eq!(form(&format!("Dockerfile{end}")), None, "{end}");
            assert_eq!(form(&format!("Dockerfile.dev{end}")), None, "{end}");
        }
        assert_eq!(form("Dockerfile.inner"), Some(FileNameForm::Variant("inner".into())));
    }

    #[test]
    fn other_names_are_no_dockerfiles() {
        for name in [
            "",
            "Dockerfiles",
            "MyDockerfile",
            "Dockerfile.",
            "Dockerfile-",
            ".Dockerfile",
            "DOCKERFILE",
            "docker",
            "a.b",
            "dockerfile.go",
            "api.Dockerfile.d",
            ".#api.Dockerfile",
            "dockerfile-parser",
            "Dockerfile+x",
        ] {
            assert_eq!(form(name), None, "{name}");
        }
    }
}
