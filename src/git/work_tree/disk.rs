//! What the checkout asks of the file system: one folder's names, a file's state, its bytes. On Linux
//! everything is relative to an open folder, which saves the kernel the way to it a hundred thousand times.

use std::fs::File;
use std::io;
use std::path::Path;
#[cfg(not(target_os = "linux"))]
use std::path::PathBuf;

use crate::git::{NodeKind, at_most};
use crate::path::TreePath;

/// A folder of the local file system, the root of a checkout.
pub(in crate::git) struct Disk {
    #[cfg(target_os = "linux")]
    folder: rustix::fd::OwnedFd,
    #[cfg(not(target_os = "linux"))]
    root: PathBuf,
}

/// Looks at files in the order of their paths: a folder that holds several is gone to only once.
pub(in crate::git) struct Neighbours<'a> {
    disk: &'a Disk,
    #[cfg(target_os = "linux")]
    folder: Vec<u8>,
    #[cfg(target_os = "linux")]
    opened: Option<rustix::fd::OwnedFd>,
}

/// What the file system says about a file without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) struct FileState {
    pub(in crate::git) kind: NodeKind,
    pub(in crate::git) executable: bool,
    pub(in crate::git) stamp: Stamp,
}

/// What changes whenever a file's bytes may have changed. Times are seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::git) struct Stamp {
    pub(in crate::git) size: u64,
    pub(in crate::git) modified: (i64, u32),
    pub(in crate::git) changed: (i64, u32),
    pub(in crate::git) inode: u64,
}

/// The names in a folder; kept by the caller so that its memory is used again.
#[derive(Default)]
pub(in crate::git) struct Listing {
    bytes: Vec<u8>,
    items: Vec<(usize, NodeKind)>,
    #[cfg(target_os = "linux")]
    buffer: Vec<std::mem::MaybeUninit<u8>>,
}

impl Listing {
    /// Names and kinds, in the order of the file system.
    pub(in crate::git) fn iter(&self) -> impl Iterator<Item = (&[u8], NodeKind)> {
        let starts = std::iter::once(0).chain(self.items.iter().map(|(end, _)| *end));
        starts.zip(&self.items).map(|(start, (end, kind))| (&self.bytes[start..*end], *kind))
    }

    pub(in crate::git) fn kind_of(&self, name: &[u8]) -> Option<NodeKind> {
        self.iter().find(|(other, _)| *other == name).map(|(_, kind)| kind)
    }

    pub(in crate::git) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(in crate::git) fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    pub(in crate::git) fn push(&mut self, name: &[u8], kind: NodeKind) {
        self.bytes.extend_from_slice(name);
        self.items.push((self.bytes.len(), kind));
    }
}

impl Disk {
    /// The bytes of a link's target, or of a file of at most `limit` bytes. Anything else is an error.
    pub(in crate::git) fn read(&self, path: &[u8], limit: u64) -> io::Result<Vec<u8>> {
        match self.state(path)?.kind {
            NodeKind::Link => self.link_target(path),
            NodeKind::File => at_most(self.open(path)?, limit),
            NodeKind::Folder => Err(io::ErrorKind::IsADirectory.into()),
            NodeKind::Other => Err(not_a_file()),
        }
    }
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is a device, socket or pipe")
}

