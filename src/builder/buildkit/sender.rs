use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::messages::Packet;
use crate::builder::listing::Listing;
use crate::builder::transfer::{Measured, Transfer, changed};

/// Files that are read at once, and so the descriptors that a context needs at most.
const READERS: usize = 4;
/// Bytes of a file that are sent in one packet.
const CHUNK: u64 = 128 << 10;
/// Packets that may wait for the engine.
const WAITING: usize = 16;

/// Sends a listing and then the files that the engine asks for, as fsutil does. Reading happens on a few
/// threads for blocking work, which wait while the engine takes no more; so memory stays flat.
pub(super) fn send(
    listing: Listing,
    requests: Streaming<Packet>,
    transfer: Arc<Transfer>,
) -> impl Stream<Item = Result<Packet, Status>> + Send + 'static {
    let (packets, sent) = mpsc::channel(WAITING);
    tokio::spawn(answer(listing.clone(), requests, transfer, packets));
    let stats = (0..listing.len()).map(move |position| Ok(Packet::stat(Some(listing.at(position).into()))));
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
                    let error = changed(&**self.listing.source(), index, &error);
                    let status = Status::aborted(error.to_string());
                    // Noted first, as the build fails the moment that the engine hears of it.
                    self.transfer.fail(error);
                    let _ = self.packets.blocking_send(Err(status));
                    return;
                }
            }
        }
    }

    /// The last, empty packet makes the file valid, so it goes out only when the reader has found its bytes to
    /// be those that were planned.
    fn send_file(&self, id: u32, index: usize, size: u64) -> io::Result<Result<(), Gone>> {
        let mut file = Measured::new(self.listing.source().open(index)?, size);
        let mut left = size;
        loop {
            // One more than there should be, to come to the end.
            let wanted = left.saturating_add(1).min(CHUNK);
            let mut buffer = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
            let length = file.fill(&mut buffer)?;
            let at_end = length < buffer.len();
            left -= length as u64;
            buffer.truncate(length);
            self.transfer.add(length);
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
