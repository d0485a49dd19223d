use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::header::HeaderValue;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::OnceCell;

use super::BuilderKind;
use super::bounded::Bound;
use super::connection::{self, Connector};
use super::error::refused;
use super::hint::{SystemFacts, hint};
use super::silence::Silence;
use super::{Endpoint, EngineError};
use crate::image::Platform;

/// A container engine that has answered. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    docker: Docker,
    info: EngineInfo,
    described: OnceCell<Described>,
    silence: Silence,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({}, {:?})", self.0.endpoint, self.0.info)
    }
}

/// What an engine says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its version, such as `26.1.5`.
    pub version: String,
    pub product: Product,
    /// What its images are for unless asked otherwise.
    pub platform: Platform,
    /// How it builds.
    pub builder: BuilderKind,
}

/// How an engine keeps its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// As layers of its storage driver: one manifest an image, which is made when it is pushed.
    Layers,
    /// As containerd does: indexes, manifests and whatever belongs to them, byte for byte.
    Containerd,
}

/// What an engine is asked for once.
struct Described {
    id: String,
    store: StoreKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Docker, or something that answers like it.
    Docker,
    /// Podman's Docker-compatible service.
    Podman,
}

/// How long an engine may take until a response begins. A build or pull itself may take any time.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(600);
/// How long a connection is kept that nothing goes over. Some routers forget one after minutes, without a word.
const IDLE: Duration = Duration::from_secs(30);

impl Engine {
    /// Connects and asks for the version, which is all that is needed to begin.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self, EngineError> {
        Self::connect_with(endpoint, None).await
    }

    /// As [`Self::connect`], and builds with `builder` whatever the engine prefers.
    pub async fn connect_with(
        endpoint: &Endpoint,
        builder: Option<BuilderKind>,
    ) -> Result<Self, EngineError> {
        let docker = docker(endpoint)?;
        let version = tokio::time::timeout(endpoint.patience(), docker.version()).await;
        let version = match version {
            Ok(Ok(version)) => version,
            Ok(Err(error)) => return Err(no_engine(endpoint, &error)),
            Err(_) => {
                return Err(EngineError::Silent {
                    action: format!("say its version at {endpoint}"),
                    seconds: endpoint.patience().as_secs(),
                });
            }
        };
        let info = describe(&version, builder);
        Ok(Self(Arc::new(Inner {
            endpoint: endpoint.clone(),
            docker,
            info,
            described: OnceCell::new(),
            silence: Silence::default(),
        })))
    }

    /// What the engine said about itself when it was connected to.
    pub fn info(&self) -> &EngineInfo {
        &self.0.info
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// What tells this engine from others, whatever address it is reached at. Asked for once; it costs the
    /// engine more than other questions.
    pub async fn id(&self) -> Result<&str, EngineError> {
        Ok(&self.described().await?.id)
    }

    /// How it keeps its images.
    pub(crate) async fn store_kind(&self) -> Result<StoreKind, EngineError> {
        Ok(self.described().await?.store)
    }

    async fn described(&self) -> Result<&Described, EngineError> {
        let ask = async {
            let info = self
                .ask_for_all("describe itself", self.docker().info())
                .await?
                .map_err(|error| refused("describe itself", &error))?;
            let status = info.driver_status.unwrap_or_default();
            let is_containerd = status.iter().any(|row| is_of_containerd(row));
            Ok(Described {
                store: if is_containerd { StoreKind::Containerd } else { StoreKind::Layers },
                id: info.id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.0.endpoint.to_string()),
            })
        };
        self.0.described.get_or_try_init(|| ask).await
    }

    pub(super) fn silence(&self) -> &Silence {
        &self.0.silence
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.0.docker
    }
}

/// What Docker Engine says of its storage where containerd has it.
fn is_of_containerd(row: &[String]) -> bool {
    matches!(row, [name, value] if name == "driver-type" && value.starts_with("io.containerd.snapshotter"))
}

/// A bollard client over connections of our own: they are kept alive between calls, and reach every
/// [`Endpoint`] in one way.
fn docker(endpoint: &Endpoint) -> Result<Docker, EngineError> {
    let client = |bound| {
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(Connector(endpoint.clone(), bound))
    };
    let (one, list, messages) = (client(Bound::One), client(Bound::List), client(Bound::Messages));
    let transport = move |mut request: BollardRequest| {
        make_auth_url_safe(&mut request);
        let client = match Bound::of(request.uri().path()) {
            Bound::One => one.clone(),
            Bound::List => list.clone(),
            Bound::Messages => messages.clone(),
        };
        async move { client.request(request).await.map_err(bollard::errors::Error::from) }
    };
    let address = format!("http://{}", connection::host(endpoint));
    Docker::connect_with_custom_transport(
        transport,
        Some(address),
        RESPONSE_TIMEOUT.as_secs(),
        API_DEFAULT_VERSION,
    )
    .map_err(|error| refused("be addressed", &error))
}

