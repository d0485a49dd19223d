/// How an engine builds images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuilderKind {
    /// `BuildKit`, through the engine's `/session` and `/grpc`.
    BuildKit,
    /// The classic builder, `POST /build` with a tar of the whole context.
    Classic,
}
