use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, Identity};

use super::RegistryError;

/// The private certificates for one `HOST[:PORT]`, in Docker's layout.
#[derive(Default)]
pub(super) struct Certificates {
    /// Authorities that are trusted beside the system's: `*.crt`.
    pub(super) authorities: Vec<Certificate>,
    /// Our own certificate with its key: `*.cert` and `*.key`.
    pub(super) identity: Option<Identity>,
}

impl Certificates {
    /// Reads `FOLDER/HOST[:PORT]` of each folder. What does not exist is nothing, what cannot be read or
    /// understood is an error.
    pub(super) fn read(folders: &[PathBuf], authority: &str) -> Result<Self, RegistryError> {
        let mut found = Self::default();
        for folder in folders {
            for file in files(&folder.join(authority))? {
                match file.extension().and_then(OsStr::to_str) {
                    Some("crt") => {
                        let certificates = Certificate::from_pem_bundle(&bytes(&file)?)
                            .map_err(|error| wrong(&file, &error))?;
                        found.authorities.extend(certificates);
                    }
                    Some("cert") => {
                        let key = file.with_extension("key");
                        let mut both = bytes(&file)?;
                        both.push(b'\n');
                        both.extend(bytes(&key)?);
                        found.identity =
                            Some(Identity::from_pem(&both).map_err(|error| wrong(&file, &error))?);
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// Whether nothing private is known, so that the client of all other hosts does.
    pub(super) fn is_empty(&self) -> bool {
        self.authorities.is_empty() && self.identity.is_none()
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, RegistryError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(wrong(folder, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry.map_err(|error| wrong(folder, &error))?.path());
    }
    files.sort();
    Ok(files)
}

fn bytes(file: &Path) -> Result<Vec<u8>, RegistryError> {
    fs::read(file).map_err(|error| wrong(file, &error))
}

fn wrong(path: &Path, error: &dyn std::error::Error) -> RegistryError {
    let mut reason = error.to_string();
    if let Some(cause) = error.source() {
        reason = cause.to_string();
    }
    RegistryError::Configuration { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dockers_layout() {
        let folder = tempfile::tempdir().expect("a folder");
        let host = folder.path().join("h:5000");
        fs::create_dir(&host).expect("made");
        let own = rcgen::generate_simple_self_signed(["h".to_owned()]).expect("a certificate");
        fs::write(host.join("ca.crt"), own.cert.pem()).expect("written");
        fs::write(host.join("client.cert"), own.cert.pem()).expect("written");
        fs::write(host.join("notes.txt"), "x").expect("written");
        let folders = [folder.path().to_owned()];
        let read = || Certificates::read(&folders, "h:5000");
        let Err(RegistryError::Configuration { path, .. }) = read() else { panic!("the key is missing") };
        assert_eq!(path, host.join("client.key"));
        fs::write(host.join("client.key"), own.signing_key.serialize_pem()).expect("written");
        let found = read().expect("complete");
        assert_eq!((found.authorities.len(), found.identity.is_some()), (1, true));
        assert!(Certificates::read(&folders, "h").expect("nothing").is_empty());
        fs::write(host.join("bad.crt"), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----")
            .expect("written");
        assert!(matches!(read(), Err(RegistryError::Configuration { .. })));
    }
}
