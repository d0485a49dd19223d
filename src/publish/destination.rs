use crate::image::{InvalidReference, Repository};

/// Where an image is pushed: `registry`, HOST or HOST/PREFIX, stands in front of NAMESPACE/NAME in place of the
/// image's own host; without one the image's name says it.
pub(crate) fn destination(
    repository: &Repository,
    registry: Option<&str>,
) -> Result<Repository, InvalidReference> {
    match registry {
        None => Ok(repository.clone()),
        Some(registry) => Repository::new(&format!("{registry}/{}", repository.path())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_takes_the_place_of_the_host() {
        let to = |name: &str, registry| {
            let repository = Repository::new(name).expect(name);
            destination(&repository, registry).expect(name).to_string()
        };
        assert_eq!(to("acme/api", None), "acme/api");
        assert_eq!(to("acme/api", Some("ghcr.io")), "ghcr.io/acme/api");
        assert_eq!(to("quay.io/acme/api", Some("localhost:5000/mirror")), "localhost:5000/mirror/acme/api");
        assert_eq!(to("acme/api", Some("docker.io")), "acme/api");
    }
}
