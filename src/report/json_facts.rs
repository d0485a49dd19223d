//! The JSON forms that a plan is made of, in the order of docs/cli.md. Types instead of values: of a thousand images each
//! text would be copied several times.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct PlanDocument<'p> {
    pub(super) schema: u32,
    pub(super) checkout: CheckoutFacts<'p>,
    pub(super) namespace: NamespaceFacts<'p>,
    pub(super) images: Vec<ImageFacts<'p>>,
    pub(super) diagnostics: Vec<DiagnosticFacts<'p>>,
}

#[derive(Serialize)]
pub(super) struct CheckoutFacts<'p> {
    pub(super) root: &'static str,
    pub(super) name: &'p str,
    pub(super) head: Option<String>,
    pub(super) branch: Option<&'p str>,
    pub(super) dirty: bool,
}

#[derive(Serialize)]
pub(super) struct NamespaceFacts<'p> {
    pub(super) value: &'p str,
    pub(super) source: &'static str,
}

#[derive(Serialize)]
pub(super) struct ImageFacts<'p> {
    pub(super) name: String,
    pub(super) short_name: &'p str,
    pub(super) dockerfile: String,
    pub(super) context: Option<String>,
    pub(super) target: Option<&'p str>,
    pub(super) key: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) revision: Option<String>,
    pub(super) dirty: bool,
    pub(super) tag_prefix: Option<&'p str>,
    pub(super) aside: bool,
    pub(super) unversioned: Vec<String>,
    pub(super) dependencies: Vec<DependencyFacts<'p>>,
    pub(super) bases: &'p [String],
    pub(super) locked: BTreeMap<&'p str, &'p str>,
    pub(super) contexts: Vec<ContextFacts<'p>>,
    pub(super) evidence: Vec<EvidenceFacts<'p>>,
    pub(super) inputs: InputFacts,
    pub(super) action: &'static str,
    pub(super) reasons: Vec<ReasonFacts<'p>>,
    pub(super) tags: Vec<&'p str>,
}

#[derive(Serialize)]
pub(super) struct DependencyFacts<'p> {
    pub(super) image: &'p str,
    pub(super) kind: &'static str,
    pub(super) line: Option<usize>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) inferred: bool,
}

#[derive(Serialize)]
pub(super) struct ContextFacts<'p> {
    pub(super) name: &'p str,
    pub(super) folder: String,
    pub(super) files: usize,
    pub(super) whole_context: bool,
}

#[derive(Serialize)]
pub(super) struct EvidenceFacts<'p> {
    pub(super) field: &'p str,
    pub(super) value: &'p str,
    pub(super) path: String,
    pub(super) line: usize,
}

#[derive(Serialize)]
pub(super) struct InputFacts {
    pub(super) files: usize,
    pub(super) whole_context: bool,
}

#[derive(Serialize)]
pub(super) struct ReasonFacts<'p> {
    pub(super) kind: &'static str,
    pub(super) path: Option<String>,
    pub(super) text: &'p str,
}

#[derive(Serialize)]
pub(super) struct DiagnosticFacts<'p> {
    pub(super) severity: &'static str,
    pub(super) path: Option<String>,
    pub(super) line: Option<usize>,
    pub(super) message: &'p str,
    pub(super) hint: Option<&'p str>,
}
