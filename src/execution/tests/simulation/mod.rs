//! The scheduler on paper: made-up images, made-up builders, a clock that costs nothing. What comes out is in
//! docs/scaling.md, with its pictures. Seeded and in whole numbers, so that every machine draws the same.

mod chart;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::PathBuf;

use self::chart::{Chart, Line};
use crate::execution::scheduler::{Lane, Limits, Scheduler, Task};
use crate::execution::spread::{BuilderId, Offer, Spread, Wish};

const IMAGES: usize = 1_000;
const JOBS: usize = 4;
const BUILDERS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// By how much a build is quicker where the image was built before.
const WARM: u64 = 10;

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        for (shift, factor) in [(30, 0xbf58_476d_1ce4_e5b9_u64), (27, 0x94d0_49bb_1331_11eb)] {
            mixed = (mixed ^ (mixed >> shift)).wrapping_mul(factor);
        }
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What is built: dependencies, and seconds without any cache.
struct Checkout {
    images: Vec<(Vec<usize>, u64)>,
}

impl Checkout {
    /// A few images that many are built on, chains behind them, and leaves; a few builds take long.
    fn of(seed: u64) -> Self {
        let mut random = Random(seed);
        let image = |at: usize| {
            let dependencies = match at {
                0..10 => Vec::new(),
                10..100 => vec![below(&mut random, 10)],
                _ => {
                    let mut dependencies = vec![below(&mut random, at)];
                    if random.below(5) == 0 {
                        dependencies.push(below(&mut random, at));
                    }
                    dependencies
                }
            };
            let part = random.below(100);
            (dependencies, 10 + part * part * part / 2_500)
        };
        Self { images: (0..IMAGES).map(image).collect() }
    }

    fn wish(at: usize) -> Wish {
        Wish { name: format!("acme/image-{at}"), platform: None }
    }

    fn tasks(&self, wanted: &[usize]) -> Vec<Task> {
        let place = |image: &usize| wanted.binary_search(image).ok();
        let task = |at: &usize| Task {
            dependencies: self.images[*at].0.iter().filter_map(place).collect(),
            lane: Some(Lane::Build),
            wish: Self::wish(*at),
        };
        wanted.iter().map(task).collect()
    }

    /// The seconds of the longest chain, if each image takes so long.
    fn longest_chain(&self, takes: &[u64]) -> u64 {
        let mut ends: Vec<u64> = Vec::new();
        for ((dependencies, _), took) in self.images.iter().zip(takes) {
            let begins = dependencies.iter().map(|dependency| ends[*dependency]).max().unwrap_or(0);
            ends.push(begins + took);
        }
        ends.into_iter().max().unwrap_or(0)
    }

    /// Builds these images, all of whose other dependencies are there. `caches` are the builders that have built an image
    /// before.
    fn run(&self, wanted: &[usize], builders: &[String], caches: &Caches) -> Run {
        let offer = |name: &String| Offer { name: name.clone(), ..Offer::default() };
        let spread = Spread::new(builders.iter().map(offer).collect(), JOBS);
        let limits = Limits { pulls: 1, tags: 1 };
        let mut scheduler = Scheduler::new(&self.tasks(wanted), limits, spread, false);
        let mut run = Run { takes: vec![0; IMAGES], caches: caches.clone(), ..Run::default() };
        let mut running = BinaryHeap::new();
        loop {
            while let Some(task) = scheduler.next() {
                let BuilderId(builder) = scheduler.builder_of(task).expect("there are builders");
                let (at, builder) = (wanted[task], &builders[builder]);
                let is_warm = caches.get(&at).is_some_and(|have| have.contains(builder));
                let took = if is_warm { self.images[at].1.div_ceil(WARM) } else { self.images[at].1 };
                run.takes[at] = took;
                run.warm += usize::from(is_warm);
                run.caches.entry(at).or_default().insert(builder.clone());
                running.push(Reverse((run.makespan + took, task)));
            }
            let Some(Reverse((then, task))) = running.pop() else { return run };
            run.makespan = then;
            scheduler.finished(task, true);
        }
    }

    fn cold(&self, count: usize) -> Run {
        self.run(&all(), &builders(count), &Caches::new())
    }
}

fn all() -> Vec<usize> {
    (0..IMAGES).collect()
}

fn below(random: &mut Random, limit: usize) -> usize {
    usize::try_from(random.below(limit as u64)).expect("smaller than what was asked for")
}

/// The builders that have built an image.
type Caches = BTreeMap<usize, BTreeSet<String>>;

