use std::collections::HashMap;

use bollard::models::PushImageInfo;
use bollard::query_parameters::PushImageOptionsBuilder;

use crate::engine::{Engine, EngineError, RegistryLogin};
use crate::image::{Digest, ImageReference};

pub(super) async fn push(
    engine: &Engine,
    reference: &ImageReference,
    login: Option<RegistryLogin>,
    progress: &mut (dyn FnMut(Sent) + Send),
) -> Result<Option<Digest>, EngineError> {
    let name = format!("{}/{}", reference.repository.host(), reference.repository.path());
    let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
    let options = PushImageOptionsBuilder::default().tag(tag).build();
    let login = login.map(|login| login.for_host(reference.repository.host()));
    let mut layers = Layers::default();
    let mut digest = None;
    let mut stream = std::pin::pin!(engine.docker().push_image(&name, Some(options), login));
    let action = format!("push {reference}");
    while let Some(message) = engine.next_of(&action, &mut stream).await? {
        if layers.update(&message) {
            progress(layers.sent());
        }
        digest = digest.or_else(|| digest_in(message.status.as_deref()?));
    }
    Ok(digest)
}

/// The last message says `TAG: digest: sha256:… size: N`.
fn digest_in(status: &str) -> Option<Digest> {
    let (_, rest) = status.split_once("digest: ")?;
    Digest::new(rest.split_whitespace().next()?).ok()
}

/// How much of an image a registry got so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Bytes, as the engine counts them: before they are compressed, where it compresses.
    pub bytes: u64,
    /// Bytes of the layers that have begun: an engine sends few at once, and says nothing about those that wait.
    pub all: u64,
}

/// Bytes so far of each layer. bollard's messages do not tell the layer, so layers are told apart by how
/// large they are: two of one size count once, which only the display sees.
#[derive(Default)]
struct Layers(HashMap<u64, u64>);

impl Layers {
    fn update(&mut self, message: &PushImageInfo) -> bool {
        let (Some("Pushing"), Some(detail)) = (message.status.as_deref(), &message.progress_detail) else {
            return false;
        };
        let (Some(total), Some(current)) = (detail.total, detail.current) else { return false };
        let (Ok(current), Ok(total)) = (u64::try_from(current.min(total)), u64::try_from(total)) else {
            return false;
        };
        self.0.insert(total, current);
        true
    }

    fn sent(&self) -> Sent {
        Sent { bytes: self.0.values().sum(), all: self.0.keys().sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_digest_and_the_bytes() {
        let message = |json: &str| serde_json::from_str::<PushImageInfo>(json).expect("a message");
        let mut layers = Layers::default();
        assert!(!layers.update(&message(r#"{"status":"Preparing","id":"a","progressDetail":{}}"#)));
        for json in [
            r#"{"status":"Pushing","id":"a","progressDetail":{"current":5,"total":10}}"#,
            r#"{"status":"Pushing","id":"b","progressDetail":{"current":3,"total":20}}"#,
            r#"{"status":"Pushing","id":"a","progressDetail":{"current":12,"total":10}}"#,
        ] {
            assert!(layers.update(&message(json)));
        }
        assert_eq!(layers.sent(), Sent { bytes: 13, all: 30 });
        let hex = "ab".repeat(32);
        let digest = digest_in(&format!("src-1: digest: sha256:{hex} size: 528"));
        assert_eq!(digest.map(|digest| digest.to_string()), Some(format!("sha256:{hex}")));
        assert_eq!(digest_in("Pushed"), None);
    }
}
