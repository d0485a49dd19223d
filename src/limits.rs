//! How much is read, kept and shown of what others write: files of a checkout, answers of engines and
//! registries, findings. Whoever reads something whole takes its limit from here, so that a hostile file costs
//! an error and not the machine. Sizes are bytes.

/// The settings file. One with a table for each of 1,000 images has about 100 kB.
pub(crate) const SETTINGS: u64 = 1 << 20;

/// `[image.NAME]` tables of the settings. Each may be an image of its own; no checkout is known with 2,000.
pub(crate) const SETTINGS_IMAGES: usize = 4_096;

/// Build contexts with names of one `[image.NAME]` table. Few images have more than ten.
pub(crate) const SETTINGS_CONTEXTS: usize = 1_000;

/// Lines of the settings' `[names]`, each of which may be tried on every Dockerfile.
pub(crate) const SETTINGS_NAMES: usize = 16_384;

/// `shipwright.lock`. A base takes about 120 bytes, so that is over 30,000 of them.
pub(crate) const LOCK: u64 = 4 << 20;

/// A Dockerfile. The longest of 2,686 public ones has 100 kB; a disk image called `Dockerfile.img` is longer.
pub(crate) const DOCKERFILE: u64 = 4 << 20;

/// A `.dockerignore`. Every pattern may be tried on every file.
pub(crate) const DOCKER_IGNORE: u64 = 1 << 20;

/// A `.gitignore`, `.gitattributes`, `.gitmodules`, or one of the user's files of the same kind. Git stops at
/// 100 MB; no repository that is worked in comes near.
pub(crate) const GIT_FILE: u64 = 1 << 20;

/// The target of a link. Linux ends at 4,096, Windows at 32,767 characters.
pub(crate) const LINK: u64 = 64 << 10;

/// A compose file, a bake file, a Makefile, a script, a workflow. The longest of those of 36 public repositories that
/// build images has some 100 kB.
pub(crate) const EVIDENCE: u64 = 1 << 20;

/// All files of one such kind together. The 4,000 Makefiles and scripts of Linux have some 10 MB.
pub(crate) const EVIDENCE_ALL: u64 = 64 << 20;

/// How deep lists, loops and substitutions of a script may be nested. People stop at ten.
pub(crate) const SHELL_DEPTH: usize = 24;

/// Commands that a script's loops and functions may come to. The longest of 36 public repositories has about 2,000.
pub(crate) const SHELL_COMMANDS: usize = 20_000;

/// Text that variables of one script, or of one Makefile, may expand to all together: a doubling variable ends here.
pub(crate) const SHELL_EXPANSION: usize = 2 << 20;

/// A variable's value. A longer one is not known.
pub(crate) const SHELL_VALUE: usize = 64 << 10;

/// Values that a loop of a script goes through.
pub(crate) const SHELL_LOOP: usize = 256;

/// Files that one Makefile includes, theirs included.
pub(crate) const MAKE_INCLUDES: usize = 64;

/// Times that one recipe is read: for targets of one rule, or stems of one pattern.
pub(crate) const MAKE_TARGETS: usize = 512;

/// Manifests that one of `ImageBuilder` includes. Those of .NET include ten.
pub(crate) const MANIFEST_INCLUDES: usize = 64;

/// A value of such a manifest. A longer one is not known.
pub(crate) const MANIFEST_VALUE: usize = 4 << 10;

/// Tags that one build gives an image besides its name.
pub(crate) const EVIDENCE_TAGS: usize = 64;

/// Jobs that one matrix comes to: GitHub's own limit.
pub(crate) const WORKFLOW_MATRIX: usize = 256;

/// Parts of a matrix: GitHub's documents show three.
pub(crate) const WORKFLOW_AXES: usize = 32;

/// Text of all command lines, names and values of the jobs that one pipeline comes to.
pub(crate) const WORKFLOW_TEXT: usize = 8 << 20;

/// Builds that one script, Makefile or workflow may come to.
pub(crate) const EVIDENCE_BUILDS: usize = 2_000;

/// Images of one Dockerfile whose names end alike, among which one more claim looks for its own. More than ten are not known.
pub(crate) const EVIDENCE_NAMESAKES: usize = 64;

/// Text that the variables of one compose file, or of one `.env`, may expand to: a doubling variable, or a long one that
/// is used again and again, ends here. Public compose files come to some ten kilobytes.
pub(crate) const COMPOSE_TEXT: usize = 2 << 20;

/// Bytes that all compose files of a checkout may take over from services that they extend or lie over. Each of many
/// files may do so with one large service; 500 files with 20 services of 1 kB come to 10 MB.
pub(crate) const COMPOSE_COPIES: usize = 16 << 20;

/// Services that one service may extend, one after the other. People stop at three.
pub(crate) const COMPOSE_EXTENDS: usize = 16;

