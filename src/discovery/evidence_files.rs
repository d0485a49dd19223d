use bstr::{BStr, ByteSlice};
use serde::{Deserialize, Serialize};

/// What kind of file says something about images outside of their Dockerfiles. Of two that disagree the first kind
/// here is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EvidenceKind {
    /// `docker-bake.hcl`, `docker-bake.json`, `4.5.docker-bake.json` and other HCL files, which may have targets.
    Bake,
    /// `compose.yaml`, `docker-compose.yml` and the like.
    Compose,
    /// `skaffold.yaml`.
    Skaffold,
    /// `manifest.json` of `ImageBuilder`, and other files of that name.
    ImageBuilder,
    /// GitHub's workflows and actions, GitLab's pipelines, Tekton's pipelines, Google's Cloud Build.
    Workflow,
    Makefile,
    Script,
    /// `devcontainer.json`.
    Devcontainer,
}

impl EvidenceKind {
    /// All, in the order in which they are believed.
    pub(crate) const ALL: [Self; 8] = [
        Self::Bake,
        Self::Compose,
        Self::Skaffold,
        Self::ImageBuilder,
        Self::Workflow,
        Self::Makefile,
        Self::Script,
        Self::Devcontainer,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bake => "bake",
            Self::Compose => "compose",
            Self::Skaffold => "skaffold",
            Self::ImageBuilder => "imagebuilder",
            Self::Workflow => "workflow",
            Self::Makefile => "makefile",
            Self::Script => "script",
            Self::Devcontainer => "devcontainer",
        }
    }
}

/// What kind of evidence the file at `path` may be, by its name and its folders.
pub(crate) fn evidence_kind(path: &BStr) -> Option<EvidenceKind> {
    let (folders, name) = path.rsplit_once_str(b"/").unwrap_or((b"", path));
    // Most files end here.
    if !CANDIDATES.iter().any(|end| name.ends_with(end)) && !name.starts_with_str("Makefile") {
        return None;
    }
    let name = name.to_str().ok()?.to_ascii_lowercase();
    if let Some(stem) = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")) {
        let has = |word: &str| stem.split(['.', '-', '_']).any(|part| part == word);
        return match () {
            () if has("compose") => Some(EvidenceKind::Compose),
            () if stem.starts_with("skaffold") => Some(EvidenceKind::Skaffold),
            () if stem.starts_with(".gitlab-ci") || has("cloudbuild") || is_of_ci(folders) => {
                Some(EvidenceKind::Workflow)
            }
            () => None,
        };
    }
    let is_makefile = matches!(&*name, "makefile" | "gnumakefile") || name.starts_with("makefile.");
    match name.rsplit_once('.') {
        _ if is_makefile => Some(EvidenceKind::Makefile),
        Some((_, "mk")) => Some(EvidenceKind::Makefile),
        Some((_, "sh" | "bash")) => Some(EvidenceKind::Script),
        Some((_, "hcl")) => Some(EvidenceKind::Bake),
        Some((stem, "json")) if stem.split(['.', '-', '_']).any(|word| word == "bake") => {
            Some(EvidenceKind::Bake)
        }
        Some((stem, "json")) if stem == "manifest" || stem.starts_with("manifest.") => {
            Some(EvidenceKind::ImageBuilder)
        }
        Some((_, "json")) if name.ends_with("devcontainer.json") => Some(EvidenceKind::Devcontainer),
        _ => None,
    }
}

const CANDIDATES: [&[u8]; 8] = [b".yml", b".yaml", b"akefile", b".mk", b".sh", b".bash", b".hcl", b".json"];

/// Folders in which CI systems look for what they run.
fn is_of_ci(folders: &[u8]) -> bool {
    let around = |marks: &[&str]| {
        marks.iter().any(|mark| folders == mark.as_bytes() || folders.ends_with_str(format!("/{mark}")))
    };
    around(&[".github/workflows", ".tekton", ".gitlab", ".gitlab/ci"])
        || folders.contains_str(".github/actions/")
        || folders.contains_str(".tekton/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use EvidenceKind::{Bake, Compose, Devcontainer, ImageBuilder, Makefile, Script, Skaffold, Workflow};

    #[test]
    fn files_are_told_by_their_names_and_folders() {
        let kind = |path: &str| evidence_kind(path.into());
        for (paths, expected) in [
            (&["compose.yaml", "a/docker-compose.override.yml", "dev.compose.yml"][..], Some(Compose)),
            (
                &["docker-bake.hcl", "a/docker-bake.override.json", "x/4.5.docker-bake.json", "x/images.hcl"],
                Some(Bake),
            ),
            (&["skaffold.yaml", "a/skaffold-dev.yml"], Some(Skaffold)),
            (&["manifest.json", "src/manifest.samples.json"], Some(ImageBuilder)),
            (
                &[
                    ".github/workflows/ci.yml",
                    ".github/actions/build/action.yaml",
                    ".gitlab-ci.yml",
                    ".gitlab/ci/build.yml",
                    "component/.tekton/push.yaml",
                    "images/api/cloudbuild.yaml",
                    "cloudbuild-release.yml",
                ],
                Some(Workflow),
            ),
            (&["Makefile", "a/makefile", "GNUmakefile", "Makefile.docker", "make/docker.mk"], Some(Makefile)),
            (&["build.sh", "hack/b.bash"], Some(Script)),
            (&[".devcontainer/devcontainer.json", ".devcontainer.json"], Some(Devcontainer)),
            (
                &[
                    "values.yaml",
                    "decompose.yml",
                    "package.json",
                    "Makefilex",
                    "a.shh",
                    "github/workflows/x.yml",
                ],
                None,
            ),
        ] {
            for path in paths {
                assert_eq!(kind(path), expected, "{path}");
            }
        }
    }
}
