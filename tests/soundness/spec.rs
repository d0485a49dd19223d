//! What a generated Dockerfile says, as data, and its text.

/// The namespace that stands in a Dockerfile's text where [`Spec`] has only names.
pub type Namespace = str;

/// One generated Dockerfile.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Whether the context is the checkout's root; else it is the Dockerfile's folder.
    pub at_root: bool,
    /// Whether references are written as `${NAMESPACE}/name`, after a global ARG.
    pub by_argument: bool,
    /// Whether `# escape=` makes the backquote continue lines.
    pub backquote: bool,
    /// The stages; the last is built if no other is chosen.
    pub stages: Vec<Stage>,
    /// What changes the text but nothing else: comments, blank lines, continuations.
    pub layout: usize,
    /// The stage to build, if not the last.
    pub target: Option<usize>,
    /// What `BASE` says in this run.
    pub argument: Option<Base>,
}

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What it is built from.
    pub base: Base,
    /// What other stages call it; by its number if it has no name.
    pub name: Option<String>,
    /// The instructions.
    pub lines: Vec<Line>,
}

/// What FROM says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// The only external image.
    Busybox,
    /// An image of the checkout.
    Image(String),
    /// An earlier stage.
    Stage(usize),
    /// What the build argument `BASE` says, which has no default.
    Argument,
}

/// An instruction.
#[derive(Clone, Debug)]
pub enum Line {
    /// COPY or ADD.
    Copy(Copy),
    /// RUN.
    Run {
        /// `--mount=type=bind`.
        mounts: Vec<Mount>,
        /// The shell's text; with a line break, a heredoc.
        script: String,
    },
    /// ONBUILD.
    OnBuild(Box<Line>),
    /// Anything else, as it is.
    Plain(String),
}

/// COPY or ADD.
#[derive(Clone, Debug)]
pub struct Copy {
    /// ADD.
    pub add: bool,
    /// An image or a stage; else the context.
    pub from: Option<Base>,
    /// The JSON form.
    pub json: bool,
    /// The instruction that gives the first source to a variable, if it is written as one.
    pub variable: Option<&'static str>,
    /// Flags beside `--from`.
    pub flags: String,
    /// Paths and patterns.
    pub sources: Vec<String>,
    /// Where to.
    pub to: String,
}

/// A bind mount.
#[derive(Clone, Debug)]
pub struct Mount {
    /// An image or a stage; else the context.
    pub from: Option<Base>,
    /// The path in it; all of it without.
    pub source: Option<String>,
    /// Where to.
    pub target: String,
}

impl Spec {
    /// The number of the stage that becomes the image.
    fn built(&self) -> usize {
        self.target.unwrap_or(self.stages.len() - 1)
    }

    /// Whether `ARG BASE` stands in front of the first FROM. Triggers of an external base may declare it again, so
    /// its value counts whether or not the target needs a stage that is FROM it.
    pub fn takes_base(&self) -> bool {
        self.stages.iter().any(|stage| stage.base == Base::Argument)
    }

    /// What a stage is built from in this run.
    pub fn base(&self, number: usize) -> &Base {
        match &self.stages[number].base {
            Base::Argument => self.argument.as_ref().unwrap_or(&Base::Argument),
            base => base,
        }
    }

    /// Whether the needed stages, or triggers that they inherit, declare the build argument `EXTRA`.
    pub fn asks(&self, triggers: &[&Line]) -> bool {
        let own = self.needed().into_iter().flat_map(|number| &self.stages[number].lines);
        own.chain(triggers.iter().copied()).any(
            |line| matches!(line, Line::Plain(text) if text.starts_with("ARG ") && text.contains("EXTRA")),
        )
    }

    /// Numbers of the stages that the built one needs, itself included, in order.
    pub fn needed(&self) -> Vec<usize> {
        let mut needed = vec![self.built()];
        let mut at = 0;
        while at < needed.len() {
            for base in self.stages[needed[at]].bases() {
                if let Base::Stage(number) = base
                    && !needed.contains(number)
                {
                    needed.push(*number);
                }
            }
            at += 1;
        }
        needed.sort_unstable();
        needed
    }

    /// The images of the checkout that the needed stages refer to.
    pub fn dependencies(&self) -> Vec<String> {
        let mut names = Vec::new();
        for number in self.needed() {
            for base in self.stages[number].bases().into_iter().chain([self.base(number)]) {
                if let Base::Image(name) = base
                    && !names.contains(name)
                {
                    names.push(name.clone());
                }
            }
        }
        names
    }

    /// The triggers that the image hands on.
    pub fn triggers(&self) -> Vec<&Line> {
        let lines = &self.stages[self.built()].lines;
        let triggers = lines.iter().filter_map(|line| match line {
            Line::OnBuild(line) => Some(&**line),
            _ => None,
        });
        triggers.collect()
    }

