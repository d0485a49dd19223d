use std::fmt::Write as _;

use super::words::{cause, day, headline, heaviest, rebuilt};
use crate::ops::{History, ImageHistory};
use crate::report::phrase;
use crate::report::picture::{escaped, source_hash};

const STYLE: &str = include_str!("page.css");

/// Of one chart: the height of its bars, and how wide it is at most.
const HEIGHT: usize = 90;
const WIDTH: usize = 960;

const COMMITS: usize = 20;

/// A page: one file that loads nothing and runs nothing.
pub(crate) fn history_html(history: &History) -> String {
    let title = escaped(&format!("{}: what its commits rebuilt", history.checkout));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; base-uri 'none'; \
         form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{}</p>\n",
        source_hash(STYLE),
        escaped(&headline(history))
    );
    for finding in &history.findings {
        let _ = writeln!(out, "<p class=\"faint\">{}</p>", escaped(&finding.message));
    }
    chart(&mut out, history);
    images(&mut out, history);
    together(&mut out, history);
    commits(&mut out, history);
    out.push_str("</body>\n</html>\n");
    out
}

/// Rebuilds a commit, from the oldest to the newest.
fn chart(out: &mut String, history: &History) {
    let most = history.commits.iter().map(|commit| commit.rebuilt.len()).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let count = history.commits.len();
    let step = (WIDTH / count).clamp(1, 24);
    let width = step * count;
    let _ = writeln!(
        out,
        "<div class=\"chart\"><svg width=\"{width}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"Rebuilds of each commit\">"
    );
    for (at, commit) in history.commits.iter().enumerate().filter(|(_, commit)| !commit.rebuilt.is_empty()) {
        let height = (commit.rebuilt.len() * (HEIGHT - 4)).div_ceil(most);
        let bar = if step > 3 { step - 1 } else { step };
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{bar}\" height=\"{height}\"><title>{} {} {}: {}</title></rect>",
            at * step,
            HEIGHT - height,
            day(commit.commit.time),
            commit.commit.id.short(),
            escaped(&commit.commit.subject),
            phrase::count(commit.rebuilt.len(), "rebuild")
        );
    }
    out.push_str("</svg></div>\n");
}

fn images(out: &mut String, history: &History) {
    let all: Vec<&ImageHistory> = rebuilt(history).collect();
    let Some(most) = all.iter().map(|image| image.needed).max() else { return };
    out.push_str(
        "<h2>Images</h2>\n<table>\n<tr><th>rebuilds</th><th></th><th>image</th><th>causes</th></tr>\n",
    );
    for image in all {
        let of = if history.is_what_if { format!(" of {}", image.needed) } else { String::new() };
        let took = image.took.filter(|took| !took.is_zero());
        let took =
            took.map(|took| format!("<br><small>about {}</small>", phrase::rough(took))).unwrap_or_default();
        let _ = write!(
            out,
            "<tr><td class=\"number\">{}{of}</td><td><meter max=\"{most}\" value=\"{}\">{0}</meter></td>\
             <td><code>{}</code>{took}</td><td>",
            image.rebuilds,
            image.rebuilds,
            escaped(&image.name)
        );
        causes(out, image);
        out.push_str("</td></tr>\n");
    }
    out.push_str("</table>\n");
}

fn causes(out: &mut String, image: &ImageHistory) {
    for it in &image.causes {
        let head = format!("{} <code>{}</code>", it.rebuilds, escaped(&cause(it)));
        if it.files.is_empty() {
            let _ = write!(out, "<div>{head}</div>");
            continue;
        }
        let _ = write!(out, "<details><summary>{head}</summary><ul>");
        for (path, times, alone) in &it.files {
            let _ = write!(out, "<li>{times} <code>{}</code>, {alone} of them alone</li>", escaped(path));
        }
        out.push_str("</ul></details>");
    }
    for saving in image.savings.iter().take(3) {
        let _ = write!(
            out,
            "<div class=\"saving\">{} fewer with <code>{}</code> in the ignore file</div>",
            saving.rebuilds,
            escaped(&saving.ignore)
        );
    }
}

fn together(out: &mut String, history: &History) {
    if history.together.is_empty() {
        return;
    }
    out.push_str("<h2>Always rebuilt together</h2>\n<ul>\n");
    for group in &history.together {
        let names: Vec<String> = group.iter().map(|name| format!("<code>{}</code>", escaped(name))).collect();
        let _ = writeln!(out, "<li>{}</li>", names.join(", "));
    }
    out.push_str("</ul>\n");
}

fn commits(out: &mut String, history: &History) {
    let heaviest = heaviest(history, COMMITS);
    if heaviest.is_empty() {
        return;
    }
    out.push_str("<h2>Commits that rebuilt most</h2>\n<table>\n");
    for commit in heaviest {
        let _ = writeln!(
            out,
            "<tr><td class=\"number\">{}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            commit.rebuilt.len(),
            commit.commit.id.short(),
            day(commit.commit.time),
            escaped(&commit.commit.subject)
        );
    }
    out.push_str("</table>\n");
}
