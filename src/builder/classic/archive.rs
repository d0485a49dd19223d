use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use crate::builder::listing::{FOLDER_TIME, Listed, Listing};
use crate::builder::transfer::{Measured, Transfer, changed};
use crate::builder::{ContextEntry, ContextKind, ContextSource};

/// Bytes that are sent at once.
const CHUNK: usize = 128 << 10;
/// Chunks that may wait for the engine.
const WAITING: usize = 8;

/// Packs a context and the Dockerfile, which goes by `name` and is hidden from the build by ignore rules of our
/// own. Reading happens on a thread for blocking work; an error ends the stream.
pub(super) fn stream(
    listing: Listing,
    name: String,
    dockerfile: Vec<u8>,
    transfer: Arc<Transfer>,
) -> mpsc::Receiver<io::Result<Bytes>> {
    let (chunks, sent) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let failed = chunks.clone();
        let mut archive = Builder::new(ChunkWriter { buffer: BytesMut::new(), chunks });
        if let Err(error) = pack(&mut archive, &listing, &name, &dockerfile, &transfer) {
            // What is packed so far must not look like the end of an archive: it ends in an error. Nobody may
            // be there to hear it.
            let _ = failed.blocking_send(Err(error));
        }
    });
    sent
}

fn pack(
    archive: &mut Builder<ChunkWriter>,
    listing: &Listing,
    name: &str,
    dockerfile: &[u8],
    transfer: &Transfer,
) -> io::Result<()> {
    let source = listing.source();
    for position in 0..listing.len() {
        match listing.at(position) {
            Listed::Folder(path) => append_folder(archive, path)?,
            Listed::Entry(index, entry) => append_entry(archive, &**source, index, entry, transfer)?,
        }
    }
    // The builder takes both out of the context again before it builds, because the rules say so.
    let rules = format!("{IGNORE_FILE}\n{name}\n");
    for (path, content) in [(IGNORE_FILE, rules.as_bytes()), (name, dockerfile)] {
        let header = header(EntryType::Regular, 0o644, content.len() as u64, FOLDER_TIME);
        append(archive, header, path.as_bytes(), None, content)?;
    }
    archive.finish()?;
    archive.get_mut().send()
}

/// The file with the ignore rules, whose place in the archive is ours.
pub(super) const IGNORE_FILE: &str = ".dockerignore";

fn append_folder(archive: &mut Builder<ChunkWriter>, path: &[u8]) -> io::Result<()> {
    let header = header(EntryType::Directory, 0o755, 0, FOLDER_TIME);
    append(archive, header, path, None, io::empty())
}

fn append_entry(
    archive: &mut Builder<ChunkWriter>,
    source: &dyn ContextSource,
    index: usize,
    entry: &ContextEntry,
    transfer: &Transfer,
) -> io::Result<()> {
    let seconds = entry.modified_ns.div_euclid(1_000_000_000);
    match &entry.kind {
        ContextKind::Link { target } => {
            let header = header(EntryType::Symlink, 0o777, 0, seconds);
            append(archive, header, &entry.path, Some(target), io::empty())
        }
        // As a listing gives it.
        ContextKind::Folder => append_folder(archive, &entry.path),
        ContextKind::File { executable, size } => {
            let mode = if *executable { 0o755 } else { 0o644 };
            let header = header(EntryType::Regular, mode, *size, seconds);
            let fail = |error: io::Error| {
                transfer.fail(changed(source, index, &error));
                error
            };
            let reader = Measured::new(source.open(index).map_err(fail)?, *size);
            let mut reader = Watched { reader, failed: false, transfer };
            let result = append(archive, header, &entry.path, None, &mut reader);
            // Else the engine is gone, which is no fault of the file.
            if reader.failed { result.map_err(fail) } else { result }
        }
    }
}

/// Tells a failure to read from one to write.
struct Watched<'a, R> {
    reader: R,
    failed: bool,
    transfer: &'a Transfer,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.reader.read(buffer);
        match &result {
            Ok(length) => self.transfer.add(*length),
            Err(error) => self.failed |= error.kind() != io::ErrorKind::Interrupted,
        }
        result
    }
}

fn header(kind: EntryType, mode: u32, size: u64, seconds: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(seconds).unwrap_or(0));
    header
}