/// bollard encodes `X-Registry-Auth` in the standard alphabet, the engine decodes the URL-safe one, so that
/// about every tenth password would be refused.
fn make_auth_url_safe(request: &mut BollardRequest) {
    for name in ["x-registry-auth", "x-registry-config"] {
        let Some(value) = request.headers_mut().get_mut(name) else { continue };
        if let Some(safe) = STANDARD.decode(value.as_bytes()).ok().and_then(|plain| header(&plain)) {
            *value = safe;
        }
    }
}

/// A header value that carries `plain` in URL-safe base64 and is kept out of debug output.
pub(crate) fn header(plain: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&URL_SAFE.encode(plain)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `BuildKit` came to Docker's API with 1.39 (18.09). What `_ping` says about the builder is no help: 20.10
/// says nothing and has it.
fn describe(version: &SystemVersion, builder: Option<BuilderKind>) -> EngineInfo {
    let components = version.components.iter().flatten();
    let product = if components.into_iter().any(|component| component.name == "Podman Engine") {
        Product::Podman
    } else {
        Product::Docker
    };
    let os = version.os.as_deref().unwrap_or("linux");
    let architecture = version.arch.as_deref().unwrap_or("amd64");
    let platform = format!("{os}/{architecture}").parse().unwrap_or_else(|_| Platform::host_linux());
    let api = version.api_version.as_deref().and_then(numbers).unwrap_or((1, 0));
    let has_buildkit = product == Product::Docker && os == "linux" && api >= (1, 39);
    let default = if has_buildkit { BuilderKind::BuildKit } else { BuilderKind::Classic };
    EngineInfo {
        version: version.version.clone().unwrap_or_default(),
        product,
        platform,
        builder: builder.unwrap_or(default),
    }
}

/// The first two numbers of a version.
pub(crate) fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse::<u32>().ok()
    });
    Some((parts.next()??, parts.next().flatten().unwrap_or(0)))
}

fn no_engine(endpoint: &Endpoint, error: &bollard::errors::Error) -> EngineError {
    match io_error(error) {
        Some(io) => unreachable(endpoint, io),
        None => EngineError::NoEngine {
            address: endpoint.to_string(),
            reason: format!("what answers is not a container engine ({error})"),
            hint: "check the address; -H or DOCKER_HOST names another one".to_owned(),
        },
    }
}

fn unreachable(endpoint: &Endpoint, error: &io::Error) -> EngineError {
    let facts = SystemFacts::gather();
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such socket".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        _ => error.to_string(),
    };
    EngineError::NoEngine { address: endpoint.to_string(), reason, hint: hint(endpoint, error, facts) }
}

fn io_error(error: &bollard::errors::Error) -> Option<&io::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        // hyper-util hides the connector's error behind its own.
        if let Some(io) = current.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = current.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(json: &str) -> SystemVersion {
        serde_json::from_str(json).expect("a version")
    }

    #[test]
    fn tells_builders_apart() {
        let docker = r#"{"Version":"20.10.24+dfsg1","ApiVersion":"1.41","Os":"linux","Arch":"arm64",
            "Components":[{"Name":"Engine","Version":"20.10.24"}]}"#;
        let info = describe(&version(docker), None);
        assert_eq!((info.builder, info.product), (BuilderKind::BuildKit, Product::Docker));
        assert_eq!(info.platform.to_string(), "linux/arm64");
        assert_eq!(describe(&version(docker), Some(BuilderKind::Classic)).builder, BuilderKind::Classic);
        let podman = r#"{"Version":"4.3.1","ApiVersion":"1.41","Os":"linux","Arch":"amd64",
            "Components":[{"Name":"Podman Engine","Version":"4.3.1"},{"Name":"Conmon","Version":"2"}]}"#;
        let info = describe(&version(podman), None);
        assert_eq!((info.builder, info.product), (BuilderKind::Classic, Product::Podman));
        for old in [r#"{"ApiVersion":"1.38","Os":"linux"}"#, r#"{"ApiVersion":"1.43","Os":"windows"}"#, "{}"]
        {
            assert_eq!(describe(&version(old), None).builder, BuilderKind::Classic, "{old}");
        }
    }

    #[test]
    fn reads_version_numbers() {
        assert_eq!(numbers("20.10.24+dfsg1"), Some((20, 10)));
        assert_eq!(numbers("29-rc1"), Some((29, 0)));
        assert_eq!(numbers("dev"), None);
    }

    #[test]
    fn logins_are_sent_in_the_alphabet_that_the_engine_reads() {
        let header = header(b"p?~>ss").expect("a header");
        assert_eq!(header.as_bytes(), b"cD9-PnNz");
        assert!(header.is_sensitive());
    }

    #[tokio::test]
    async fn a_missing_socket_is_no_engine_with_a_hint() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let endpoint = Endpoint::Unix(folder.path().join("none.sock"));
        let error = Engine::connect(&endpoint).await.expect_err("nothing listens");
        assert!(error.is_unreachable() && error.hint().is_some(), "{error}");
        assert!(error.to_string().contains("no such socket"), "{error}");
    }

    #[tokio::test]
    async fn something_else_than_an_engine_is_no_engine() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
            }
        });
        let error = Engine::connect(&Endpoint::Tcp(address)).await.expect_err("not an engine");
        assert!(error.to_string().contains("not a container engine"), "{error}");
    }
}
