use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escape::escaped;
use super::layout::{Extent, Point};
use super::scene::{ImageBox, LETTER_TENTHS, Line, Scene};
use super::standing::{Standing, Standings};
use crate::graph::DependencyKind;
use crate::plan::Step;
use crate::report::{phrase, text};

pub(super) const STYLE: &str = include_str!("picture.css");

/// Around the drawing.
pub(super) const MARGIN: i64 = 16;

const LEGEND_ROW: i64 = 20;
const LEGEND_GAP: i64 = 18;

/// What a drawing is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A file, in which each image has its tooltip.
    File,
    /// A page, whose script finds images and lines by their numbers.
    Page,
}

/// The picture of a graph for documents: one file that needs nothing else.
pub(crate) fn graph_svg(standings: &Standings<'_>) -> String {
    let scene = Scene::of(&standings.graphed.planned.plan);
    let legend = legend(standings, &scene);
    let width = scene.extent.width.max(legend.extent.width) + 2 * MARGIN;
    let height = scene.extent.height + MARGIN + legend.extent.height + 2 * MARGIN;
    let title = title(standings);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"sheet\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n"
    );
    let _ = writeln!(out, "<g transform=\"translate({MARGIN} {MARGIN})\">");
    out.push_str(&drawing(standings, &scene, Medium::File));
    let _ = writeln!(out, "</g>\n<g transform=\"translate({MARGIN} {})\">", scene.extent.height + 2 * MARGIN);
    out.push_str(&legend.text);
    out.push_str("</g>\n</svg>\n");
    out
}

/// `12 images of shop`, with what they are compared with.
pub(super) fn title(standings: &Standings<'_>) -> String {
    let plan = &standings.graphed.planned.plan;
    let of = format!("{} of {}", phrase::count(plan.steps.len(), "image"), plan.checkout.name);
    match &standings.graphed.affected {
        Some((_, since)) => escaped(&format!("{of}, since {}", since.revision)),
        None => escaped(&of),
    }
}

/// Frames, lines and images, with the upper left corner at the origin.
pub(super) fn drawing(standings: &Standings<'_>, scene: &Scene, medium: Medium) -> String {
    let mut out = String::new();
    for (corner, extent) in &scene.frames {
        let _ = writeln!(out, "<rect class=\"frame\" {} rx=\"8\"/>", place(*corner, *extent));
    }
    for line in scene.lines.iter().filter(|line| !line.route.is_empty()) {
        draw_line(&mut out, line, medium);
    }
    for image in &scene.boxes {
        draw_image(&mut out, image, standings, medium);
    }
    out
}

fn place(corner: Point, extent: Extent) -> String {
    format!("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", corner.x, corner.y, extent.width, extent.height)
}

fn draw_line(out: &mut String, line: &Line, medium: Medium) {
    let (Some(first), [.., before, last]) = (line.route.first(), &line.route[..]) else { return };
    let mut path = format!("M{} {}", first.x, first.y);
    for points in line.route.windows(2) {
        let (from, to) = (points[0], points[1]);
        let _ = if from.y == to.y {
            write!(path, "H{}", to.x)
        } else {
            let middle = i64::midpoint(from.x, to.x);
            write!(path, "C{middle} {} {middle} {} {} {}", from.y, to.y, to.x, to.y)
        };
    }
    let is_circle = first.x > last.x;
    let circle = if is_circle { " circle" } else { "" };
    let side = if before.x > last.x { 7 } else { -7 };
    let tip = format!("M{} {}l{side} -4v8z", last.x, last.y);
    let ends = match medium {
        Medium::File => String::new(),
        Medium::Page => {
            let to: Vec<String> = line.to.iter().map(|step| step.0.to_string()).collect();
            format!(" data-from=\"{}\" data-to=\"{}\"", line.from.0, to.join(" "))
        }
    };
    let kind = kind_class(line);
    let _ = writeln!(out, "<path class=\"line {kind}{circle}\" d=\"{path}\"{ends}/>");
    let _ = writeln!(out, "<path class=\"tip{circle}\" d=\"{tip}\"{ends}/>");
}

/// How a line is drawn: as FROM, where that is among what makes it.
fn kind_class(line: &Line) -> &'static str {
    line.kinds.first().map_or("", |kind| kind.as_str())
}

