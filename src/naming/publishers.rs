//! Who publishes images that everybody builds on, and whether a checkout is theirs.

use std::collections::BTreeSet;

use super::words::words;

/// Namespaces, with registry, below which images are almost certainly someone else's. A folder `kafka`
/// beside a `FROM apache/kafka` is far more often one that uses Apache's image than Apache's own.
const PUBLISHERS: &[&str] = &[
    "cgr.dev/chainguard",
    "docker.elastic.co",
    "docker.io/alpine",
    "docker.io/amazon",
    "docker.io/amd64",
    "docker.io/ansible",
    "docker.io/apache",
    "docker.io/aquasec",
    "docker.io/arm32v7",
    "docker.io/arm64v8",
    "docker.io/bitnami",
    "docker.io/bitnamilegacy",
    "docker.io/bitnamisecure",
    "docker.io/chainguard",
    "docker.io/cimg",
    "docker.io/circleci",
    "docker.io/clickhouse",
    "docker.io/cockroachdb",
    "docker.io/confluentinc",
    "docker.io/continuumio",
    "docker.io/debezium",
    "docker.io/denoland",
    "docker.io/docker",
    "docker.io/elastic",
    "docker.io/envoyproxy",
    "docker.io/fluent",
    "docker.io/gitea",
    "docker.io/gitlab",
    "docker.io/google",
    "docker.io/grafana",
    "docker.io/hashicorp",
    "docker.io/i386",
    "docker.io/istio",
    "docker.io/jenkins",
    "docker.io/kalilinux",
    "docker.io/keycloak",
    "docker.io/library",
    "docker.io/linuxserver",
    "docker.io/localstack",
    "docker.io/mambaorg",
    "docker.io/microsoft",
    "docker.io/minio",
    "docker.io/moby",
    "docker.io/multiarch",
    "docker.io/mysql",
    "docker.io/nginxinc",
    "docker.io/nixos",
    "docker.io/nvidia",
    "docker.io/opensearchproject",
    "docker.io/opensuse",
    "docker.io/openzipkin",
    "docker.io/oraclelinux",
    "docker.io/phpmyadmin",
    "docker.io/postgis",
    "docker.io/prom",
    "docker.io/pytorch",
    "docker.io/redhat",
    "docker.io/redis",
    "docker.io/rockylinux",
    "docker.io/rust",
    "docker.io/rustlang",
    "docker.io/sonarsource",
    "docker.io/temporalio",
    "docker.io/tensorflow",
    "docker.io/timescale",
    "docker.io/tonistiigi",
    "docker.io/traefik",
    "docker.io/ubuntu",
    "gcr.io/cloud-builders",
    "gcr.io/distroless",
    "gcr.io/google-containers",
    "gcr.io/google.com",
    "gcr.io/k8s-staging-build-image",
    "gcr.io/kaniko-project",
    "ghcr.io/actions",
    "ghcr.io/astral-sh",
    "ghcr.io/devcontainers",
    "ghcr.io/graalvm",
    "ghcr.io/home-assistant",
    "ghcr.io/linuxserver",
    "k8s.gcr.io",
    "lscr.io",
    "mcr.microsoft.com",
    "nvcr.io",
    "public.ecr.aws/amazonlinux",
    "public.ecr.aws/aws-cli",
    "public.ecr.aws/bitnami",
    "public.ecr.aws/docker",
    "public.ecr.aws/lambda",
    "public.ecr.aws/ubuntu",
    "quay.io/centos",
    "quay.io/coreos",
    "quay.io/fedora",
    "quay.io/keycloak",
    "quay.io/openshift",
    "quay.io/prometheus",
    "quay.io/pypa",
    "registry.access.redhat.com",
    "registry.fedoraproject.org",
    "registry.gitlab.com/gitlab-org",
    "registry.k8s.io",
    "registry.opensuse.org",
    "registry.redhat.io",
    "registry.suse.com",
];

/// Words of remotes and registries that name nobody.
const NOBODY: &[&str] = &[
    "and",
    "app",
    "apps",
    "base",
    "build",
    "cgr",
    "ci",
    "cloud",
    "com",
    "container",
    "containers",
    "dev",
    "docker",
    "dockerfile",
    "dockerfiles",
    "ecr",
    "gcr",
    "ghcr",
    "git",
    "github",
    "gitlab",
    "hub",
    "image",
    "images",
    "infra",
    "internal",
    "library",
    "main",
    "mcr",
    "net",
    "open",
    "org",
    "project",
    "public",
    "quay",
    "registry",
    "repo",
    "server",
    "service",
    "services",
    "src",
    "test",
    "the",
    "tools",
    "www",
];

