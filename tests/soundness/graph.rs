//! Random graphs of images, and random Dockerfiles for them.

use super::files::ARCHIVE;
use super::random::Random;
use super::spec::{Base, Copy, Line, Mount, Spec, Stage};

/// Where an image's Dockerfile is, and what never changes about it, so that any mixture of its versions
/// with those of others is a graph without cycles.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder, as a path of the checkout; empty for its root.
    pub folder: String,
    /// The file's name.
    pub file: String,
    /// The short name that the image has.
    pub name: String,
    /// Whether it has a shell, so that it can RUN.
    pub shell: bool,
    /// Images that it may refer to: those in front of it.
    pub before: Vec<(String, bool)>,
    /// Whether ONBUILD may be in it.
    pub hands_on: bool,
}

impl Place {
    /// The Dockerfile's path.
    pub fn path(&self) -> String {
        self.within(&self.file)
    }

    /// A path in its folder.
    pub fn within(&self, name: &str) -> String {
        if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) }
    }
}

const FOLDERS: [(&str, &str); 9] = [
    ("base", "base"),
    ("api", "api"),
    ("svc/worker", "worker"),
    ("NodeBase", "node-base"),
    ("web-app", "web-app"),
    ("group/db", "db"),
    ("tools", "tools"),
    ("", "shop"),
    ("group/deep/cron", "cron"),
];

/// The places of a checkout.
pub fn places(random: &mut Random) -> Vec<Place> {
    let mut folders = FOLDERS.to_vec();
    let mut places: Vec<Place> = Vec::new();
    for _ in 0..random.within(3, 6) {
        let (folder, name) = folders.remove(random.below(folders.len()));
        let mut files = vec![("Dockerfile", String::new())];
        if random.percent(25) {
            let variant = *random.pick(&["Dockerfile.dev", "dev.Dockerfile", "Dockerfile-dev"]);
            files.push((variant, "-dev".to_owned()));
        }
        for (file, suffix) in files {
            let before = places.iter().map(|place| (place.name.clone(), place.shell)).collect();
            places.push(Place {
                folder: folder.to_owned(),
                file: file.to_owned(),
                name: format!("{name}{suffix}"),
                shell: random.percent(65),
                before,
                hands_on: random.percent(25),
            });
        }
    }
    places
}

/// One more place, to which nothing refers: not every branch will have it.
pub fn leaf(random: &mut Random, places: &[Place], number: usize) -> Place {
    let first = places.iter().filter(|place| !place.name.starts_with("leaf"));
    let before = first.map(|place| (place.name.clone(), place.shell)).collect();
    let name = format!("leaf{number}");
    Place {
        folder: format!("{}{name}", random.pick(&["", "group/", "svc/"])),
        file: "Dockerfile".to_owned(),
        name,
        shell: random.percent(60),
        before,
        hands_on: false,
    }
}

/// A Dockerfile for a place.
pub fn dockerfile(random: &mut Random, place: &Place, heredocs: bool) -> Spec {
    let at_root = !place.folder.is_empty() && random.percent(25);
    let prefix = if at_root { format!("{}/", place.folder) } else { String::new() };
    let mut writer = Writer { random, place, prefix, at_root, heredocs, stages: Vec::new(), number: 0 };
    let extra = [0, 0, 0, 1, 1, 2][writer.random.below(6)];
    for number in 0..extra {
        let shell = place.shell || writer.random.percent(50);
        let base = writer.base(shell, number);
        let mut lines = writer.lines(shell, number);
        lines.insert(0, copy(&[&writer.own("keep.txt")], &format!("/out/stage{number}/")));
        // FROM and mounts know stages by name only.
        let name = Some(format!("{}{number}", writer.random.pick(&["build", "Test", "s-"])));
        writer.stages.push(Stage { base, name, lines });
    }
    let mut base = writer.base(place.shell, extra);
    if !place.before.is_empty() && writer.random.percent(6) {
        base = Base::Argument;
    }
    let mut lines = writer.lines(place.shell, extra);
    if at_root {
        lines.insert(0, copy(&["shared/keep.txt"], "/shared/"));
    }
    lines.insert(0, copy(&[&writer.own("keep.txt")], &format!("/out/{}/", place.name)));
    if place.hands_on && writer.random.percent(70) {
        lines.extend(writer.triggers());
    }
    let mut stages = writer.stages;
    stages.push(Stage { base, name: None, lines });
    let layout = random.below(60);
    let (by_argument, backquote) = (random.percent(25), random.percent(10));
    Spec { at_root, by_argument, backquote, stages, layout, target: None, argument: None }
}