fn draw_image(out: &mut String, image: &ImageBox, standings: &Standings<'_>, medium: Medium) {
    let step = &standings.steps()[image.step.0];
    let class = standings.standing(step).class();
    let aside = if step.aside { " aside" } else { "" };
    let number = image.step.0;
    let _ = match medium {
        Medium::File => {
            write!(out, "<g class=\"image {class}{aside}\"><title>{}</title>", tooltip(standings, step))
        }
        Medium::Page => {
            let label = format!("{}, {}", step.name(), standings.standing(step).words());
            write!(
                out,
                "<g class=\"image {class}{aside}\" id=\"i{number}\" tabindex=\"0\" role=\"button\" aria-label=\"{}\">",
                escaped(&label)
            )
        }
    };
    let (x, y) = (image.corner.x + image.extent.width / 2, image.corner.y + image.extent.height / 2 + 4);
    let _ = writeln!(
        out,
        "<rect {} rx=\"5\"/><text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}</text></g>",
        place(image.corner, image.extent),
        escaped(&image.name)
    );
}

fn tooltip(standings: &Standings<'_>, step: &Step) -> String {
    let reasons: Vec<&str> = standings.reasons(step).iter().map(|reason| reason.text.as_str()).collect();
    let standing = standings.standing(step).words();
    let why =
        if reasons.is_empty() { standing.to_owned() } else { format!("{standing}: {}", reasons.join(", ")) };
    let lines = [step.name(), step.dockerfile.to_text(), why];
    lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\n")
}

/// How many images stand how.
pub(super) fn counts(standings: &Standings<'_>) -> BTreeMap<Standing, usize> {
    let mut counts = BTreeMap::new();
    for step in standings.steps() {
        *counts.entry(standings.standing(step)).or_default() += 1;
    }
    counts
}

/// The kinds of lines that are drawn, if there is more than FROM.
pub(super) fn kinds(scene: &Scene) -> Vec<(&'static str, &'static str)> {
    let drawn: Vec<&str> = scene.lines.iter().map(kind_class).collect();
    let all = [
        (DependencyKind::From, "FROM"),
        (DependencyKind::Copy, "COPY --from"),
        (DependencyKind::Mount, "RUN --mount"),
        (DependencyKind::Declared, "depends_on"),
    ];
    let present: Vec<(&str, &str)> = all
        .into_iter()
        .map(|(kind, words)| (kind.as_str(), words))
        .filter(|(class, _)| drawn.contains(class))
        .collect();
    if present.iter().all(|(class, _)| *class == DependencyKind::From.as_str()) {
        Vec::new()
    } else {
        present
    }
}

struct Legend {
    text: String,
    extent: Extent,
}

fn legend(standings: &Standings<'_>, scene: &Scene) -> Legend {
    let mut legend = Legend { text: String::new(), extent: Extent { width: 0, height: LEGEND_ROW } };
    for (standing, count) in counts(standings) {
        let class = standing.class();
        let sample =
            format!("<g class=\"image {class}\"><rect y=\"3\" width=\"20\" height=\"13\" rx=\"3\"/></g>");
        entry(&mut legend, &sample, &format!("{count} {}", standing.words()));
    }
    for (class, words) in kinds(scene) {
        let sample = format!("<path class=\"line {class}\" d=\"M0 10H26\"/>");
        entry(&mut legend, &sample, words);
    }
    if let Some(prefix) = scene.left_out() {
        entry(&mut legend, "", &prefix);
    }
    if legend.extent.width == 0 {
        entry(&mut legend, "", phrase::NO_IMAGES);
    }
    legend
}

fn entry(legend: &mut Legend, sample: &str, words: &str) {
    let x = if legend.extent.width == 0 { 0 } else { legend.extent.width + LEGEND_GAP };
    let indent = if sample.is_empty() { 0 } else { 32 };
    let letters = i64::try_from(text::columns(words)).unwrap_or_default();
    let _ = writeln!(
        legend.text,
        "<g transform=\"translate({x} 0)\">{sample}<text class=\"note\" x=\"{indent}\" y=\"14\">{}</text></g>",
        escaped(words)
    );
    legend.extent.width = x + indent + (letters * LETTER_TENTHS + 9) / 10;
}
