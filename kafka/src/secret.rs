//! Secrets: kept out of logs, wiped when dropped, and on disk only in files of mode 600.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use zeroize::Zeroizing;

/// A password. `Debug` hides it; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// 256 bits: nobody guesses it offline from a SCRAM verifier either.
    const RANDOM_BYTES: usize = 32;

    /// A secret file is one line; anything longer is not a password but the wrong file.
    const FILE_BYTES_MAX: u64 = 4096;

    /// A password that somebody chose.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Draws a new one from the kernel, as hex.
    pub fn random() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; Self::RANDOM_BYTES]);
        fs::File::open("/dev/urandom")?.read_exact(bytes.as_mut())?;
        Ok(Self::new(hex::encode(bytes.as_ref())))
    }

    /// Reads it from a file, without the line's end. A file that others may read is refused.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = fs::File::open(path)?;
        let mode = file.metadata()?.permissions().mode();
        if mode & 0o077 != 0 {
            let words = format!("others may open it (mode {:03o}): chmod 600", mode & 0o777);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(Self::FILE_BYTES_MAX).read_to_string(&mut text)?;
        match text.trim_end_matches(['\n', '\r']) {
            "" => Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty")),
            line => Ok(Self::new(line)),
        }
    }

    /// Reads the file, or draws a password and writes the file (mode 600) when there is none.
    pub fn read_or_create(path: &Path) -> io::Result<Self> {
        match Self::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let password = Self::random()?;
                write_secret(path, &Zeroizing::new(format!("{}\n", password.expose())))?;
                Ok(password)
            }
            read => read,
        }
    }

    /// The password itself. Every caller is a place where it leaves cordon's hands.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// Writes a file that only its owner may read, whole or not at all: a crash between the two
/// steps leaves no half-written secret that a later run would take for a whole one.
pub(crate) fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_drawn_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        let drawn = Password::read_or_create(&path).unwrap();
        assert_eq!(drawn.expose().len(), 64);
        assert_eq!(Password::read_or_create(&path).unwrap(), drawn);
        assert_ne!(Password::random().unwrap(), drawn);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Password::read(&path).unwrap_err().to_string();
        assert_eq!(error, "others may open it (mode 640): chmod 600");
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Password::new("hunter2")), "Password(hidden)");
    }
}
