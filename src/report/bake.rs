use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::json::document;
use crate::ops::{BakeContext, BakeDockerfile, BakeFile, BakeTarget};

/// The file that `docker buildx bake -f` reads.
pub(crate) fn bake_json(file: &BakeFile) -> String {
    let names: Vec<&str> = file.targets.iter().map(|target| &*target.name).collect();
    let mut whole = json!({"group": {"default": {"targets": names}}});
    // An empty object is no target, and an error to bake.
    if !file.targets.is_empty() {
        whole["target"] = file.targets.iter().map(|made| (made.name.clone(), target(made))).collect();
    }
    document(&whole)
}

/// What it says nothing about is left out.
fn target(target: &BakeTarget) -> Value {
    let mut fields = Map::new();
    fields.insert("context".to_owned(), text(&target.context));
    match &target.dockerfile {
        BakeDockerfile::At(path) => fields.insert("dockerfile".to_owned(), text(path)),
        BakeDockerfile::Inline(source) => fields.insert("dockerfile-inline".to_owned(), text(source)),
    };
    fields.extend(target.stage.as_ref().map(|stage| ("target".to_owned(), text(stage))));
    if !target.contexts.is_empty() {
        let contexts = target.contexts.iter().map(|(name, context)| (name.clone(), meaning(context)));
        fields.insert("contexts".to_owned(), Value::Object(contexts.collect()));
    }
    if !target.args.is_empty() {
        fields.insert("args".to_owned(), table(&target.args));
    }
    fields.insert("labels".to_owned(), table(&target.labels));
    let tags = target.tags.iter().map(|tag| text(&tag.to_string()));
    fields.insert("tags".to_owned(), tags.collect());
    fields.insert("platforms".to_owned(), json!([target.platform.to_string()]));
    for (name, caches) in [("cache-from", &target.cache_from), ("cache-to", &target.cache_to)] {
        if !caches.is_empty() {
            fields.insert(name.to_owned(), caches.iter().map(|cache| text(cache)).collect());
        }
    }
    Value::Object(fields)
}

fn meaning(context: &BakeContext) -> Value {
    match context {
        BakeContext::Target(name) => json!(format!("target:{name}")),
        BakeContext::Folder(folder) => text(folder),
        BakeContext::Image(image) => text(&format!("docker-image://{image}")),
    }
}

fn table(entries: &BTreeMap<String, String>) -> Value {
    Value::Object(entries.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

/// A text of JSON is a template for bake.
fn text(text: &str) -> Value {
    Value::String(escaped(text).into_owned())
}

fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains("${") && !text.contains("%{") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("${", "$${").replace("%{", "%%{"))
}
