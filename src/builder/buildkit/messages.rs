use bytes::Bytes;

use crate::builder::listing::{FOLDER_TIME, Listed};
use crate::builder::{ContextEntry, ContextKind};

/// Bits of Go's `os.FileMode`.
const FOLDER: u32 = 1 << 31;
const SYMBOLIC_LINK: u32 = 1 << 27;

/// fsutil's `Packet`, by hand: file names and link targets are bytes here. They have the wire type of the
/// original's strings, which a generated type cannot fill with what is not UTF-8.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Packet {
    /// See the constants.
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) stat: Option<Stat>,
    /// Which entry, counted in the order of the stats.
    #[prost(uint32, tag = "3")]
    pub(super) id: u32,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) data: Bytes,
}

/// fsutil's `Stat`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Stat {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) path: Bytes,
    /// Go's `os.FileMode`.
    #[prost(uint32, tag = "2")]
    pub(super) mode: u32,
    #[prost(uint32, tag = "3")]
    pub(super) uid: u32,
    #[prost(uint32, tag = "4")]
    pub(super) gid: u32,
    #[prost(int64, tag = "5")]
    pub(super) size: i64,
    /// Nanoseconds since 1970.
    #[prost(int64, tag = "6")]
    pub(super) mod_time: i64,
    #[prost(bytes = "bytes", tag = "7")]
    pub(super) link_name: Bytes,
}

impl Packet {
    /// An entry; without one, the end of the entries.
    pub(super) const STAT: i32 = 0;
    /// The engine asks for the content of an entry.
    pub(super) const REQUEST: i32 = 1;
    /// Content; none at all is its end.
    pub(super) const DATA: i32 = 2;
    /// The engine has all it wants; answered in kind.
    pub(super) const FINISH: i32 = 3;

    pub(super) fn stat(stat: Option<Stat>) -> Self {
        Self { kind: Self::STAT, stat, ..Self::default() }
    }

    pub(super) fn data(id: u32, data: Bytes) -> Self {
        Self { kind: Self::DATA, id, data, ..Self::default() }
    }

    pub(super) fn finish() -> Self {
        Self { kind: Self::FINISH, ..Self::default() }
    }
}

impl From<Listed<'_>> for Stat {
    fn from(listed: Listed<'_>) -> Self {
        match listed {
            Listed::Folder(path) => Self {
                path: Bytes::copy_from_slice(path),
                mode: FOLDER | 0o755,
                mod_time: FOLDER_TIME * 1_000_000_000,
                ..Self::default()
            },
            Listed::Entry(_, entry) => entry.into(),
        }
    }
}

impl From<&ContextEntry> for Stat {
    fn from(entry: &ContextEntry) -> Self {
        let mut stat = Self {
            path: Bytes::copy_from_slice(&entry.path),
            mod_time: entry.modified_ns,
            ..Self::default()
        };
        match &entry.kind {
            ContextKind::File { executable, size } => {
                stat.mode = if *executable { 0o755 } else { 0o644 };
                stat.size = i64::try_from(*size).unwrap_or(i64::MAX);
            }
            ContextKind::Link { target } => {
                stat.mode = SYMBOLIC_LINK | 0o777;
                stat.link_name = Bytes::copy_from_slice(target);
                stat.size = i64::try_from(target.len()).unwrap_or(i64::MAX);
            }
            // As a listing gives it.
            ContextKind::Folder => return Listed::Folder(&entry.path).into(),
        }
        stat
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::fsutil::types as generated;
    use prost::Message;

    use super::*;

    #[test]
    fn the_wire_form_is_the_generated_one() {
        let stat = Stat {
            path: Bytes::from_static(b"a/b"),
            mode: 0o644,
            size: 7,
            mod_time: -5,
            link_name: Bytes::from_static(b"l"),
            ..Stat::default()
        };
        let ours = Packet { id: 9, data: Bytes::from_static(b"xyz"), ..Packet::stat(Some(stat)) };
        let theirs = generated::Packet::decode(ours.encode_to_vec().as_slice()).expect("decodes");
        let stat = theirs.stat.clone().expect("a stat");
        assert_eq!((stat.path.as_str(), stat.linkname.as_str()), ("a/b", "l"));
        assert_eq!((stat.mode, stat.size, stat.mod_time), (0o644, 7, -5));
        assert_eq!(Packet::decode(theirs.encode_to_vec().as_slice()).expect("decodes"), ours);
        assert_eq!(generated::packet::PacketType::PacketFin as i32, Packet::FINISH);
        assert_eq!(generated::packet::PacketType::PacketReq as i32, Packet::REQUEST);
    }

    #[test]
    fn kinds() {
        let link = ContextEntry {
            path: b"l\xff".to_vec(),
            kind: ContextKind::Link { target: b"to\xfe".to_vec() },
            modified_ns: 1,
        };
        let stat = Stat::from(Listed::Entry(0, &link));
        assert_eq!((stat.path.as_ref(), stat.link_name.as_ref()), (&b"l\xff"[..], &b"to\xfe"[..]));
        assert_eq!((stat.mode, stat.size, stat.mod_time), (SYMBOLIC_LINK | 0o777, 3, 1));
        let kind = ContextKind::File { executable: true, size: 1 };
        let program = ContextEntry { path: b"p".to_vec(), kind, modified_ns: 2 };
        assert_eq!(Stat::from(&program).mode, 0o755);
        assert_eq!(Stat::from(Listed::Folder(b"d")).mode, FOLDER | 0o755);
    }
}
