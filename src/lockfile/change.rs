use std::collections::{BTreeMap, BTreeSet};

use super::{Lockfile, lockable};
use crate::diagnostic::closest;
use crate::image::{Digest, ImageReference};

/// Which bases are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Questions {
    /// Those that are not locked.
    Missing,
    Locked,
    All,
    /// These, locked or not, and no others.
    Named(BTreeSet<ImageReference>),
}

/// A line of the lock that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub base: ImageReference,
    /// What it was locked to; none where it is new.
    pub from: Option<Digest>,
    /// What it is locked to; none where it goes.
    pub to: Option<Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not an external base of this checkout")]
pub struct UnknownBase {
    /// What was written.
    pub name: String,
    pub closest: Vec<String>,
}

impl UnknownBase {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        (!self.closest.is_empty()).then(|| format!("did you mean {}?", self.closest.join(" or ")))
    }
}

impl Questions {
    /// The bases that these names mean. A name without a tag means all tags, unless `latest` is one of them.
    pub fn named(names: &[String], bases: &BTreeSet<ImageReference>) -> Result<Self, UnknownBase> {
        let mut named = BTreeSet::new();
        for name in names {
            let found: Vec<&ImageReference> = match name.parse::<ImageReference>() {
                Ok(reference) => meant(&reference, bases),
                Err(_) => Vec::new(),
            };
            if found.is_empty() {
                let closest = closest(name, bases.iter().map(ToString::to_string));
                return Err(UnknownBase { name: name.clone(), closest });
            }
            named.extend(found.into_iter().cloned());
        }
        Ok(Self::Named(named))
    }
}

fn meant<'a>(reference: &ImageReference, bases: &'a BTreeSet<ImageReference>) -> Vec<&'a ImageReference> {
    let exact: Vec<_> = lockable(reference).and_then(|base| bases.get(&base)).into_iter().collect();
    if !exact.is_empty() || reference.tag.is_some() || reference.digest.is_some() {
        return exact;
    }
    bases.iter().filter(|base| base.repository == reference.repository).collect()
}

impl Lockfile {
    /// Which of the `wanted` bases have to be asked about.
    pub fn unanswered(
        &self,
        wanted: &BTreeSet<ImageReference>,
        questions: &Questions,
    ) -> Vec<ImageReference> {
        let is_locked = |base: &&ImageReference| self.digests.contains_key(*base);
        match questions {
            Questions::Missing => wanted.iter().filter(|base| !is_locked(base)).cloned().collect(),
            Questions::Locked => wanted.iter().filter(is_locked).cloned().collect(),
            Questions::All => wanted.iter().cloned().collect(),
            Questions::Named(named) => named.iter().cloned().collect(),
        }
    }

    /// The lock with these answers and without `unused`, and what differs, sorted by name.
    pub fn changed(
        &self,
        answers: &BTreeMap<ImageReference, Digest>,
        unused: &BTreeSet<ImageReference>,
    ) -> (Self, Vec<Change>) {
        let mut digests = self.digests.clone();
        digests.retain(|base, _| !unused.contains(base));
        digests.extend(answers.clone());
        let bases: BTreeSet<&ImageReference> = self.digests.keys().chain(digests.keys()).collect();
        let mut changes: Vec<Change> = bases
            .into_iter()
            .map(|base| Change {
                base: base.clone(),
                from: self.digests.get(base).cloned(),
                to: digests.get(base).cloned(),
            })
            .filter(|change| change.from != change.to)
            .collect();
        changes.sort_by_key(|change| change.base.to_string());
        (Self { path: Some(super::LOCK_FILE.into()), digests }, changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> ImageReference {
        lockable(&text.parse().expect(text)).expect(text)
    }

    fn bases(texts: &[&str]) -> BTreeSet<ImageReference> {
        texts.iter().map(|text| base(text)).collect()
    }

    fn digest(number: u8) -> Digest {
        Digest::new(&format!("sha256:{}", format!("{number:02x}").repeat(32))).expect("a digest")
    }

    fn lock(entries: &[(&str, u8)]) -> Lockfile {
        let digests = entries.iter().map(|(name, number)| (base(name), digest(*number))).collect();
        Lockfile { path: Some("shipwright.lock".into()), digests }
    }

    fn shown(list: &[ImageReference]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_is_missing_is_asked_unless_more_is_wanted() {
        let lock = lock(&[("a", 1), ("old", 2)]);
        let wanted = bases(&["a", "b"]);
        for (questions, asked) in [
            (Questions::Missing, vec!["b:latest"]),
            (Questions::Locked, vec!["a:latest"]),
            (Questions::All, vec!["a:latest", "b:latest"]),
            (Questions::Named(bases(&["old"])), vec!["old:latest"]),
        ] {
            assert_eq!(shown(&lock.unanswered(&wanted, &questions)), asked, "{questions:?}");
        }
    }

    #[test]
    fn entries_stay_move_come_and_go() {
        let lock = lock(&[("stays", 1), ("moves", 2), ("goes", 3), ("same", 4)]);
        let answers =
            [("moves", 5), ("new", 6), ("same", 4)].map(|(name, number)| (base(name), digest(number)));
        let (after, changes) = lock.changed(&answers.into(), &bases(&["goes"]));
        let of = |name: &str| after.digest(&base(name)).cloned();
        assert_eq!(
            ["stays", "moves", "goes", "same", "new"].map(of),
            [Some(1), Some(5), None, Some(4), Some(6)].map(|number: Option<u8>| number.map(digest))
        );
        let change = |name: &str, from: Option<u8>, to: Option<u8>| Change {
            base: base(name),
            from: from.map(digest),
            to: to.map(digest),
        };
        let expected =
            [change("goes", Some(3), None), change("moves", Some(2), Some(5)), change("new", None, Some(6))];
        assert_eq!(changes, expected);
        assert_eq!(after.changed(&BTreeMap::new(), &BTreeSet::new()), (after.clone(), Vec::new()));
    }

    #[test]
    fn names_mean_bases() {
        let known = bases(&["alpine:3.19", "alpine:3.20", "busybox", "busybox:1", "quay.io/a/b:2"]);
        let named = |name: &str| match Questions::named(&[name.to_owned()], &known) {
            Ok(Questions::Named(found)) => shown(&found.into_iter().collect::<Vec<_>>()),
            other => panic!("{other:?}"),
        };
        assert_eq!(named("alpine"), ["alpine:3.19", "alpine:3.20"]);
        assert_eq!(named("busybox"), ["busybox:latest"]);
        assert_eq!(named("docker.io/library/busybox:1"), ["busybox:1"]);
        assert_eq!(named("quay.io/a/b"), ["quay.io/a/b:2"]);
        for (wrong, hint) in
            [("alpine:3.2", Some("did you mean alpine:3.20 or alpine:3.19?")), ("zzz", None), ("A b", None)]
        {
            let error = Questions::named(&[wrong.to_owned()], &known).expect_err(wrong);
            assert_eq!(error.to_string(), format!("`{wrong}` is not an external base of this checkout"));
            assert_eq!(error.hint().as_deref(), hint, "{wrong}");
        }
    }
}
