//! In what the builders that may read a Dockerfile differ about ARG and ENV.
//!
//! The engine's own frontend is as old as the engine, `# syntax=` brings another one, and the classic builder
//! has rules of its own. Which of them reads a file is not known when it is planned, and a key must not
//! depend on it: so what any of them would read is an input.

/// A way to read ARG and ENV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The newest `BuildKit`: the reference for all else in this module.
    Newest,
    /// `BuildKit` from 0.14 on, before globals became a list without gaps.
    Between,
    /// `BuildKit` up to 0.13, as in Docker Engine 20.10 to 26.1.
    Old,
    /// The builder without `BuildKit`.
    Classic,
}

impl Dialect {
    /// All of them, the reference first.
    pub(super) const ALL: [Self; 4] = [Self::Newest, Self::Between, Self::Old, Self::Classic];

    /// Whether the defaults of one ARG in a stage see the variables of before it: `ARG A=a B=$A` leaves B
    /// empty.
    pub(super) fn reads_lines_at_once(self) -> bool {
        matches!(self, Self::Old | Self::Classic)
    }

    /// The same for an ARG in front of the first FROM.
    pub(super) fn reads_global_lines_at_once(self) -> bool {
        self == Self::Classic
    }

    /// Whether an ARG without a value in front of the first FROM takes away the value that the name had.
    pub(super) fn forgets(self) -> bool {
        self != Self::Newest
    }

    /// Whether it sets a predefined argument of this name. (The classic builder sets none: where a file
    /// declares one, it is refused there.)
    pub(super) fn predefines(self, name: &str) -> bool {
        self == Self::Newest || !(name == "TARGETSTAGE" || name.ends_with("OSVERSION"))
    }
}
