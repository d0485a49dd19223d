//! Numbers that look random and are the same for the same seed, on every machine and with every version.

/// `SplitMix64`: small, and good enough to choose by.
pub struct Random(u64);

impl Random {
    /// A source for this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).expect("it is below a usize")
    }

    /// A number of this range, both ends included.
    pub fn within(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True so many times out of a hundred.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of them, if there is one.
    pub fn pick_any<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        (!items.is_empty()).then(|| self.pick(items))
    }

    /// Lines of text; `exactly` so many bytes if a length is asked for.
    pub fn text(&mut self, exactly: Option<usize>) -> Vec<u8> {
        if exactly.is_none() && self.percent(5) {
            // What git may convert.
            return b"$Id$\r\nmixed\nends\r\n".to_vec();
        }
        let length = exactly.unwrap_or_else(|| [0, 1, 7, 40, 300][self.below(5)]);
        (0..length)
            .map(|at| if at % 20 == 19 { b'\n' } else { *self.pick(b"abcdefghijklmnopqrstuvwxyz") })
            .collect()
    }
}
