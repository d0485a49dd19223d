use std::collections::BTreeMap;

use super::encoding::Encoder;
use super::files::{InputFile, InputFiles};
use super::fingerprint::{Fingerprint, LINE_DIGITS, LINES};
use crate::image::{ContentKey, Digest, Platform};

/// Version of the encoding. Another number gives other keys, so every image is built once more.
const DOMAIN: &str = "shipwright content key 1";

/// Everything that decides the content of an image, and nothing else: no names of this checkout, no
/// times, no users, no state of an engine. Equal materials have equal keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// Directives and instructions of the stages that the target needs, as logical lines.
    pub instructions: Vec<String>,
    /// The stage, if one was chosen.
    pub target: Option<String>,
    pub platform: Platform,
    /// Values given for arguments that those stages declare.
    pub build_args: BTreeMap<String, String>,
    /// References to images of this checkout, as the Dockerfile has them after expansion, with the key of
    /// what they are bound to.
    pub dependencies: Vec<(String, ContentKey)>,
    pub bases: Vec<ExternalBase>,
    /// Files and links of the build context.
    pub files: InputFiles,
    /// Those of build contexts with names that are read, by name.
    pub contexts: BTreeMap<String, InputFiles>,
    /// Free text of the settings.
    pub metadata: Option<String>,
    pub refresh: Option<u64>,
}

/// An external image that a build reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalBase {
    pub reference: String,
    /// Its digest, if it is locked.
    pub digest: Option<Digest>,
}

