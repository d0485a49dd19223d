//! Which builder an image is built by. Pure: it knows what each can do and how busy it is.

use std::cmp::Reverse;
use std::hash::Hasher;

use crate::image::Platform;

/// A builder, by its place in the list of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BuilderId(pub(crate) usize);

/// What a builder offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offer {
    /// What it is called; the same in every run.
    pub name: String,
    /// Platforms of its own machine; none: it takes whatever comes.
    pub native: Vec<Platform>,
    /// Platforms that it can do some other way.
    pub emulated: Vec<Platform>,
}

/// What is to be built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The image's name, the same in every version: what is cached of it is where it was built before.
    pub name: String,
    pub platform: Option<Platform>,
}

/// Where a wish goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// To the builder that it prefers.
    Home(BuilderId),
    /// To another, since that one is too busy.
    Away(BuilderId),
    /// Those that can do it are busy.
    Later,
    /// None of those that are left can do it.
    Never,
}

/// The builders of a run.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    seats: Vec<Seat>,
    /// How many images each builds at a time.
    jobs: usize,
}

#[derive(Clone, Debug)]
struct Seat {
    offer: Offer,
    running: usize,
    /// Why it is gone.
    lost: Option<String>,
}

impl Spread {
    /// Each of these builds `jobs` images at a time; zero counts as one.
    pub(crate) fn new(offers: Vec<Offer>, jobs: usize) -> Self {
        let seat = |offer| Seat { offer, running: 0, lost: None };
        Self { seats: offers.into_iter().map(seat).collect(), jobs: jobs.max(1) }
    }

    /// A single builder that takes everything.
    pub(crate) fn one(jobs: usize) -> Self {
        Self::new(vec![Offer::default()], jobs)
    }

    /// Whether any builder that is left has room.
    pub(crate) fn has_room(&self) -> bool {
        self.alive().any(|(_, seat)| seat.running < self.jobs)
    }

    /// The builders that can do it, in the order in which the image prefers them.
    ///
    /// Those come into question that are of its platform; only where there are none, those that have it otherwise. The
    /// order does not change when others come or go (rendezvous hashing), so that an image finds its cache again.
    pub(crate) fn preferences(&self, wish: &Wish) -> Vec<BuilderId> {
        let mut able: Vec<(u64, BuilderId)> = self.able(wish).collect();
        able.sort_by_key(|(weight, id)| (Reverse(*weight), *id));
        able.into_iter().map(|(_, id)| id).collect()
    }

    /// The one that it prefers, if that has half of its places free or is not a quarter busier than all of them are on
    /// average: caches save more than company costs. Else the first of the others that is not so much busier.
    pub(crate) fn choose(&self, preferences: &[BuilderId]) -> Choice {
        let Some((home, others)) = preferences.split_first() else { return Choice::Never };
        let running = |id: &BuilderId| self.seats[id.0].running;
        let all: usize = preferences.iter().map(running).sum();
        let fair = (5 * (all + 1)).div_ceil(4 * preferences.len()).min(self.jobs);
        if running(home) < fair.max(self.jobs.div_ceil(2)) {
            return Choice::Home(*home);
        }
        let free = others.iter().find(|id| running(id) < fair);
        free.map_or(Choice::Later, |id| Choice::Away(*id))
    }

    /// Whether a builder has all the jobs that it takes.
    pub(crate) fn is_full(&self, id: BuilderId) -> bool {
        self.seats[id.0].running >= self.jobs
    }

    pub(crate) fn begins(&mut self, id: BuilderId) {
        self.seats[id.0].running += 1;
    }

    pub(crate) fn ends(&mut self, id: BuilderId) {
        self.seats[id.0].running -= 1;
    }

    /// It gets nothing any more. Tells whether that is news.
    pub(crate) fn lose(&mut self, id: BuilderId, reason: &str) -> bool {
        let lost = &mut self.seats[id.0].lost;
        let is_news = lost.is_none();
        lost.get_or_insert_with(|| reason.to_owned());
        is_news
    }

