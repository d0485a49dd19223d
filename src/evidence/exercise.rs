//! What has to hold for any bytes that a reader is given. The fuzz target calls it with bytes of libFuzzer's invention, and
//! the test below with those that are kept.

use std::collections::BTreeSet;

use super::{EvidenceChoice, Kind, gather};
use crate::git::memory_tree::MemoryTree;
use crate::path::TreePath;

/// One name a kind of file; a byte chooses.
const PATHS: [(&str, Kind); 13] = [
    ("docker-bake.hcl", Kind::Bake),
    ("docker-bake.json", Kind::Bake),
    ("compose.yaml", Kind::Compose),
    ("skaffold.yaml", Kind::Skaffold),
    ("manifest.json", Kind::ImageBuilder),
    (".github/workflows/ci.yml", Kind::Workflow),
    (".gitlab-ci.yml", Kind::Workflow),
    (".tekton/push.yaml", Kind::Workflow),
    ("Makefile", Kind::Makefile),
    ("scripts/build.sh", Kind::Script),
    (".devcontainer/devcontainer.json", Kind::Devcontainer),
    ("sub/compose.override.yaml", Kind::Compose),
    ("cloudbuild.yaml", Kind::Workflow),
];

/// Reading ends; what it gives is about Dockerfiles of the checkout, in places that the file has, and the same whenever it
/// is read.
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "public to the fuzz targets"))]
pub fn exercise(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (path, kind) = PATHS[usize::from(*choice) % PATHS.len()];
    let tree = MemoryTree::new([
        (path, text),
        ("Dockerfile", "FROM a AS prod\n"),
        ("api/Dockerfile", "FROM b\n"),
        ("build/web.docker", "FROM c\n"),
        (".env", "TAG=1\nNAME=api\n"),
        ("VERSION", "1.2\n"),
    ]);
    let dockerfiles: Vec<TreePath> = vec!["Dockerfile".into(), "api/Dockerfile".into()];
    let read = || gather(&tree, &dockerfiles, &[(path.into(), kind)], &BTreeSet::new(), &EvidenceChoice::All);
    let (accounts, _) = read();
    let lines = text.lines().count().max(1);
    for (dockerfile, accounts) in &accounts.of {
        let is_one = dockerfiles.contains(dockerfile) || *dockerfile == "build/web.docker".into();
        assert!(is_one, "{dockerfile} is no Dockerfile");
        for place in accounts.iter().flat_map(|account| &account.places) {
            assert!((1..=lines).contains(&place.line), "line {} of {lines}", place.line);
            assert_eq!(place.path, path.into());
        }
    }
    for found in &accounts.diagnostics {
        let line = found.location.as_ref().and_then(|location| location.line);
        assert!(line.is_none_or(|line| line <= lines + 1), "line {line:?} of {lines}");
    }
    assert_eq!(read().0, accounts);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Inputs made of those that are kept, a run; `SHIPWRIGHT_FUZZ_INPUTS` asks for more.
    const INPUTS: usize = 2_000;

    /// Numbers that look random and are the same in each run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % end.max(1) as u64).unwrap_or_default()
        }

        /// Takes out, doubles, moves or puts in bytes, or words of another input.
        fn change(&mut self, data: &mut Vec<u8>, other: &[u8]) {
            let start = 1 + self.below(data.len());
            let start = start.min(data.len());
            let end = (start + self.below(24)).min(data.len());
            let piece = data[start..end].to_vec();
            match self.below(5) {
                0 => drop(data.drain(start..end)),
                1 => drop(data.splice(start..start, piece.repeat(1 + self.below(8)))),
                2 => {
                    let from = self.below(other.len());
                    let to = (from + self.below(32)).min(other.len());
                    data.splice(start..end, other[from..to].iter().copied());
                }
                3 => {
                    const MARKS: &[u8] = b"${}()[]<>|&;:,=-*!#%\"'\\/\n\t \x01\x02\0";
                    data.insert(start, MARKS[self.below(MARKS.len())]);
                }
                _ => {
                    let at = 1 + self.below(data.len().saturating_sub(1));
                    if let Some(byte) = data.get_mut(at) {
                        *byte ^= 1 << self.below(7);
                    }
                }
            }
        }
    }

    #[test]
    fn inputs_that_are_made_of_others() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/evidence");
        let mut paths: Vec<_> =
            fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let kept: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).expect("a file")).collect();
        let inputs = std::env::var("SHIPWRIGHT_FUZZ_INPUTS").ok().and_then(|count| count.parse().ok());
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for at in 0..inputs.unwrap_or(INPUTS) {
            let mut data = kept[at % kept.len()].clone();
            let other = &kept[dice.below(kept.len())];
            for _ in 0..=dice.below(12) {
                dice.change(&mut data, other);
            }
            exercise(&data);
        }
    }

    #[test]
    fn the_inputs_that_are_kept() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/evidence");
        let mut kinds = BTreeSet::new();
        for entry in fs::read_dir(&folder).expect("a corpus") {
            let data = fs::read(entry.expect("an entry").path()).expect("a file");
            kinds.insert(usize::from(data[0]) % PATHS.len());
            exercise(&data);
            // Cut off anywhere, and with a letter too much.
            for end in 1..data.len().min(400) {
                exercise(&data[..end]);
                exercise(&[&data[..end], b"{", &data[end..]].concat());
            }
        }
        assert_eq!(kinds.len(), PATHS.len(), "one of each kind at least");
    }
}
