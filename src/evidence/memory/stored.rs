use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Location};
use crate::evidence::{Claim, ClaimedName, Kind, NamedContext, Place, Said};
use crate::git::BlobId;
use crate::image::{ImageReference, Platform};
use crate::path::TreePath;

/// A value as bytes. Whoever reads knows what was written; bytes that do not fit give `None`.
pub(super) trait Stored: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(rest: &mut &[u8]) -> Option<Self>;
}

impl Stored for usize {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(*self as u64).to_le_bytes());
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        let (head, after) = rest.split_first_chunk()?;
        *rest = after;
        Self::try_from(u64::from_le_bytes(*head)).ok()
    }
}

impl Stored for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        let (head, after) = rest.split_first()?;
        *rest = after;
        Some(*head != 0)
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    bytes.len().put(out);
    out.extend_from_slice(bytes);
}

fn get_bytes<'r>(rest: &mut &'r [u8]) -> Option<&'r [u8]> {
    let length = usize::get(rest)?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

impl Stored for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        Self::from_utf8(get_bytes(rest)?.to_vec()).ok()
    }
}

impl Stored for TreePath {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        Some(Self::new(get_bytes(rest)?))
    }
}

impl Stored for BlobId {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        let (head, after) = rest.split_first_chunk()?;
        *rest = after;
        Some(Self::new(*head))
    }
}

impl<T: Stored> Stored for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        if bool::get(rest)? { T::get(rest).map(Some) } else { Some(None) }
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for value in self {
            value.put(out);
        }
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        let length = usize::get(rest)?;
        (0..length).map(|_| T::get(rest)).collect()
    }
}

impl<T: Stored + Ord> Stored for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for value in self {
            value.put(out);
        }
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        let length = usize::get(rest)?;
        (0..length).map(|_| T::get(rest)).collect()
    }
}

impl<K: Stored + Ord, V: Stored> Stored for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        let length = usize::get(rest)?;
        (0..length).map(|_| Some((K::get(rest)?, V::get(rest)?))).collect()
    }
}

impl Stored for Place {
    fn put(&self, out: &mut Vec<u8>) {
        self.path.put(out);
        self.line.put(out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        Some(Self { path: Stored::get(rest)?, line: Stored::get(rest)? })
    }
}

impl<T: Stored> Stored for Said<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.value.put(out);
        self.place.put(out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        Some(Self { value: Stored::get(rest)?, place: Stored::get(rest)? })
    }
}

impl Stored for Kind {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_str().to_owned().put(out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        let word = String::get(rest)?;
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Stored for Platform {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_string().put(out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        String::get(rest)?.parse().ok()
    }
}

impl Stored for ImageReference {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_string().put(out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        String::get(rest)?.parse().ok()
    }
}

impl Stored for ClaimedName {
    fn put(&self, out: &mut Vec<u8>) {
        self.repository.put(out);
        self.is_whole.put(out);
        self.tag.put(out);
        self.has_whole_tag.put(out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        Some(Self {
            repository: Stored::get(rest)?,
            is_whole: Stored::get(rest)?,
            tag: Stored::get(rest)?,
            has_whole_tag: Stored::get(rest)?,
        })
    }
}

impl Stored for NamedContext {
    fn put(&self, out: &mut Vec<u8>) {
        let mut put = |mark: usize, value: &dyn Fn(&mut Vec<u8>)| {
            mark.put(out);
            value(out);
        };
        match self {
            Self::Claimed { claim } => put(0, &|out| claim.put(out)),
            Self::Image(image) => put(1, &|out| image.put(out)),
            Self::Folder(folder) => put(2, &|out| folder.put(out)),
            Self::Elsewhere(elsewhere) => put(3, &|out| elsewhere.put(out)),
        }
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        match usize::get(rest)? {
            0 => Stored::get(rest).map(|claim| Self::Claimed { claim }),
            1 => Stored::get(rest).map(Self::Image),
            2 => Stored::get(rest).map(Self::Folder),
            3 => Stored::get(rest).map(Self::Elsewhere),
            _ => None,
        }
    }
}

impl Stored for Claim {
    fn put(&self, out: &mut Vec<u8>) {
        self.kind.put(out);
        self.place.put(out);
        self.dockerfile.put(out);
        self.name.put(out);
        self.tags.put(out);
        self.context.put(out);
        self.target.put(out);
        self.args.put(out);
        self.open_args.put(out);
        self.platforms.put(out);
        self.contexts.put(out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        Some(Self {
            kind: Stored::get(rest)?,
            place: Stored::get(rest)?,
            dockerfile: Stored::get(rest)?,
            name: Stored::get(rest)?,
            tags: Stored::get(rest)?,
            context: Stored::get(rest)?,
            target: Stored::get(rest)?,
            args: Stored::get(rest)?,
            open_args: Stored::get(rest)?,
            platforms: Stored::get(rest)?,
            contexts: Stored::get(rest)?,
        })
    }
}

/// Notes without spans, related places and causes.
impl Stored for Diagnostic {
    fn put(&self, out: &mut Vec<u8>) {
        self.message.put(out);
        self.hint.put(out);
        self.location.as_ref().map(|location| location.path.clone()).put(out);
        self.location.as_ref().and_then(|location| location.line).put(out);
    }

    fn get(rest: &mut &[u8]) -> Option<Self> {
        let mut note = Self::note(String::get(rest)?);
        note.hint = Stored::get(rest)?;
        let path: Option<TreePath> = Stored::get(rest)?;
        let line = Stored::get(rest)?;
        note.location = path.map(|path| Location { path, span: None, line });
        Some(note)
    }
}
