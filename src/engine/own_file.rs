use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::limits;

/// Reads a file of the user's own that says how engines and builders are reached: Docker's and buildx's settings,
/// certificates. One that is too long is an error of the kind [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read_own_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limits::DOCKER_CONFIG + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limits::DOCKER_CONFIG {
        let message = format!("it is longer than {}", limits::size(limits::DOCKER_CONFIG));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        let most = usize::try_from(limits::DOCKER_CONFIG).expect("small");
        std::fs::write(&path, vec![b' '; most]).expect("written");
        assert_eq!(read_own_file(&path).expect("short enough").len(), most);
        std::fs::write(&path, vec![b' '; most + 1]).expect("written");
        assert_eq!(read_own_file(&path).expect_err("too long").kind(), io::ErrorKind::FileTooLarge);
    }
}
