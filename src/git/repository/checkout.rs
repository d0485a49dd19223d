use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::Oid;

use crate::git::commit::commit_tree::{CheckoutFacts, CommitTree};
use crate::git::commit::tree_part::PartSource;
use crate::git::history::questions::Questions;
use crate::git::history::revision_cache::RevisionCache;
use crate::git::history::revisions;
use crate::git::repository::discover::{Opened, UserFolders};
use crate::git::repository::executable::Git;
use crate::git::repository::head::{self, Head};
use crate::git::repository::origin;
use crate::git::work_tree::blob_sizes::BlobSizes;
use crate::git::work_tree::disk::{Disk, FileState};
use crate::git::work_tree::folder_cache::FolderCache;
use crate::git::work_tree::index::Index;
use crate::git::work_tree::part::{Part, PartSettings, read_index};
use crate::git::work_tree::tree::WorkTree;
use crate::git::{CheckoutError, CommitId, read_own};
use crate::limits;
use crate::redact;

/// A git checkout: a work tree and the repository that it belongs to, or a bare repository, of which only
/// commits can be read.
pub(crate) struct Checkout {
    opened: Mutex<Opened>,
    root: std::path::PathBuf,
    bare: bool,
    git_dir: std::path::PathBuf,
    common_dir: std::path::PathBuf,
    objects_only: bool,
    user: UserFolders,
    name: String,
    origin_url: Option<String>,
    head: Head,
    index: Mutex<Option<(FileState, Arc<Index>)>>,
    blob_sizes: Arc<BlobSizes>,
}

impl Checkout {
    /// Finds the checkout that `start` is in, also from a folder inside it, a linked worktree or a submodule.
    pub(crate) fn discover(start: &Path) -> Result<Self, CheckoutError> {
        Self::discover_for(start, UserFolders::from_environment())
    }

    pub(in crate::git) fn discover_for(start: &Path, user: UserFolders) -> Result<Self, CheckoutError> {
        // Git does not verify the hash of what it reads from packs either; for libgit2 it costs more than
        // everything else in a walk of history.
        git2::opts::strict_hash_verification(false);
        let opened = Opened::discover(start, &user)?;
        let url = opened.config().and_then(|config| config.get_string("remote.origin.url").ok());
        let origin_url = url.map(|url| redact::without_credentials(&url));
        let name = origin_url.as_deref().and_then(origin::repository_name);
        Ok(Self {
            name: name.unwrap_or_else(|| folder_name(&opened)),
            origin_url,
            head: head::read(&opened)?,
            root: opened.root.clone(),
            bare: opened.bare,
            git_dir: opened.git_dir.clone(),
            blob_sizes: Arc::new(BlobSizes::new(&opened.common_dir)),
            common_dir: opened.common_dir.clone(),
            objects_only: opened.objects_only,
            user,
            opened: Mutex::new(opened),
            index: Mutex::new(None),
        })
    }

