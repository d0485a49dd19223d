use bstr::BStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileNameForm {
    /// `Dockerfile`, `dockerfile`, `Containerfile`; also what only the settings call a Dockerfile
    Plain,
    /// `Dockerfile.dev`, `Dockerfile-dev`, `Dockerfile_dev`: `dev`
    Suffix(Vec<u8>),
    /// `api.Dockerfile`, `api.dockerfile`: `api`
    Prefix(Vec<u8>),
}

const PLAIN: [&[u8]; 3] = [b"Dockerfile", b"dockerfile", b"Containerfile"];

impl FileNameForm {
    /// The form of a name that is known to be a Dockerfile's.
    pub(crate) fn of(file_name: &[u8]) -> Self {
        let suffix = |stem: &str| match file_name.strip_prefix(stem.as_bytes()) {
            Some([b'.' | b'-' | b'_', variant @ ..]) if !variant.is_empty() => Some(variant.to_vec()),
            _ => None,
        };
        let prefix = |stem: &str| match file_name.strip_suffix(stem.as_bytes()) {
            Some([variant @ .., b'.']) if !variant.is_empty() => Some(variant.to_vec()),
            _ => None,
        };
        let (upper, lower) = (["Dockerfile", "Containerfile"], ["dockerfile", "containerfile"]);
        let suffixed = |stems: [&str; 2]| stems.into_iter().find_map(suffix).map(Self::Suffix);
        suffixed(upper)
            .or_else(|| upper.into_iter().chain(lower).find_map(prefix).map(Self::Prefix))
            .or_else(|| suffixed(lower))
            .unwrap_or(Self::Plain)
    }
}

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
pub(crate) fn dockerfile_name(file_name: &BStr) -> Option<FileNameForm> {
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
    let form = FileNameForm::of(file_name);
    let is_one = match &form {
        FileNameForm::Plain => PLAIN.iter().any(|name| file_name == *name),
        // `dockerfile.go` is the source of a program.
        FileNameForm::Suffix(_) => {
            !file_name.starts_with(b"dockerfile") && !file_name.starts_with(b"containerfile")
        }
        // Emacs marks a file that is being edited by a link `.#NAME`.
        FileNameForm::Prefix(variant) => !variant.starts_with(b".#"),
    };
    is_one.then_some(form)
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
            assert_eq!(form(name), Some(FileNameForm::Suffix("dev".into())), "{name}");
        }
        assert_eq!(form("Dockerfile.api.v2"), Some(FileNameForm::Suffix("api.v2".into())));
    }

    #[test]
    fn prefixes_come_before_a_dot() {
        for name in ["api.Dockerfile", "api.dockerfile", "api.Containerfile", "api.containerfile"] {
            assert_eq!(form(name), Some(FileNameForm::Prefix("api".into())), "{name}");
        }
    }

    #[test]
    fn what_the_settings_call_a_dockerfile_has_a_form_too() {
        for plain in ["Dockerfile", "recipe", "Dockerfile.", ".Dockerfile"] {
            assert_eq!(FileNameForm::of(plain.as_bytes()), FileNameForm::Plain, "{plain}");
        }
        assert_eq!(FileNameForm::of(b"dockerfile.dev"), FileNameForm::Suffix(b"dev".to_vec()));
        assert_eq!(
            FileNameForm::of(b"dockerfile.a.dockerfile"),
            FileNameForm::Prefix(b"dockerfile.a".to_vec())
        );
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
        assert_eq!(form("Dockerfile.inner"), Some(FileNameForm::Suffix("inner".into())));
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
