use std::fmt::Write as _;

use serde_json::{Value, json};

use super::escape::{escaped, json_in_page, source_hash};
use super::scene::Scene;
use super::standing::Standings;
use super::svg::{MARGIN, Medium, STYLE, counts, drawing, kinds, title};
use crate::plan::{Action, Plan, Step};
use crate::printable::printable;
use crate::report::phrase;

const PAGE_STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The picture of a graph as a page: one file that loads nothing, in which a browser runs no other script than ours.
pub(crate) fn graph_html(standings: &Standings<'_>) -> String {
    let plan = &standings.graphed.planned.plan;
    let scene = Scene::of(plan);
    let (width, height) = (scene.extent.width + 2 * MARGIN, scene.extent.height + 2 * MARGIN);
    let style = format!("{STYLE}{PAGE_STYLE}");
    let title = title(standings);
    let images: Vec<Value> =
        plan.steps.iter().enumerate().map(|(at, step)| image(standings, at, step)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src '{}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}<small>{}</small></h1>\n\
         <input id=\"search\" type=\"search\" placeholder=\"Search ( / )\" aria-label=\"Search images\" \
         autocomplete=\"off\" spellcheck=\"false\">\n<span id=\"found\" role=\"status\"></span>\n\
         <span class=\"space\"></span>\n\
         <span><button id=\"farther\" aria-label=\"Smaller\">−</button> <button id=\"nearer\" aria-label=\"Larger\">+</button> \
         <button id=\"whole\">All</button></span>\n<div class=\"legend\">\n{}</div>\n</header>\n<main id=\"main\">\n\
         <svg id=\"picture\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<g transform=\"translate({MARGIN} {MARGIN})\">\n{}</g>\n</svg>\n</main>\n\
         <aside id=\"chosen\" class=\"card\" hidden></aside>\n<div id=\"hover\" class=\"card\" role=\"tooltip\" hidden></div>\n\
         <script type=\"application/json\" id=\"images\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        source_hash(&style),
        source_hash(SCRIPT),
        place(plan, &scene),
        legend(standings, &scene),
        drawing(standings, &scene, Medium::Page),
        json_in_page(&Value::from(images)),
    )
}

/// `acme/… · feature/login · 3f9ac0d1e2b4`
fn place(plan: &Plan, scene: &Scene) -> String {
    let head = plan.checkout.head.map(|head| head.short());
    let parts: Vec<String> =
        scene.left_out().into_iter().chain(plan.checkout.branch.clone()).chain(head).collect();
    escaped(&parts.join(" · "))
}

fn legend(standings: &Standings<'_>, scene: &Scene) -> String {
    let mut out = String::new();
    for (standing, count) in counts(standings) {
        let (class, words) = (standing.class(), standing.words());
        let _ = writeln!(
            out,
            "<button class=\"kind\" data-kind=\"{words}\" aria-pressed=\"false\"><svg width=\"22\" height=\"15\"><g \
             class=\"image {class}\"><rect x=\"1\" y=\"1\" width=\"20\" height=\"13\" rx=\"3\"/></g></svg>{count} {words}</button>"
        );
    }
    for (class, words) in kinds(scene) {
        let _ = writeln!(
            out,
            "<span class=\"kind\"><svg width=\"28\" height=\"8\"><path class=\"line {class}\" d=\"M0 4H28\"/></svg>{words}</span>"
        );
    }
    out
}

/// What is told of an image.
fn image(standings: &Standings<'_>, at: usize, step: &Step) -> Value {
    let is_blocked = step.action == Action::Blocked;
    let shown = |text: &str| printable(text).into_owned();
    let folder = step.dockerfile.parent().unwrap_or_default();
    let context = step.context.as_ref().filter(|context| **context != folder);
    let context = context.map(|context| if context.is_root() { ".".to_owned() } else { context.to_string() });
    let mut needs: Vec<usize> = step.needs().map(|needed| needed.0).collect();
    needs.sort_unstable();
    needs.dedup();
    let whole = if step.inputs.whole_context { ", the whole context" } else { "" };
    let inputs = match step.inputs.files {
        _ if is_blocked => None,
        0 => Some("no files".to_owned()),
        files => {
            let bytes = match step.inputs.bytes {
                0 => String::new(),
                bytes => format!(", {}", phrase::bytes(bytes)),
            };
            Some(format!("{}{bytes}{whole}", phrase::count(files, "file")))
        }
    };
    json!({
        "name": shown(&step.name()),
        "standing": standings.standing(step).words(),
        "reasons": standings.reasons(step).iter().map(|reason| shown(&reason.text)).collect::<Vec<_>>(),
        "dockerfile": shown(&step.dockerfile.to_text()),
        "context": context,
        "target": step.target.as_deref().map(shown),
        "key": step.key.map(|key| key.to_string()),
        "revision": step.revision.filter(|_| !is_blocked).map(|revision| {
            format!("{revision}{}", if step.dirty { " and uncommitted changes" } else { "" })
        }),
        "size": standings.graphed.sizes.get(at).copied().flatten().map(phrase::bytes),
        "inputs": inputs,
        "bases": step.bases.iter().map(|base| shown(base)).collect::<Vec<_>>(),
        "needs": needs,
    })
}
