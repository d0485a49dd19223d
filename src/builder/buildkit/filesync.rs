use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::messages::Packet;
use super::sender::send;
use crate::builder::BuildError;
use crate::builder::listing::Listing;
use crate::builder::transfer::Transfer;

/// The service `moby.filesync.v1.FileSync` over planned files. By hand, because the generated one is tied to
/// messages with UTF-8 names.
#[derive(Clone)]
pub(super) struct FileSync(Arc<Folders>);

struct Folders {
    /// What is offered, by the names that the Dockerfile frontend knows: `context`, `dockerfile`, and those of
    /// [`folder_name`].
    listings: HashMap<String, Listing>,
    transfer: Arc<Transfer>,
}

/// The folder of the build context.
pub(super) const CONTEXT: &str = "context";
pub(super) const DOCKERFILE: &str = "dockerfile";

/// The folder of a build context with a name. Two names are taken.
pub(super) fn folder_name(context: &str) -> String {
    match context {
        CONTEXT | DOCKERFILE => format!("_{context}"),
        _ => context.to_owned(),
    }
}

impl FileSync {
    pub(super) const METHOD: &'static str = "/moby.filesync.v1.FileSync/DiffCopy";

    pub(super) fn new(listings: HashMap<String, Listing>, transfer: Arc<Transfer>) -> Self {
        Self(Arc::new(Folders { listings, transfer }))
    }
}

impl Folders {
    /// The listing that answers a request, if all that it asks for was planned.
    fn offer(&self, metadata: &MetadataMap) -> Result<Listing, Status> {
        let name = values(metadata, "dir-name").into_iter().next().unwrap_or_default();
        let listing = self.listings.get(&name);
        let listing = listing.ok_or_else(|| Status::not_found(format!("no folder `{name}` is offered")))?;
        if name == DOCKERFILE {
            return Ok(listing.clone());
        }
        let requested = requested(metadata);
        // A frontend that looks for ignore rules: they have been applied already. Where the file is an input as well, it
        // says nothing new.
        if requested == [IGNORE_FILE] {
            return Ok(if name == CONTEXT {
                Listing::empty(Arc::clone(listing.source()))
            } else {
                listing.only(IGNORE_FILE.as_bytes())
            });
        }
        listing.source().admits(&requested).map_err(|what| {
            let error = BuildError::ContextExceeded(what);
            let status = Status::aborted(error.to_string());
            self.transfer.fail(error);
            status
        })?;
        Ok(listing.clone())
    }
}

const IGNORE_FILE: &str = ".dockerignore";

/// The paths and patterns that a request names, cleaned; none for the whole folder.
fn requested(metadata: &MetadataMap) -> Vec<String> {
    let mut requested = values(metadata, "followpaths");
    requested.extend(values(metadata, "include-patterns"));
    let clean = |path: &String| path.trim_start_matches("./").trim_matches('/').to_owned();
    let requested: Vec<String> = requested.iter().map(clean).collect();
    if requested.iter().any(|path| path.is_empty() || path == ".") { Vec::new() } else { requested }
}

/// All values of a key. `BuildKit` escapes those that are not ASCII as in a URL's query, and says so.
fn values(metadata: &MetadataMap, key: &str) -> Vec<String> {
    let encoded = metadata.get(format!("{key}-encoded")).is_some_and(|value| value.as_bytes() == b"1");
    let values = metadata.get_all(key).iter().map(tonic::metadata::MetadataValue::as_bytes);
    values
        .map(|value| {
            String::from_utf8_lossy(&if encoded { unescape(value) } else { value.to_vec() }).into_owned()
        })
        .collect()
}

/// Undoes Go's `url.QueryEscape`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        let (byte, used) = match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => (u8::try_from(high * 16 + low).unwrap_or_default(), 2),
            (b'+', ..) => (b' ', 0),
            _ => (byte, 0),
        };
        plain.push(byte);
        rest = &after[used..];
    }
    plain
}

type PacketStream = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;
type Answer<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// The method `DiffCopy`.
struct DiffCopy(Arc<Folders>);

impl StreamingService<Packet> for DiffCopy {
    type Response = Packet;
    type ResponseStream = PacketStream;
    type Future = Answer<Response<PacketStream>, Status>;

    fn call(&mut self, request: Request<Streaming<Packet>>) -> Self::Future {
        let folders = Arc::clone(&self.0);
        Box::pin(async move {
            let listing = folders.offer(request.metadata())?;
            let packets = send(listing, request.into_inner(), Arc::clone(&folders.transfer));
            Ok(Response::new(Box::pin(packets) as PacketStream))
        })
    }
}

impl NamedService for FileSync {
    const NAME: &'static str = "moby.filesync.v1.FileSync";
}

impl<B> tower::Service<hyper::Request<B>> for FileSync
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tonic::codegen::StdError> + Send + 'static,
{
    type Response = hyper::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Answer<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: hyper::Request<B>) -> Self::Future {
        if request.uri().path() != Self::METHOD {
            return Box::pin(async { Ok(Status::unimplemented("only DiffCopy is").into_http()) });
        }
        let method = DiffCopy(Arc::clone(&self.0));
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Packet, Packet>::default());
            Ok(grpc.streaming(method, request).await)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&'static str, &str)]) -> MetadataMap {
        let mut map = MetadataMap::new();
        for (key, value) in pairs {
            map.append(*key, value.parse().expect("ASCII"));
        }
        map
    }

    #[test]
    fn requests_are_cleaned_and_unescaped() {
        let some =
            metadata(&[("followpaths", "/src/"), ("followpaths", "./a+b"), ("include-patterns", "*.go")]);
        assert_eq!(requested(&some), ["src", "a+b", "*.go"]);
        let escaped = metadata(&[("followpaths", "caf%C3%A9+1%2B"), ("followpaths-encoded", "1")]);
        assert_eq!(requested(&escaped), ["café 1+"]);
        assert_eq!(requested(&metadata(&[("followpaths", "a"), ("followpaths", "/")])), Vec::<String>::new());
        assert_eq!(requested(&metadata(&[])), Vec::<String>::new());
    }

    #[test]
    fn unescaping_takes_anything() {
        assert_eq!(unescape(b"%"), b"%");
        assert_eq!(unescape(b"%4"), b"%4");
        assert_eq!(unescape(b"%zz%41"), b"%zzA");
    }
}
