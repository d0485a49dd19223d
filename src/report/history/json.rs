use serde_json::{Value, json};

use crate::ops::{History, HistoryCommit, ImageChange, ImageHistory, LineCause};
use crate::report::json::{SCHEMA, diagnostic, document};

/// For programs.
pub(crate) fn history_json(history: &History) -> String {
    document(&json!({
        "schema": SCHEMA,
        "checkout": history.checkout,
        "base": history.base.map(|base| base.to_string()),
        "what_if": history.is_what_if,
        "images": history.images.iter().map(image).collect::<Vec<_>>(),
        "together": history.together,
        "commits": history.commits.iter().map(commit).collect::<Vec<_>>(),
        "diagnostics": history.findings.iter().map(diagnostic).collect::<Vec<_>>(),
    }))
}

fn image(image: &ImageHistory) -> Value {
    json!({
        "name": image.name,
        "rebuilds": image.rebuilds,
        "needed": image.needed,
        "new": image.is_new,
        "seconds": image.took.map(|took| took.as_secs_f64()),
        "causes": image.causes.iter().map(cause).collect::<Vec<_>>(),
        "savings": image.savings.iter().map(|saving| json!({
            "ignore": saving.ignore,
            "rebuilds": saving.rebuilds,
        })).collect::<Vec<_>>(),
    })
}

fn cause(cause: &LineCause) -> Value {
    json!({
        "path": cause.path,
        "line": cause.line,
        "what": cause.what,
        "rebuilds": cause.rebuilds,
        "files": cause.files.iter().map(|(path, times, alone)| json!({
            "path": path,
            "rebuilds": times,
            "alone": alone,
        })).collect::<Vec<_>>(),
    })
}

fn commit(commit: &HistoryCommit) -> Value {
    json!({
        "commit": commit.commit.id.to_string(),
        "time": commit.commit.time,
        "subject": commit.commit.subject,
        "readable": commit.readable,
        "rebuilds": commit.rebuilt.len(),
        "needed": commit.needed,
        "images": commit.changes.iter().map(|change| changed(change, &commit.rebuilt)).collect::<Vec<_>>(),
    })
}

fn changed(change: &ImageChange, rebuilt: &[String]) -> Value {
    json!({
        "name": change.name,
        "before": change.before,
        "key": change.key,
        "rebuilt": rebuilt.contains(&change.name),
        "dockerfile": change.dockerfile,
        "files": change.files.iter().map(|input| json!({
            "path": input.path,
            "lines": input.lines,
        })).collect::<Vec<_>>(),
        "more_files": change.more_files,
        "instruction": change.instruction,
        "others": change.others,
        "dependencies": change.dependencies,
    })
}
