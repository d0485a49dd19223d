//! What of a plan is as the truth has it.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a repository really builds: one image.
pub(crate) struct Row {
    pub(crate) repository: String,
    image: String,
    tag: Option<String>,
    pub(crate) dockerfile: String,
    context: String,
    target: Option<String>,
    dependencies: BTreeSet<String>,
}

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    Missing,
    Name,
    ShortName,
    Context,
    Target,
    Edges,
}

impl Aspect {
    /// Whether a user who asked for `words` wants to see it.
    pub(crate) fn is_shown(self, words: &str) -> bool {
        let word = match self {
            Self::Missing => "missing",
            Self::Name => "name",
            Self::ShortName => "short-name",
            Self::Context => "context",
            Self::Target => "target",
            Self::Edges => "edges",
        };
        words.split(',').any(|wanted| wanted == "all" || wanted == word)
    }
}

/// How many of a repository's images are right, and in what.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) images: usize,
    pub(crate) missing: usize,
    pub(crate) all: usize,
    pub(crate) name: usize,
    pub(crate) short_name: usize,
    pub(crate) context: usize,
    pub(crate) target: usize,
    pub(crate) edges: usize,
    pub(crate) with_edges: usize,
    pub(crate) false_edges: usize,
    pub(crate) planned: usize,
    pub(crate) blocked: usize,
}

impl Tally {
    pub(crate) const HEADER: &str = "| repository | images | all right | name | short name | context | target | edges | false edges | blocked |\n\
                              |---|---|---|---|---|---|---|---|---|---|";

    pub(crate) fn line(&self, title: &str) -> String {
        let Self { images, all, name, short_name, context, target, .. } = self;
        let Self { edges, with_edges, false_edges, planned, blocked, .. } = self;
        format!(
            "| {title} | {images} | {all} | {name} | {short_name} | {context} | {target} | {edges} of {with_edges} | {false_edges} | {blocked} of {planned} |"
        )
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.images, other.images),
            (&mut self.missing, other.missing),
            (&mut self.all, other.all),
            (&mut self.name, other.name),
            (&mut self.short_name, other.short_name),
            (&mut self.context, other.context),
            (&mut self.target, other.target),
            (&mut self.edges, other.edges),
            (&mut self.with_edges, other.with_edges),
            (&mut self.false_edges, other.false_edges),
            (&mut self.planned, other.planned),
            (&mut self.blocked, other.blocked),
        ];
        for (sum, count) in pairs {
            *sum += count;
        }
    }
}

impl Row {
    pub(crate) fn read(row: &Value) -> Self {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            repository: text("repo"),
            image: bare(&text("image")),
            tag: some(text("tag")).filter(|tag| tag != "latest"),
            dockerfile: plain(&text("df")),
            context: plain(&text("ctx")),
            target: some(text("target")),
            dependencies: row["deps"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(plain)
                .collect(),
        }
    }
}

/// A path without what does not change it.
fn plain(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    parts.join("/")
}

/// A name without what every name has.
fn bare(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name).to_owned()
}

/// An image of the plan beside a row of the truth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent judgements")]
struct Fit {
    right: usize,
    name: bool,
    short_name: bool,
    context: bool,
    target: bool,
    edges: bool,
    tag: bool,
}

/// Judges a plan; what is wrong comes with a line of text.
pub(crate) fn score(rows: &[Row], plan: &Value) -> (Tally, Vec<(Aspect, String)>) {
    let images = plan["images"].as_array().map_or(&[][..], Vec::as_slice);
    let is_blocked = |image: &&Value| image["action"] == "blocked";
    let mut tally = Tally {
        planned: images.len(),
        blocked: images.iter().filter(is_blocked).count(),
        ..Tally::default()
    };
    let mut wrong = Vec::new();
    for row in rows {
        tally.images += 1;
        let of_file = images.iter().filter(|image| plain(&text(image, "dockerfile")) == row.dockerfile);
        let Some((fit, image)) =
            of_file.map(|image| (fit(row, image, images), image)).max_by_key(|(fit, _)| *fit)
        else {
            tally.missing += 1;
            wrong.push((Aspect::Missing, format!("{} from {}", row.image, row.dockerfile)));
            continue;
        };
        let Fit { name, short_name, context, target, edges, tag, .. } = fit;
        tally.all += usize::from(name && tag && context && target && edges);
        tally.name += usize::from(name);
        tally.short_name += usize::from(short_name);
        tally.context += usize::from(context);
        tally.target += usize::from(target);
        if row.dependencies.is_empty() {
            tally.false_edges += usize::from(!edges);
        } else {
            tally.with_edges += 1;
            tally.edges += usize::from(edges);
        }
        let mut note = |aspect, is_right: bool, planned: String, truth: &str| {
            if !is_right {
                let action = text(image, "action");
                wrong.push((aspect, format!("{} ({action}): `{planned}`, not `{truth}`", row.dockerfile)));
            }
        };
        let tag = row.tag.as_deref().unwrap_or_default();
        note(Aspect::ShortName, short_name, text(image, "name"), &row.image);
        note(Aspect::Name, name && fit.tag, text(image, "name"), &format!("{}:{tag}", row.image));
        note(Aspect::Context, context, text(image, "context"), &row.context);
        note(Aspect::Target, target, text(image, "target"), row.target.as_deref().unwrap_or_default());
        let truth: Vec<&str> = row.dependencies.iter().map(String::as_str).collect();
        let planned: Vec<String> = dependencies(image, images).into_iter().collect();
        note(Aspect::Edges, edges, planned.join(" "), &truth.join(" "));
    }
    (tally, wrong)
}

fn fit(row: &Row, image: &Value, images: &[Value]) -> Fit {
    let full = bare(&text(image, "name"));
    let repository = full.split_once(':').map_or(full.as_str(), |(repository, _)| repository);
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let name = repository == row.image;
    let short_name = last(repository) == last(&row.image);
    let inputs = &image["inputs"];
    // Where nothing of it is copied any folder does. What is blocked has no inputs yet.
    let copies_nothing = if image["action"] == "blocked" {
        image["copies_nothing"] == true
    } else {
        inputs["files"] == 0 && inputs["whole_context"] == false
    };
    let context =
        image["context"].as_str().is_some_and(|context| copies_nothing || plain(context) == row.context);
    let target = row.target.as_ref().is_none_or(|target| image["target"] == target.as_str());
    let edges = dependencies(image, images) == row.dependencies;
    let tag = image["tag_prefix"].as_str() == row.tag.as_deref();
    let right = [name, short_name, context, target, edges, tag].into_iter().filter(|right| *right).count();
    Fit { right, name, short_name, context, target, edges, tag }
}

/// The Dockerfiles of what an image is built on.
fn dependencies(image: &Value, images: &[Value]) -> BTreeSet<String> {
    let names = image["dependencies"].as_array().into_iter().flatten();
    let dockerfile = |dependency: &Value| {
        let is_it = |image: &&Value| {
            let name = text(image, "name");
            let prefixed = image["tag_prefix"].as_str().map(|prefix| format!("{name}:{prefix}"));
            dependency["image"] == prefixed.unwrap_or(name)
        };
        let of_name = images.iter().find(is_it)?;
        Some(plain(&text(of_name, "dockerfile")))
    };
    names.filter_map(dockerfile).collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
