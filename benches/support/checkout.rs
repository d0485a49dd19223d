//! Checkouts of any size, made in seconds: `git fast-import` is fed with a history, one checkout follows.
//!
//! The same shape and seed always give the same commits: identity, dates and contents are fixed.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Images of one area; the first area holds the images that the others are built from.
const AREA: usize = 25;
const AREAS: [&str; 12] = [
    "platform", "billing", "catalog", "search", "orders", "identity", "shipping", "media", "mail", "reports",
    "edge", "data",
];
/// Files of a folder below `src`.
const PART: usize = 16;
/// What stands in front of the images in FROM lines.
pub(crate) const NAMESPACE: &str = "acme";

/// How large a checkout is.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) images: usize,
    pub(crate) files: usize,
    pub(crate) commits: usize,
    /// Stands in every file: two seeds share no content, so no engine has seen any of it.
    pub(crate) seed: String,
}

/// A git checkout in a temporary folder, removed with this value.
pub(crate) struct Checkout {
    folder: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) shape: Shape,
}

impl Shape {
    /// Four of five files belong to an image.
    fn files_of_image(&self) -> usize {
        (self.files * 4 / 5 / self.images).max(5)
    }

    fn library_files(&self) -> usize {
        self.files.saturating_sub(self.files_of_image() * self.images)
    }

    /// The short name of an image.
    pub(crate) fn name(image: usize) -> String {
        match image {
            0 => "base".to_owned(),
            1 => "tools".to_owned(),
            2..AREA => format!("runtime-{image:03}"),
            _ => format!("{}-{image:03}", area_word(image / AREA)),
        }
    }

    /// The folder of an image, from the root.
    pub(crate) fn folder(image: usize) -> String {
        match image / AREA {
            0 => format!("platform/{}", Self::name(image)),
            area => format!("services/{}{area}/{}", area_word(area), Self::name(image)),
        }
    }

    /// The image that an image is built from: chains of up to ten, and fans.
    pub(crate) fn parent(&self, image: usize) -> Option<usize> {
        let first = image / AREA * AREA;
        match (image, image - first) {
            (0 | 1, _) => None,
            (2..AREA, _) if image.is_multiple_of(3) => Some(image - 1),
            (2..AREA, _) => Some(0),
            (_, 0) => Some((2 + image / AREA % (AREA - 2)).min(self.images - 1)),
            (_, 1..=5) => Some(image - 1),
            _ => Some(first),
        }
    }

    /// Whether an image has a stage that copies from `tools`.
    pub(crate) fn uses_tools(image: usize) -> bool {
        image > 1 && image % 7 == 3
    }

    fn has_ignore_file(image: usize) -> bool {
        image.is_multiple_of(10)
    }

    /// The images whose content changes with this one's, itself first.
    pub(crate) fn chain_of(&self, image: usize) -> Vec<usize> {
        let mut chain = vec![image];
        for other in 0..self.images {
            let parent_changes = self.parent(other).is_some_and(|parent| chain.contains(&parent));
            let tools_change = Self::uses_tools(other) && chain.contains(&1);
            if other != image && (parent_changes || tools_change) {
                chain.push(other);
            }
        }
        chain
    }

    fn dockerfile(&self, image: usize, version: usize) -> String {
        let name = Self::name(image);
        let from = self
            .parent(image)
            .map_or("busybox".to_owned(), |parent| format!("{NAMESPACE}/{}", Self::name(parent)));
        let mut text = format!("# {} {version}\n", self.seed);
        if Self::uses_tools(image) {
            let _ = write!(
                text,
                "FROM {from} AS build\nCOPY src/ /src/\n\nFROM {from}\nCOPY --from=build /src/ /srv/{name}/\n\
                 COPY --from={NAMESPACE}/tools /srv/tools/ /opt/tools/\n"
            );
        } else {
            let source = if Self::has_ignore_file(image) { "." } else { "src/" };
            let _ = write!(text, "FROM {from}\n\nCOPY {source} /srv/{name}/\n");
        }
        let _ = writeln!(text, "COPY config.toml /etc/{name}.toml");
        if image % 3 == 1 {
            let _ = writeln!(text, "RUN cat /etc/{name}.toml > /etc/{name}.checked");
        }
        let _ = writeln!(text, "CMD [\"/srv/{name}/main\"]");
        text
    }