#[derive(Default)]
struct Run {
    /// Seconds.
    makespan: u64,
    /// Seconds of each image.
    takes: Vec<u64>,
    caches: Caches,
    /// Images that were built where their cache is.
    warm: usize,
}

fn builders(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("tcp://builder-{at}:1234")).collect()
}

/// What one number of builders comes to.
struct Row {
    builders: usize,
    /// Everything, without any cache.
    cold: u64,
    /// No run can be shorter: the longest chain, or everybody's share of the work.
    best: u64,
    /// Of a hundred images those that found their cache: everything again, a change of a twentieth; that with one builder
    /// more, and with one less.
    again: usize,
    change: usize,
    one_more: usize,
    one_less: usize,
}

fn row(checkout: &Checkout, count: usize) -> Row {
    let cold = checkout.cold(count);
    let chain = checkout.longest_chain(&cold.takes);
    let share = cold.takes.iter().sum::<u64>().div_ceil((count * JOBS) as u64);
    let again = checkout.run(&all(), &builders(count), &cold.caches);
    let mut random = Random(11);
    let changed: BTreeSet<usize> = (0..IMAGES / 20).map(|_| below(&mut random, IMAGES)).collect();
    let changed: Vec<usize> = changed.into_iter().collect();
    let hits =
        |count: usize| 100 * checkout.run(&changed, &builders(count), &again.caches).warm / changed.len();
    Row {
        builders: count,
        cold: cold.makespan,
        best: chain.max(share),
        again: 100 * again.warm / IMAGES,
        change: hits(count),
        one_more: hits(count + 1),
        one_less: hits(count.saturating_sub(1).max(1)),
    }
}

#[test]
fn no_builder_idles_while_an_image_could_be_built() {
    for seed in 0..20 {
        let checkout = Checkout::of(seed);
        for count in BUILDERS {
            let run = checkout.cold(count);
            let chain = checkout.longest_chain(&run.takes);
            let work: u64 = run.takes.iter().sum();
            let places = (count * JOBS) as u64;
            let case = format!("seed {seed}, {count} builders: {}", run.makespan);
            assert!(run.makespan >= chain.max(work.div_ceil(places)), "{case}: faster than can be");
            // Graham's bound, which holds where nobody idles while somebody waits.
            assert!(run.makespan <= chain + work.div_ceil(places), "{case}: {chain} + {work} / {places}");
        }
    }
}

#[test]
fn images_find_their_caches_again() {
    for seed in 0..5 {
        let checkout = Checkout::of(seed);
        for count in BUILDERS {
            let row = row(&checkout, count);
            let case = format!(
                "seed {seed}, {count} builders: {} again, {} changed, {} one more, {} one less",
                row.again, row.change, row.one_more, row.one_less
            );
            // The more places there are for a thousand images, the more of them go wherever there is room.
            let (again, change) = match count {
                ..=8 => (85, 78),
                16 => (70, 78),
                _ => (35, 50),
            };
            assert!(row.again >= again && row.change >= change, "{case}");
            let moved = 100 / count + 20;
            assert!(row.one_more + moved >= row.change && row.one_less + moved >= row.change, "{case}");
        }
    }
}

/// The pictures of docs/scaling.md. Others are put where temporary files are, to look at and to copy.
#[test]
fn the_pictures_are_those_of_the_document() {
    let checkout = Checkout::of(7);
    let rows: Vec<Row> = BUILDERS.into_iter().map(|count| row(&checkout, count)).collect();
    let line = |name: &'static str, of: fn(&Row) -> u64| Line {
        name,
        points: rows.iter().map(|row| (row.builders, of(row))).collect(),
    };
    let makespan = Chart {
        title: "1,000 images: minutes until all are built",
        lines: vec![
            line("as scheduled", |row| row.cold / 60),
            line("no run can be shorter", |row| row.best / 60),
        ],
    };
    let hits = Chart {
        title: "images of a hundred that are built where their cache is",
        lines: vec![
            line("everything again", |row| row.again as u64),
            line("a change of 50 images", |row| row.change as u64),
            line("the same, one builder more", |row| row.one_more as u64),
            line("the same, one builder less", |row| row.one_less as u64),
        ],
    };
    for (name, chart) in [("scaling-makespan.svg", makespan), ("scaling-caches.svg", hits)] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        let drawn = chart.svg();
        if std::fs::read_to_string(&path).is_ok_and(|known| known == drawn) {
            continue;
        }
        let new = std::env::temp_dir().join(name);
        std::fs::write(&new, &drawn).expect("the picture is written");
        panic!("{} is not {}", path.display(), new.display());
    }
}
