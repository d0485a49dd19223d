//! Certificates made for one test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority, and what it signed, in a folder.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub certificate: PathBuf,
}

impl Authority {
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = folder.join(format!("{name}.crt"));
        fs::write(&certificate, parameters.self_signed(&key).expect("a certificate").pem()).expect("written");
        Self { folder: folder.to_owned(), issuer: Issuer::new(parameters, key), certificate }
    }

    /// A certificate for these names, and its key.
    pub fn sign(&self, names: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let file = names[0].clone();
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(names).expect("parameters");
        let signed = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        let (certificate, key_file) =
            (self.folder.join(format!("{file}.cert")), self.folder.join(format!("{file}.key")));
        fs::write(&certificate, signed.pem()).expect("written");
        fs::write(&key_file, key.serialize_pem()).expect("written");
        (certificate, key_file)
    }
}

/// Puts files into `FOLDER/HOST`, under these names.
pub fn install(folder: &Path, host: &str, files: &[(&Path, &str)]) {
    let folder = folder.join(host);
    fs::create_dir_all(&folder).expect("a folder");
    for (file, name) in files {
        fs::copy(file, folder.join(name)).expect("copied");
    }
}
