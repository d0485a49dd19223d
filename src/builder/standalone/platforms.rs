use crate::image::Platform;

/// What a builder builds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuilderPlatforms {
    own: Platform,
    others: Vec<Platform>,
}

impl BuilderPlatforms {
    /// Of what a worker lists, which is its machine's own first. `None`: it lists nothing.
    pub(crate) fn of(listed: Vec<Platform>) -> Option<Self> {
        let mut listed = listed.into_iter();
        Some(Self { own: listed.next()?, others: listed.collect() })
    }

    /// What its machine is.
    pub(crate) fn own(&self) -> &Platform {
        &self.own
    }

    /// Whether its machine runs it itself: its own platform and the variants of that.
    pub(crate) fn is_native(&self, wanted: &Platform) -> bool {
        let is_of_machine = |it: &Platform| it.os == self.own.os && it.architecture == self.own.architecture;
        self.own.satisfies(wanted) || self.others.iter().any(|it| is_of_machine(it) && it.satisfies(wanted))
    }

    /// Whether it can run it in some way: nothing tells an emulator from a machine that knows several architectures.
    pub(crate) fn has(&self, wanted: &Platform) -> bool {
        self.is_native(wanted) || self.others.iter().any(|it| it.satisfies(wanted))
    }

    /// All of them, the machine's own first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Platform> {
        std::iter::once(&self.own).chain(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_its_variants_are_native() {
        let platform = |text: &str| text.parse::<Platform>().expect(text);
        let listed = ["linux/amd64", "linux/amd64/v2", "linux/arm64", "linux/386"].map(platform);
        let platforms = BuilderPlatforms::of(listed.into()).expect("some");
        for native in ["linux/amd64", "linux/amd64/v2"] {
            assert!(platforms.is_native(&platform(native)), "{native}");
        }
        for emulated in ["linux/arm64", "linux/386"] {
            assert!(
                !platforms.is_native(&platform(emulated)) && platforms.has(&platform(emulated)),
                "{emulated}"
            );
        }
        assert!(!platforms.has(&platform("linux/s390x")));
        assert!(!platforms.has(&platform("windows/amd64")));
        assert_eq!(BuilderPlatforms::of(vec![]), None);
    }
}
