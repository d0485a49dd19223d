//! The last commit that touched some paths, for many sets of paths in one walk.
//!
//! Git's default simplification (`try_to_simplify_commit` in git's revision.c) makes this simple: from
//! a commit that has the same paths as one of its parents, history goes on with the first such parent alone;
//! a commit that differs from all its parents is an answer. So each query stands at exactly one commit at
//! a time, and all that stand at the same one share the comparison of its trees.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::rc::Rc;

use bstr::ByteSlice;
use git2::{ObjectType, Odb, Oid, Repository};

use crate::git::commit::collector::{DEEPEST, MOST};
use crate::git::commit::commit_object::Commit;
use crate::git::commit::tree_object::{TreeEntries, TreeEntry};
use crate::git::history::automaton::Automaton;
use crate::git::history::query_set::QuerySet;
use crate::git::history::questions::Questions;
use crate::git::history::revision_cache::RevisionCache;
use crate::git::repository::object;
use crate::git::work_tree::index;
use crate::git::{CheckoutError, CommitId};

/// Trees are kept for the next commit's comparison until they take this much.
const TREES_KEPT: usize = 64 << 20;

/// The tree without entries, which a first commit can have like any other.
const EMPTY_TREE: [u8; 20] = [
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb,
    0xee, 0x49, 0x04,
];

pub(in crate::git) fn revisions(
    repository: &Repository,
    shallow: &[u8],
    mut cache: RevisionCache,
    from: CommitId,
    queries: &Questions,
) -> Result<Vec<Option<CommitId>>, CheckoutError> {
    let answers = Walk::new(repository, shallow, &cache, queries)?.run(from)?;
    cache.store(from, &answers);
    Ok(answers)
}

struct Walk<'a> {
    odb: Odb<'a>,
    cache: &'a RevisionCache,
    queries: usize,
    automaton: Automaton,
    /// Commits whose parents a shallow clone does not have: they count as the first ones.
    boundary: HashSet<Oid>,
    commits: HashMap<Oid, Rc<Commit>>,
    trees: HashMap<Oid, Rc<[u8]>>,
    trees_size: usize,
}

/// Two trees of the same folder.
struct Folders {
    old: Option<Oid>,
    new: Option<Oid>,
    states: Vec<usize>,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn new(
        repository: &'a Repository,
        shallow: &[u8],
        cache: &'a RevisionCache,
        queries: &Questions,
    ) -> Result<Self, CheckoutError> {
        let odb = repository.odb().map_err(|error| CheckoutError::git("read history", &error))?;
        let boundary = shallow.lines().filter_map(|line| Oid::from_str(line.to_str().ok()?.trim()).ok());
        Ok(Self {
            odb,
            cache,
            queries: queries.len(),
            automaton: Automaton::new(queries),
            boundary: boundary.collect(),
            commits: HashMap::new(),
            trees: HashMap::new(),
            trees_size: 0,
        })
    }

    fn run(mut self, from: CommitId) -> Result<Vec<Option<CommitId>>, CheckoutError> {
        let mut answers = vec![None; self.queries];
        // Which queries stand at a commit, and the commits by time. Younger ones come first, so that all
        // the ways to a commit have been walked when its turn comes; a wrong clock costs only time.
        let mut standing: HashMap<Oid, QuerySet> = HashMap::new();
        let mut next: BinaryHeap<(i64, Oid)> = BinaryHeap::new();
        let mut all = QuerySet::new(self.queries);
        (0..self.queries).for_each(|query| all.insert(query));
        let start = from.oid();
        next.push((self.commit(start)?.time, start));
        standing.insert(start, all);
        while let Some((_, at)) = next.pop() {
            let Some(mut here) = standing.remove(&at) else { continue };
            self.answer_from_cache(at, &mut here, &mut answers);
            if here.is_empty() {
                continue;
            }
            let commit = self.commit(at)?;
            if commit.parents.is_empty() {
                let mut same = here.clone();
                if commit.tree.as_bytes() != EMPTY_TREE {
                    self.compare(None, Some(commit.tree), &mut same)?;
                }
                here.remove(&same);
            }
            for parent in &commit.parents {
                let facts = self.commit(*parent)?;
                let mut same = here.clone();
                if facts.tree != commit.tree {
                    self.compare(Some(facts.tree), Some(commit.tree), &mut same)?;
                }
                here.remove(&same);
                if !same.is_empty() {
                    next.push((facts.time, *parent));
                    match standing.entry(*parent) {
                        std::collections::hash_map::Entry::Occupied(mut there) => there.get_mut().add(&same),
                        std::collections::hash_map::Entry::Vacant(there) => {
                            there.insert(same);
                        }
                    }
                }
                if here.is_empty() {
                    break;
                }
            }
            for query in here.iter() {
                answers[query] = CommitId::from_oid(at);
            }
        }
        Ok(answers)
    }