impl Material {
    pub fn key(&self) -> ContentKey {
        let mut encoder = Encoder::new(DOMAIN);
        encoder.field("instructions", self.instructions.len());
        self.instructions.iter().for_each(|line| encoder.bytes(line.as_bytes()));
        encoder.field("target", 1);
        encoder.optional(self.target.as_deref().map(str::as_bytes));
        encoder.field("platform", 1);
        encoder.bytes(self.platform.to_string().as_bytes());
        self.encode_arguments(&mut encoder);
        self.encode_images(&mut encoder);
        encoder.field("files", 1);
        encoder.bytes(self.files.digest());
        encoder.field("metadata", 1);
        encoder.optional(self.metadata.as_deref().map(str::as_bytes));
        encoder.field("refresh", 1);
        encoder.optional(self.refresh.map(u64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
        // Without any the key is what it was before there were such contexts.
        if !self.contexts.is_empty() {
            encoder.field("contexts", self.contexts.len());
            for (name, files) in &self.contexts {
                encoder.bytes(name.as_bytes());
                encoder.bytes(files.digest());
            }
        }
        ContentKey::new(encoder.finish())
    }

    /// The files of build contexts with names, by name.
    pub fn context_files(&self) -> BTreeMap<String, Vec<InputFile>> {
        self.contexts.iter().map(|(name, files)| (name.clone(), files.to_vec())).collect()
    }

    /// A digest over the files and the times that they are sent with: two builds with one of these may
    /// share what an engine keeps of their contexts, and no others may.
    pub fn digest_with_times(&self, times: &[i128]) -> [u8; 32] {
        let mut encoder = Encoder::new("shipwright files and times 3");
        encoder.bytes(self.files.digest());
        encoder.field("contexts", self.contexts.len());
        for (name, files) in &self.contexts {
            encoder.bytes(name.as_bytes());
            encoder.bytes(files.digest());
        }
        encoder.field("times", times.len());
        for time in times {
            encoder.bytes(&time.to_le_bytes());
        }
        encoder.finish()
    }

    /// A short digest of each component, kept on the image so that a later plan can say what changed.
    pub fn fingerprint(&self) -> Fingerprint {
        let digest = |encode: &dyn Fn(&mut Encoder)| {
            let mut encoder = Encoder::new("shipwright component 1");
            encode(&mut encoder);
            short_hex(&encoder.finish())
        };
        let text = |value: &str| digest(&|encoder| encoder.bytes(value.as_bytes()));
        Fingerprint {
            instructions: digest(&|encoder| {
                self.instructions.iter().for_each(|line| encoder.bytes(line.as_bytes()));
            }),
            lines: self
                .instructions
                .iter()
                .take(LINES)
                .map(|line| text(line)[..LINE_DIGITS].to_owned())
                .collect(),
            target: self.target.clone(),
            platform: self.platform.to_string(),
            build_args: self.build_args.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            dependencies: self
                .dependencies
                .iter()
                .map(|(reference, key)| (reference.clone(), short_hex(key.as_bytes())))
                .collect(),
            bases: self
                .bases
                .iter()
                .map(|base| (base.reference.clone(), base.digest.as_ref().map(ToString::to_string)))
                .collect(),
            files: short_hex(self.files.digest()),
            contexts: self
                .contexts
                .iter()
                .map(|(name, files)| (name.clone(), short_hex(files.digest())))
                .collect(),
            metadata: self.metadata.as_deref().map(text),
            refresh: self.refresh,
        }
    }

    fn encode_arguments(&self, encoder: &mut Encoder) {
        encoder.field("arguments", self.build_args.len());
        for (name, value) in &self.build_args {
            encoder.bytes(name.as_bytes());
            encoder.bytes(value.as_bytes());
        }
    }

    fn encode_images(&self, encoder: &mut Encoder) {
        encoder.field("dependencies", self.dependencies.len());
        for (reference, key) in &self.dependencies {
            encoder.bytes(reference.as_bytes());
            encoder.bytes(key.as_bytes());
        }
        encoder.field("bases", self.bases.len());
        for base in &self.bases {
            encoder.bytes(base.reference.as_bytes());
            encoder.optional(base.digest.as_ref().map(|digest| digest.as_str().as_bytes()));
        }
    }
}

fn short_hex(digest: &[u8; 32]) -> String {
    let mut hex = ContentKey::new(*digest).to_string();
    hex.truncate(16);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{BlobId, InputKind};

    fn file() -> InputFile {
        InputFile { path: "app.py".into(), kind: InputKind::File, blob: BlobId::new([1; 20]) }
    }

    fn material() -> Material {
        Material {
            instructions: vec!["FROM acme/base".into(), "COPY app.py /".into()],
            target: None,
            platform: Platform::host_linux(),
            build_args: BTreeMap::from([("V".into(), "1".into())]),
            dependencies: vec![("acme/base".into(), ContentKey::new([7; 32]))],
            bases: vec![ExternalBase { reference: "alpine:3".into(), digest: None }],
            files: InputFiles::new(vec![file()]),
            contexts: BTreeMap::new(),
            metadata: None,
            refresh: None,
        }
    }

    #[test]
    fn every_component_changes_the_key() {
        let key = material().key();
        let changes: [fn(&mut Material); 15] = [
            |m| m.instructions[1] = "COPY app.py /x".into(),
            |m| m.target = Some(String::new()),
            |m| m.platform.architecture = "riscv64".into(),
            |m| m.build_args.insert("V".into(), "2".into()).map_or((), drop),
            |m| m.build_args.clear(),
            |m| m.dependencies[0].1 = ContentKey::new([8; 32]),
            |m| m.bases[0].reference = "alpine:4".into(),
            |m| m.files = InputFiles::new(vec![InputFile { path: "app2.py".into(), ..file() }]),
            |m| m.files = InputFiles::new(vec![InputFile { kind: InputKind::Executable, ..file() }]),
            |m| m.files = InputFiles::new(vec![InputFile { blob: BlobId::new([2; 20]), ..file() }]),
            |m| m.files = InputFiles::new(Vec::new()),
            |m| drop(m.contexts.insert("x".into(), InputFiles::default())),
            |m| drop(m.contexts.insert("x".into(), InputFiles::new(vec![file()]))),
            |m| m.metadata = Some(String::new()),
            |m| m.refresh = Some(0),
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = material();
            change(&mut changed);
            assert_ne!(changed.key(), key, "change {at}");
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let with = |lines: &[&str]| Material {
            instructions: lines.iter().map(ToString::to_string).collect(),
            ..material()
        };
        assert_ne!(with(&["ab", "c"]).key(), with(&["a", "bc"]).key());
        assert_ne!(with(&["a", ""]).key(), with(&["a"]).key());
    }

    /// Keys are compared between machines and versions of the program: this one may only change together
    /// with `DOMAIN`.
    #[test]
    fn the_encoding_is_stable() {
        let mut fixed = material();
        fixed.platform = "linux/amd64".parse().expect("a platform");
        assert_eq!(fixed.key().tag().as_str(), "src-006b8fc2c07f25c6");
    }
}
