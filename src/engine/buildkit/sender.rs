use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::listing::Listing;
use super::messages::Packet;
use crate::engine::BuildError;

/// Files that are read at once, and so the descriptors that a context needs at most.
const READERS: usize = 4;
/// Bytes of a file that are sent in one packet.
const CHUNK: u64 = 128 << 10;
/// Packets that may wait for the engine.
const WAITING: usize = 16;

/// What one build's file sending has come to, seen from outside.
#[derive(Default)]
pub(super) struct Transfer {
    bytes: AtomicU64,
    failure: OnceLock<BuildError>,
}

impl Transfer {
    /// Bytes of files sent so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Notes why the build cannot succeed; the first reason counts. Gives what the engine is told.
    pub(super) fn fail(&self, error: BuildError) -> Status {
        let status = Status::aborted(error.to_string());
        // A later failure is a consequence of the first.
        let _ = self.failure.set(error);
        status
    }

    /// The reason, if there is one.
    pub(super) fn failure(&self) -> Option<BuildError> {
        self.failure.get().cloned()
    }
}

/// Sends a listing and then the files that the engine asks for, as fsutil does. Reading happens on a few
/// threads for blocking work, which wait while the engine takes no more; so memory stays flat.
pub(super) fn send(
    listing: Listing,
    requests: Streaming<Packet>,
    transfer: Arc<Transfer>,
) -> impl Stream<Item = Result<Packet, Status>> + Send + 'static {
    let (packets, sent) = mpsc::channel(WAITING);
    tokio::spawn(answer(listing.clone(), requests, transfer, packets));
    let stats = (0..listing.len()).map(move |position| Ok(Packet::stat(Some(listing.stat(position)))));
    let stats = futures_util::stream::iter(stats.chain([Ok(Packet::stat(None))]));
    let sent = futures_util::stream::unfold(sent, |mut sent| async move {
        let packet = sent.recv().await?;
        Some((packet, sent))
    });
    // Side by side, because the engine asks while it still reads entries.
    futures_util::stream::select(stats, sent)
}

type Packets = mpsc::Sender<Result<Packet, Status>>;

/// Takes the engine's packets until it has all it wants.
async fn answer(
    listing: Listing,
    mut requests: Streaming<Packet>,
    transfer: Arc<Transfer>,
    packets: Packets,
) {
    // Not bounded: at most one number for each entry, and the engine must never wait for us here, as we wait
    // for it on the other side.
    let (queue, wanted) = std::sync::mpsc::channel::<u32>();
    let wanted = Arc::new(Mutex::new(wanted));
    let mut readers = 0;
    while let Some(Ok(packet)) = requests.next().await {
        match packet.kind {
            Packet::REQUEST => {
                if queue.send(packet.id).is_err() {
                    return;
                }
                if readers < READERS {
                    readers += 1;
                    let reader = Reader {
                        listing: listing.clone(),
                        wanted: Arc::clone(&wanted),
                        transfer: Arc::clone(&transfer),
                        packets: packets.clone(),
                    };
                    tokio::task::spawn_blocking(move || reader.run());
                }
            }
            Packet::FINISH => {
                // An engine that is gone needs no answer.
                let _ = packets.send(Ok(Packet::finish())).await;
                return;
            }
            // `Packet::ERROR` and whatever may come: the build itself will say why.
            _ => return,
        }
    }
}

/// One of the threads that read files.
struct Reader {
    listing: Listing,
    wanted: Arc<Mutex<std::sync::mpsc::Receiver<u32>>>,
    transfer: Arc<Transfer>,
    packets: Packets,
}

/// The engine does not listen any more.
struct Gone;

impl Reader {
    fn run(self) {
        loop {
            let next = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(id) = next else { return };
            let Some((index, size)) = self.listing.file(id) else {
                let _ = self.packets.blocking_send(Err(Status::invalid_argument("no such file")));
                return;
            };
            match self.send_file(id, index, size) {
                Ok(Ok(())) => {}
                Ok(Err(Gone)) => return,
                Err(error) => {
                    let path = &self.listing.source().entries()[index].path;
                    let status = self.transfer.fail(BuildError::ContextChanged {
                        path: String::from_utf8_lossy(path).into_owned(),
                        reason: error.to_string(),
                    });
                    let _ = self.packets.blocking_send(Err(status));
                    return;
                }
            }
        }
    }

    /// The last, empty packet makes the file valid, so it goes out only when the reader has found its bytes to
    /// be those that were planned.
    fn send_file(&self, id: u32, index: usize, size: u64) -> io::Result<Result<(), Gone>> {
        let mut file = self.listing.source().open(index)?;
        let mut left = size;
        loop {
            // One more than there should be, to notice a file that grew and to let the reader see its end.
            let wanted = left.saturating_add(1).min(CHUNK);
            let mut buffer = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
            let length = fill(&mut *file, &mut buffer)?;
            let at_end = length < buffer.len();
            left = left.checked_sub(length as u64).ok_or_else(|| io::Error::other("it became longer"))?;
            if at_end && left > 0 {
                return Err(io::Error::other("it became shorter"));
            }
            buffer.truncate(length);
            self.transfer.bytes.fetch_add(length as u64, Ordering::Relaxed);
            if length > 0 && self.send(Packet::data(id, buffer.into())).is_err() {
                return Ok(Err(Gone));
            }
            if at_end {
                return Ok(self.send(Packet::data(id, Bytes::new())));
            }
        }
    }

    fn send(&self, packet: Packet) -> Result<(), Gone> {
        self.packets.blocking_send(Ok(packet)).map_err(|_| Gone)
    }
}

/// Reads until the buffer is full or the end has come.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
