use std::collections::BTreeSet;

use super::outline::{DockerfileInstruction, DockerfileText};
use super::{BuildError, BuildSpec, Extras, NamedFolder};
use crate::engine::{BuilderKind, EngineInfo, Product, StoreKind, numbers};

/// What the classic builder does not set and `BuildKit` does: an ARG without a value is empty there.
const PLATFORM_ARGUMENTS: [&str; 8] = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
];

const NEEDS_BUILDKIT: &str = "build on an engine with BuildKit: Docker 20.10 or later";

/// Refuses what an engine's builder would get wrong, because some of it does not fail there: the classic
/// builder of Docker 26 and 28 runs `RUN <<EOF` as if it were empty, and succeeds.
pub(super) fn check(info: &EngineInfo, builder: BuilderKind, request: &BuildSpec) -> Result<(), BuildError> {
    match builder {
        BuilderKind::BuildKit => check_buildkit(info, request),
        BuilderKind::Classic => check_classic(info, request),
    }
}

/// The engine's own layers are no content that could be exported, and its images have one manifest.
const NEEDS_CONTAINERD: &str = "turn its containerd image store on (Docker 24 or later): \
    `{\"features\": {\"containerd-snapshotter\": true}}` in daemon.json";

/// Refuses what an engine's builder would ignore, or find out at the end of each build.
pub(super) fn check_extras(
    builder: BuilderKind,
    store: StoreKind,
    extras: &Extras,
) -> Result<(), BuildError> {
    let unsupported =
        |what: String, hint: &str| Err(BuildError::Unsupported { what, line: None, hint: hint.to_owned() });
    if builder == BuilderKind::Classic {
        let all = [
            (!extras.cache_from.is_empty(), "build caches of others (--cache-from, `cache` in the settings)"),
            (!extras.cache_to.is_empty(), "build caches for others (--cache-to)"),
            (extras.attestations, "attestations (--provenance, --sbom)"),
        ];
        return match all.iter().find(|(wanted, _)| *wanted) {
            Some((_, what)) => unsupported((*what).to_owned(), NEEDS_BUILDKIT),
            None => Ok(()),
        };
    }
    if store == StoreKind::Containerd {
        return Ok(());
    }
    let foreign = |kinds: &BTreeSet<String>, own: &str| kinds.iter().find(|kind| *kind != own).cloned();
    if let Some(kind) = foreign(&extras.cache_to, "inline") {
        let hint = format!("export with --cache-to type=inline, and push; or {NEEDS_CONTAINERD}");
        return unsupported(format!("--cache-to type={kind} with this image store"), &hint);
    }
    if let Some(kind) = foreign(&extras.cache_from, "registry") {
        return unsupported(format!("--cache-from type={kind} with this image store"), NEEDS_CONTAINERD);
    }
    if extras.attestations {
        let what = "attestations (--provenance, --sbom): its image store cannot hold them".to_owned();
        return unsupported(what, NEEDS_CONTAINERD);
    }
    Ok(())
}

pub(super) fn classic_dockerfile(request: &BuildSpec) -> &DockerfileText {
    request.classic_dockerfile.as_ref().unwrap_or(&request.dockerfile)
}

const NEEDS_NEW_FRONTEND: &str = "start the Dockerfile with `# syntax=docker/dockerfile:1` (fetched from a registry), or use Docker 23 or later";

fn named_folder(folder: &NamedFolder) -> String {
    format!("the folder that is the build context `{}`", folder.name)
}

/// The frontend inside Docker 20.10 knows no heredocs and no build contexts with names yet; that of 23.0 does.
fn check_buildkit(info: &EngineInfo, request: &BuildSpec) -> Result<(), BuildError> {
    let is_old = numbers(&info.version).is_some_and(|version| version < (23, 0));
    if !is_old || (!request.builtin_frontend && request.dockerfile.names_frontend) {
        return Ok(());
    }
    // It ignores them, and takes what the name means without them.
    if let Some(folder) = request.named.first() {
        return Err(BuildError::Unsupported {
            what: named_folder(folder),
            line: None,
            hint: NEEDS_NEW_FRONTEND.to_owned(),
        });
    }
    match request.dockerfile.instructions.iter().find(|instruction| instruction.has_heredoc) {
        Some(instruction) => Err(BuildError::Unsupported {
            what: "heredocs".to_owned(),
            line: Some(instruction.line),
            hint: NEEDS_NEW_FRONTEND.to_owned(),
        }),
        None => Ok(()),
    }
}

