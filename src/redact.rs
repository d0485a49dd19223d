//! Secrets in text that is shown or kept: logins in addresses, values of what is called a token.

use std::borrow::Cow;

pub(crate) const MASK: &str = "***";

/// An address taken apart at what may let someone in: `scheme://login@place?rest`.
struct Address<'a> {
    /// With `://`; empty where there is none.
    scheme: &'a str,
    /// What stands before the `@` of the host.
    login: Option<&'a str>,
    /// Host, port, path.
    place: &'a str,
    /// Query and fragment, with their mark.
    rest: &'a str,
}

impl<'a> Address<'a> {
    fn of(text: &'a str) -> Self {
        let (scheme, after) = match text.find("://") {
            Some(at) => text.split_at(at + 3),
            None => ("", text),
        };
        let host_end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let host_end = match after[..host_end].rsplit_once(':') {
            // What looks like a port is the beginning of a password that has a slash in it.
            Some((host, port))
                if !scheme.is_empty()
                    && !host.contains('@')
                    && !after.starts_with('[')
                    && !port.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                after.rfind('@').map_or(host_end, |at| at + 1)
            }
            _ => host_end,
        };
        let (login, place_and_rest) = match after[..host_end].rfind('@') {
            Some(at) => (Some(&after[..at]), &after[at + 1..]),
            None => (None, after),
        };
        // In a path of the file system they are characters like all others.
        let is_path = scheme.is_empty() && login.is_none() && !is_scp(after);
        let rest_at = if is_path { None } else { place_and_rest.find(['?', '#']) };
        let (place, rest) = place_and_rest.split_at(rest_at.unwrap_or(place_and_rest.len()));
        Self { scheme, login, place, rest }
    }

    /// The user of a login whose name is no secret: SSH asks for a key.
    fn ssh_user(&self) -> Option<&'a str> {
        let is_ssh = self.scheme.trim_end_matches("://").ends_with("ssh") || self.scheme.is_empty();
        self.login.filter(|_| is_ssh).map(|login| login.split(':').next().unwrap_or_default())
    }
}

/// `host:path`, as scp and git write it.
fn is_scp(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, _)| host.len() > 1 && !host.contains('/'))
}

/// An address without what lets someone in, to be kept: user and password, query, fragment. The user of SSH stays,
/// since without it the address leads nowhere.
pub(crate) fn without_credentials(address: &str) -> String {
    let parts = Address::of(address);
    let user = parts.ssh_user().map(|user| format!("{user}@")).unwrap_or_default();
    format!("{}{user}{}", parts.scheme, parts.place)
}

/// An address to be shown: what may let someone in is masked, so that one sees that it was there.
pub(crate) fn masked(address: &str) -> Cow<'_, str> {
    let parts = Address::of(address);
    let is_user_alone =
        parts.scheme.ends_with("ssh://") && parts.login.is_some_and(|login| !login.contains(':'));
    let is_harmless = parts.login.is_none() || is_user_alone;
    if is_harmless && parts.rest.len() <= 1 {
        return Cow::Borrowed(address);
    }
    let login = match parts.login {
        Some(login) if is_user_alone => format!("{login}@"),
        Some(_) => format!("{MASK}@"),
        None => String::new(),
    };
    let mark = parts.rest.get(..1).unwrap_or_default();
    let rest = if parts.rest.len() > 1 { MASK } else { "" };
    Cow::Owned(format!("{}{login}{}{mark}{rest}", parts.scheme, parts.place))
}

