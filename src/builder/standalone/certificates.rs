use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

use super::BuilderError;
use crate::engine::read_own_file;

/// Files that say whom to believe at the other end of `tcp://`, and who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuilderCertificates {
    /// The authority that signed the builder's certificate.
    pub authority: Option<PathBuf>,
    /// Our own certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// The name in the builder's certificate, where it is not its host's.
    pub server_name: Option<String>,
}

const AUTHORITY: &str = "the authority's certificate";
const CERTIFICATE: &str = "the client certificate";
const KEY: &str = "the client certificate's key";

impl BuilderCertificates {
    /// Whether any of it is given, so that the connection is to be encrypted.
    pub fn are_given(&self) -> bool {
        *self != Self::default()
    }

    /// What rustls wants to know, and the name that the other end has to prove.
    pub(super) fn load(&self, host: &str) -> Result<(Arc<ClientConfig>, ServerName<'static>), BuilderError> {
        let mut authorities = RootCertStore::empty();
        let path = self.authority.as_ref().ok_or_else(|| missing(AUTHORITY))?;
        for certificate in certificates(AUTHORITY, path)? {
            authorities.add(certificate).map_err(|error| wrong(AUTHORITY, path, error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| wrong(AUTHORITY, path, error.to_string()))?;
        let builder = builder.with_root_certificates(authorities);
        let mut config = match (&self.certificate, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(_), None) => return Err(missing(KEY)),
            (None, Some(_)) => return Err(missing(CERTIFICATE)),
            (Some(certificate), Some(key)) => {
                let chain = certificates(CERTIFICATE, certificate)?;
                let secret = PrivateKeyDer::from_pem_slice(&read(KEY, key)?)
                    .map_err(|_| wrong(KEY, key, "no private key in PEM is in it".to_owned()))?;
                let authenticated = builder.with_client_auth_cert(chain, secret);
                authenticated.map_err(|error| wrong(KEY, key, error.to_string()))?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = self.server_name.clone().unwrap_or_else(|| plain_host(host).to_owned());
        let name = ServerName::try_from(name.clone()).map_err(|_| BuilderError::Certificate {
            part: "the builder's name",
            path: None,
            reason: format!("`{name}` is neither a host name nor an address"),
        })?;
        Ok((Arc::new(config), name))
    }
}

/// Without the brackets of an address.
fn plain_host(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn certificates(part: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, BuilderError> {
    let bytes = read(part, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(wrong(part, path, "no certificate in PEM is in it".to_owned())),
    }
}

fn read(part: &'static str, path: &Path) -> Result<Vec<u8>, BuilderError> {
    read_own_file(path).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => wrong(part, path, error.to_string()),
        _ => wrong(part, path, format!("it cannot be read: {error}")),
    })
}

fn wrong(part: &'static str, path: &Path, reason: String) -> BuilderError {
    BuilderError::Certificate { part, path: Some(path.to_owned()), reason }
}

fn missing(part: &'static str) -> BuilderError {
    BuilderError::Certificate { part, path: None, reason: "it is not given".to_owned() }
}

/// Which part of trust failed, with what to do; none where it is another kind of failure.
pub(super) fn distrust(error: &io::Error) -> Option<(String, &'static str)> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => (
                "its certificate is signed by another authority".to_owned(),
                "--builder-cacert names the authority that signed it",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                format!("its certificate is for another name ({why})"),
                "--builder-servername gives the name that is in it",
            ),
            why => {
                (format!("its certificate is not valid: {why}"), "whoever runs it has to give it another one")
            }
        },
        rustls::Error::AlertReceived(alert) if refuses_client(*alert) => (
            format!("it does not take the client certificate ({alert:?})"),
            "--builder-cert and --builder-key give one that its authority signed",
        ),
        rustls::Error::InvalidMessage(_) => (
            "it does not speak TLS".to_owned(),
            "leave the --builder-ca… options out, or name its port for TLS",
        ),
        _ => return None,
    })
}

/// Alerts of RFC 8446 by which a server says what it thinks of a client's certificate.
fn refuses_client(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_named_that_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            Some(path)
        };
        let own = rcgen::generate_simple_self_signed(["h".to_owned()]).expect("a certificate");
        let other = rcgen::generate_simple_self_signed(["h".to_owned()]).expect("a certificate");
        let authority = write("ca.pem", &own.cert.pem());
        let key = write("key.pem", &own.signing_key.serialize_pem());
        let foreign_key = write("foreign.pem", &other.signing_key.serialize_pem());
        let text = write("text", "no PEM");
        let gone = Some(folder.path().join("gone"));
        let with = |authority: &Option<PathBuf>, certificate: &Option<PathBuf>, key: &Option<PathBuf>| {
            let (authority, certificate, key) = (authority.clone(), certificate.clone(), key.clone());
            BuilderCertificates { authority, certificate, key, server_name: None }
        };
        for right in [with(&authority, &None, &None), with(&authority, &authority, &key)] {
            assert!(right.load("h").is_ok() && right.load("[::1]").is_ok());
        }
        for (wrong, said) in [
            (with(&None, &authority, &key), "the authority's certificate: it is not given"),
            (with(&gone, &None, &None), "gone: it cannot be read"),
            (with(&text, &None, &None), "text: no certificate in PEM is in it"),
            (with(&authority, &authority, &None), "the client certificate's key: it is not given"),
            (with(&authority, &None, &key), "the client certificate: it is not given"),
            (with(&authority, &gone, &key), "the client certificate "),
            (with(&authority, &authority, &text), "no private key in PEM is in it"),
            (with(&authority, &authority, &foreign_key), "foreign.pem: "),
        ] {
            let error = wrong.load("h").expect_err(said).to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
        let named = BuilderCertificates { server_name: Some("a b".into()), ..with(&authority, &None, &None) };
        assert!(named.load("h").expect_err("no name").to_string().contains("`a b`"));
    }
}