    /// The path of one of an image's files; the Dockerfile is the first.
    fn path(image: usize, file: usize) -> String {
        let folder = Self::folder(image);
        match file {
            0 => format!("{folder}/Dockerfile"),
            1 => format!("{folder}/config.toml"),
            2 => format!("{folder}/README.md"),
            3 if Self::has_ignore_file(image) => format!("{folder}/.dockerignore"),
            _ => format!("{folder}/src/part{:02}/file{file:03}.txt", (file - 3) / PART),
        }
    }

    fn text(&self, image: usize, file: usize, path: &str, version: usize) -> String {
        match file {
            0 => self.dockerfile(image, version),
            3 if Self::has_ignore_file(image) => "docs\n**/*.md\n!README.md\n**/*.log\n".to_owned(),
            _ => self.filler(path, version),
        }
    }

    /// A few hundred bytes that no other path, version or seed has.
    fn filler(&self, path: &str, version: usize) -> String {
        let mut text = format!("{} {path} {version}\n", self.seed);
        let lines =
            path.bytes().fold(version, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 16;
        for line in 0..lines {
            let _ = writeln!(text, "line {line} of {path}: what stands here matters to nobody");
        }
        text
    }

    fn library(file: usize) -> String {
        format!("libs/lib{:03}/src/file{file:05}.txt", file / 40)
    }
}

impl Checkout {
    /// Makes the history and checks it out; the index is fresh.
    pub(crate) fn make(shape: Shape) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("shipwright-bench-").tempdir()?;
        let root = folder.path().join("checkout");
        fs::create_dir(&root)?;
        let checkout = Self { folder, root, shape };
        checkout.git(&["init", "--quiet", "--initial-branch=main"])?;
        let mut import = checkout
            .git_command(&["fast-import", "--quiet", "--force"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let stream = import.stdin.take().ok_or_else(|| io::Error::other("git has no standard input"))?;
        History { shape: &checkout.shape, out: BufWriter::with_capacity(1 << 20, stream), marks: 0 }
            .write()?;
        if !import.wait()?.success() {
            return Err(io::Error::other("git fast-import failed"));
        }
        checkout.git(&["reset", "--quiet", "--hard", "main"])?;
        checkout.git(&["status", "--porcelain"])?;
        Ok(checkout)
    }

    /// A command in this checkout that reads no configuration of the user.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.root)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env("GIT_AUTHOR_NAME", "Bench")
            .env("GIT_AUTHOR_EMAIL", "bench@example.com")
            .env("GIT_COMMITTER_NAME", "Bench")
            .env("GIT_COMMITTER_EMAIL", "bench@example.com")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        for variable in
            ["GITHUB_ACTIONS", "GITLAB_CI", "SHIPWRIGHT_NAMESPACE", "SW_NAMESPACE", "DOCKER_CONTEXT"]
        {
            command.env_remove(variable);
        }
        command
    }

    /// A file with what git tells its pre-push hook when the last commit is pushed.
    pub(crate) fn pushed_lines(&self) -> io::Result<PathBuf> {
        let output = self.git_command(&["rev-parse", "HEAD", "HEAD~1"]).stdout(Stdio::piped()).output()?;
        let ids = String::from_utf8_lossy(&output.stdout).into_owned();
        let ids: Vec<&str> = ids.lines().collect();
        let [head, before] = ids[..] else { return Err(io::Error::other("no two commits")) };
        let path = self.folder.path().join("pushed");
        fs::write(&path, format!("refs/heads/main {head} refs/heads/main {before}\n"))?;
        Ok(path)
    }

    pub(crate) fn git_command(&self, arguments: &[&str]) -> Command {
        self.command("git", arguments)
    }