/// Whether images below `prefix` (with registry, `docker.io/apache`) are a well-known publisher's.
pub(super) fn is_publisher(prefix: &str) -> bool {
    PUBLISHERS.iter().any(|publisher| {
        prefix.strip_prefix(publisher).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether a word of the `origin` remote's owner or repository is in `prefix`: then the checkout may well be
/// the publisher's own. Official images (`docker.io/library`) are never anybody's by this rule.
pub(super) fn is_own(prefix: &str, origin: &BTreeSet<String>) -> bool {
    let path = prefix.strip_prefix("docker.io/").unwrap_or(prefix);
    words_of(path).iter().any(|word| origin.contains(word))
}

/// The words of the path of `origin_url`: owner, groups and repository.
pub(super) fn origin_words(origin_url: &str) -> BTreeSet<String> {
    let path = match origin_url.split_once("://") {
        Some((scheme, rest)) if !scheme.eq_ignore_ascii_case("file") => {
            rest.split_once('/').map_or("", |(_, path)| path)
        }
        Some((_, path)) => last_two(path),
        // `git@host:owner/repository`; a Windows drive has one letter.
        None => match origin_url.split_once(':') {
            Some((host, path)) if host.len() > 1 && !host.contains('/') => path,
            _ => last_two(origin_url),
        },
    };
    let path = path.trim_end_matches('/');
    words_of(path.strip_suffix(".git").unwrap_or(path))
}

/// The owner in `origin_url`: `acme` in `https://git.test/acme/shop`. A path on this machine has none.
pub(super) fn owner(origin_url: &str) -> Option<String> {
    let path = match origin_url.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("file") => return None,
        Some((_, rest)) => rest.split_once('/')?.1,
        None => match origin_url.split_once(':') {
            Some((host, path)) if host.len() > 1 && !host.contains(['/', '\\']) => path,
            _ => return None,
        },
    };
    let path = path.trim_matches('/');
    let (owner, repository) = path.split_once('/')?;
    (!owner.is_empty() && !repository.is_empty()).then(|| owner.to_ascii_lowercase())
}

/// A local path has folders in front that belong to nobody.
fn last_two(path: &str) -> &str {
    let path = path.trim_end_matches(['/', '\\']);
    match path.rmatch_indices(['/', '\\']).nth(1) {
        Some((at, _)) => &path[at + 1..],
        None => path,
    }
}

/// `SeleniumHQ/docker-selenium`: `seleniumhq` and `selenium`.
fn words_of(path: &str) -> BTreeSet<String> {
    let mut result = BTreeSet::new();
    for part in path.split(|c: char| !c.is_ascii_alphanumeric()) {
        let lower = part.to_ascii_lowercase();
        result.extend(words(part.as_bytes()).split('-').map(str::to_owned));
        result.insert(lower);
    }
    result.retain(|word| word.len() >= 3 && !NOBODY.contains(&word.as_str()));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_are_matched_at_component_borders() {
        for prefix in
            ["docker.io/apache", "mcr.microsoft.com", "mcr.microsoft.com/dotnet", "docker.io/library"]
        {
            assert!(is_publisher(prefix), "{prefix}");
        }
        for prefix in ["docker.io/apachex", "quay.io/apache", "gcr.io/mine", "docker.io/acme"] {
            assert!(!is_publisher(prefix), "{prefix}");
        }
    }

    #[test]
    fn every_entry_is_in_canonical_form_and_in_order() {
        assert!(PUBLISHERS.is_sorted());
        assert!(
            PUBLISHERS.iter().all(|entry| entry.split('/').next().is_some_and(|host| host.contains('.')))
        );
    }

    #[test]
    fn origin_words_are_those_of_owner_and_repository() {
        let words = |url: &str| origin_words(url).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(words("https://github.com/grafana/loki.git"), "grafana loki");
        assert_eq!(words("git@github.com:SeleniumHQ/docker-selenium.git"), "selenium seleniumhq");
        assert_eq!(words("ssh://git@git.acme.test:22/group/sub/shop"), "group shop sub");
        assert_eq!(words("/home/bitnami/mirrors/acme/shop.git"), "acme shop");
        assert_eq!(words("file:///srv/git/acme/shop"), "acme shop");
        assert_eq!(words("C:\\git\\acme\\shop"), "acme shop");
        assert_eq!(words("https://github.com"), "");
        assert_eq!(words(""), "");
    }

    #[test]
    fn the_owner_is_the_first_part_of_the_path() {
        for (url, expected) in [
            ("https://github.com/Grafana/loki.git", Some("grafana")),
            ("git@github.com:SeleniumHQ/docker-selenium.git", Some("seleniumhq")),
            ("ssh://git@git.acme.test:22/group/sub/shop/", Some("group")),
            ("file:///srv/git/acme/shop", None),
            ("/srv/git/acme/shop", None),
            ("C:\\git\\acme\\shop", None),
            ("https://git.test/shop", None),
            ("https://git.test", None),
            ("../acme/shop", None),
            ("", None),
        ] {
            assert_eq!(owner(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_publishers_own_checkout_is_known_by_its_origin() {
        assert!(is_own("docker.io/grafana", &origin_words("https://github.com/grafana/loki")));
        assert!(is_own(
            "gcr.io/distroless",
            &origin_words("https://github.com/GoogleContainerTools/distroless")
        ));
        assert!(is_own("mcr.microsoft.com", &origin_words("https://github.com/microsoft/images")));
        assert!(!is_own("docker.io/grafana", &origin_words("https://github.com/acme/shop")));
        assert!(!is_own("docker.io/library", &origin_words("https://github.com/acme/docker-library")));
        assert!(!is_own("quay.io/centos", &origin_words("https://github.com/quay/quay")));
    }
}
