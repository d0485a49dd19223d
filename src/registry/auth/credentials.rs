use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::fault::HelperFault;
use super::helper::ask_helper;
use super::login::{Credential, CredentialOrigin, Login, password_login};
use crate::registry::{Listener, Notice, RegistryError, Secret};

/// What Docker Hub is called in Docker's configuration and by credential helpers.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// The logins of Docker's `config.json`. The file is read, and each helper asked, when the first registry wants
/// a login; every answer is kept.
pub struct Credentials {
    file: Option<PathBuf>,
    helper_path: Option<OsString>,
    helper_timeout: Duration,
    config: OnceCell<Result<Config, RegistryError>>,
    answers: Mutex<BTreeMap<String, Arc<Answer>>>,
    listener: Listener,
    warned: Mutex<BTreeSet<String>>,
}

type Answer = OnceCell<Result<FoundLogin, RegistryError>>;

/// A login, and why there may be another one.
#[derive(Clone, Debug, Default)]
struct FoundLogin {
    credential: Option<Credential>,
    failure: Option<RegistryError>,
}

/// A helper that takes longer is named.
const SLOW: Duration = Duration::from_secs(3);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, Option<String>>>,
}

/// Never printed: derives no `Debug` beyond its presence.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry(…)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Credentials {
    /// The logins of `file`, usually `~/.docker/config.json`. It need not exist; with `None` there are no logins.
    /// `helper_path` replaces the folders that helpers are looked for in.
    pub fn new(file: Option<PathBuf>, helper_path: Option<OsString>, helper_timeout: Duration) -> Self {
        Self {
            file,
            helper_path,
            helper_timeout,
            config: OnceCell::new(),
            answers: Mutex::default(),
            listener: Listener::default(),
            warned: Mutex::default(),
        }
    }

    /// The same, with somebody who is told of helpers that are slow or fail.
    #[must_use]
    pub fn heard_by(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    /// The login for the registry `host` (`docker.io` for Docker Hub), if there is one.
    ///
    /// As for Docker, a helper named in `credHelpers` for exactly this host counts alone, else `credsStore`;
    /// `auths` counts where the store has nothing. A helper that fails is a warning, once, and no login: most of what
    /// is read needs none; [`Self::failure`] has it for whoever is then refused. An error is a configuration that
    /// cannot be read.
    pub async fn login(&self, host: &str) -> Result<Option<Credential>, RegistryError> {
        Ok(self.found(host).await?.credential)
    }

    /// Why there is no login for the registry `host`, if a helper should have given one.
    pub async fn failure(&self, host: &str) -> Option<RegistryError> {
        self.found(host).await.ok()?.failure
    }

    async fn found(&self, host: &str) -> Result<FoundLogin, RegistryError> {
        let answer = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(host.to_owned()).or_default())
        };
        answer.get_or_init(|| self.look_up(host)).await.clone()
    }

    async fn look_up(&self, host: &str) -> Result<FoundLogin, RegistryError> {
        let Some(path) = &self.file else { return Ok(FoundLogin::default()) };
        let config = self.config.get_or_init(|| read(path)).await.as_ref().map_err(Clone::clone)?;
        let key = if is_docker_hub(host) { DOCKER_HUB_KEY } else { host };
        let helper = config.cred_helpers.iter().flatten().find(|(name, _)| same_registry(name, host));
        let (helper, setting) = match (helper, &config.creds_store) {
            (Some((_, Some(helper))), _) if !helper.is_empty() => (Some(helper), "credHelpers"),
            (_, Some(store)) if !store.is_empty() => (Some(store), "credsStore"),
            _ => (None, ""),
        };
        let mut failure = None;
        if let Some(name) = helper {
            match self.ask(name, key).await {
                Ok(Some(login)) => {
                    let origin = CredentialOrigin::Helper { name: name.clone(), setting, path: path.clone() };
                    return Ok(FoundLogin { credential: Some(Credential { login, origin }), failure });
                }
                Ok(None) => {}
                Err(fault) => {
                    let (registry, helper) = (host.to_owned(), name.clone());
                    let error = RegistryError::Helper { registry, helper, fault, path: path.clone() };
                    self.warn(name, &error);
                    failure = Some(error);
                }
            }
            if setting == "credHelpers" {
                return Ok(FoundLogin { credential: None, failure });
            }
        }
        let auths = || config.auths.iter().flatten();
        let entry = auths().find(|(name, _)| *name == key);
        let Some((name, Some(entry))) = entry.or_else(|| auths().find(|(name, _)| same_registry(name, host)))
        else {
            return Ok(FoundLogin { credential: None, failure });
        };
        let login = entry.login().map_err(|reason| RegistryError::Configuration {
            path: path.clone(),
            reason: format!("auths, {name}: {reason}"),
        })?;
        let origin = CredentialOrigin::File { path: path.clone() };
        Ok(FoundLogin { credential: login.map(|login| Credential { login, origin }), failure })
    }

    async fn ask(&self, name: &str, key: &str) -> Result<Option<Login>, HelperFault> {
        let asking = ask_helper(name, key, self.helper_path.as_deref(), self.helper_timeout);
        let mut asking = std::pin::pin!(asking);
        if let Ok(answer) = tokio::time::timeout(SLOW, &mut asking).await {
            return answer;
        }
        self.listener.tell(Notice::Waiting { whom: format!("docker-credential-{name}") });
        asking.await
    }

    fn warn(&self, name: &str, error: &RegistryError) {
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned()) {
            self.listener.tell(Notice::Helper(error.clone()));
        }
    }
}