    /// The file.
    pub fn text(&self, namespace: &Namespace) -> String {
        let mut text = if self.backquote { "# escape=`\n".to_owned() } else { String::new() };
        if self.layout % 4 == 1 {
            text.push_str("# A comment in front\n\n");
        }
        if self.by_argument {
            text.push_str(&format!("ARG NAMESPACE={namespace}\n"));
        }
        if self.takes_base() {
            text.push_str("ARG BASE\n");
        }
        for number in 0..self.stages.len() {
            for line in self.stage_lines(number, namespace) {
                text.push_str(&self.laid_out(&line));
                text.push('\n');
            }
            if self.layout % 3 == 1 {
                text.push_str("\n  # between stages\n");
            }
        }
        if self.layout % 5 == 4 {
            text.pop();
        }
        if self.layout % 7 == 6 && !text.contains("<<") {
            text = text.replace('\n', "\r\n");
        }
        text
    }

    /// What of the text decides the image: the needed stages without their layout.
    pub fn essence(&self) -> String {
        let mut lines = vec![format!("{} {}", self.by_argument, self.backquote)];
        lines.extend(self.needed().into_iter().flat_map(|number| self.stage_lines(number, "NAMESPACE")));
        lines.join("\n")
    }

    fn laid_out(&self, line: &str) -> String {
        let Some((word, rest)) = line.split_once(' ') else { return line.to_owned() };
        let is_copy = word == "COPY" || word == "ADD";
        let more = if self.backquote { "`" } else { "\\" };
        match self.layout % 6 {
            2 if is_copy => format!("{word} {more}\n    {rest}"),
            3 if is_copy => format!("{word} {more}\n# in the middle\n  {rest}"),
            5 if word == "RUN" => format!("# {}\n{line}", rest.lines().next().unwrap_or_default()),
            _ => line.to_owned(),
        }
    }

    fn stage_lines(&self, number: usize, namespace: &Namespace) -> Vec<String> {
        let stage = &self.stages[number];
        let base = match &stage.base {
            Base::Image(name) if self.by_argument => format!("${{NAMESPACE}}/{name}"),
            // Upper case is for COPY --from; in FROM, BuildKit takes such a name for an image's.
            Base::Stage(_) => self.reference(&stage.base, namespace).to_lowercase(),
            base => self.reference(base, namespace),
        };
        let name = stage.name.as_ref().map(|name| format!(" AS {name}")).unwrap_or_default();
        let mut lines = vec![format!("FROM {base}{name}")];
        lines.extend(stage.lines.iter().map(|line| self.line(line, namespace)));
        lines
    }

    fn reference(&self, base: &Base, namespace: &Namespace) -> String {
        match base {
            Base::Scratch => "scratch".to_owned(),
            Base::Busybox => "busybox".to_owned(),
            Base::Image(name) => format!("{namespace}/{name}"),
            Base::Stage(number) => self.stages[*number].name.clone().unwrap_or_else(|| number.to_string()),
            Base::Argument => "${BASE}".to_owned(),
        }
    }

    fn line(&self, line: &Line, namespace: &Namespace) -> String {
        match line {
            Line::Copy(copy) => self.copy(copy, namespace),
            Line::OnBuild(line) => format!("ONBUILD {}", self.line(line, namespace)),
            Line::Plain(text) => text.clone(),
            Line::Run { mounts, script } => {
                let mounts: String = mounts.iter().map(|mount| self.mount(mount, namespace)).collect();
                if script.contains('\n') {
                    format!("RUN {mounts}<<EOF\n{script}\nEOF")
                } else {
                    format!("RUN {mounts}{script}")
                }
            }
        }
    }

    fn copy(&self, copy: &Copy, namespace: &Namespace) -> String {
        let word = if copy.add { "ADD" } else { "COPY" };
        let from = copy.from.as_ref().map(|from| format!("--from={} ", self.reference(from, namespace)));
        let from = from.unwrap_or_default();
        let mut paths: Vec<&str> = copy.sources.iter().chain([&copy.to]).map(String::as_str).collect();
        let mut before = String::new();
        if let Some(instruction) = copy.variable {
            before = format!("{instruction} HERE={}\n", paths[0]);
            paths[0] = "${HERE}";
        }
        let paths =
            if copy.json { serde_json::to_string(&paths).expect("texts are JSON") } else { paths.join(" ") };
        format!("{before}{word} {}{from}{paths}", copy.flags)
    }

    fn mount(&self, mount: &Mount, namespace: &Namespace) -> String {
        let from = mount.from.as_ref().map(|from| format!(",from={}", self.reference(from, namespace)));
        let source = mount.source.as_ref().map(|source| format!(",source={source}"));
        let (from, source) = (from.unwrap_or_default(), source.unwrap_or_default());
        format!("--mount=type=bind{from}{source},target={} ", mount.target)
    }
}

impl Stage {
    /// Every reference of the stage.
    fn bases(&self) -> Vec<&Base> {
        let mut bases = vec![&self.base];
        for line in &self.lines {
            match line {
                Line::Copy(copy) => bases.extend(&copy.from),
                Line::Run { mounts, .. } => {
                    bases.extend(mounts.iter().filter_map(|mount| mount.from.as_ref()));
                }
                Line::OnBuild(_) | Line::Plain(_) => {}
            }
        }
        bases
    }
}
