//! Where Kafka is and who is asking.

use std::{collections::BTreeMap, path::PathBuf};

use rdkafka::ClientConfig;

use crate::secret::Password;

/// One principal's access to one cluster.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// How the principal proves itself, and whether anyone may listen.
    pub security: Security,
    /// The principal's SCRAM user name.
    pub username: String,
    /// Its password.
    pub password: Password,
    /// Further librdkafka settings (rack, TLS names). They cannot change what exactly-once rests
    /// on: cordon's own settings are applied after them.
    pub extra: BTreeMap<String, String>,
}

/// SASL/SCRAM-SHA-512 always; there is no way to connect without a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Over TCP in the clear: for loopback and private links.
    SaslPlaintext,
    /// Over TLS. Without a file the system's certificate authorities are trusted.
    SaslSsl {
        /// PEM file of the authorities to trust.
        ca_file: Option<PathBuf>,
    },
}

impl Connection {
    /// A connection in the clear, as to a broker on loopback.
    pub fn plaintext(bootstrap: &str, username: &str, password: Password) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            security: Security::SaslPlaintext,
            username: username.to_owned(),
            password,
            extra: BTreeMap::new(),
        }
    }

    /// The same cluster as another principal.
    pub fn as_principal(&self, username: &str, password: Password) -> Self {
        Self { username: username.to_owned(), password, ..self.clone() }
    }

    /// The principal as ACLs name it.
    pub fn principal(&self) -> String {
        format!("User:{}", self.username)
    }

    /// librdkafka's settings for it.
    pub(crate) fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in &self.extra {
            config.set(key, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", format!("cordon-{}", self.username))
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", &self.username)
            .set("sasl.password", self.password.expose());
        match &self.security {
            Security::SaslPlaintext => config.set("security.protocol", "SASL_PLAINTEXT"),
            Security::SaslSsl { ca_file } => {
                if let Some(file) = ca_file {
                    config.set("ssl.ca.location", file.to_string_lossy());
                }
                config.set("security.protocol", "SASL_SSL")
            }
        };
        config
    }
}