    pub(crate) fn name(&self, id: BuilderId) -> &str {
        &self.seats[id.0].offer.name
    }

    /// The builders that are gone, and why.
    pub(crate) fn losses(&self) -> impl Iterator<Item = (&str, &str)> {
        self.seats.iter().filter_map(|seat| Some((seat.offer.name.as_str(), seat.lost.as_deref()?)))
    }

    /// Whether no builder is left at all.
    pub(crate) fn is_deserted(&self) -> bool {
        self.alive().next().is_none()
    }

    fn alive(&self) -> impl Iterator<Item = (BuilderId, &Seat)> {
        let seats = self.seats.iter().enumerate();
        seats.filter(|(_, seat)| seat.lost.is_none()).map(|(at, seat)| (BuilderId(at), seat))
    }

    fn able<'a>(&'a self, wish: &'a Wish) -> impl Iterator<Item = (u64, BuilderId)> {
        let has = |platforms: &[Platform]| match &wish.platform {
            Some(wanted) => platforms.iter().any(|platform| platform.satisfies(wanted)),
            None => true,
        };
        let is_native = move |seat: &Seat| seat.offer.native.is_empty() || has(&seat.offer.native);
        let some_native = self.alive().any(|(_, seat)| is_native(seat));
        self.alive()
            .filter(move |(_, seat)| if some_native { is_native(seat) } else { has(&seat.offer.emulated) })
            .map(|(id, seat)| (weight(wish, &seat.offer), id))
    }
}

/// How much an image is drawn to a builder. The same everywhere and for ever: images would move for nothing else.
fn weight(wish: &Wish, offer: &Offer) -> u64 {
    let platform = wish.platform.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    for part in [&wish.name, &platform, &offer.name] {
        hash.write(part.as_bytes());
        hash.write(&[0]);
    }
    hash.finish()
}

