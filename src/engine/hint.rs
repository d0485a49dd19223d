use std::io;
use std::path::Path;

use super::Endpoint;

/// What the system shows about engines, for a hint that fits it. Gathered only when nothing answered.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct SystemFacts {
    /// The `docker` or `dockerd` program is installed.
    docker: bool,
    /// The `podman` program is installed.
    podman: bool,
    systemd: bool,
    macos: bool,
}

impl SystemFacts {
    /// Looks where programs are installed.
    pub(super) fn gather() -> Self {
        let folders = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/bin", "/opt/homebrew/bin"];
        let installed =
            |program: &str| folders.iter().any(|folder| Path::new(folder).join(program).is_file());
        Self {
            docker: installed("docker") || installed("dockerd"),
            podman: installed("podman"),
            systemd: Path::new("/run/systemd/system").is_dir(),
            macos: cfg!(target_os = "macos"),
        }
    }
}

/// What to do when connecting to `endpoint` failed with `error`.
pub(super) fn hint(endpoint: &Endpoint, error: &io::Error, facts: SystemFacts) -> String {
    let start_docker = if facts.macos {
        "start Docker Desktop"
    } else if facts.systemd {
        "start Docker: systemctl start docker"
    } else {
        "start Docker: dockerd"
    };
    match (endpoint, error.kind()) {
        (Endpoint::Unix(_), io::ErrorKind::PermissionDenied) => {
            "add yourself to the group that owns the socket: sudo usermod -aG docker $USER, then log in again"
                .to_owned()
        }
        (Endpoint::Unix(_), _) if !facts.docker && facts.podman => {
            "Podman is here: systemctl --user start podman.socket, then set \
             DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock"
                .to_owned()
        }
        (Endpoint::Unix(_), _) if facts.docker || facts.macos => start_docker.to_owned(),
        (Endpoint::Unix(_), _) => {
            "install Docker or Podman, or name an engine elsewhere with -H or DOCKER_HOST".to_owned()
        }
        (Endpoint::Ssh(target), _) => {
            format!("see whether `{}` works", target.trial(&["docker", "version"].map(str::to_owned)))
        }
        (Endpoint::Tcp(_), _) => {
            "check that the engine runs there and listens on that port; -H or DOCKER_HOST names another one"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_system() {
        let socket = Endpoint::Unix("/var/run/docker.sock".into());
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let docker = SystemFacts { docker: true, systemd: true, ..SystemFacts::default() };
        let podman = SystemFacts { podman: true, ..SystemFacts::default() };
        assert_eq!(hint(&socket, &missing, docker), "start Docker: systemctl start docker");
        assert!(hint(&socket, &denied, docker).contains("docker $USER"));
        assert!(hint(&socket, &missing, podman).contains("podman.socket"));
        assert!(hint(&socket, &missing, SystemFacts::default()).contains("install"));
        assert!(hint(&Endpoint::Tcp("h:1".into()), &missing, docker).contains("port"));
    }
}
