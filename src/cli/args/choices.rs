use clap::ValueEnum;

/// What `shipwright ensure` does with registries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RemotePolicy {
    /// Pull what they have, build the rest and push it.
    All,
    /// Pull what they have, build the rest.
    #[default]
    Pull,
    /// Build, and push what they lack.
    Push,
    /// Leave them alone.
    None,
}

impl RemotePolicy {
    /// Whether what a registry has is pulled.
    pub fn pulls(self) -> bool {
        matches!(self, Self::All | Self::Pull)
    }

    /// Whether what a registry lacks is pushed.
    pub fn pushes(self) -> bool {
        matches!(self, Self::All | Self::Push)
    }
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How affected images are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AffectedFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// A matrix for GitHub Actions, on one line.
    Github,
    /// A list of such matrices, one a layer of the graph.
    GithubLayers,
    /// A child pipeline for GitLab.
    Gitlab,
    /// NAMESPACE/NAME, one a line.
    Names,
}

/// How a graph is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Indented, for people.
    #[default]
    Text,
    /// For Graphviz.
    Dot,
    /// For Markdown documents.
    Mermaid,
    /// For programs.
    Json,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// `live` on a terminal, else `plain`.
    #[default]
    Auto,
    /// One line for each image in flight.
    Live,
    /// Lines with the image in front.
    Plain,
    /// JSON lines on standard output.
    Json,
    /// Errors only.
    Quiet,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorMode {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