fn check_classic(info: &EngineInfo, request: &BuildSpec) -> Result<(), BuildError> {
    let unsupported = |what: &str, line: Option<usize>| {
        Err(BuildError::Unsupported { what: what.to_owned(), line, hint: NEEDS_BUILDKIT.to_owned() })
    };
    if let Some(folder) = request.named.first() {
        return Err(BuildError::Unsupported {
            what: named_folder(folder),
            line: None,
            hint: "build on an engine with BuildKit: Docker 23 or later".to_owned(),
        });
    }
    if !request.secrets.is_empty() {
        return unsupported("secrets", None);
    }
    if !request.ssh.is_empty() {
        return unsupported("SSH agents", None);
    }
    let given = |name: &str| request.build_args.contains_key(name);
    for instruction in &classic_dockerfile(request).instructions {
        if let Some(what) = refused(info, instruction, given) {
            return unsupported(&what, Some(instruction.line));
        }
    }
    Ok(())
}

/// What of an instruction the classic builder cannot do. Podman's knows more than Docker's.
fn refused(
    info: &EngineInfo,
    instruction: &DockerfileInstruction,
    given: impl Fn(&str) -> bool,
) -> Option<String> {
    let podman = info.product == Product::Podman;
    let podman_knows_heredocs = podman && numbers(&info.version).is_some_and(|version| version >= (4, 8));
    if instruction.has_heredoc && !podman_knows_heredocs {
        return Some("heredocs".to_owned());
    }
    if podman {
        let flag = instruction.flags().find(|flag| flag.starts_with("--link"));
        return flag.map(|_| format!("{} --link", instruction.name));
    }
    let flag_name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    let known: &[&str] = match instruction.name.as_str() {
        "RUN" => &[],
        "COPY" => &["--from", "--chown"],
        "ADD" => &["--chown"],
        "ARG" => {
            let names = instruction.rest.split_whitespace().filter(|word| !word.contains('='));
            let automatic = names.into_iter().find(|name| PLATFORM_ARGUMENTS.contains(name) && !given(name));
            return automatic.map(|name| format!("the automatic argument {name}"));
        }
        "FROM" => {
            let used = |name: &&&str| {
                instruction.rest.contains(&format!("${name}"))
                    || instruction.rest.contains(&format!("${{{name}"))
            };
            let automatic = PLATFORM_ARGUMENTS.iter().find(used).filter(|name| !given(name));
            return automatic.map(|name| format!("the automatic argument {name}"));
        }
        _ => return None,
    };
    let unknown = instruction.flags().map(flag_name).find(|flag| !known.contains(&flag.as_str()));
    unknown.map(|flag| format!("{} {flag}", instruction.name))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Secret;
    use super::super::testing::{Empty, dockerfile};
    use super::*;
    use crate::image::Platform;

    fn request(text: &str) -> BuildSpec {
        BuildSpec::new(dockerfile(text), Arc::new(Empty), [0; 32])
    }

    fn engine(product: Product, version: &str) -> EngineInfo {
        EngineInfo {
            version: version.to_owned(),
            product,
            platform: Platform::host_linux(),
            builder: BuilderKind::Classic,
        }
    }

    fn refusal(
        info: &EngineInfo,
        builder: BuilderKind,
        request: &BuildSpec,
    ) -> Option<(String, Option<usize>)> {
        match check(info, builder, request) {
            Ok(()) => None,
            Err(BuildError::Unsupported { what, line, .. }) => Some((what, line)),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn dockers_classic_builder() {
        let docker = engine(Product::Docker, "26.1.5");
        for (text, what) in [
            ("FROM a\nRUN <<EOF\nfalse\nEOF", "heredocs"),
            ("FROM a\nRUN --mount=type=cache,target=/x make", "RUN --mount"),
            ("FROM a\nRUN --network=none make", "RUN --network"),
            ("FROM a\nCOPY --chmod=755 x /", "COPY --chmod"),
            ("FROM a\nCOPY --from=b --link x /", "COPY --link"),
            ("FROM a\nARG TARGETARCH", "the automatic argument TARGETARCH"),
            ("\nFROM --platform=$BUILDPLATFORM a", "the automatic argument BUILDPLATFORM"),
            ("\nFROM --platform=${BUILDPLATFORM} a", "the automatic argument BUILDPLATFORM"),
        ] {
            assert_eq!(
                refusal(&docker, BuilderKind::Classic, &request(text)),
                Some((what.to_owned(), Some(2))),
                "{text}"
            );
        }
        for text in [
            "FROM --platform=linux/amd64 a\nCOPY --from=b --chown=1 x /\nRUN x --flag\nADD --chown=1 x /",
            "FROM a\nARG TARGETARCH=amd64\nHEALTHCHECK --interval=1s CMD x",
        ] {
            assert_eq!(refusal(&docker, BuilderKind::Classic, &request(text)), None, "{text}");
        }
        let mut request = request("FROM a\nARG TARGETARCH");
        request.build_args.insert("TARGETARCH".into(), "arm64".into());
        assert_eq!(refusal(&docker, BuilderKind::Classic, &request), None);
        request.secrets.push(Secret { id: "a".into(), value: vec![] });
        assert_eq!(refusal(&docker, BuilderKind::Classic, &request), Some(("secrets".into(), None)));
    }

    #[test]
    fn the_cut_text_is_what_counts() {
        let mut request = request("FROM a AS unused\nRUN <<EOF\nEOF\nFROM b");
        request.classic_dockerfile = Some(dockerfile("FROM b"));
        assert_eq!(refusal(&engine(Product::Docker, "26.1.5"), BuilderKind::Classic, &request), None);
    }

    #[test]
    fn podman_knows_more() {
        let podman = engine(Product::Podman, "4.3.1");
        let text = "FROM a\nRUN --mount=type=cache,target=/x make\nCOPY --chmod=755 x /\nARG TARGETARCH";
        assert_eq!(refusal(&podman, BuilderKind::Classic, &request(text)), None);
        let heredoc = request("FROM a\nRUN <<EOF\nEOF");
        assert!(refusal(&podman, BuilderKind::Classic, &heredoc).is_some());
        assert_eq!(refusal(&engine(Product::Podman, "5.2.0"), BuilderKind::Classic, &heredoc), None);
    }

    #[test]
    fn what_a_store_cannot_hold_is_refused_before() {
        let extras = |from: &[&str], to: &[&str], attestations| Extras {
            cache_from: from.iter().map(ToString::to_string).collect(),
            cache_to: to.iter().map(ToString::to_string).collect(),
            attestations,
        };
        let buildkit = BuilderKind::BuildKit;
        for (builder, store, extras, is_refused) in [
            (buildkit, StoreKind::Containerd, extras(&["registry", "gha"], &["registry"], true), false),
            (buildkit, StoreKind::Layers, extras(&["registry"], &["inline"], false), false),
            (buildkit, StoreKind::Layers, extras(&[], &["registry"], false), true),
            (buildkit, StoreKind::Layers, extras(&["gha"], &[], false), true),
            (buildkit, StoreKind::Layers, extras(&[], &[], true), true),
            (BuilderKind::Classic, StoreKind::Layers, extras(&["registry"], &[], false), true),
            (BuilderKind::Classic, StoreKind::Layers, extras(&[], &["inline"], false), true),
            (BuilderKind::Classic, StoreKind::Layers, extras(&[], &[], true), true),
        ] {
            assert_eq!(check_extras(builder, store, &extras).is_err(), is_refused, "{extras:?}");
        }
    }

    #[test]
    fn old_frontends_know_no_heredocs() {
        let (old, new) = (engine(Product::Docker, "20.10.24+dfsg1"), engine(Product::Docker, "23.0.1"));
        let mut heredoc = request("FROM a\nRUN <<EOF\nEOF");
        assert_eq!(refusal(&old, BuilderKind::BuildKit, &heredoc), Some(("heredocs".into(), Some(2))));
        assert_eq!(refusal(&new, BuilderKind::BuildKit, &heredoc), None);
        heredoc.dockerfile = dockerfile("# syntax=docker/dockerfile:1\nFROM a\nRUN <<EOF\nEOF");
        assert_eq!(refusal(&old, BuilderKind::BuildKit, &heredoc), None);
        heredoc.builtin_frontend = true;
        assert!(refusal(&old, BuilderKind::BuildKit, &heredoc).is_some());
    }
}