/// Files in all that compose files include or extend without being named as compose files themselves.
pub(crate) const COMPOSE_FOLLOWED: usize = 1_024;

/// Files in which a service of `additional_contexts` is looked for: those that its own file includes.
pub(crate) const COMPOSE_SET: usize = 64;

/// Collections within collections of a YAML or JSON file. Kubernetes' own definitions of resources have about 30.
pub(crate) const YAML_DEPTH: usize = 128;

/// Bytes that anchors and aliases may add to a YAML file. Those of public compose files add some ten kilobytes.
pub(crate) const YAML_COPIES: usize = 8 << 20;

/// Attributes and keys of a bake file. One with 150 targets has some 2,000; each key is compared with the others of its
/// object.
pub(crate) const BAKE_KEYS: usize = 10_000;

/// Steps of evaluating the bake files of one folder. A file with 150 targets takes a few thousand.
pub(crate) const BAKE_STEPS: usize = 1_000_000;

/// How deep expressions, calls of functions and values of bake files nest. It must fit on a thread's stack.
pub(crate) const BAKE_DEPTH: usize = 64;

/// A text that is made of others in a bake file.
pub(crate) const BAKE_TEXT: usize = 16 << 10;

/// Values inside of one value of a bake file.
pub(crate) const BAKE_VALUE: usize = 20_000;

/// Targets that one `matrix` makes. Public ones make tens.
pub(crate) const BAKE_MATRIX: usize = 1_000;

/// Targets of the bake files of one folder.
pub(crate) const BAKE_TARGETS: usize = 5_000;

/// A file whose lines are shown beside a finding.
pub(crate) const EXCERPT: u64 = DOCKERFILE;

/// What a CI system says about the event that it runs for. GitHub's own limit.
pub(crate) const CI_EVENT: u64 = 25 << 20;

/// Git's log of HEAD, and its list of commits where history ends: years of work, or a shallow clone of everything.
pub(crate) const GIT_LOG: u64 = 256 << 20;

/// What an earlier run has noted in git's folder: tens of bytes for an object or a file.
pub(crate) const GIT_CACHE: u64 = 256 << 20;

/// The index of a pack: about 30 bytes for an object.
pub(crate) const GIT_INDEX: u64 = 4 << 30;

/// A loose object, as it stands in its file and as it is without compression, that is looked at before it is read.
pub(crate) const LOOSE_OBJECT: u64 = 256 << 20;

/// A hook of git's. Those that are programs have some ten megabytes.
pub(crate) const HOOK: u64 = 64 << 20;

/// Docker's own configuration, or a context of it.
pub(crate) const DOCKER_CONFIG: u64 = 1 << 20;

/// An answer of a registry or a token server that is of use: a manifest, an image's configuration, a list of tags.
/// Docker takes manifests of up to 4 MiB; sixteen answers may be on their way at once.
pub(crate) const REGISTRY_ANSWER: usize = 8 << 20;

/// What a registry says about an error, or beside a redirect. The rest is left unread.
pub(crate) const REGISTRY_ERROR: usize = 64 << 10;

pub(crate) const REGISTRY_TAGS: usize = 1_000_000;

/// Pages that they come in.
pub(crate) const REGISTRY_TAG_PAGES: usize = 1_000;

/// An engine's list of everything: 100,000 images take about 50 MB.
pub(crate) const ENGINE_LIST: u64 = 256 << 20;

/// Another answer of an engine: about one image, or itself.
pub(crate) const ENGINE_ANSWER: u64 = 16 << 20;

/// One message of an engine while it works: a line of progress, a piece of output (32 KiB at most), or an error. The
/// client looks for its end from its beginning each time that more comes.
pub(crate) const ENGINE_MESSAGE: u64 = 1 << 20;

/// A line of a build's output. Longer ones are cut, so that output without line breaks cannot fill the memory.
pub(crate) const LOG_LINE: usize = 16 << 10;

/// Of one build's output what is kept on disk.
pub(crate) const BUILD_LOG: u64 = 16 << 20;

/// Lines of a failed step's output that are kept for its message.
pub(crate) const LOG_TAIL: usize = 100;

/// Errors in one Dockerfile, behind which the rest of it is not read. One takes about 300 bytes of memory.
pub(crate) const SYNTAX_ERRORS: usize = 250_000;

/// What superseded images may hold before the summary of a run speaks of it.
pub(crate) const SUPERSEDED: u64 = 5_000_000_000;

/// Findings that are shown; the others are counted.
pub(crate) const FINDINGS: usize = 200;

/// Links on the way to a file. As many as Linux follows.
pub(crate) const LINKS_FOLLOWED: usize = 40;

/// A size for people: `1 MiB`, `64 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        assert_eq!([1 << 20, 3 << 10, 1025].map(size), ["1 MiB", "3 KiB", "1025 bytes"]);
    }
}
