//! A generated `shipwright.toml`: what it says about images, as data, and its text.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::graph::Place;
use super::random::Random;
use super::spec::Spec;

/// Settings of images, by their short names.
#[derive(Clone, Debug, Default)]
pub struct Settings(pub BTreeMap<String, ImageSettings>);

/// `[image.NAME]`.
#[derive(Clone, Debug, Default)]
pub struct ImageSettings {
    /// The stage to build.
    pub target: Option<String>,
    /// The value of the build argument `EXTRA`.
    pub extra: Option<String>,
    /// The root of the context, from the root of the checkout; empty is that root.
    pub context: Option<String>,
}

impl Settings {
    /// Settings for some of these places, with the Dockerfiles that they have now. A stage that is not the last
    /// has nothing that others could copy: only images that nobody needs get a target.
    pub fn random(random: &mut Random, places: &[(Place, Spec)]) -> Self {
        let mut settings = Self::default();
        for _ in 0..random.below(3) {
            let Some((place, spec)) = random.pick_any(places) else { break };
            let needed = places.iter().any(|(_, other)| other.dependencies().contains(&place.name));
            let names: Vec<&String> = spec.stages.iter().filter_map(|stage| stage.name.as_ref()).collect();
            let mut image = ImageSettings::default();
            if !needed && random.percent(60) {
                image.target = random.pick_any(&names).map(|name| name.to_lowercase());
            }
            if random.percent(50) {
                image.extra = Some(format!("set {}", random.below(2)));
            }
            if random.percent(25) {
                let inferred = if spec.at_root { "" } else { place.folder.as_str() };
                let contexts = [inferred, inferred, "", place.folder.as_str()];
                image.context = Some((*random.pick(&contexts)).to_owned());
            }
            settings.0.insert(place.name.clone(), image);
        }
        settings
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut text = "# Settings\n".to_owned();
        for (name, image) in &self.0 {
            let context =
                image.context.as_deref().map(|context| if context.is_empty() { "." } else { context });
            writeln!(text, "[image.{name}]").expect("memory");
            let entries = [("target", image.target.as_deref()), ("context", context)];
            for (key, value) in entries.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                writeln!(text, "{key} = \"{value}\"").expect("memory");
            }
            if let Some(value) = &image.extra {
                writeln!(text, "args = {{ EXTRA = \"{value}\" }}").expect("memory");
            }
        }
        text
    }
}
