//! The whole output of builds, kept under `.git/shipwright/logs`: the terminal shows ends of it, and a CI system's log is
//! somewhere else. It is no state: it may be deleted at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::workspace::{EngineNeed, open};
use super::{Config, Error, ImageRequest};
use crate::execution::Event;
use crate::git::{Checkout, forget_the_oldest, read_own};
use crate::limits;
use crate::plan::{Plan, Step, StepId};

/// More logs than this, and the oldest go.
const KEPT: usize = 256;

/// What may stand behind a log that was cut.
const MARGIN: u64 = 1024;

/// Writes the logs of one run. A folder that cannot be written to keeps nothing, and fails nothing.
pub(super) struct Logs {
    folder: PathBuf,
    plan: Arc<Plan>,
    open: BTreeMap<StepId, Log>,
}

struct Log {
    file: BufWriter<File>,
    /// How many bytes there is still room for.
    room: u64,
    steps: BTreeSet<usize>,
}

impl Logs {
    pub(super) fn new(checkout: &Checkout, plan: &Arc<Plan>) -> Self {
        Self { folder: folder(checkout), plan: Arc::clone(plan), open: BTreeMap::new() }
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::BuildStarted { image, .. } => {
                let step = self.plan.steps.get(image.0);
                if let Some(log) = step.and_then(|step| Log::create(&self.folder, step).ok()) {
                    self.open.insert(*image, log);
                }
            }
            Event::BuildProgress { image, step } => {
                if let Some(log) = self.open.get_mut(image)
                    && log.steps.insert(step.id)
                {
                    log.line(step.id, &step.name);
                }
            }
            Event::BuildLog { image, step, line, .. } => {
                if let Some(log) = self.open.get_mut(image) {
                    log.line(*step, line);
                }
            }
            Event::ImageFinished { image, .. } if self.open.remove(image).is_some() => {
                forget_the_oldest(&self.folder, KEPT);
            }
            _ => {}
        }
    }
}

impl Log {
    /// A file of its own that takes the place of the last one: two runs at the same time do not mix.
    fn create(folder: &Path, step: &Step) -> io::Result<Self> {
        create_own_folder(folder)?;
        let name = file_name(&title(step));
        let own = folder.join(format!("{name}.{}", std::process::id()));
        // One that a killed run of this number left.
        let _ = fs::remove_file(&own);
        let file = create_own_file(&own)?;
        fs::rename(&own, folder.join(name))?;
        let mut log = Self { file: BufWriter::new(file), room: limits::BUILD_LOG, steps: BTreeSet::new() };
        let key = step.key.map(|key| format!(" {}", key.tag())).unwrap_or_default();
        log.write(&format!("{}{key}\n", step.name()));
        Ok(log)
    }

    fn line(&mut self, step: usize, text: &str) {
        self.write(&format!("#{step} {text}\n"));
    }

    /// Of what is too long the beginning is kept; its end is in the error.
    fn write(&mut self, text: &str) {
        let length = text.len() as u64;
        if self.room < length {
            if self.room > 0 {
                let _ = self.file.write_all(b"cut here: the log is longer than what is kept of it\n");
            }
            self.room = 0;
            return;
        }
        self.room -= length;
        let _ = self.file.write_all(text.as_bytes());
    }
}

/// The log of an image's last build from this repository.
///
/// # Errors
///
/// Where no image is called that, or nothing is kept of it.
pub async fn logs(config: &Config, request: &ImageRequest, name: &str) -> Result<String, Error> {
    let (workspace, _) = open(config, request, EngineNeed::Never, None).await?;
    let folder = folder(&workspace.checkout);
    let mut found = String::new();
    let images = workspace.named(name)?;
    for at in &images {
        let title = workspace.project.images[*at].name.title();
        let read = read_own(&folder.join(file_name(&title)), limits::BUILD_LOG + MARGIN);
        let Ok(Some(bytes)) = read else { continue };
        found.push_str(&String::from_utf8_lossy(&bytes));
    }
    if found.is_empty() {
        let title = images.first().map(|at| workspace.project.images[*at].name.full()).unwrap_or_default();
        return Err(Error::usage_with_hint(
            format!("there is no log of {title}"),
            format!("a build from this repository keeps one; `shipwright --no-cache {name}` builds it again"),
        ));
    }
    Ok(found)
}

/// A folder that its user alone may look into, where the system has such.
fn create_own_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn create_own_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

fn folder(checkout: &Checkout) -> PathBuf {
    checkout.common_dir().join("shipwright").join("logs")
}

fn title(step: &Step) -> String {
    match &step.tag_prefix {
        Some(prefix) => format!("{}:{prefix}", step.short_name),
        None => step.short_name.clone(),
    }
}

/// No two titles have the same: what a file name cannot hold stands as in URLs (`a%2Fb`).
fn file_name(title: &str) -> String {
    let mut name = String::with_capacity(title.len());
    for byte in title.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::builder::OutputStream;
    use crate::plan::TagPolicy;
    use crate::plan::testing::{plan, project};

    fn line(image: StepId, line: String) -> Event {
        Event::BuildLog { image, step: 3, stream: OutputStream::Out, line }
    }

    #[test]
    fn the_last_build_of_an_image_is_kept_for_its_user_alone_and_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let project = project(&[("api/Dockerfile", "FROM busybox\n")], &[]);
        let plan = Arc::new(plan(&project, &TagPolicy::default(), &[]));
        let kept = folder.path().join("logs");
        let run = |lines: usize, text: &str| {
            let mut logs = Logs { folder: kept.clone(), plan: Arc::clone(&plan), open: BTreeMap::new() };
            let image = StepId(0);
            logs.event(&Event::BuildStarted { image, builder: None });
            (0..lines).for_each(|_| logs.event(&line(image, text.to_owned())));
            drop(logs);
            fs::read_to_string(kept.join("api")).expect("a log")
        };
        assert!(run(2, "first").ends_with("#3 first\n#3 first\n"));
        let second = run(1, "second");
        assert!(second.ends_with("#3 second\n") && !second.contains("first"), "{second}");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&kept), mode(&kept.join("api"))), (0o700, 0o600));
        let long = run(3000, &"x".repeat(limits::LOG_LINE - 8));
        assert!(long.len() as u64 <= limits::BUILD_LOG + 100, "{}", long.len());
        assert!(long.ends_with("cut here: the log is longer than what is kept of it\n"));
        assert_eq!(fs::read_dir(&kept).expect("a folder").count(), 1);
    }

    #[test]
    fn every_image_has_a_file_of_its_own() {
        assert_eq!(file_name("dotnet/sdk:8.0"), "dotnet%2Fsdk%3A8.0");
        assert_eq!(file_name("../x"), "..%2Fx");
        let titles = ["a/b", "a:b", "a-b", "a+b", "a%b", "a%2Fb", "a_b", "a.b", "ä", "a"];
        let names: BTreeSet<String> = titles.into_iter().map(file_name).collect();
        assert_eq!(names.len(), titles.len(), "{names:?}");
    }
}
