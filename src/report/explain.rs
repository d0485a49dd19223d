use std::fmt::Write as _;

use crate::printable::printable;
use crate::project::Image;
use crate::redact::{self, MASK};

/// A build argument without what looks like a secret: this text is compared and sent around.
fn argument(name: &str, value: &str) -> String {
    if redact::is_secret(name, value) {
        return format!("{name}={MASK} (masked)");
    }
    match redact::masked(value) {
        shown if shown == value => format!("{name}={value}"),
        shown => format!("{name}={shown} (masked)"),
    }
}

/// Everything that enters the key of an image, one item a line and always in the same order, so that the
/// outputs of two machines can be compared with diff. An image that cannot be built has no key; then it
/// says why.
pub(crate) fn explanation(image: &Image) -> String {
    let mut text = String::new();
    let mut line = |what: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{what:<11} {}", printable(value));
    };
    line("image", &image.name.full());
    line("dockerfile", &image.dockerfile.to_text());
    line("context", &image.context.root.to_string());
    image.named.iter().for_each(|(name, named)| line("context", &format!("{name} {}", named.root)));
    let Some(ready) = image.ready() else {
        line("key", "none: the image cannot be built as it is");
        return text;
    };
    let material = &ready.material;
    line("key", &ready.key.to_string());
    line("platform", &material.platform.to_string());
    line("target", material.target.as_deref().unwrap_or("the last stage"));
    material.instructions.iter().for_each(|instruction| line("instruction", instruction));
    material.build_args.iter().for_each(|(name, value)| line("argument", &argument(name, value)));
    material.dependencies.iter().for_each(|(reference, key)| {
        let reference = if reference.is_empty() { "(declared)" } else { reference };
        line("dependency", &format!("{reference} {key}"));
    });
    material.bases.iter().for_each(|base| {
        let digest = base.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        line("base", &format!("{}{digest}", base.reference));
    });
    material.metadata.iter().for_each(|metadata| line("metadata", metadata));
    material.refresh.iter().for_each(|period| line("refresh", &format!("period {period}")));
    material.files.iter().for_each(|file| {
        line("file", &format!("{} {} {}", file.kind.git_mode(), file.blob, file.path.to_text()));
    });
    for (name, files) in &material.contexts {
        files.iter().for_each(|file| {
            let (mode, path) = (file.kind.git_mode(), file.path.to_text());
            line("file", &format!("{mode} {} {path} of {name}", file.blob));
        });
    }
    text
}
