//! Builds from scratch by the docker CLI, from normalised copies of what is on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::docker::Docker;
use super::image::{Content, listing};
use super::tree::{Entry, Files, Name, digest_of};

/// Builds, and remembers what it built for what.
pub struct Oracle {
    docker: Docker,
    /// What the Dockerfiles of the checkout call their namespace.
    pub namespace: String,
    folder: PathBuf,
    /// A word that no other oracle has.
    unique: String,
    folders: usize,
    built: BTreeMap<String, Result<String, String>>,
    /// The id that each name's `latest` has.
    latest: BTreeMap<String, String>,
    admitted: BTreeMap<String, Rc<Admitted>>,
    contents: BTreeMap<String, Rc<Content>>,
    /// How many builds the docker CLI made.
    pub builds: usize,
}

/// What an ignore file leaves in of a context.
#[derive(Default)]
pub struct Admitted {
    /// Files and links.
    names: BTreeSet<Name>,
    folders: BTreeSet<Name>,
}

impl Admitted {
    /// Whether a file or link is left in.
    pub fn has(&self, name: &Name) -> bool {
        self.names.contains(name)
    }

    /// What is left of a context, and the folders of which nothing else is.
    pub fn of(&self, context: &Files) -> Files {
        let mut left = context.filtered(|name| self.has(name));
        // From the inside out.
        for folder in self.folders.iter().rev().filter(|folder| context.has_below(folder)) {
            if !left.has_below(folder) {
                left.0.insert(folder.clone(), Entry::Folder);
            }
        }
        left
    }
}

/// One image to build.
pub struct Order<'a> {
    /// The short name.
    pub name: &'a str,
    /// The Dockerfile as it is on disk.
    pub dockerfile: &'a [u8],
    /// The ignore file that holds for it, if any.
    pub ignore: Option<&'a [u8]>,
    /// The context's files.
    pub context: &'a Files,
    /// Names and ids of the images that it refers to.
    pub dependencies: &'a [(String, String)],
    /// Build arguments.
    pub arguments: &'a [String],
    /// The stage to build, if not the last.
    pub target: Option<&'a str>,
}

impl Oracle {
    /// An oracle with a folder of its own.
    pub fn new(docker: Docker, namespace: String, folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).expect("a folder");
        let around = folder.parent().and_then(Path::file_name).expect("a temporary folder");
        let unique = around.to_string_lossy().trim_start_matches('.').to_owned();
        Self {
            unique,
            docker,
            namespace,
            folder,
            folders: 0,
            built: BTreeMap::new(),
            latest: BTreeMap::new(),
            admitted: BTreeMap::new(),
            contents: BTreeMap::new(),
            builds: 0,
        }
    }

    /// The image's id, or why docker cannot build it.
    pub fn build(&mut self, order: &Order) -> Result<String, String> {
        let dependencies: Vec<String> =
            order.dependencies.iter().map(|(name, id)| format!("{name}={id}")).collect();
        let ignore = order
            .ignore
            .map_or_else(|| "none".to_owned(), |text| digest_of(&[&String::from_utf8_lossy(text)]));
        let key = digest_of(&[
            order.name,
            &String::from_utf8_lossy(order.dockerfile),
            &ignore,
            &order.context.digest(),
            &dependencies.join(" "),
            &order.arguments.join(" "),
            order.target.unwrap_or_default(),
        ]);
        if let Some(known) = self.built.get(&key) {
            return known.clone();
        }
        for (name, id) in order.dependencies {
            if self.latest.get(name) != Some(id) {
                self.docker.run(["tag", id, &format!("{}/{name}:latest", self.namespace)]);
                self.latest.insert(name.clone(), id.clone());
            }
        }
        let (dockerfile, context) = self.copy(order.dockerfile, order.ignore, order.context);
        let tag = format!("{}/{}:n{}", self.namespace, order.name, self.builds);
        self.builds += 1;
        let mut output = vec!["--tag", &tag];
        for argument in order.arguments {
            output.extend(["--build-arg", argument]);
        }
        output.extend(order.target.iter().flat_map(|target| ["--target", target]));
        let built = self.docker.build(&dockerfile, &context, &output);
        let built = built.map(|id| String::from_utf8_lossy(&id).trim().to_owned());
        self.remove(&dockerfile);
        self.built.insert(key, built.clone());
        built
    }

    /// The files of a context that the ignore file leaves in, by the docker CLI's own word.
    pub fn admitted(&mut self, ignore: &[u8], context: &Files) -> Rc<Admitted> {
        let kinds: Vec<String> = context
            .0
            .iter()
            .map(|(name, entry)| format!("{}{name:?}", matches!(entry, Entry::Link(_))))
            .collect();
        let key = digest_of(&[&String::from_utf8_lossy(ignore), &kinds.join(" ")]);
        if let Some(known) = self.admitted.get(&key) {
            return Rc::clone(known);
        }
        let (dockerfile, folder) = self.copy(b"FROM scratch\nCOPY . /\n", Some(ignore), context);
        let archive = self.docker.build(&dockerfile, &folder, &["--output", "type=tar,dest=-"]);
        self.remove(&dockerfile);
        let mut admitted = Admitted::default();
        for (name, description) in archive.map(|archive| listing(&archive)).unwrap_or_default() {
            let is_folder = description.starts_with("d ");
            if is_folder {
                admitted.folders.insert(name)
            } else {
                admitted.names.insert(name)
            };
        }
        let admitted = Rc::new(admitted);
        self.admitted.insert(key, Rc::clone(&admitted));
        admitted
    }

    /// What an image of the engine holds.
    pub fn content(&mut self, id: &str) -> Rc<Content> {
        let docker = &self.docker;
        let read = || Rc::new(Content::read(docker, id));
        Rc::clone(self.contents.entry(id.to_owned()).or_insert_with(read))
    }

    /// A new folder with the Dockerfile, its ignore file, and the context. Engines keep what they have of a context
    /// under the name of its folder, without the path to it: no two may have one name.
    fn copy(&mut self, dockerfile: &[u8], ignore: Option<&[u8]>, context: &Files) -> (PathBuf, PathBuf) {
        self.folders += 1;
        let folder = self.folder.join(self.folders.to_string());
        let (own, files) = (folder.join("own"), folder.join(format!("{}-{}", self.unique, self.folders)));
        fs::create_dir_all(&own).expect("a folder");
        fs::write(own.join("Dockerfile"), dockerfile).expect("a file");
        if let Some(ignore) = ignore {
            fs::write(own.join("Dockerfile.dockerignore"), ignore).expect("a file");
        }
        context.write(&files);
        (own.join("Dockerfile"), files)
    }

    fn remove(&self, dockerfile: &Path) {
        let folder = dockerfile.ancestors().nth(2).expect("the folder of the copy");
        assert!(folder.starts_with(&self.folder));
        fs::remove_dir_all(folder).expect("it can go");
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let reference = format!("reference={}/*", self.namespace);
        let format = "{{.Repository}}:{{.Tag}}";
        let listed = self.docker.try_run(["images", "--format", format, "--filter", &reference]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let images: Vec<&str> = listed.lines().filter(|line| line.starts_with(&self.namespace)).collect();
        if !images.is_empty() {
            self.docker.try_run(["rmi", "--force"].iter().chain(&images));
        }
    }
}
