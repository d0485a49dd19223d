use std::collections::HashMap;

use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;

use super::{Engine, EngineError, RegistryLogin};
use crate::image::{ImageReference, Platform};

/// How far a download is, over all layers that are known of so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// Bytes that have come.
    pub bytes: u64,
    /// Bytes that are known to come in total; grows while layers are found.
    pub total: u64,
}

impl Engine {
    /// Fetches an image from its registry. `progress` is called as layers come in.
    pub async fn pull(
        &self,
        reference: &ImageReference,
        platform: Option<&Platform>,
        login: Option<RegistryLogin>,
        mut progress: impl FnMut(PullProgress),
    ) -> Result<(), EngineError> {
        let name = format!("{}/{}", reference.repository.host(), reference.repository.path());
        let tag = match (&reference.digest, &reference.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag.as_str(),
            (None, None) => "latest",
        };
        let mut options = CreateImageOptionsBuilder::default().from_image(&name).tag(tag);
        let platform = platform.map(ToString::to_string);
        if let Some(platform) = &platform {
            options = options.platform(platform);
        }
        let login = login.map(|login| credentials(login, reference.repository.host()));
        let mut layers = Layers::default();
        let mut stream = std::pin::pin!(self.docker().create_image(Some(options.build()), None, login));
        let action = format!("pull {reference}");
        while let Some(message) = self.next_of(&action, &mut stream).await? {
            if layers.update(&message) {
                progress(layers.sum());
            }
        }
        Ok(())
    }
}

/// Docker Hub's logins go by an address of their own.
pub(super) fn server_address(host: &str) -> &str {
    if host == "docker.io" { "https://index.docker.io/v1/" } else { host }
}

pub(super) fn credentials(login: RegistryLogin, host: &str) -> DockerCredentials {
    let mut credentials = DockerCredentials {
        serveraddress: Some(server_address(host).to_owned()),
        ..DockerCredentials::default()
    };
    match login {
        RegistryLogin::Password { username, password } => {
            credentials.username = Some(username);
            credentials.password = Some(password);
        }
        RegistryLogin::IdentityToken(token) => credentials.identitytoken = Some(token),
    }
    credentials
}

/// Bytes so far and in total of each layer.
#[derive(Default)]
struct Layers(HashMap<String, (u64, u64)>);

impl Layers {
    /// Whether the message changed anything.
    fn update(&mut self, message: &CreateImageInfo) -> bool {
        let (Some(id), Some(status)) = (&message.id, &message.status) else { return false };
        let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        match status.as_str() {
            "Downloading" => {
                let Some(detail) = &message.progress_detail else { return false };
                let (current, total) = (number(detail.current), number(detail.total));
                self.0.insert(id.clone(), (current, total.max(current)));
            }
            "Verifying Checksum" | "Download complete" | "Pull complete" => {
                let Some(layer) = self.0.get_mut(id) else { return false };
                layer.0 = layer.1;
            }
            _ => return false,
        }
        true
    }

    fn sum(&self) -> PullProgress {
        let add = |sum: PullProgress, (bytes, total): &(u64, u64)| PullProgress {
            bytes: sum.bytes + bytes,
            total: sum.total + total,
        };
        self.0.values().fold(PullProgress::default(), add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_layers() {
        let message = |json: &str| serde_json::from_str::<CreateImageInfo>(json).expect("a message");
        let mut layers = Layers::default();
        assert!(!layers.update(&message(r#"{"status":"Pulling from library/x","id":"latest"}"#)));
        let half = r#"{"status":"Downloading","id":"a","progressDetail":{"current":5,"total":10}}"#;
        assert!(layers.update(&message(half)));
        assert!(
            layers.update(&message(r#"{"status":"Downloading","id":"b","progressDetail":{"current":3}}"#))
        );
        assert_eq!(layers.sum(), PullProgress { bytes: 8, total: 13 });
        assert!(layers.update(&message(r#"{"status":"Pull complete","id":"a","progressDetail":{}}"#)));
        assert_eq!(layers.sum(), PullProgress { bytes: 13, total: 13 });
    }
}
