use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a registry wants to see, from `WWW-Authenticate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::registry) enum Challenge {
    /// A name and a password with each request.
    Basic,
    /// A token of the token server.
    Bearer(Bearer),
}

/// Where tokens come from and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::registry) struct Bearer {
    /// The token server's address.
    pub(in crate::registry) realm: String,
    /// What the token server calls this registry.
    pub(in crate::registry) service: Option<String>,
    pub(in crate::registry) scope: Scopes,
    /// Why a token that was sent is not enough: `insufficient_scope`, `invalid_token`.
    pub(in crate::registry) error: Option<String>,
}

impl Challenge {
    /// The strongest challenge among all `WWW-Authenticate` headers of an answer. Unknown schemes are skipped.
    pub(in crate::registry) fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut basic = None;
        for (scheme, parameters) in headers.flat_map(challenges) {
            if scheme.eq_ignore_ascii_case("bearer") {
                let get = |name: &str| parameters.get(name).cloned();
                if let Some(realm) = get("realm").filter(|realm| !realm.is_empty()) {
                    return Some(Self::Bearer(Bearer {
                        realm,
                        service: get("service"),
                        scope: Scopes::parse(&get("scope").unwrap_or_default()),
                        error: get("error"),
                    }));
                }
            } else if scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Self::Basic);
            }
        }
        basic
    }
}

/// Splits `Scheme a=b, c="d", Other e=f` into schemes with their parameters, names in lower case.
fn challenges(header: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut found: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut rest = header.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let after = after.trim_start_matches([' ', '\t']);
        match (after.strip_prefix('='), found.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = parameter_value(value.trim_start_matches([' ', '\t']));
                parameters.insert(word.to_ascii_lowercase(), value);
                rest = after;
            }
            // A parameter without a scheme: not a challenge at all.
            (Some(_), None) => return found,
            (None, _) => {
                if !word.is_empty() {
                    found.push((word.to_owned(), BTreeMap::new()));
                }
                rest = after;
            }
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    found
}

/// A token or a quoted string, and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

/// What a token is for: actions by resource, such as `repository:acme/api` → pull, push.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::registry) struct Scopes(BTreeMap<String, BTreeSet<String>>);

impl Scopes {
    pub(in crate::registry) fn pull(path: &str) -> Self {
        Self::parse(&format!("repository:{path}:pull"))
    }

    pub(in crate::registry) fn push(path: &str) -> Self {
        Self::parse(&format!("repository:{path}:pull,push"))
    }

    /// Deleting from a repository. The specification of tokens names no action for it: Docker's registry wants `delete`,
    /// Quay `push`; all of them know `*`, by which skopeo asks as well.
    pub(in crate::registry) fn delete(path: &str) -> Self {
        Self::parse(&format!("repository:{path}:*"))
    }

    /// Scopes are separated by blanks, actions by commas. The last colon separates the actions: a resource name
    /// may have colons, actions have none.
    pub(in crate::registry) fn parse(text: &str) -> Self {
        let mut scopes = Self::default();
        for scope in text.split_ascii_whitespace() {
            let (resource, actions) = scope.rsplit_once(':').unwrap_or((scope, ""));
            let entry = scopes.0.entry(resource.to_owned()).or_default();
            entry.extend(actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned));
        }
        scopes
    }

    pub(in crate::registry) fn and(mut self, other: &Self) -> Self {
        for (resource, actions) in &other.0 {
            self.0.entry(resource.clone()).or_default().extend(actions.iter().cloned());
        }
        self
    }

    /// One text for each resource, as the token server takes them.
    pub(in crate::registry) fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(resource, actions)| {
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            format!("{resource}:{}", actions.join(","))
        })
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Option<Challenge> {
        Challenge::parse(std::iter::once(header))
    }

    #[test]
    fn the_usual_challenges() {
        assert_eq!(parse("Basic realm=\"Registry Realm\""), Some(Challenge::Basic));
        assert_eq!(parse("basic"), Some(Challenge::Basic));
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:acme/api:pull,push""#;
        let Some(Challenge::Bearer(bearer)) = parse(hub) else { panic!("a bearer challenge") };
        assert_eq!(bearer.realm, "https://auth.docker.io/token");
        assert_eq!(bearer.service.as_deref(), Some("registry.docker.io"));
        assert_eq!(bearer.scope, Scopes::push("acme/api"));
        assert_eq!(bearer.error, None);
    }

    #[test]
    fn odd_but_valid_challenges() {
        let odd =
            r#"Negotiate, Basic realm="a, \"b\"", BEARER Realm = https://t/x , error="insufficient_scope""#;
        let Some(Challenge::Bearer(bearer)) = parse(odd) else { panic!("a bearer challenge") };
        assert_eq!((bearer.realm.as_str(), bearer.service), ("https://t/x", None));
        assert_eq!(bearer.error.as_deref(), Some("insufficient_scope"));
        let two = ["Basic realm=x", r#"Bearer realm="https://t""#];
        assert!(matches!(Challenge::parse(two.into_iter()), Some(Challenge::Bearer(_))));
    }

    #[test]
    fn what_is_no_challenge() {
        for header in ["", ",,", "realm=x", "Digest a=b", "Bearer", "Bearer realm=\"\"", "Bearer \"", "= ="] {
            assert_eq!(parse(header), None, "{header}");
        }
        // An unfinished quote is taken as it is.
        assert!(matches!(parse("Bearer realm=\"https://t"), Some(Challenge::Bearer(_))));
    }

    #[test]
    fn scopes_merge() {
        let both = Scopes::parse("repository:a/b:push,pull").and(&Scopes::pull("c"));
        assert_eq!(both.to_string(), "repository:a/b:pull,push repository:c:pull");
        assert_eq!(Scopes::push("a/b").and(&Scopes::pull("a/b")), Scopes::push("a/b"));
        assert_eq!(
            Scopes::parse("repository(plugin):h:5000/a:*").to_string(),
            "repository(plugin):h:5000/a:*"
        );
        assert_eq!(Scopes::parse("odd").to_string(), "odd:");
    }
}
