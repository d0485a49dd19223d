use bollard::query_parameters::CreateImageOptionsBuilder;

use crate::engine::{Engine, EngineError, RegistryLogin};
use crate::image::ImageReference;

pub(super) async fn pull(
    engine: &Engine,
    reference: &ImageReference,
    login: Option<RegistryLogin>,
) -> Result<(), EngineError> {
    let name = format!("{}/{}", reference.repository.host(), reference.repository.path());
    let tag = match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.as_str(),
        (None, Some(tag)) => tag.as_str(),
        (None, None) => "latest",
    };
    let options = CreateImageOptionsBuilder::default().from_image(&name).tag(tag).build();
    let login = login.map(|login| login.for_host(reference.repository.host()));
    let mut stream = std::pin::pin!(engine.docker().create_image(Some(options), None, login));
    let action = format!("pull {reference}");
    while engine.next_of(&action, &mut stream).await?.is_some() {}
    Ok(())
}