fn plain_copy(to: &str) -> Copy {
    Copy {
        add: false,
        from: None,
        json: false,
        variable: None,
        flags: String::new(),
        sources: Vec::new(),
        to: to.to_owned(),
    }
}

fn copy(sources: &[&str], to: &str) -> Line {
    Line::Copy(Copy {
        sources: sources.iter().map(|source| (*source).to_owned()).collect(),
        ..plain_copy(to)
    })
}

struct Writer<'a> {
    random: &'a mut Random,
    place: &'a Place,
    /// What stands in front of a path of the Dockerfile's folder.
    prefix: String,
    at_root: bool,
    heredocs: bool,
    stages: Vec<Stage>,
    number: usize,
}

impl Writer<'_> {
    fn own(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn base(&mut self, shell: bool, stage: usize) -> Base {
        let images: Vec<&str> = self
            .place
            .before
            .iter()
            .filter(|(_, has)| *has == shell)
            .map(|(name, _)| name.as_str())
            .collect();
        if stage > 0 && self.place.shell == shell && self.random.percent(15) {
            let number = self.random.below(stage);
            if self.shell_of(number) == shell {
                return Base::Stage(number);
            }
        }
        if self.random.percent(65)
            && let Some(image) = self.random.pick_any(&images)
        {
            return Base::Image((*image).to_owned());
        }
        if shell { Base::Busybox } else { Base::Scratch }
    }

    fn shell_of(&self, stage: usize) -> bool {
        match &self.stages[stage].base {
            Base::Scratch => false,
            Base::Busybox => true,
            Base::Image(name) => self.place.before.iter().any(|(other, shell)| other == name && *shell),
            Base::Stage(number) => self.shell_of(*number),
            Base::Argument => self.place.shell,
        }
    }

    fn lines(&mut self, shell: bool, stage: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        for _ in 0..self.random.within(1, 4) {
            self.number += 1;
            let to = format!("/made/{}/{}/", self.place.name, self.number);
            let line = match self.random.below(if shell { 17 } else { 10 }) {
                0..=2 => self.context_copy(&to),
                3 => self.odd_copy(&to),
                4 => self.whole(&to),
                5 | 6 => self.copy_from(&to, stage),
                7 => self.setting(),
                8 => self.heredoc_copy(&to),
                9 => self.archive(&to),
                10 => Line::Run { mounts: vec![self.bind(true)], script: reads("/in", &to) },
                11 => Line::Run { mounts: vec![self.bind(false)], script: reads("/in", &to) },
                12 | 13 => self.run_from(&to, stage),
                14 => self.argument(&mut lines, &to),
                15 if self.heredocs => {
                    Line::Run { mounts: Vec::new(), script: format!("mkdir -p {to}\necho $PATH >{to}a") }
                }
                _ => Line::Run {
                    mounts: Vec::new(),
                    script: format!(
                        "mkdir -p {to} && find /out -type f | sort >{to}list && chmod 600 {to}list"
                    ),
                },
            };
            lines.push(line);
        }
        lines
    }

    fn context_copy(&mut self, to: &str) -> Line {
        let root = [
            "shared",
            "shared/*",
            "shared/li[bx]",
            "./shared/lib/",
            "/shared/../shared/keep.txt",
            "modules*",
        ];
        let own = [
            "conf",
            "src",
            "src/",
            "./conf/./",
            "*.txt",
            "src/*",
            "src/*/*.txt",
            "c*",
            "keep.txt",
            "link",
            "linked/",
            "linked/keep.txt",
            "../conf",
            "/src/deep",
            "s?c/[dk]e*",
            "li*",
            "src/../conf/keep.txt",
            ".*",
        ];
        let mut sources = Vec::new();
        for _ in 0..[1, 1, 1, 2, 3][self.random.below(5)] {
            let source = if self.at_root && self.random.percent(50) {
                (*self.random.pick(&root)).to_owned()
            } else {
                let source = *self.random.pick(&own);
                if self.at_root {
                    self.own(source.trim_start_matches("../").trim_start_matches('/'))
                } else {
                    source.to_owned()
                }
            };
            sources.push(source);
        }
        let json = self.random.percent(20);
        let variable = self.random.percent(15).then(|| *self.random.pick(&["ARG", "ENV"]));
        let flags =
            if self.heredocs && self.random.percent(10) { "--link ".to_owned() } else { String::new() };
        Line::Copy(Copy { add: self.random.percent(15), json, variable, flags, sources, ..plain_copy(to) })
    }

    fn odd_copy(&mut self, to: &str) -> Line {
        let source = *self.random.pick(&["keep me.txt", "keep me.txt", "-keep.txt", "\u{e9}keep.txt", "odd"]);
        let sources = vec![self.own(source)];
        let mode = ["", "--chown=3:4 ", "--chmod=640 "];
        let flags = (*self.random.pick(&mode)).to_owned();
        Line::Copy(Copy { json: true, sources, flags, ..plain_copy(to) })
    }

    /// ADD unpacks it, COPY does not.
    fn archive(&mut self, to: &str) -> Line {
        let add = self.random.percent(80);
        Line::Copy(Copy { add, sources: vec![self.own(ARCHIVE)], ..plain_copy(to) })
    }

    /// What images that are FROM this one do first, in contexts of their own.
    fn triggers(&mut self) -> Vec<Line> {
        let to = "/triggered/";
        let source = *self.random.pick(&["keep.txt", "*.txt", "con?", "."]);
        let copy = Copy { sources: vec![source.to_owned()], ..plain_copy(to) };
        let mut lines = match self.random.below(if self.place.shell { 6 } else { 3 }) {
            0 | 1 => vec![Line::Copy(copy)],
            2 => vec![Line::Copy(Copy { add: true, ..copy })],
            3 => {
                let mount = Mount { from: None, source: Some("conf".to_owned()), target: "/in".to_owned() };
                vec![Line::Run { mounts: vec![mount], script: reads("/in", to) }]
            }
            4 => {
                let script = format!("mkdir -p {to} && echo \"extra ${{EXTRA-unset}}\" >{to}a");
                vec![Line::Plain("ARG EXTRA".to_owned()), Line::Run { mounts: Vec::new(), script }]
            }
            _ => {
                let mount = Mount { from: None, source: None, target: "/in".to_owned() };
                vec![Line::Run { mounts: vec![mount], script: reads("/in", to) }]
            }
        };
        if self.random.percent(20) {
            lines.push(Line::Plain("ENV TRIGGERED=yes".to_owned()));
        }
        lines.into_iter().map(|line| Line::OnBuild(Box::new(line))).collect()
    }

    fn whole(&mut self, to: &str) -> Line {
        let source = *self.random.pick(&[".", ".", "*", "./", "/"]);
        let source = if self.at_root && source == "*" { "*/conf" } else { source };
        copy(&[source], to)
    }

    fn image_or_stage(&mut self, stage: usize) -> Option<(Base, String)> {
        if stage > 0 && self.random.percent(60) {
            let number = self.random.below(stage);
            return Some((Base::Stage(number), format!("/out/stage{number}")));
        }
        let (name, _) = self.random.pick_any(&self.place.before)?.clone();
        let path = format!("/out/{name}");
        Some((Base::Image(name), path))
    }

    fn copy_from(&mut self, to: &str, stage: usize) -> Line {
        if self.random.percent(10) {
            let sources = vec!["/etc/passwd".to_owned()];
            return Line::Copy(Copy { from: Some(Base::Busybox), sources, ..plain_copy(to) });
        }
        let Some((from, path)) = self.image_or_stage(stage) else { return self.context_copy(to) };
        let path = (*self.random.pick(&[path.as_str(), "/out", "/made*"])).to_owned();
        Line::Copy(Copy { from: Some(from), sources: vec![path], ..plain_copy(to) })
    }

    fn run_from(&mut self, to: &str, stage: usize) -> Line {
        let Some((from, path)) = self.image_or_stage(stage) else { return self.context_copy(to) };
        let source =
            self.random.percent(70).then(|| (*self.random.pick(&[path.as_str(), "/out", "/"])).to_owned());
        let read = if source.as_deref().is_none_or(|source| source == "/") { "/in/out" } else { "/in" };
        Line::Run {
            mounts: vec![Mount { from: Some(from), source, target: "/in".to_owned() }],
            script: reads(read, to),
        }
    }

    fn bind(&mut self, whole: bool) -> Mount {
        let source = *self.random.pick(&["conf", "src/deep", "./src/", "linked", "/conf"]);
        let source = (!whole).then(|| self.own(source.trim_start_matches('/')));
        Mount { from: None, source, target: "/in".to_owned() }
    }

    fn argument(&mut self, lines: &mut Vec<Line>, to: &str) -> Line {
        let declaration = *self.random.pick(&["ARG EXTRA", "ARG EXTRA=none", "ARG OTHER=1 EXTRA"]);
        lines.push(Line::Plain(declaration.to_owned()));
        if self.random.percent(30) {
            lines.push(Line::Plain("ENV TOLD=${EXTRA:-nothing}".to_owned()));
        }
        Line::Run {
            mounts: Vec::new(),
            script: format!("mkdir -p {to} && echo \"extra ${{EXTRA-unset}}\" >{to}a"),
        }
    }

    fn setting(&mut self) -> Line {
        let value = self.random.below(3);
        let lines = [
            format!("ENV COLOUR={value} SIZE=\"a b\""),
            format!("LABEL team=\"t{value}\""),
            format!("WORKDIR /work/{value}"),
            "USER 0:0".to_owned(),
            format!("EXPOSE 808{value}/tcp"),
            format!("VOLUME [\"/data{value}\"]"),
            format!("CMD [\"run\", \"{value}\"]"),
            format!("ENTRYPOINT [\"/bin/entry{value}\"]"),
            format!("HEALTHCHECK --interval=5s CMD check {value}"),
            "STOPSIGNAL SIGUSR1".to_owned(),
            format!("MAINTAINER m{value}"),
        ];
        Line::Plain(self.random.pick(&lines).clone())
    }

    fn heredoc_copy(&mut self, to: &str) -> Line {
        if !self.heredocs {
            return self.setting();
        }
        let text = self.random.below(100);
        Line::Plain(format!("COPY <<EOF {to}text\nit is {text}\nCOPY nothing /here\nEOF"))
    }
}

/// A script that keeps what a folder holds: names, kinds and contents.
fn reads(folder: &str, to: &str) -> String {
    format!(
        "mkdir -p {to} && cd {folder} && find . -type d | sort >{to}c && find . ! -type d -print0 | sort -z | xargs -0 ls -ldn | awk '{{print $1,$5}}' >{to}a && find . -type f -print0 | sort -z | xargs -0 cat >{to}b"
    )
}
