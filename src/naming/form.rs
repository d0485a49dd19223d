//! What the name of a Dockerfile's file says.

use super::words::{fingerprint, words};

/// The three shapes of a Dockerfile's file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NameForm {
    /// `Dockerfile`, `dockerfile`, `Containerfile`; also what only the settings call a Dockerfile.
    Plain,
    /// `Dockerfile.V`, `Dockerfile-V`, `Dockerfile_V`.
    Suffix(Vec<u8>),
    /// `V.Dockerfile`, `V.dockerfile`.
    Prefix(Vec<u8>),
}

/// The shape of `file_name`.
pub(super) fn name_form(file_name: &[u8]) -> NameForm {
    for stem in ["Dockerfile", "Containerfile", "dockerfile", "containerfile"] {
        if let Some([b'.' | b'-' | b'_', variant @ ..]) = file_name.strip_prefix(stem.as_bytes())
            && !variant.is_empty()
        {
            return NameForm::Suffix(variant.to_vec());
        }
        if let Some([variant @ .., b'.']) = file_name.strip_suffix(stem.as_bytes())
            && !variant.is_empty()
        {
            return NameForm::Prefix(variant.to_vec());
        }
    }
    NameForm::Plain
}

/// A variant as a part of a name; never empty.
pub(super) fn variant_words(variant: &[u8]) -> String {
    let name = words(variant);
    if name.is_empty() { fingerprint(variant) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_discovery_rules() {
        for plain in ["Dockerfile", "dockerfile", "Containerfile", "recipe", "Dockerfile.", ".Dockerfile"] {
            assert_eq!(name_form(plain.as_bytes()), NameForm::Plain, "{plain}");
        }
        for suffix in ["Dockerfile.dev", "Dockerfile-dev", "Dockerfile_dev", "Containerfile.dev"] {
            assert_eq!(name_form(suffix.as_bytes()), NameForm::Suffix(b"dev".to_vec()), "{suffix}");
        }
        for prefix in ["dev.Dockerfile", "dev.dockerfile", "dev.Containerfile", "dev.containerfile"] {
            assert_eq!(name_form(prefix.as_bytes()), NameForm::Prefix(b"dev".to_vec()), "{prefix}");
        }
    }

    #[test]
    fn a_variant_always_has_a_name() {
        assert_eq!(variant_words(b"NodeDev"), "node-dev");
        assert_eq!(variant_words("日本".as_bytes()).len(), 6);
        assert_ne!(variant_words("日本".as_bytes()), variant_words("中国".as_bytes()));
    }
}
