use std::io::{self, Read};
use std::sync::Arc;

use crate::builder::{BuildError, ContextEntry, ContextKind, ContextSource};
use crate::context;
use crate::git::{BlobHasher, BlobId, InputKind, Snapshot};
use crate::inputs::InputFile;
use crate::plan::ImageId;
use crate::project::{ContextFile, Project};

/// The planned inputs of one image, as the engine may ask for them. Each byte is hashed on its way: a file
/// that is not what was planned ends the build instead of lying about its key.
pub(super) struct PlannedContext {
    tree: Arc<dyn Snapshot + Send + Sync>,
    project: Arc<Project>,
    image: ImageId,
    /// The name of the build context; none for the image's own.
    name: Option<String>,
    entries: Vec<ContextEntry>,
}

impl PlannedContext {
    /// Of one image, or of one of its contexts with names. `time` is what every file gets, in seconds since 1970; without one each
    /// keeps its own. Links and folders are compared with the plan here, since nothing reads them later.
    pub(super) fn new(
        tree: Arc<dyn Snapshot + Send + Sync>,
        project: Arc<Project>,
        (image, name): (ImageId, Option<&str>),
        time: Option<i64>,
    ) -> Result<Self, BuildError> {
        let name = name.map(str::to_owned);
        let mut planned = Self { tree, project, image, name, entries: Vec::new() };
        let (inputs, files) = planned.files();
        planned.entries = inputs
            .iter()
            .zip(files)
            .map(|(input, file)| {
                let changed = |error: io::Error| BuildError::ContextChanged {
                    path: input.path.to_string(),
                    reason: error.to_string(),
                };
                let own = file.modified_ns.and_then(|time| i64::try_from(time).ok());
                Ok(ContextEntry {
                    path: input.path.as_bytes().to_vec(),
                    kind: planned.kind(input, file).map_err(changed)?,
                    modified_ns: time.map(|time| time.saturating_mul(1_000_000_000)).or(own).unwrap_or(0),
                })
            })
            .collect::<Result<_, BuildError>>()?;
        Ok(planned)
    }

    fn kind(&self, input: &InputFile, file: &ContextFile) -> io::Result<ContextKind> {
        match input.kind {
            InputKind::Link => {
                let mut target = Vec::new();
                self.tree.open_planned(&file.path, input.kind)?.read_to_end(&mut target)?;
                if BlobHasher::hash(&target) != input.blob {
                    return Err(io::Error::other("it leads elsewhere now"));
                }
                Ok(ContextKind::Link { target })
            }
            InputKind::File | InputKind::Executable => Ok(ContextKind::File {
                executable: input.kind == InputKind::Executable,
                size: self.tree.length(&file.path, file.size)?,
            }),
            InputKind::Folder => {
                self.tree.open_planned(&file.path, input.kind)?;
                Ok(ContextKind::Folder)
            }
        }
    }

    /// What was planned, and where it is.
    fn files(&self) -> (&[InputFile], &[ContextFile]) {
        let Some(ready) = self.project.images[self.image].ready() else { return Default::default() };
        match &self.name {
            None => (&ready.material.files, &ready.files),
            Some(name) => match (ready.material.contexts.get(name), ready.named.get(name)) {
                (Some(inputs), Some(files)) => (inputs, files),
                _ => Default::default(),
            },
        }
    }
}

impl ContextSource for PlannedContext {
    fn entries(&self) -> &[ContextEntry] {
        &self.entries
    }

    fn open(&self, index: usize) -> io::Result<Box<dyn Read + Send>> {
        let (inputs, files) = self.files();
        let (Some(input), Some(file)) = (inputs.get(index), files.get(index)) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let ContextKind::File { size, .. } = self.entries[index].kind else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok(Box::new(Verified {
            inner: self.tree.open_planned(&file.path, input.kind)?,
            hasher: Some(BlobHasher::new(size)),
            expected: input.blob,
            name: file.path.to_string(),
        }))
    }

    fn admits(&self, requested: &[String]) -> Result<(), String> {
        let image = &self.project.images[self.image];
        let excess = match &self.name {
            None => context::excess(&image.evaluation.sources, image.context.whole, requested),
            Some(name) => match (image.evaluation.named.get(name), image.named.get(name)) {
                // For a mount BuildKit asks for all, and shows what the mount names.
                (Some(read), _) if read.mounted && requested.is_empty() => None,
                (Some(read), Some(context)) => context::excess(&read.sources, context.whole, requested),
                _ => Some(format!("the build context {name}")),
            },
        };
        match excess {
            Some(what) => Err(what),
            None => Ok(()),
        }
    }
}

/// A reader that fails at its end, if what it read is not the blob that was planned.
struct Verified {
    inner: Box<dyn Read + Send>,
    hasher: Option<BlobHasher>,
    expected: BlobId,
    name: String,
}

impl Read for Verified {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        if count > 0 {
            self.hasher.iter_mut().for_each(|hasher| hasher.update(&buffer[..count]));
            return Ok(count);
        }
        let read = self.hasher.take().map(BlobHasher::finish);
        if read.is_some_and(|read| read != Some(self.expected)) {
            return Err(io::Error::other(format!("{} changed while it was being built", self.name)));
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(bytes: &'static [u8], planned: &[u8]) -> Verified {
        let mut hasher = BlobHasher::new(planned.len() as u64);
        hasher.update(planned);
        Verified {
            inner: Box::new(bytes),
            hasher: Some(BlobHasher::new(planned.len() as u64)),
            expected: hasher.finish().expect("all bytes were fed"),
            name: "a.txt".into(),
        }
    }

    #[test]
    fn planned_bytes_pass() {
        let mut read = Vec::new();
        verified(b"hello", b"hello").read_to_end(&mut read).expect("unchanged");
        assert_eq!(read, b"hello");
    }

    #[test]
    fn other_bytes_of_the_same_size_fail_at_the_end() {
        let error = verified(b"hullo", b"hello").read_to_end(&mut Vec::new()).expect_err("changed");
        assert_eq!(error.to_string(), "a.txt changed while it was being built");
    }

    #[test]
    fn a_truncated_file_fails() {
        assert!(verified(b"hell", b"hello").read_to_end(&mut Vec::new()).is_err());
    }
}