    /// Runs git, which has to succeed.
    pub(crate) fn git(&self, arguments: &[&str]) -> io::Result<()> {
        let status = self.git_command(arguments).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("git {arguments:?}: {status}"))) }
    }

    /// Forgets what Shipwright remembers of earlier runs.
    pub(crate) fn remove_caches(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.root.join(".git/shipwright")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Edits one file of an image and commits that.
    pub(crate) fn change(&self, image: usize, version: usize) -> io::Result<()> {
        let path = Shape::path(image, 1);
        fs::write(self.root.join(&path), self.shape.filler(&path, version))?;
        self.git(&["commit", "--quiet", "--all", "--message", "One change"])
    }

    /// Adds a file, or changes it, and commits that.
    pub(crate) fn commit(&self, path: &str, text: &str) -> io::Result<()> {
        fs::write(self.root.join(path), text)?;
        self.git(&["add", "--", path])?;
        self.git(&["commit", "--quiet", "--all", "--message", path])
    }

    /// Adds compose files and workflows that build images, 150 of each, and commits that.
    pub(crate) fn add_evidence(&self) -> io::Result<()> {
        let workflows = self.root.join(".github/workflows");
        fs::create_dir_all(&workflows)?;
        for number in 0..150 {
            let image = number * 6 % self.shape.images;
            let (name, folder) = (Shape::name(image), Shape::folder(image));
            let mut compose = format!(
                "services:\n  {name}:\n    image: {NAMESPACE}/{name}:${{TAG:-latest}}\n    build:\n      context: .\n"
            );
            for other in 0..20 {
                let _ = write!(
                    compose,
                    "  service{other}:\n    image: registry.example/service{other}\n    environment:\n      A: b\n      \
                     C: \"${{D:-e}}\"\n    volumes:\n      - data:/srv/{other}\n"
                );
            }
            fs::write(self.root.join(folder).join("compose.yaml"), compose)?;
            let mut workflow = format!("name: {name}\non: [push]\njobs:\n");
            for job in 0..8 {
                let _ = write!(
                    workflow,
                    "  job{job}:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - \
                     run: |\n          make test\n          echo docker build is elsewhere\n"
                );
            }
            fs::write(workflows.join(format!("{name}.yml")), workflow)?;
        }
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", "Evidence"])
    }

    /// Leaves the checkout where it is.
    pub(crate) fn keep(self) -> PathBuf {
        let _ = self.folder.keep();
        self.root
    }

    /// Where else files may be put; removed with the checkout.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }
}

/// Writes the stream of `git fast-import`.
struct History<'a, W: Write> {
    shape: &'a Shape,
    out: W,
    marks: usize,
}

impl<W: Write> History<'_, W> {
    /// One commit with everything, then small ones; every 25th merges a branch of three.
    fn write(mut self) -> io::Result<()> {
        let shape = self.shape;
        self.commit("main", None, None)?;
        for image in 0..shape.images {
            for file in 0..shape.files_of_image() {
                self.image_file(image, file, 0)?;
            }
        }
        for file in 0..shape.library_files() {
            self.file(&Shape::library(file), &shape.filler(&Shape::library(file), 0))?;
        }
        while self.marks < shape.commits {
            let tip = self.marks;
            if tip.is_multiple_of(25) && tip + 4 <= shape.commits {
                for step in 0..3 {
                    self.commit("topic", Some(tip + step), None)?;
                    self.edits(tip + 1 + step)?;
                }
                self.commit("main", Some(tip), Some(tip + 3))?;
                for step in 0..3 {
                    self.edits(tip + 1 + step)?;
                }
            } else {
                self.commit("main", Some(tip), None)?;
                self.edits(tip + 1)?;
            }
        }
        self.out.flush()
    }

    fn commit(&mut self, branch: &str, parent: Option<usize>, merged: Option<usize>) -> io::Result<()> {
        self.marks += 1;
        let message = format!("Commit {}", self.marks);
        write!(
            self.out,
            "commit refs/heads/{branch}\nmark :{}\ncommitter Bench <bench@example.com> {} +0000\ndata {}\n{message}\n",
            self.marks,
            1_600_000_000 + self.marks * 3600,
            message.len()
        )?;
        if let Some(parent) = parent {
            writeln!(self.out, "from :{parent}")?;
        }
        if let Some(merged) = merged {
            writeln!(self.out, "merge :{merged}")?;
        }
        Ok(())
    }

    /// What the commit of this number changes: one to three files of an image, at times its Dockerfile or a
    /// library.
    fn edits(&mut self, number: usize) -> io::Result<()> {
        let shape = self.shape;
        let image = number * 7919 % shape.images;
        if number % 10 == 3 && shape.library_files() > 0 {
            let path = Shape::library(number * 104_729 % shape.library_files());
            return self.file(&path, &shape.filler(&path, number));
        }
        for edit in 0..=number % 3 {
            let file = 4 + (number * 31 + edit * 7) % (shape.files_of_image() - 4);
            self.image_file(image, file, number)?;
        }
        if number % 50 == 7 {
            self.image_file(image, 0, number)?;
        }
        Ok(())
    }

    fn image_file(&mut self, image: usize, file: usize, version: usize) -> io::Result<()> {
        let path = Shape::path(image, file);
        let text = self.shape.text(image, file, &path, version);
        self.file(&path, &text)
    }

    fn file(&mut self, path: &str, text: &str) -> io::Result<()> {
        write!(self.out, "M 100644 inline {path}\ndata {}\n{text}\n", text.len())
    }
}

fn area_word(area: usize) -> &'static str {
    AREAS[1 + area % (AREAS.len() - 1)]
}
