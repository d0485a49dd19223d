/// A set of questions, or of their parts, one bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) struct QuerySet(Vec<u64>);

impl QuerySet {
    pub(in crate::git) fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    pub(in crate::git) fn insert(&mut self, query: usize) {
        self.0[query / 64] |= 1 << (query % 64);
    }

    pub(in crate::git) fn take(&mut self, query: usize) {
        self.0[query / 64] &= !(1 << (query % 64));
    }

    pub(in crate::git) fn contains(&self, query: usize) -> bool {
        self.0[query / 64] & (1 << (query % 64)) != 0
    }

    pub(in crate::git) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(in crate::git) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    pub(in crate::git) fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= !other);
    }

    pub(in crate::git) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    pub(in crate::git) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_queries() {
        let mut set = QuerySet::new(130);
        for query in [0, 63, 64, 129] {
            set.insert(query);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        let mut other = QuerySet::new(130);
        other.insert(64);
        assert!(set.meets(&other));
        set.remove(&other);
        set.take(0);
        assert_eq!(set.iter().collect::<Vec<_>>(), [63, 129]);
        assert!(!set.meets(&other) && !set.is_empty());
    }
}
