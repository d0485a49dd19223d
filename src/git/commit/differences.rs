use std::cmp::Ordering;
use std::io;

use crate::git::{CommitTree, InputKind, WorkTree};
use crate::path::TreePath;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    /// Files that the commit has not: new ones, tracked or not (never ignored ones).
    pub added: Vec<TreePath>,
    /// Files of the commit that are gone.
    pub removed: Vec<TreePath>,
    /// Those that were asked about and are not what they are in the commit.
    pub modified: Vec<TreePath>,
}

impl WorkTree {
    /// How the work tree differs from `base`. What is in only one of them is found for the whole checkout
    /// and costs next to nothing; `inputs` are the files whose content is compared.
    pub(crate) fn differences(&self, base: &CommitTree, inputs: &[&TreePath]) -> io::Result<Differences> {
        let mut differences = Differences::default();
        let (mut here, mut there) = (0, 0);
        while here < self.files.len() || there < base.files.len() {
            let order = match (here < self.files.len(), there < base.files.len()) {
                (true, true) => self.files.compare(here, &base.files, there),
                (true, false) => Ordering::Less,
                _ => Ordering::Greater,
            };
            if order.is_lt() {
                differences.added.push(TreePath::new(self.files.path(here)));
            } else if order.is_gt() {
                differences.removed.push(TreePath::new(base.files.path(there)));
            }
            here += usize::from(order.is_le());
            there += usize::from(order.is_ge());
        }
        let (mut hint, mut base_hint) = (0, 0);
        let identifier = self.identifier();
        let mut all_at_once = true;
        for (number, path) in inputs.iter().enumerate() {
            let Some(at) = base.files.find_near(path.as_bytes(), &mut base_hint) else { continue };
            let identity = match identifier.known(path, &mut hint) {
                Some(identity) => Some(identity),
                None => {
                    // All at once; then one by one those of which nothing can be kept.
                    let end = if std::mem::take(&mut all_at_once) { inputs.len() } else { number + 1 };
                    let found = identifier.identify(&inputs[number..end]);
                    let found = found.or_else(|_| identifier.identify(&inputs[number..=number]));
                    found.ok().map(|found| found[0])
                }
            };
            // Such as a pipe in a Dockerfile's place: whatever it is, it is not what the commit has.
            let Some(identity) = identity else {
                differences.modified.push((*path).clone());
                continue;
            };
            let same = match base.content(at) {
                Ok((kind, blob)) => {
                    let is_link = base.is_written_link(at) && identity.kind == InputKind::Link;
                    (kind == identity.kind || is_link) && blob == identity.blob
                }
                // Only a program of the user's knows what the commit would give on disk. Git's word that
                // the file is the committed one must do.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    self.is_as_in_index(path, base.files.data(at).blob)?
                }
                Err(error) => return Err(error),
            };
            if !same {
                differences.modified.push((*path).clone());
            }
        }
        Ok(differences)
    }
}