/// Whether something of this name and value looks like a secret.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    const PARTS: &[&str] =
        &["token", "secret", "password", "passwd", "passphrase", "credential", "apikey", "privatekey"];
    const WORDS: &[&str] = &[
        "key",
        "keys",
        "pass",
        "pwd",
        "pw",
        "auth",
        "authorization",
        "pat",
        "bearer",
        "cookie",
        "creds",
        "cred",
        "dsn",
    ];
    const VALUES: &[&str] = &[
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "AKIA",
        "ASIA",
        "npm_",
        "eyJ",
        "-----BEGIN",
        "Bearer ",
        "Basic ",
    ];
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    PARTS.iter().any(|part| name.contains(part))
        || words.any(|word| WORDS.contains(&word))
        || VALUES.iter().any(|start| value.starts_with(start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_never_stay() {
        for (url, clean) in [
            ("https://user:secret@example.com/acme/shop.git", "https://example.com/acme/shop.git"),
            ("https://ghp_token@github.com/acme/shop", "https://github.com/acme/shop"),
            ("https://a@b:c@d@example.com:8443/x", "https://example.com:8443/x"),
            ("https://example.com/a@b/x", "https://example.com/a@b/x"),
            ("https://user:sec/ret@example.com/x", "https://example.com/x"),
            ("https://user:sec?r#t@example.com/x", "https://example.com/x"),
            ("https://example.com/x.git?private_token=secret", "https://example.com/x.git"),
            ("https://example.com/x.git#secret", "https://example.com/x.git"),
            ("https://example.com?private_token=secret", "https://example.com"),
            ("https://u@example.com/x?a=b@c#d", "https://example.com/x"),
            ("ssh://git:secret@example.com:22/x", "ssh://git@example.com:22/x"),
            ("ssh://git@example.com/x?token=secret", "ssh://git@example.com/x"),
            ("git+ssh://git@example.com/x", "git+ssh://git@example.com/x"),
            ("git@github.com:acme/shop.git", "git@github.com:acme/shop.git"),
            ("git:secret@github.com:acme/shop.git", "git@github.com:acme/shop.git"),
            ("git@github.com:acme/shop.git?private_token=secret", "git@github.com:acme/shop.git"),
            ("github.com:acme/shop.git#secret", "github.com:acme/shop.git"),
            ("/srv/git/shop.git", "/srv/git/shop.git"),
            ("/srv/c#/shop?.git", "/srv/c#/shop?.git"),
            ("https://user:pw@example.com", "https://example.com"),
            ("https://[::1]:80/x", "https://[::1]:80/x"),
            ("file:///srv/shop.git", "file:///srv/shop.git"),
        ] {
            assert_eq!(without_credentials(url), clean, "{url}");
        }
    }

    #[test]
    fn what_is_shown_is_masked() {
        for (address, shown) in [
            ("tcp://ada:pw@host:1", "tcp://***@host:1"),
            ("ada:pw@host:1", "***@host:1"),
            ("tcp://host:1/?token=x", "tcp://host:1/?***"),
            ("tcp://host:1#x", "tcp://host:1#***"),
            ("ssh://me@host", "ssh://me@host"),
            ("ssh://me:pw@host", "ssh://***@host"),
            ("unix:///run/user@1/docker.sock", "unix:///run/user@1/docker.sock"),
            ("/var/run/docker.sock", "/var/run/docker.sock"),
            ("ghcr.io/acme", "ghcr.io/acme"),
        ] {
            assert_eq!(masked(address), shown);
        }
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in
            ["API_TOKEN", "npm-auth", "DB_PASSWORD", "githubToken", "AWS_SECRET_ACCESS_KEY", "KEY", "PAT"]
        {
            assert!(is_secret(name, "x"), "{name}");
        }
        for name in ["VERSION", "PATH", "KEYBOARD", "AUTHOR", "PATTERN", "COMPASS", "BASE_IMAGE"] {
            assert!(!is_secret(name, "x"), "{name}");
        }
        assert!(is_secret("X", "ghp_abc"));
    }

    proptest! {
        #[test]
        fn no_password_is_left(
            scheme in "(https?|ssh|tcp|git\\+ssh)://",
            user in "[a-z]{1,5}",
            password in "[A-Z:@!$&]{3,9}",
            query in "[?#][A-Z]{3,9}",
        ) {
            let address = format!("{scheme}{user}:S{password}@example.com/acme/shop{query}");
            for text in [without_credentials(&address), masked(&address).into_owned()] {
                prop_assert!(!text.chars().any(|c| c.is_ascii_uppercase()), "{}", text);
                prop_assert!(text.contains("example.com/acme/shop"), "{}", text);
            }
        }
    }
}