/// FNV-1a, with an end that spreads what differs in the last bytes only, as names of builders do (the finaliser of
/// `MurmurHash3`).
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        let mut mixed = self.0;
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
            mixed = (mixed ^ (mixed >> 33)).wrapping_mul(factor);
        }
        mixed ^ (mixed >> 33)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn platforms(texts: &[&str]) -> Vec<Platform> {
        texts.iter().map(|text| text.parse().expect("a platform")).collect()
    }

    fn offer(name: &str, native: &[&str], emulated: &[&str]) -> Offer {
        Offer { name: name.to_owned(), native: platforms(native), emulated: platforms(emulated) }
    }

    fn wish(name: &str, platform: &str) -> Wish {
        Wish { name: name.to_owned(), platform: platform.parse().ok() }
    }

    fn alike(count: usize) -> Vec<Offer> {
        (0..count).map(|at| offer(&format!("tcp://10.0.0.{at}:1234"), &["linux/amd64"], &[])).collect()
    }

    fn chosen(spread: &Spread, wish: &Wish) -> Result<BuilderId, Choice> {
        match spread.choose(&spread.preferences(wish)) {
            Choice::Home(id) | Choice::Away(id) => Ok(id),
            other => Err(other),
        }
    }

    /// Whom an idle set of builders gives each of so many images.
    fn homes(offers: Vec<Offer>, images: usize) -> Vec<String> {
        let spread = Spread::new(offers, 4);
        let home = |at: usize| {
            let preferences = spread.preferences(&wish(&format!("acme/image-{at}"), "linux/amd64"));
            match spread.choose(&preferences) {
                Choice::Home(id) => spread.name(id).to_owned(),
                other => panic!("{other:?}"),
            }
        };
        (0..images).map(home).collect()
    }

    #[test]
    fn an_image_finds_its_builder_again() {
        let all = homes(alike(8), 1000);
        let mut backwards = alike(8);
        backwards.reverse();
        assert_eq!(homes(backwards, 1000), all, "whatever order they are named in");
        for builder in alike(8) {
            let share = all.iter().filter(|home| **home == builder.name).count();
            assert!((85..=165).contains(&share), "{}: {share} of 1000", builder.name);
        }
        let without = homes(alike(7), 1000);
        let moved = all.iter().zip(&without).filter(|(before, after)| before != after).count();
        let orphans = all.iter().filter(|home| home.ends_with(".7:1234")).count();
        assert_eq!(moved, orphans, "only those move whose builder is gone");
    }

    #[test]
    fn a_busy_builder_gives_to_the_next() {
        let mut spread = Spread::new(alike(4), 8);
        let same = wish("acme/api", "linux/amd64");
        let mut taken = [0; 4];
        for _ in 0..32 {
            let id = chosen(&spread, &same).expect("there is room");
            spread.begins(id);
            taken[id.0] += 1;
            let (most, all): (usize, usize) = (*taken.iter().max().expect("four"), taken.iter().sum());
            assert!(most <= 4 || most * 16 <= all * 5 + 16, "{taken:?}");
        }
        assert_eq!(chosen(&spread, &same), Err(Choice::Later));
        assert!(!spread.has_room());
        spread.ends(BuilderId(2));
        assert_eq!(chosen(&spread, &same), Ok(BuilderId(2)));
    }

    #[test]
    fn platforms_go_where_they_are_at_home() {
        let offers = vec![
            offer("amd", &["linux/amd64", "linux/amd64/v2"], &["linux/arm64", "linux/s390x"]),
            offer("arm", &["linux/arm64"], &["linux/arm/v7"]),
        ];
        let mut spread = Spread::new(offers, 1);
        let choose = |spread: &Spread, platform: &str| chosen(spread, &wish("acme/api", platform));
        assert_eq!(choose(&spread, "linux/amd64"), Ok(BuilderId(0)));
        assert_eq!(choose(&spread, "linux/arm64"), Ok(BuilderId(1)));
        assert_eq!(choose(&spread, "linux/s390x"), Ok(BuilderId(0)));
        assert_eq!(choose(&spread, "windows/amd64"), Err(Choice::Never));
        spread.begins(BuilderId(1));
        assert_eq!(choose(&spread, "linux/arm64"), Err(Choice::Later), "it waits for its own machine");
        spread.ends(BuilderId(1));
        assert!(spread.lose(BuilderId(1), "gone"));
        assert!(!spread.lose(BuilderId(1), "gone again"));
        assert_eq!(choose(&spread, "linux/arm64"), Ok(BuilderId(0)), "an emulator is better than none");
        assert_eq!(spread.losses().collect::<Vec<_>>(), [("arm", "gone")]);
        spread.lose(BuilderId(0), "gone, too");
        assert_eq!(choose(&spread, "linux/amd64"), Err(Choice::Never));
        assert!(spread.is_deserted() && !spread.has_room());
    }

    #[test]
    fn an_engine_takes_everything() {
        let spread = Spread::one(0);
        assert_eq!(chosen(&spread, &wish("a", "windows/arm64")), Ok(BuilderId(0)));
        assert_eq!(chosen(&spread, &Wish::default()), Ok(BuilderId(0)));
    }

    proptest! {
        /// Whoever waits does so for a reason, and nobody has more than his jobs.
        #[test]
        fn nobody_waits_while_there_is_room(
            builders in 1usize..9, jobs in 1usize..5, steps in prop::collection::vec((any::<bool>(), 0usize..40), 1..200),
        ) {
            let mut spread = Spread::new(alike(builders), jobs);
            let mut running: Vec<BuilderId> = Vec::new();
            for (begins, at) in steps {
                if begins {
                    match chosen(&spread, &wish(&format!("i{at}"), "linux/amd64")) {
                        Ok(id) => {
                            spread.begins(id);
                            running.push(id);
                        }
                        Err(Choice::Later) => prop_assert_eq!(running.len(), builders * jobs),
                        Err(_) => prop_assert!(false, "all can do it"),
                    }
                } else if !running.is_empty() {
                    spread.ends(running.swap_remove(at % running.len()));
                }
                for seat in &spread.seats {
                    prop_assert!(seat.running <= jobs);
                }
            }
        }
    }
}