fn no_regular_file(metadata: &std::fs::Metadata) -> io::Error {
    if metadata.is_dir() { io::ErrorKind::IsADirectory.into() } else { not_a_file() }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::fd::{AsFd as _, OwnedFd};
    use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat};
    use rustix::io::Errno;

    use super::{Disk, File, FileState, Listing, Neighbours, NodeKind, Path, Stamp, io, no_regular_file};

    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

    /// ext2 to ext4, XFS, Btrfs, tmpfs, overlay, F2FS, ZFS, bcachefs (`linux/magic.h`): they note in a folder
    /// when something in it has come or gone, and keep the modes that files are given.
    const RELIABLE: [u32; 8] =
        [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e];

    fn here(path: &[u8]) -> &[u8] {
        if path.is_empty() { b"." } else { path }
    }

    fn kind(file_type: FileType) -> NodeKind {
        match file_type {
            FileType::RegularFile => NodeKind::File,
            FileType::Symlink => NodeKind::Link,
            FileType::Directory => NodeKind::Folder,
            _ => NodeKind::Other,
        }
    }

    fn state_at(folder: impl rustix::fd::AsFd, path: &[u8]) -> io::Result<FileState> {
        let stat = rustix::fs::statat(folder, path, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileState {
            kind: kind(FileType::from_raw_mode(stat.st_mode)),
            executable: stat.st_mode & 0o100 != 0,
            stamp: stamp(&stat),
        })
    }

    fn stamp(stat: &Stat) -> Stamp {
        let nanoseconds = |value| u32::try_from(value).unwrap_or(0);
        Stamp {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
            inode: stat.st_ino,
        }
    }

    impl Neighbours<'_> {
        pub(in crate::git) fn state(&mut self, path: &[u8]) -> io::Result<FileState> {
            let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            let (folder, name) = (&path[..slash], &path[slash..]);
            if folder.is_empty() {
                return self.disk.state(path);
            }
            if self.folder != folder {
                self.folder.clear();
                self.folder.extend_from_slice(folder);
                self.opened = None;
                // Opening a folder pays from its second file on.
                return self.disk.state(path);
            }
            if self.opened.is_none() {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                self.opened = Some(rustix::fs::openat(&self.disk.folder, folder, flags, Mode::empty())?);
            }
            match &self.opened {
                Some(opened) => state_at(opened, &name[1..]),
                None => self.disk.state(path),
            }
        }
    }

    impl Disk {
        pub(in crate::git) fn new(root: &Path) -> io::Result<Self> {
            Ok(Self { folder: rustix::fs::open(root, FOLDER, Mode::empty())? })
        }

        /// The file system, if it is one that always notes in a folder when something in it has come or gone.
        pub(in crate::git) fn reliable_device(&self) -> Option<u64> {
            let device = rustix::fs::fstat(&self.folder).ok()?.st_dev;
            self.is_reliable().then_some(device)
        }

        fn is_reliable(&self) -> bool {
            let kind =
                rustix::fs::fstatfs(&self.folder).ok().and_then(|system| u32::try_from(system.f_type).ok());
            kind.is_some_and(|kind| RELIABLE.contains(&kind))
        }

        /// Whether the file system is known to keep the executable bits that files are given.
        pub(in crate::git) fn keeps_modes(&self) -> bool {
            self.is_reliable()
        }

        /// Fills `listing` with the names in the folder at `path`, which is not followed if it is a link. Gives
        /// what the folder itself was like before it was read, and its file system.
        pub(in crate::git) fn list(
            &self,
            path: &[u8],
            listing: &mut Listing,
        ) -> io::Result<Option<(Stamp, u64)>> {
            listing.clear();
            let mut buffer = std::mem::take(&mut listing.buffer);
            buffer.resize(32 * 1024, std::mem::MaybeUninit::uninit());
            let result = self.list_into(path, listing, &mut buffer);
            listing.buffer = buffer;
            result
        }

        fn list_into(
            &self,
            path: &[u8],
            listing: &mut Listing,
            buffer: &mut [std::mem::MaybeUninit<u8>],
        ) -> io::Result<Option<(Stamp, u64)>> {
            let folder =
                rustix::fs::openat(&self.folder, here(path), FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
            let before = rustix::fs::fstat(&folder)?;
            let mut entries = RawDir::new(&folder, buffer);
            while let Some(entry) = entries.next() {
                let entry = entry?;
                let name = entry.file_name();
                if name == c"." || name == c".." {
                    continue;
                }
                let file_type = match entry.file_type() {
                    // Some file systems leave it to stat.
                    FileType::Unknown => {
                        let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                        FileType::from_raw_mode(stat.st_mode)
                    }
                    known => known,
                };
                listing.push(name.to_bytes(), kind(file_type));
            }
            Ok(Some((stamp(&before), before.st_dev)))
        }

        /// The state of what stands at `path`; a link at its end is not followed.
        pub(in crate::git) fn state(&self, path: &[u8]) -> io::Result<FileState> {
            state_at(&self.folder, here(path))
        }

        pub(in crate::git) fn neighbours(&self) -> Neighbours<'_> {
            Neighbours { disk: self, folder: Vec::new(), opened: None }
        }

        /// Opens a regular file; never follows a link, at the end of `path` or on the way, never waits for a
        /// pipe.
        pub(in crate::git) fn open(&self, path: &[u8]) -> io::Result<File> {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let file = File::from(self.beneath(here(path), flags)?);
            let metadata = file.metadata()?;
            if metadata.is_file() { Ok(file) } else { Err(no_regular_file(&metadata)) }
        }

        pub(in crate::git) fn is_executable(file: &File) -> io::Result<bool> {
            Ok(rustix::fs::fstat(file)?.st_mode & 0o100 != 0)
        }

        /// Fails unless a folder stands at `path`, with no link on the way.
        pub(in crate::git) fn confirm_folder(&self, path: &[u8]) -> io::Result<()> {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            self.beneath(here(path), flags).map(drop)
        }

        /// What the link at `path` says; no link on the way to it is followed.
        pub(in crate::git) fn link_target(&self, path: &[u8]) -> io::Result<Vec<u8>> {
            let target = match path.iter().rposition(|byte| *byte == b'/') {
                None => rustix::fs::readlinkat(&self.folder, here(path), Vec::new()),
                Some(slash) => {
                    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let folder = self.beneath(&path[..slash], flags)?;
                    rustix::fs::readlinkat(&folder, &path[slash + 1..], Vec::new())
                }
            };
            match target {
                Ok(target) => Ok(target.into_bytes()),
                Err(Errno::INVAL) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no link")),
                Err(error) => Err(error.into()),
            }
        }

        /// Opens what stands at `path` if nothing on the way to it is a link.
        fn beneath(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            let opened = match rustix::fs::openat2(&self.folder, path, flags, Mode::empty(), resolve) {
                // Kernels before 5.6, and sandboxes that do not know it.
                Err(Errno::NOSYS | Errno::PERM) => step_by_step(&self.folder, path, flags),
                opened => opened,
            };
            opened.map_err(|error| match error {
                Errno::LOOP => {
                    io::Error::new(io::ErrorKind::InvalidInput, "a link stands there, or on the way to it")
                }
                error => error.into(),
            })
        }
    }

    /// The same folder by folder.
    pub(in crate::git) fn step_by_step(
        root: &OwnedFd,
        path: &[u8],
        flags: OFlags,
    ) -> rustix::io::Result<OwnedFd> {
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        let last = names.pop().unwrap_or(b".");
        let mut folder: Option<OwnedFd> = None;
        for name in names {
            let at = folder.as_ref().unwrap_or(root).as_fd();
            folder = Some(rustix::fs::openat(at, name, step, Mode::empty())?);
        }
        rustix::fs::openat(folder.as_ref().unwrap_or(root), last, flags | OFlags::NOFOLLOW, Mode::empty())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_folder_that_became_a_link_is_not_followed_with_old_kernels_either() {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::create_dir_all(folder.path().join("real/deep")).expect("folders");
            std::fs::write(folder.path().join("real/deep/file"), "x").expect("written");
            std::os::unix::fs::symlink("real", folder.path().join("link")).expect("a link");
            let disk = Disk::new(folder.path()).expect("a folder");
            let by_steps = |path: &str| step_by_step(&disk.folder, path.as_bytes(), OFlags::RDONLY);
            assert!(disk.open(b"real/deep/file").is_ok() && by_steps("real/deep/file").is_ok());
            assert!(disk.open(b"link/deep/file").is_err() && by_steps("link/deep/file").is_err());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::{FileType, Metadata};
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::{Disk, File, FileState, Listing, Neighbours, NodeKind, Path, Stamp, io, no_regular_file};
    use crate::path::TreePath;

    fn kind(file_type: FileType) -> NodeKind {
        if file_type.is_symlink() {
            NodeKind::Link
        } else if file_type.is_dir() {
            NodeKind::Folder
        } else if file_type.is_file() {
            NodeKind::File
        } else {
            NodeKind::Other
        }
    }

    #[cfg(unix)]
    fn stamp(metadata: &Metadata) -> (bool, Stamp) {
        use std::os::unix::fs::MetadataExt as _;
        let nanoseconds = |value| u32::try_from(value).unwrap_or(0);
        let stamp = Stamp {
            size: metadata.size(),
            modified: (metadata.mtime(), nanoseconds(metadata.mtime_nsec())),
            changed: (metadata.ctime(), nanoseconds(metadata.ctime_nsec())),
            inode: metadata.ino(),
        };
        (metadata.mode() & 0o100 != 0, stamp)
    }

    #[cfg(not(unix))]
    fn stamp(metadata: &Metadata) -> (bool, Stamp) {
        let time = |time: io::Result<SystemTime>| {
            let since = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            (i64::try_from(since.as_secs()).unwrap_or(0), since.subsec_nanos())
        };
        // Git for Windows stores the time of creation as ctime and no inode.
        let stamp = Stamp {
            size: metadata.len(),
            modified: time(metadata.modified()),
            changed: time(metadata.created()),
            inode: 0,
        };
        (false, stamp)
    }

    impl Neighbours<'_> {
        pub(in crate::git) fn state(&mut self, path: &[u8]) -> io::Result<FileState> {
            self.disk.state(path)
        }
    }

    impl Disk {
        pub(in crate::git) fn neighbours(&self) -> Neighbours<'_> {
            Neighbours { disk: self }
        }

        pub(in crate::git) fn new(root: &Path) -> io::Result<Self> {
            std::fs::metadata(root)?;
            Ok(Self { root: root.to_owned() })
        }

        fn at(&self, path: &[u8]) -> std::path::PathBuf {
            TreePath::new(path).to_os(&self.root)
        }

        pub(in crate::git) fn reliable_device(&self) -> Option<u64> {
            None
        }

        pub(in crate::git) fn keeps_modes(&self) -> bool {
            false
        }

        pub(in crate::git) fn list(
            &self,
            path: &[u8],
            listing: &mut Listing,
        ) -> io::Result<Option<(Stamp, u64)>> {
            listing.clear();
            for entry in std::fs::read_dir(self.at(path))? {
                let entry = entry?;
                listing.push(entry.file_name().as_encoded_bytes(), kind(entry.file_type()?));
            }
            Ok(None)
        }

        pub(in crate::git) fn state(&self, path: &[u8]) -> io::Result<FileState> {
            let metadata = std::fs::symlink_metadata(self.at(path))?;
            let (executable, stamp) = stamp(&metadata);
            Ok(FileState { kind: kind(metadata.file_type()), executable, stamp })
        }

        pub(in crate::git) fn open(&self, path: &[u8]) -> io::Result<File> {
            let metadata = std::fs::symlink_metadata(self.at(path))?;
            if metadata.is_file() { File::open(self.at(path)) } else { Err(no_regular_file(&metadata)) }
        }

        pub(in crate::git) fn is_executable(file: &File) -> io::Result<bool> {
            Ok(stamp(&file.metadata()?).0)
        }

        pub(in crate::git) fn confirm_folder(&self, path: &[u8]) -> io::Result<()> {
            match self.state(path)?.kind {
                NodeKind::Folder => Ok(()),
                _ => Err(io::ErrorKind::NotADirectory.into()),
            }
        }

        pub(in crate::git) fn link_target(&self, path: &[u8]) -> io::Result<Vec<u8>> {
            Ok(std::fs::read_link(self.at(path))?.into_os_string().into_encoded_bytes())
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::OFlags;

    use super::*;

    #[test]
    fn no_link_is_followed_anywhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("root/a/b")).expect("folders");
        std::fs::write(at("root/a/b/file"), "inside").expect("a file");
        std::fs::write(at("secret"), "outside").expect("a file");
        for (target, path) in
            [("b", "root/a/to-b"), ("../secret", "root/out"), ("file", "root/a/b/link"), ("..", "root/up")]
        {
            symlink(target, at(path)).expect("a link");
        }
        let disk = Disk::new(&at("root")).expect("a folder");
        let readable = |path: &str| {
            let opened = disk.open(path.as_bytes()).is_ok();
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let stepped = system::step_by_step(&disk.folder, path.as_bytes(), flags).is_ok();
            assert_eq!(opened, stepped, "{path}");
            opened
        };
        assert!(readable("a/b/file"));
        for path in ["a/to-b/file", "out", "a/b/link", "up/secret", "a/b/none"] {
            assert!(!readable(path), "{path}");
        }
        assert_eq!(disk.link_target(b"a/b/link").expect("a link"), b"file");
        for path in ["a/to-b/link", "a/b/file", "a/b"] {
            disk.link_target(path.as_bytes()).expect_err(path);
        }
        disk.confirm_folder(b"a/b").expect("a folder");
        for path in ["a/to-b", "a/b/file", "up"] {
            disk.confirm_folder(path.as_bytes()).expect_err(path);
        }
    }
}

/// The system's error with the path in front, which the system leaves out.
pub(in crate::git) fn named(path: &[u8], error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", TreePath::new(path)))
}
