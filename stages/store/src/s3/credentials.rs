//! Whose requests these are.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use zeroize::Zeroizing;

/// A principal's access key, from a file. There is no other way to get one: nothing is looked up
/// in the environment, in profiles or at a metadata service, because a principal that is found
/// by itself is one nobody decided on. A courier lives for minutes, so that rotated keys are
/// picked up by the next one.
#[derive(Clone)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsFault {
    /// The file cannot be read.
    #[error("cannot read the file")]
    Read(#[source] io::Error),
    /// Somebody else may read it, or write it.
    #[error("others may open it (mode {0:03o}): chmod 600")]
    Open(u32),
    /// A line is not `name = value` with a known name, each once.
    #[error(
        "line {0} is not aws_access_key_id, aws_secret_access_key or aws_session_token = value"
    )]
    Line(usize),
    /// A key is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl Credentials {
    /// A credentials file has three lines; anything longer is the wrong file.
    const FILE_BYTES_MAX: u64 = 64 << 10;

    /// Reads the format of one profile of an AWS credentials file. A file that others may open is
    /// refused.
    pub fn from_file(path: &Path) -> Result<Self, CredentialsFault> {
        let file = File::open(path).map_err(CredentialsFault::Read)?;
        let mode = file.metadata().map_err(CredentialsFault::Read)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(CredentialsFault::Open(mode));
        }
        let mut text = Zeroizing::new(String::new());
        let read = file.take(Self::FILE_BYTES_MAX).read_to_string(&mut text);
        read.map_err(CredentialsFault::Read)?;
        Self::parse(&text)
    }

    /// Parses `name = value` lines: `aws_access_key_id`, `aws_secret_access_key` and, for
    /// temporary keys, `aws_session_token`. Blank lines, comments and one `[profile]` line are
    /// passed over.
    pub fn parse(text: &str) -> Result<Self, CredentialsFault> {
        let (mut access_key_id, mut secret_access_key, mut session_token) = (None, None, None);
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with(['#', ';', '[']) {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or(CredentialsFault::Line(at + 1))?;
            let field = match name.trim() {
                "aws_access_key_id" => &mut access_key_id,
                "aws_secret_access_key" => &mut secret_access_key,
                "aws_session_token" => &mut session_token,
                _ => return Err(CredentialsFault::Line(at + 1)),
            };
            if field.replace(Zeroizing::new(value.trim().to_owned())).is_some() {
                return Err(CredentialsFault::Line(at + 1));
            }
        }
        let given = |field: Option<Zeroizing<String>>, name| {
            field.filter(|value| !value.is_empty()).ok_or(CredentialsFault::Missing(name))
        };
        Ok(Self {
            access_key_id: given(access_key_id, "aws_access_key_id")?.to_string(),
            secret_access_key: given(secret_access_key, "aws_secret_access_key")?,
            session_token,
        })
    }

    /// As the SDK holds them; it wipes its copy too.
    pub(super) fn to_sdk(&self) -> aws_sdk_s3::config::Credentials {
        aws_sdk_s3::config::Credentials::new(
            self.access_key_id.clone(),
            self.secret_access_key.to_string(),
            self.session_token.as_ref().map(|token| token.to_string()),
            None,
            "file",
        )
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
        [default]\n\
        # of the stage generate\n\
        aws_access_key_id = generate\n\
        \n\
        aws_secret_access_key=a/b+c==\n";

    #[test]
    fn a_credentials_file_is_one_profile() {
        let credentials = Credentials::parse(FILE).unwrap();
        assert_eq!(credentials.access_key_id, "generate");
        assert_eq!(*credentials.secret_access_key, "a/b+c==");
        assert!(credentials.session_token.is_none());
    }

    #[test]
    fn a_fault_names_its_line_and_never_the_secret() {
        let fault = |text: &str| Credentials::parse(text).unwrap_err().to_string();
        assert!(fault("aws_access_key_id = a\nhunter2").contains("line 2"));
        assert!(fault(&format!("{FILE}{FILE}")).contains("line 8"), "given twice");
        assert!(fault("aws_access_key_id = a").contains("aws_secret_access_key is missing"));
        assert!(!fault("hunter2").contains("hunter2"));
    }

    #[test]
    fn a_file_that_others_may_open_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("generate.aws");
        std::fs::write(&path, FILE).unwrap();
        let fault = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Credentials::from_file(&path).err().map(|fault| fault.to_string())
        };
        assert_eq!(fault(0o640).unwrap(), "others may open it (mode 640): chmod 600");
        assert_eq!(fault(0o600), None);
    }

    #[test]
    fn debug_hides_the_secret() {
        let debug = format!("{:?}", Credentials::parse(FILE).unwrap());
        assert!(debug.contains("generate") && !debug.contains("a/b+c"), "{debug}");
    }
}
