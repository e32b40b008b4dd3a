//! Who may do what in a cluster of tests, and the binary as any of them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use cordon_kafka::{
    connection::Security,
    secret::Password,
    topology::{Shadow, Topology},
};
use cordon_store::{Credentials, RetryPolicy, S3Settings, S3Store, Store};

use crate::s3::{Action, Policy};

/// The one region of the tests' S3 server.
const REGION: &str = "us-east-1";

/// What the topology lets each principal do with objects, by each of its access keys; and what
/// shadows may, as whoever administers S3 grants it by the policy that cordon prints.
pub(crate) fn policy(
    topology: &Topology,
    shadows: &[Shadow],
    keys: impl Fn(&str) -> Vec<String>,
) -> Policy {
    let bucket = &topology.bucket;
    let mut policy = Policy { buckets: vec![bucket.clone()], ..Policy::default() };
    let of_shadows =
        shadows.iter().map(|shadow| (shadow.principal().to_owned(), shadow.ability(topology)));
    for (name, ability) in topology.abilities().into_iter().chain(of_shadows) {
        for key in keys(&name) {
            for prefix in &ability.get {
                let slash = format!("{prefix}/");
                let prefix = prefix.strip_suffix('*').unwrap_or(&slash);
                policy = policy.grant(&key, Action::GetObject, bucket, prefix);
            }
            for prefix in &ability.put {
                policy = policy.grant(&key, Action::PutObject, bucket, prefix);
            }
            if ability.list {
                policy = policy.grant(&key, Action::ListBucket, bucket, "");
            }
        }
    }
    policy
}

/// A cluster, as a program finds it: its servers, and a directory with everybody's secrets.
pub(crate) struct Reach<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) bootstrap: String,
    pub(crate) security: Security,
    pub(crate) s3_endpoint: &'a str,
}

impl Reach<'_> {
    /// A program as a principal of Kafka that asks S3 by an access key.
    pub(crate) fn command(&self, program: &Path, principal: &str, access_key: &str) -> Command {
        let mut command = Command::new(program);
        // Only what is set here: the tests' own variables are no settings of cordon's.
        for (name, _) in env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("CORDON_"))
        {
            command.env_remove(name);
        }
        command
            .current_dir(self.dir)
            .env("CORDON_KAFKA_BOOTSTRAP", &self.bootstrap)
            .env("CORDON_KAFKA_USERNAME", principal)
            .env("CORDON_KAFKA_PASSWORD_FILE", password_file(self.dir, principal))
            .env("CORDON_S3_ENDPOINT", self.s3_endpoint)
            .env("CORDON_S3_REGION", REGION)
            .env("CORDON_S3_PATH_STYLE", "true")
            .env("CORDON_S3_CREDENTIALS_FILE", credentials_file(self.dir, access_key))
            .env("CORDON_LOG", "info");
        match &self.security {
            Security::SaslPlaintext => command.env("CORDON_KAFKA_TLS", "false"),
            Security::SaslSsl { ca_file } => {
                command.env("CORDON_KAFKA_TLS", "true");
                command.envs(ca_file.as_ref().map(|file| ("CORDON_KAFKA_CA_FILE", file)))
            }
        };
        command
    }
}

/// The objects, as whoever holds an access key may reach them.
pub(crate) fn store(dir: &Path, endpoint: &str, access_key: &str) -> Result<Store> {
    Ok(Store::S3(S3Store::new(&S3Settings {
        endpoint: Some(endpoint.to_owned()),
        region: REGION.to_owned(),
        path_style: true,
        credentials: Credentials::from_file(&credentials_file(dir, access_key))?,
        retry: RetryPolicy::default(),
    })?))
}

/// Runs a command to its good end, and returns what it printed.
pub(crate) fn output_of(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{:?}: {}: {words}", command.get_args(), output.status);
    Ok(output.stdout)
}

/// What makes topics, users and everybody's password on one broker.
pub(crate) const APPLY: [&str; 6] =
    ["topology", "apply", "--replication", "1", "--secrets", "secrets"];

/// Writes the administrator's password and the secret of each access key; all other passwords are
/// drawn by [`APPLY`].
pub(crate) fn write_secrets(
    dir: &Path,
    topology: &Topology,
    shadows: &[Shadow],
    admin: &Password,
    keys: impl Fn(&str) -> Vec<String>,
) -> Result<()> {
    fs::create_dir(dir.join("secrets"))?;
    write_secret(&password_file(dir, "admin"), admin.expose())?;
    let principals = topology.principals.keys().map(String::as_str);
    let principals = principals.chain(shadows.iter().map(Shadow::principal));
    for key in principals.flat_map(keys) {
        write_access_key(dir, &key)?;
    }
    Ok(())
}

/// Writes the secret of one access key.
pub(crate) fn write_access_key(dir: &Path, key: &str) -> Result<()> {
    let text = format!("aws_access_key_id = {key}\naws_secret_access_key = {key}-secret\n");
    write_secret(&credentials_file(dir, key), &text)
}

pub(crate) fn password_file(dir: &Path, principal: &str) -> PathBuf {
    dir.join("secrets").join(principal)
}

pub(crate) fn credentials_file(dir: &Path, access_key: &str) -> PathBuf {
    dir.join(format!("{access_key}.aws"))
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}
