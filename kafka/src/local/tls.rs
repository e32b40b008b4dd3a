//! A certificate for a broker on loopback, and the authority that signed it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::LocalError;
use crate::secret::Password;

/// Made by `keytool`, which comes with Java, and as Java's key stores want it.
#[derive(Debug)]
pub struct Certificates {
    /// PEM file of the authority's certificate. Its key is gone: nobody can sign by it again.
    pub ca_file: PathBuf,
    /// The broker's key and its chain of certificates.
    keystore: PathBuf,
    password: Password,
}

/// Brokers here live for minutes or days; nothing renews their certificates.
const VALID_DAYS: &str = "365";

/// Names in the key store.
const AUTHORITY: &str = "authority";
const BROKER: &str = "broker";

/// By which the key store's password reaches keytool: arguments can be seen by others.
const PASSWORD_VARIABLE: &str = "KEYSTORE_PASSWORD";

impl Certificates {
    /// Makes an authority and a certificate for 127.0.0.1 in `dir`. Two to four seconds: Java
    /// starts four times.
    pub fn make(dir: &Path) -> Result<Self, LocalError> {
        let random = Password::random();
        let password = random.map_err(|error| LocalError::Io("no randomness".to_owned(), error))?;
        let made =
            Self { ca_file: dir.join("authority.pem"), keystore: dir.join("broker.p12"), password };
        for earlier in [&made.ca_file, &made.keystore] {
            // Absent the first time; if it stays, keytool says so.
            let _ = fs::remove_file(earlier);
        }
        made.pair(AUTHORITY, &["-ext", "bc:critical=ca:true", "-ext", "ku:critical=keyCertSign"])?;
        made.pair(BROKER, &["-signer", AUTHORITY, "-ext", "san=ip:127.0.0.1,dns:localhost"])?;
        let ca_file = made.ca_file.to_string_lossy();
        made.keytool("-exportcert", AUTHORITY, &["-rfc", "-file", &ca_file])?;
        // With one key left in the store, there is no doubt which one the broker shows.
        made.keytool("-delete", AUTHORITY, &[])?;
        Ok(made)
    }

    /// What a broker has to be told.
    pub(super) fn server_properties(&self) -> String {
        let listener = "listener.name.client.ssl";
        format!(
            "{listener}.keystore.type=PKCS12\n\
             {listener}.keystore.location={}\n\
             {listener}.keystore.password={}\n\
             {listener}.truststore.type=PEM\n\
             {listener}.truststore.location={}\n",
            self.keystore.display(),
            self.password.expose(),
            self.ca_file.display()
        )
    }

    /// Makes a key and its certificate.
    fn pair(&self, name: &str, extensions: &[&str]) -> Result<(), LocalError> {
        let subject = format!("CN=cordon {name}");
        let mut arguments = vec!["-keyalg", "EC", "-groupname", "secp256r1"];
        arguments.extend(["-validity", VALID_DAYS, "-dname", &subject]);
        arguments.extend(extensions);
        self.keytool("-genkeypair", name, &arguments)
    }

    fn keytool(&self, action: &str, name: &str, arguments: &[&str]) -> Result<(), LocalError> {
        let output = Command::new("keytool")
            .args([action, "-alias", name, "-storetype", "PKCS12", "-keystore"])
            .arg(&self.keystore)
            .args(["-storepass:env", PASSWORD_VARIABLE])
            .args(arguments)
            .env(PASSWORD_VARIABLE, self.password.expose())
            .output()
            .map_err(LocalError::NoJava)?;
        if output.status.success() {
            return Ok(());
        }
        let words = [output.stdout, output.stderr].concat();
        let log = String::from_utf8_lossy(&words).into_owned();
        Err(LocalError::Kafka { step: "making certificates", log })
    }
}