    fn answer_from_cache(&self, at: Oid, here: &mut QuerySet, answers: &mut [Option<CommitId>]) {
        let Some(known) = CommitId::from_oid(at).and_then(|at| self.cache.at(at)) else { return };
        let answered: Vec<_> = here.iter().filter_map(|query| Some((query, known.answer(query)?))).collect();
        for (query, answer) in answered {
            answers[query] = answer;
            here.take(query);
        }
    }

    /// Takes out of `same` the queries whose paths differ between two trees.
    fn compare(
        &mut self,
        old: Option<Oid>,
        new: Option<Oid>,
        same: &mut QuerySet,
    ) -> Result<(), CheckoutError> {
        let start = self.automaton.start();
        self.automaton.settle_all(&start, same);
        // Trees can be as deep as they like, so those to be compared are a list, not a recursion.
        let mut waiting = vec![Folders { old, new, states: start, depth: 0 }];
        let mut compared = 0;
        while let Some(folders) = waiting.pop() {
            if !self.automaton.wants(&folders.states, same) {
                continue;
            }
            compared += 1;
            if folders.depth > DEEPEST || compared > MOST {
                let reason = if compared > MOST { "too many" } else { "too deep" };
                let message = format!("the folders of a commit are {reason}");
                return Err(CheckoutError::Git { action: "read history", message });
            }
            self.folders(&folders, same, &mut waiting)?;
        }
        Ok(())
    }

    /// `left` holds the queries for which nothing has changed yet; folders below that differ go to `waiting`.
    fn folders(
        &mut self,
        folders: &Folders,
        left: &mut QuerySet,
        waiting: &mut Vec<Folders>,
    ) -> Result<(), CheckoutError> {
        let states = &folders.states[..];
        let (old, new) = (self.tree(folders.old)?, self.tree(folders.new)?);
        let (mut olds, mut news) = (TreeEntries::new(&old), TreeEntries::new(&new));
        let (mut a, mut b) = (olds.next(), news.next());
        let mut next = Vec::new();
        loop {
            let (removed, added) = match (a, b) {
                (None, None) => return Ok(()),
                (Some(old), Some(new)) => match old.order(&new) {
                    std::cmp::Ordering::Less => (Some(old), None),
                    std::cmp::Ordering::Greater => (None, Some(new)),
                    std::cmp::Ordering::Equal => (Some(old), Some(new)),
                },
                one_side => one_side,
            };
            if removed.is_some() {
                a = olds.next();
            }
            if added.is_some() {
                b = news.next();
            }
            let Some(entry) = removed.or(added).filter(|_| removed != added) else { continue };
            self.automaton.step(states, entry.name, &mut next);
            if let Some((old, new)) = self.changed(removed, added, (states, &next), left) {
                waiting.push(Folders { old, new, states: next.clone(), depth: folders.depth + 1 });
            }
        }
    }

    /// An entry of a folder differs. Gives the trees below it that have to be compared.
    fn changed(
        &self,
        old: Option<TreeEntry<'_>>,
        new: Option<TreeEntry<'_>>,
        (folder, states): (&[usize], &[usize]),
        left: &mut QuerySet,
    ) -> Option<(Option<Oid>, Option<Oid>)> {
        self.automaton.settle_all(states, left);
        let sides = [old, new];
        if sides.iter().flatten().any(|entry| !entry.is_folder()) {
            self.automaton.settle_file(folder, states, left);
        }
        // Another commit of a submodule: anything in it may differ.
        if sides.iter().flatten().any(|entry| index::is_submodule(entry.mode)) {
            self.automaton.settle_below(states, left);
        }
        let tree = |side: Option<TreeEntry<'_>>| side.filter(TreeEntry::is_folder).map(|entry| entry.oid());
        let (old, new) = (tree(old), tree(new));
        (!states.is_empty() && old != new).then_some((old, new))
    }

    fn tree(&mut self, tree: Option<Oid>) -> Result<Rc<[u8]>, CheckoutError> {
        let Some(tree) = tree else { return Ok(Rc::new([])) };
        if let Some(known) = self.trees.get(&tree) {
            return Ok(known.clone());
        }
        let bytes: Rc<[u8]> = object::read(&self.odb, tree, ObjectType::Tree)?.data().into();
        if self.trees_size > TREES_KEPT {
            self.trees.clear();
            self.trees_size = 0;
        }
        self.trees_size += bytes.len();
        self.trees.insert(tree, bytes.clone());
        Ok(bytes)
    }

    fn commit(&mut self, id: Oid) -> Result<Rc<Commit>, CheckoutError> {
        if let Some(known) = self.commits.get(&id) {
            return Ok(known.clone());
        }
        let mut commit = Commit::read(&self.odb, id)?;
        if self.boundary.contains(&id) {
            commit.parents.clear();
        }
        let commit = Rc::new(commit);
        self.commits.insert(id, commit.clone());
        Ok(commit)
    }
}