impl Entry {
    fn login(&self) -> Result<Option<Login>, &'static str> {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = set(&self.registrytoken) {
            return Ok(Some(Login::RegistryToken(Secret::new(token))));
        }
        if let Some(token) = set(&self.identitytoken) {
            return Ok(Some(Login::IdentityToken(Secret::new(token))));
        }
        if let Some(auth) = set(&self.auth) {
            let (username, password) = decode(&auth)?;
            return Ok(Some(password_login(username, password)));
        }
        Ok(match (set(&self.username), set(&self.password)) {
            (Some(username), Some(password)) => Some(password_login(username, password)),
            _ => None,
        })
    }
}

/// `auth` is base64 of `user:password`, with or without padding.
fn decode(auth: &str) -> Result<(String, String), &'static str> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes =
        GeneralPurpose::new(&STANDARD, config).decode(auth.trim()).map_err(|_| "`auth` is not base64")?;
    let text = String::from_utf8(bytes).map_err(|_| "`auth` is not text")?;
    let (username, password) = text.split_once(':').ok_or("`auth` has no password")?;
    // Docker once wrote passwords with zero bytes at their end.
    Ok((username.to_owned(), password.trim_end_matches('\0').to_owned()))
}

async fn read(path: &Path) -> Result<Config, RegistryError> {
    let wrong = |reason: String| RegistryError::Configuration { path: path.to_owned(), reason };
    match tokio::fs::read(path).await {
        Ok(bytes) if bytes.trim_ascii().is_empty() => Ok(Config::default()),
        // The message of a type error would quote the value, which may be a password.
        Ok(bytes) => serde_json::from_slice::<Option<Config>>(&bytes)
            .map(Option::unwrap_or_default)
            .map_err(|error| wrong(format!("line {}: not a Docker configuration", error.line()))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Config::default())
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn is_docker_hub(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

/// Whether a key of the configuration means the registry `host`: with or without scheme and path.
fn same_registry(key: &str, host: &str) -> bool {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.split('/').next().unwrap_or(key);
    key.eq_ignore_ascii_case(host) || (is_docker_hub(key) && is_docker_hub(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn login(config: &str, host: &str) -> Result<Option<Login>, RegistryError> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.json");
        std::fs::write(&file, config).expect("written");
        let credentials = Credentials::new(Some(file), None, Duration::from_secs(5));
        Ok(credentials.login(host).await?.map(|credential| credential.login))
    }

    fn password(username: &str, password: &str) -> Login {
        Login::Password { username: username.into(), password: Secret::new(password) }
    }

    #[tokio::test]
    async fn auths_in_all_their_forms() {
        let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "bWU6YTpi"},
            "https://quay.io/v2/": {"username": "me", "password": "pw"},
            "127.0.0.1:5000": {"identitytoken": "refresh"},
            "a.example": {"auth": "PHRva2VuPjpyZWZyZXNo"},
            "b.example": {"registrytoken": "bearer"},
            "c.example": {"email": "x@y"},
            "d.example": {"auth": "bWU6cHcAAA"}}}"#;
        for host in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            assert_eq!(login(config, host).await, Ok(Some(password("me", "a:b"))), "{host}");
        }
        assert_eq!(login(config, "quay.io").await, Ok(Some(password("me", "pw"))));
        let refresh = Ok(Some(Login::IdentityToken(Secret::new("refresh"))));
        assert_eq!(login(config, "127.0.0.1:5000").await, refresh);
        assert_eq!(login(config, "a.example").await, refresh);
        assert_eq!(login(config, "b.example").await, Ok(Some(Login::RegistryToken(Secret::new("bearer")))));
        assert_eq!(login(config, "d.example").await, Ok(Some(password("me", "pw"))));
        for host in ["c.example", "127.0.0.1:5001", "127.0.0.1", "other.quay.io", "io"] {
            assert_eq!(login(config, host).await, Ok(None), "{host}");
        }
    }

    #[tokio::test]
    async fn what_docker_reads_without_a_word_is_no_fault() {
        for config in
            ["", " \n", "null", r#"{"auths": {"h": null}, "credHelpers": {"h": null}, "credsStore": null}"#]
        {
            assert_eq!(login(config, "h").await, Ok(None), "{config}");
        }
    }

    #[tokio::test]
    async fn faults_are_named_without_secrets() {
        for config in [
            r#"{"auths": {"h": {"auth": "hunter2!"}}}"#,
            r#"{"auths": {"h": {"auth": "aHVudGVyMg"}}}"#,
            r#"{"auths": {"h": {"password": ["hunter2"]}}}"#,
            r#"{"auths": {"h": "hunter2"}}"#,
            "{",
        ] {
            let error = login(config, "h").await.expect_err(config);
            let shown = format!("{error} {error:?}");
            assert!(matches!(error, RegistryError::Configuration { .. }), "{shown}");
            assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
        }
    }

    #[tokio::test]
    async fn no_file_is_no_login() {
        let none = Credentials::new(None, None, Duration::from_secs(1));
        assert_eq!(none.login("h").await, Ok(None));
        let absent = Credentials::new(Some("/nonexistent/config.json".into()), None, Duration::from_secs(1));
        assert_eq!(absent.login("h").await, Ok(None));
    }
}