    /// The folder of the work tree; of a bare repository its own folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The git folder of this work tree alone, where its HEAD and index are.
    pub(crate) fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The git folder that all worktrees of the repository share.
    pub(crate) fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The last element of the `origin` URL, else the folder of the main worktree.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where `origin` is, without user name and password.
    pub(crate) fn origin_url(&self) -> Option<&str> {
        self.origin_url.as_deref()
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Reads the index and all folders of the work tree, those of its submodules included.
    pub(crate) fn work_tree(&self) -> Result<WorkTree, CheckoutError> {
        if self.bare {
            return Err(CheckoutError::Bare(self.root.clone()));
        }
        let disk = Disk::new(&self.root).map_err(|error| CheckoutError::io(&self.root, error))?;
        let (config, loose) = {
            let opened = self.opened();
            (opened.config(), opened.objects.loose())
        };
        let settings = PartSettings::new(config, &self.common_dir, &self.user);
        // Each is a large file.
        let (folders, index) = std::thread::scope(|scope| {
            let read = || FolderCache::open(&disk, &self.git_dir);
            let folders = std::thread::Builder::new().spawn_scoped(scope, read);
            let index = self.index();
            // Without a thread of its own it comes second.
            let folders = folders.map_or_else(|_| read(), |folders| folders.join().unwrap_or_default());
            (folders, index)
        });
        let mut parts = vec![Part::new(&self.git_dir, Vec::new(), index?, settings, loose)];
        let mut next = 0;
        while next < parts.len() {
            let submodules = self.submodules(&parts[next])?;
            parts.extend(submodules);
            next += 1;
        }
        WorkTree::new(&self.root, disk, &folders, parts, self.blob_sizes.clone())
    }

    /// Submodules that are checked out. Others are folders like any other.
    fn submodules(&self, part: &Part) -> Result<Vec<Part>, CheckoutError> {
        let mut found = Vec::new();
        for at in (0..part.index.len()).filter(|at| part.index.is_submodule(*at)) {
            let path = part.checkout_path(part.index.path(at));
            let folder = path.to_os(&self.root);
            let Some(opened) = Opened::at(&folder)? else { continue };
            let settings = PartSettings::new(opened.config(), &opened.common_dir, &self.user);
            let index = read_index(&opened.git())?;
            let folder = path.as_bytes().to_owned();
            found.push(Part::new(&opened.git_dir, folder, Arc::new(index), settings, opened.objects.loose()));
        }
        Ok(found)
    }

    pub(crate) fn commit_tree(&self, commit: CommitId) -> Result<CommitTree, CheckoutError> {
        let (objects, config) = {
            let opened = self.opened();
            (opened.reopen()?, opened.config())
        };
        let origin = CheckoutFacts { root: &self.root, user: &self.user, blob_sizes: &self.blob_sizes };
        let source = PartSource {
            git_dir: self.git_dir.clone(),
            common_dir: self.common_dir.clone(),
            objects,
            settings: PartSettings::new(config, &self.common_dir, &self.user),
        };
        // Without an index it only takes longer.
        let index = self.index().unwrap_or_default();
        CommitTree::read(&origin, source, &index, commit)
    }

    /// What of the repository and of its user's settings decides which bytes a commit's files have.
    pub(crate) fn conversion_facts(&self) -> String {
        PartSettings::new(self.opened().config(), &self.common_dir, &self.user).facts()
    }

    /// For each query the last commit, from `from` backwards, that changed, added or removed one of its
    /// paths: `git log -1 --format=%H FROM -- PATHSPECS`, with git's default simplification of merges. All
    /// queries take one walk of history, and what an earlier run found out is remembered.
    pub(crate) fn revisions(
        &self,
        from: CommitId,
        queries: &Questions,
    ) -> Result<Vec<Option<CommitId>>, CheckoutError> {
        let cache = self.common_dir.join("shipwright").join("revisions");
        let shallow = read_own(&self.common_dir.join("shallow"), limits::GIT_LOG).ok().flatten();
        let shallow = shallow.unwrap_or_default();
        let cache = RevisionCache::open(&cache, &shallow, queries);
        match cache.all(from) {
            Some(answers) => Ok(answers),
            None => revisions::revisions(self.opened().objects.all()?, &shallow, cache, from, queries),
        }
    }

    /// Whether `ancestor` is `commit` or in its history. A commit that is not here is nobody's ancestor.
    pub(crate) fn is_ancestor(&self, ancestor: CommitId, commit: CommitId) -> Result<bool, CheckoutError> {
        if ancestor == commit {
            return Ok(true);
        }
        let opened = self.opened();
        let (ancestor, commit) = (ancestor.oid(), commit.oid());
        let repository = opened.objects.all()?;
        if repository.find_commit(ancestor).is_err() {
            return Ok(false);
        }
        repository
            .graph_descendant_of(commit, ancestor)
            .map_err(|error| CheckoutError::object(commit, &error))
    }

    /// The best common ancestor of two commits; `None` where what is here of history has none.
    pub(crate) fn merge_base(
        &self,
        one: CommitId,
        other: CommitId,
    ) -> Result<Option<CommitId>, CheckoutError> {
        if one == other {
            return Ok(Some(one));
        }
        match self.opened().objects.all()?.merge_base(one.oid(), other.oid()) {
            Ok(found) => Ok(CommitId::from_oid(found)),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(CheckoutError::git("find the merge base", &error)),
        }
    }

    /// When the commit was made (the committer's date), in seconds since 1970.
    pub(crate) fn commit_time(&self, commit: CommitId) -> Result<i64, CheckoutError> {
        let oid = commit.oid();
        let opened = self.opened();
        let found =
            opened.objects.one(oid)?.find_commit(oid).map_err(|error| CheckoutError::object(oid, &error))?;
        Ok(found.time().seconds())
    }

    /// The names of the tags on a commit, sorted.
    pub(crate) fn tags_at(&self, commit: CommitId) -> Result<Vec<String>, CheckoutError> {
        let mut tags = Vec::new();
        if self.objects_only {
            let listed = self.ask(&["tag", "--points-at", &commit.to_string()], "list the tags")?;
            tags.extend(listed.lines().map(str::to_owned));
        } else {
            let oid = commit.oid();
            let opened = self.opened();
            let failed = |error: git2::Error| CheckoutError::git("list the tags", &error);
            for reference in opened.objects.none().references_glob("refs/tags/*").map_err(failed)? {
                let Ok(reference) = reference else { continue };
                if reference.target_peel() == Some(oid) || leads_to(&opened, &reference, oid)? {
                    let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
                    tags.push(name.strip_prefix("refs/tags/").unwrap_or(&name).to_owned());
                }
            }
        }
        tags.sort();
        Ok(tags)
    }

    /// The commit that a revision names, in any of git's ways of writing one.
    pub(crate) fn resolve(&self, revision: &str) -> Result<CommitId, CheckoutError> {
        let unknown = || CheckoutError::UnknownRevision(revision.to_owned());
        if self.objects_only {
            let commit = format!("{revision}^{{commit}}");
            let arguments = ["rev-parse", "--quiet", "--verify", "--end-of-options", &commit];
            return self
                .ask(&arguments, "find a commit")
                .map_err(|_| unknown())?
                .parse()
                .map_err(|_| unknown());
        }
        let opened = self.opened();
        let object = opened.objects.all()?.revparse_single(revision).map_err(|_| unknown())?;
        let commit = object.peel_to_commit().map_err(|_| unknown())?;
        CommitId::from_oid(commit.id()).ok_or_else(unknown)
    }

    /// The local branch that a revision names, if that is what git means by it: a tag of the same name
    /// comes first, and the names of other things (`HEAD`, `main~1`, `origin/main`) are no branches.
    pub(crate) fn branch_at(&self, revision: &str, commit: CommitId) -> Option<String> {
        let name = ["refs/heads/", "heads/"].iter().find_map(|prefix| revision.strip_prefix(prefix));
        let name = name.unwrap_or(revision);
        let is_it = self.is_branch(name) && self.resolve(&format!("refs/heads/{name}")).ok() == Some(commit);
        is_it.then(|| name.to_owned())
    }

    /// The names of all branches that are known here, those of remotes without the remote's name; sorted, each
    /// once.
    pub(crate) fn branches(&self) -> Result<Vec<String>, CheckoutError> {
        self.names_of(|reference| {
            let local = reference.strip_prefix("refs/heads/");
            let remote = || reference.strip_prefix("refs/remotes/")?.split_once('/').map(|(_, name)| name);
            local.or_else(remote).filter(|name| *name != "HEAD")
        })
    }

    /// The names by which git finds branches, those of remotes, and tags; sorted, each once.
    pub(crate) fn revision_names(&self) -> Result<Vec<String>, CheckoutError> {
        self.names_of(|reference| {
            let prefixes = ["refs/heads/", "refs/remotes/", "refs/tags/"];
            let name = prefixes.iter().find_map(|prefix| reference.strip_prefix(prefix))?;
            (!name.ends_with("/HEAD")).then_some(name)
        })
    }

    /// What is made of the names of all references; sorted, each once.
    fn names_of(&self, made: impl Fn(&str) -> Option<&str>) -> Result<Vec<String>, CheckoutError> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |reference: &str| names.extend(made(reference).map(str::to_owned));
        if self.objects_only {
            let listed = self.ask(
                &["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes", "refs/tags"],
                "list the branches",
            )?;
            listed.lines().for_each(&mut add);
        } else {
            let opened = self.opened();
            let failed = |error: git2::Error| CheckoutError::git("list the branches", &error);
            for reference in opened.objects.none().references().map_err(failed)?.flatten() {
                add(&String::from_utf8_lossy(reference.name_bytes()));
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Whether the history ends where it was cut off (`git clone --depth`).
    pub(crate) fn is_shallow(&self) -> bool {
        self.common_dir.join("shallow").exists()
    }

    pub(crate) fn is_branch(&self, name: &str) -> bool {
        let reference = format!("refs/heads/{name}");
        if self.objects_only {
            return self.ask(&["rev-parse", "--quiet", "--verify", &reference], "find a branch").is_ok();
        }
        self.opened().objects.none().find_reference(&reference).is_ok()
    }

    /// The index as it is now, read again only if the file is another one.
    fn index(&self) -> Result<Arc<Index>, CheckoutError> {
        let now = Disk::new(&self.git_dir).and_then(|disk| disk.state(b"index")).ok();
        let mut known = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((state, index)) = &*known
            && Some(state) == now.as_ref()
        {
            return Ok(index.clone());
        }
        let index = Arc::new(read_index(&Git::with_work_tree(&self.git_dir, &self.root))?);
        *known = now.map(|state| (state, index.clone()));
        Ok(index)
    }

    /// Whether only the git executable can read references.
    pub(in crate::git) fn objects_only(&self) -> bool {
        self.objects_only
    }

    pub(in crate::git) fn ask(
        &self,
        arguments: &[&str],
        action: &'static str,
    ) -> Result<String, CheckoutError> {
        let git =
            if self.bare { Git::bare(&self.git_dir) } else { Git::with_work_tree(&self.git_dir, &self.root) };
        let answer = git
            .run(arguments, action)
            .map_err(|failure| failure.needed_for(&self.root, "references that only git reads"))?;
        Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
    }

    /// The repository, for one reader at a time.
    pub(in crate::git) fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a reference leads to a commit, through tags with messages of their own or without.
fn leads_to(opened: &Opened, reference: &git2::Reference<'_>, commit: Oid) -> Result<bool, CheckoutError> {
    let mut at = reference.resolve().ok().and_then(|direct| direct.target());
    while let Some(id) = at.filter(|id| *id != commit) {
        at = opened.objects.one(id)?.find_tag(id).ok().map(|tag| tag.target_id());
    }
    Ok(at.is_some())
}

/// The main worktree's folder; for a bare repository with worktrees the repository's own.
fn folder_name(opened: &Opened) -> String {
    let is_linked = opened.git_dir != opened.common_dir;
    let folder = match opened.common_dir.file_name() {
        Some(name) if name == ".git" => opened.common_dir.parent(),
        _ if is_linked => Some(opened.common_dir.as_path()),
        _ => Some(opened.root.as_path()),
    };
    let name = folder.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| "checkout".to_owned());
    name.strip_suffix(".git").filter(|name| !name.is_empty()).unwrap_or(&name).to_owned()
}