/// Appends an entry under a name that may be any bytes, of any length.
fn append(
    archive: &mut Builder<ChunkWriter>,
    mut header: Header,
    path: &[u8],
    target: Option<&[u8]>,
    content: impl Read,
) -> io::Result<()> {
    let mut long = Vec::new();
    let gnu = header.as_gnu_mut().ok_or(io::ErrorKind::InvalidInput)?;
    let names = [("path", Some(path), &mut gnu.name), ("linkpath", target, &mut gnu.linkname)];
    for (key, name, field) in names.into_iter().filter_map(|(key, name, field)| Some((key, name?, field))) {
        match field.get_mut(..name.len()) {
            Some(field) => field.copy_from_slice(name),
            None => long.push((key, name)),
        }
    }
    if !long.is_empty() {
        archive.append_pax_extensions(long)?;
    }
    header.set_cksum();
    archive.append(&header, content)
}

/// Hands out what is written in chunks.
struct ChunkWriter {
    buffer: BytesMut,
    chunks: mpsc::Sender<io::Result<Bytes>>,
}

impl ChunkWriter {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        self.chunks.blocking_send(Ok(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::builder::BuildError;

    struct Files(Vec<ContextEntry>, Vec<Vec<u8>>);

    impl ContextSource for Files {
        fn entries(&self) -> &[ContextEntry] {
            &self.0
        }

        fn open(&self, index: usize) -> io::Result<Box<dyn Read + Send>> {
            Ok(Box::new(Cursor::new(self.1[index].clone())))
        }

        fn admits(&self, _: &[String]) -> Result<(), String> {
            Ok(())
        }
    }

    fn entry(path: &[u8], kind: ContextKind) -> ContextEntry {
        ContextEntry { path: path.to_vec(), kind, modified_ns: 1_700_000_000_900_000_000 }
    }

    async fn packed(files: Files, transfer: &Arc<Transfer>) -> io::Result<Vec<u8>> {
        let listing = Listing::new(Arc::new(files));
        let mut chunks = stream(listing, "df".into(), b"FROM a".to_vec(), Arc::clone(transfer));
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn names_of_any_bytes_and_length_survive() {
        let long = [b"d/", &[0xff; 150][..]].concat();
        let target = [b"./", &[b't'; 150][..]].concat();
        let entries = vec![
            entry(&long, ContextKind::File { executable: true, size: 3 }),
            entry(b"l\xfe", ContextKind::Link { target: target.clone() }),
        ];
        let transfer = Arc::new(Transfer::default());
        let bytes = packed(Files(entries, vec![b"abc".to_vec(), vec![]]), &transfer).await.expect("packs");
        assert_eq!(transfer.bytes(), 3);
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().expect("an archive") {
            let mut entry = entry.expect("an entry");
            let mut content = String::new();
            let link = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
            let mode = entry.header().mode().expect("a mode");
            let time = entry.header().mtime().expect("a time");
            let path = entry.path_bytes().into_owned();
            entry.read_to_string(&mut content).expect("text");
            found.push((path, mode, time, link, content));
        }
        let rules = ".dockerignore\ndf\n".to_owned();
        let folders = 946_684_800;
        assert_eq!(
            found,
            [
                (b"d".to_vec(), 0o755, folders, None, String::new()),
                (long, 0o755, 1_700_000_000, None, "abc".to_owned()),
                (b"l\xfe".to_vec(), 0o777, 1_700_000_000, Some(target), String::new()),
                (b".dockerignore".to_vec(), 0o644, folders, None, rules),
                (b"df".to_vec(), 0o644, folders, None, "FROM a".to_owned()),
            ]
        );
    }

    #[tokio::test]
    async fn a_file_of_another_length_is_an_error() {
        for content in [&b"ab"[..], b"abcd"] {
            let entries = vec![entry(b"f", ContextKind::File { executable: false, size: 3 })];
            let transfer = Arc::new(Transfer::default());
            packed(Files(entries, vec![content.to_vec()]), &transfer).await.expect_err("does not fit");
            assert!(
                matches!(transfer.failure(), Some(BuildError::ContextChanged { path, .. }) if path == "f")
            );
        }
    }

    #[tokio::test]
    async fn an_engine_that_is_gone_is_no_fault_of_a_file() {
        let entries = vec![entry(b"f", ContextKind::File { executable: false, size: 8 << 20 })];
        let transfer = Arc::new(Transfer::default());
        let listing = Listing::new(Arc::new(Files(entries, vec![vec![0; 8 << 20]])));
        let mut chunks = stream(listing, "df".into(), vec![], Arc::clone(&transfer));
        assert!(chunks.recv().await.is_some());
        drop(chunks);
        while Arc::strong_count(&transfer) > 1 {
            tokio::task::yield_now().await;
        }
        assert!(transfer.failure().is_none());
    }
}
