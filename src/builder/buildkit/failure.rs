use std::error::Error as _;

use bollard_buildkit_proto::google::rpc;
use bollard_buildkit_proto::pb::{Range, SourceInfo};
use prost::Message;
use serde::Deserialize;
use tonic::{Code, Status};

/// What a failed call means.
pub(super) enum Failure {
    Build {
        message: String,
        line: Option<usize>,
    },
    /// There is no engine any more.
    Connection(String),
}

/// Reads a status, and the place in the Dockerfile that `BuildKit` puts into its details.
pub(super) fn read(status: &Status) -> Failure {
    // A status that came over the wire has no source; those of a broken connection do.
    let broken = status.code() == Code::Unavailable || status.source().is_some();
    if broken || is_of_a_lost_session(status.message()) {
        return Failure::Connection(plain(status.message()).to_owned());
    }
    Failure::Build { message: plain(status.message()).to_owned(), line: line(status.details()) }
}

/// Whether the engine says that it has lost the session over which it reads our files. It may notice before we do;
/// the spellings are those of gRPC for Go and of `BuildKit`'s session manager.
fn is_of_a_lost_session(message: &str) -> bool {
    const SPELLINGS: [&str; 4] = [
        "code = Unavailable desc = ",
        "desc = error reading from server",
        "grpc: the client connection is closing",
        "no active session for ",
    ];
    // Nobody but the engine itself gives a build up whose end is still waited for here.
    message.ends_with("context canceled") || SPELLINGS.iter().any(|spelling| message.contains(spelling))
}

/// The message without the layers of calls that it came through.
fn plain(message: &str) -> &str {
    let prefixes = [
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve with frontend gateway.v0: ",
        "failed to solve: ",
        "failed to build LLB: ",
        "rpc error: code = Unknown desc = ",
    ];
    let mut message = message.trim();
    while let Some(rest) = prefixes.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        message = rest;
    }
    message
}

/// `errdefs.Source` of `BuildKit`, in its protobuf form.
#[derive(Clone, PartialEq, prost::Message)]
struct Source {
    #[prost(message, optional, tag = "1")]
    info: Option<SourceInfo>,
    #[prost(message, repeated, tag = "2")]
    ranges: Vec<Range>,
}

/// The same in the JSON form that every release so far sends.
#[derive(Deserialize)]
struct JsonSource {
    #[serde(default)]
    ranges: Vec<JsonRange>,
}

#[derive(Deserialize)]
struct JsonRange {
    #[serde(default)]
    start: JsonPosition,
}

#[derive(Default, Deserialize)]
struct JsonPosition {
    #[serde(default)]
    line: usize,
}

/// The first line of the place that the details of a status point at.
fn line(details: &[u8]) -> Option<usize> {
    let status = rpc::Status::decode(details).ok()?;
    let sources = status.details.iter().filter(|detail| detail.type_url.contains("errdefs.Source"));
    let mut lines = sources.filter_map(|detail| {
        let lines: Vec<usize> = match serde_json::from_slice::<JsonSource>(&detail.value) {
            Ok(source) => source.ranges.iter().map(|range| range.start.line).collect(),
            Err(_) => Source::decode(detail.value.as_slice())
                .ok()?
                .ranges
                .iter()
                .filter_map(|range| usize::try_from(range.start.as_ref()?.line).ok())
                .collect(),
        };
        lines.into_iter().filter(|line| *line > 0).min()
    });
    // The outermost is the instruction; details stand from the inside out.
    lines.next_back()
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::google::protobuf::Any;
    use bollard_buildkit_proto::pb::Position;

    use super::*;

    fn status(type_url: &str, value: Vec<u8>) -> Status {
        let any = Any { type_url: type_url.to_owned(), value };
        let details = rpc::Status { code: 2, message: String::new(), details: vec![any] }.encode_to_vec();
        Status::with_details(Code::Unknown, "failed to solve: it broke", details.into())
    }

    fn line_of(status: &Status) -> Option<usize> {
        match read(status) {
            Failure::Build { line, message } => {
                assert_eq!(message, "it broke");
                line
            }
            Failure::Connection(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn finds_the_line_in_either_form() {
        let json = br#"{"info":{"filename":"Dockerfile"},"ranges":[{"start":{"line":4},"end":{"line":5}},{"start":{"line":3}}]}"#;
        let url = "github.com/moby/buildkit/errdefs.Source+json";
        assert_eq!(line_of(&status(url, json.to_vec())), Some(3));
        let position = Position { line: 7, character: 0 };
        let range = Range { start: Some(position), end: Some(position) };
        let source = Source { info: None, ranges: vec![range] };
        assert_eq!(line_of(&status("moby.buildkit.errdefs.Source", source.encode_to_vec())), Some(7));
        assert_eq!(line_of(&status("something.Else", json.to_vec())), None);
        assert_eq!(line_of(&status(url, b"{".to_vec())), None);
    }

    #[test]
    fn garbage_is_no_line() {
        assert_eq!(line(b"\xff\xff\xff"), None);
        assert_eq!(line(b""), None);
    }

    #[test]
    fn a_broken_connection_is_no_failed_build() {
        assert!(matches!(read(&Status::unavailable("gone")), Failure::Connection(_)));
        assert!(matches!(read(&Status::unknown("process failed")), Failure::Build { .. }));
        for lost in [
            "failed to read dockerfile: rpc error: code = Unavailable desc = transport is closing",
            "failed to read dockerfile: rpc error: code = Canceled desc = grpc: the client connection is closing",
            "failed to solve: failed to read dockerfile: context canceled",
        ] {
            assert!(matches!(read(&Status::unknown(lost)), Failure::Connection(_)), "{lost}");
        }
        let lost = "failed to solve: no active session for t5g1: context deadline exceeded";
        let Failure::Connection(reason) = read(&Status::unknown(lost)) else { panic!("the session is lost") };
        assert_eq!(reason, "no active session for t5g1: context deadline exceeded");
    }
}
