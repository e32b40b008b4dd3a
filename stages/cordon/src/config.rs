//! Configuration: `cordon.toml`, overridden by `CORDON_*`, secrets only by file.
//!
//! Every fault is collected, so that a person fixes a configuration in one go.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use cordon_cell::{JailMode, NoJailMode};
use cordon_kafka::real::{SESSION_TIMEOUT_MAX, SESSION_TIMEOUT_MIN};

use crate::rules::RulesChoice;

/// A configuration, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) kafka: Option<KafkaConfig>,
    pub(crate) store: Option<StoreConfig>,
    pub(crate) topology: Option<PathBuf>,
    /// Sigma rules instead of cordon's own: `rules` and `rules_strict`.
    pub(crate) rules: RulesChoice,
    pub(crate) courier: CourierConfig,
}

#[derive(Clone, Debug)]
pub(crate) struct KafkaConfig {
    pub(crate) bootstrap: String,
    pub(crate) tls: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) username: String,
    pub(crate) password_file: PathBuf,
    /// When a group gives up a silent slot, and others get its partitions; where the default does
    /// not fit. A slot that was killed is missed for so long; one that is only slow, on a loaded
    /// machine, must not be.
    pub(crate) session_timeout: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) enum StoreConfig {
    Directory(PathBuf),
    S3 { endpoint: Option<String>, region: String, path_style: bool, credentials_file: PathBuf },
}

#[derive(Clone, Debug)]
pub(crate) struct CourierConfig {
    /// Slots of this courier.
    pub(crate) slots: u32,
    /// Number of its first slot within the stage: no two couriers may share one.
    pub(crate) slot_base: u32,
    /// Age at which the supervisor replaces a courier.
    pub(crate) recycle: Duration,
    pub(crate) jail: JailMode,
    /// TCP ports that the jail lets a courier connect to, beyond those that addresses name:
    /// brokers may advertise others.
    pub(crate) ports: Vec<u16>,
    /// Datapoints in a full batch, where the default does not fit.
    pub(crate) batch_datapoints_max: Option<i64>,
    /// Decoded bytes in a full batch, where the default does not fit.
    pub(crate) batch_decoded_bytes_max: Option<i64>,
    /// Records read ahead per slot and lane, where the default does not fit. Of plain records, whose
    /// data they carry, a batch holds no more than this.
    pub(crate) queue_records_max: Option<i64>,
    /// The same in bytes.
    pub(crate) queue_bytes_max: Option<i64>,
}

/// Everything that is wrong with a configuration, or with what it names: where, and what to do.
/// Whoever meets it ends with [`exit::CONFIG`](crate::supervisor::exit::CONFIG).
#[derive(Debug, Default, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct ConfigFaults(pub(crate) Vec<String>);

impl ConfigFaults {
    /// A single fault.
    pub(crate) fn one(fault: impl Into<String>) -> Self {
        Self(vec![fault.into()])
    }

    /// Takes what is right out of a result, and keeps what is wrong.
    pub(crate) fn sift<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        result.map_err(|faults| self.0.extend(faults.0)).ok()
    }
}

/// Where a configuration is looked for unless `--config` says otherwise.
const DEFAULT_FILE: &str = "cordon.toml";
/// Variables that belong to the tests and the build, not to the configuration.
const FOREIGN_VARIABLES: &[&str] = &[
    "CORDON_DATA",
    "CORDON_BIN",
    "CORDON_KAFKA_LIBS",
    "CORDON_PYTHON",
    "CORDON_CONFIG",
    "CORDON_LOG",
];

impl Config {
    /// Reads `file`, or `cordon.toml` where there is one, and the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, ConfigFaults> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => {
                String::new()
            }
            read => read.map_err(|error| {
                ConfigFaults::one(format!("cannot read {}: {error}", path.display()))
            })?,
        };
        Self::read(&path.display().to_string(), &text, std::env::vars_os())
    }

    /// Without file and environment, where everything has a default.
    pub(crate) fn defaults() -> Self {
        Self::read(DEFAULT_FILE, "", []).expect("nothing is required")
    }

    /// Reads a configuration's text alone.
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigFaults> {
        Self::read(DEFAULT_FILE, text, [])
    }

    /// Reads a configuration's text and, of all variables, those that begin with `CORDON_`.
    fn read(
        name: &str,
        text: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigFaults> {
        // A file that is no TOML says nothing of what is missing.
        let table = text
            .parse()
            .map_err(|error| ConfigFaults::one(format!("{name} is not TOML: {error}")))?;
        let mut reader = Reader::new(table, variables);
        let config = Self {
            kafka: reader.kafka(),
            store: reader.store(),
            topology: reader.path("topology"),
            rules: RulesChoice {
                directory: reader.path("rules"),
                is_strict: reader.boolean("rules_strict").unwrap_or(false),
            },
            courier: reader.courier(),
        };
        reader.finish(config)
    }
}

/// Looks values up by their dotted name, the environment first, and remembers what was wrong.
struct Reader {
    table: toml::Table,
    variables: BTreeMap<String, String>,
    asked: BTreeSet<String>,
    faults: Vec<String>,
}

impl Reader {
    fn new(table: toml::Table, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut reader =
            Self { table, variables: BTreeMap::new(), asked: BTreeSet::new(), faults: Vec::new() };
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            match value.into_string() {
                Ok(value) => drop(reader.variables.insert(name.to_owned(), value)),
                Err(_) => {
                    reader.faults.push(format!("the environment variable {name} is no UTF-8"))
                }
            }
        }
        reader
    }

    fn kafka(&mut self) -> Option<KafkaConfig> {
        let bootstrap = self.string("kafka.bootstrap");
        let tls = self.boolean("kafka.tls").unwrap_or(true);
        let ca_file = self.path("kafka.ca_file");
        let username = self.string("kafka.username");
        let password_file = self.path("kafka.password_file");
        let session_timeout =
            self.millis("kafka.session_timeout_ms", SESSION_TIMEOUT_MIN, SESSION_TIMEOUT_MAX);
        if bootstrap.is_none() && username.is_none() && password_file.is_none() {
            return None;
        }
        // Asked for one by one, so that each that is missing is told.
        let bootstrap = self.required("kafka.bootstrap", bootstrap);
        let username = self.required("kafka.username", username);
        let password_file = self.required("kafka.password_file", password_file);
        Some(KafkaConfig {
            bootstrap: bootstrap?,
            tls,
            ca_file,
            username: username?,
            password_file: password_file?,
            session_timeout,
        })
    }

    fn store(&mut self) -> Option<StoreConfig> {
        let directory = self.path("store.directory");
        let endpoint = self.string("s3.endpoint");
        let region = self.string("s3.region");
        let path_style = self.boolean("s3.path_style").unwrap_or(false);
        let credentials_file = self.path("s3.credentials_file");
        match (directory, region.is_some() || credentials_file.is_some() || endpoint.is_some()) {
            (Some(_), true) => {
                self.faults.push("store.directory and s3.* exclude each other".to_owned());
                None
            }
            (Some(directory), false) => Some(StoreConfig::Directory(directory)),
            (None, false) => None,
            (None, true) => {
                let region = self.required("s3.region", region);
                let credentials_file = self.required("s3.credentials_file", credentials_file);
                Some(StoreConfig::S3 {
                    endpoint,
                    path_style,
                    region: region?,
                    credentials_file: credentials_file?,
                })
            }
        }
    }

    fn courier(&mut self) -> CourierConfig {
        let jail = self.string("courier.jail").map(|word| {
            word.parse().map_err(|no_mode: NoJailMode| {
                self.faults.push(format!("courier.jail is {word:?}; {no_mode}"));
            })
        });
        CourierConfig {
            slots: self.integer("courier.slots", 1, 1024).unwrap_or(1) as u32,
            slot_base: self.integer("slot_base", 0, 1 << 20).unwrap_or(0) as u32,
            recycle: Duration::from_secs(
                self.integer("courier.recycle_seconds", 10, 86_400).unwrap_or(900).unsigned_abs(),
            ),
            jail: jail.and_then(Result::ok).unwrap_or(JailMode::Best),
            ports: self.ports("courier.ports"),
            batch_datapoints_max: self.integer("courier.batch_datapoints_max", 1, 1 << 20),
            batch_decoded_bytes_max: self.integer(
                "courier.batch_decoded_bytes_max",
                1 << 20,
                128 << 20,
            ),
            queue_records_max: self.integer("courier.queue_records_max", 2, 1 << 20),
            queue_bytes_max: self.integer("courier.queue_bytes_max", 1 << 20, 1 << 30),
        }
    }

    fn required<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.faults
                .push(format!("{name} is missing (or {} in the environment)", variable(name)));
        }
        value
    }

    fn string(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            toml::Value::String(text) => Some(text),
            other => self.wrong(name, "a string", &other),
        }
    }

    fn path(&mut self, name: &str) -> Option<PathBuf> {
        self.string(name).map(PathBuf::from)
    }

    fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            toml::Value::Boolean(value) => Some(value),
            toml::Value::String(text) if text == "true" => Some(true),
            toml::Value::String(text) if text == "false" => Some(false),
            other => self.wrong(name, "true or false", &other),
        }
    }

    fn integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.value(name)?;
        let number = match &value {
            toml::Value::Integer(number) => Some(*number),
            toml::Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if (min..=max).contains(&number) => Some(number),
            _ => self.wrong(name, &format!("a whole number from {min} to {max}"), &value),
        }
    }

    /// A list of TCP ports; in the environment, separated by commas.
    fn ports(&mut self, name: &str) -> Vec<u16> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let ports: Option<Vec<u16>> = match &value {
            toml::Value::String(text) => {
                text.split(',').map(|port| port.trim().parse().ok()).collect()
            }
            toml::Value::Array(ports) => ports
                .iter()
                .map(|port| port.as_integer().and_then(|port| port.try_into().ok()))
                .collect(),
            _ => None,
        };
        ports.or_else(|| self.wrong(name, "a list of TCP ports", &value)).unwrap_or_default()
    }

    fn millis(&mut self, name: &str, min: Duration, max: Duration) -> Option<Duration> {
        let millis = self.integer(name, min.as_millis() as i64, max.as_millis() as i64)?;
        Some(Duration::from_millis(millis.unsigned_abs()))
    }

    fn wrong<T>(&mut self, name: &str, wanted: &str, found: &toml::Value) -> Option<T> {
        self.faults.push(format!("{name} must be {wanted}, not {found}"));
        None
    }

    fn value(&mut self, name: &str) -> Option<toml::Value> {
        self.asked.insert(name.to_owned());
        if let Some(text) = self.variables.get(&variable(name)) {
            return Some(toml::Value::String(text.clone()));
        }
        let mut segments = name.split('.');
        let mut value = self.table.get(segments.next()?)?;
        for segment in segments {
            value = value.get(segment)?;
        }
        Some(value.clone())
    }

    /// The settings that a wrong name may have meant: those of the same table, else all.
    fn known_near(&self, name: &str) -> String {
        let is_near = |known: &&String| first_word(known) == first_word(name);
        let mut near: Vec<&str> = self.asked.iter().filter(is_near).map(String::as_str).collect();
        if near.is_empty() {
            near = self.asked.iter().map(String::as_str).collect();
        }
        format!("there are {}", near.join(", "))
    }

    /// The configuration, if nothing was wrong and nothing is left that nobody asked for.
    fn finish(mut self, config: Config) -> Result<Config, ConfigFaults> {
        let mut names = Vec::new();
        flatten("", &self.table, &mut names);
        for name in names.iter().filter(|name| !self.asked.contains(*name)) {
            self.faults
                .push(format!("{name} is not a setting of cordon; {}", self.known_near(name)));
        }
        for name in self.variables.keys().filter(|name| !FOREIGN_VARIABLES.contains(&name.as_str()))
        {
            let is_known = self.asked.iter().any(|asked| variable(asked) == *name);
            if !is_known {
                let near = self.known_near(&name[PREFIX.len()..].to_lowercase());
                self.faults.push(format!(
                    "the environment variable {name} is not a setting of cordon; {near}"
                ));
            }
        }
        if self.faults.is_empty() { Ok(config) } else { Err(ConfigFaults(self.faults)) }
    }
}

/// What variables of cordon's begin with.
const PREFIX: &str = "CORDON_";

/// `kafka.password_file` is `CORDON_KAFKA_PASSWORD_FILE`.
fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "_").to_uppercase())
}

/// The first word of a name: of `kafka.password_file` and of `kafka_password_file` it is `kafka`.
fn first_word(name: &str) -> &str {
    name.split(['.', '_']).next().unwrap_or_default()
}

fn flatten(prefix: &str, table: &toml::Table, names: &mut Vec<String>) {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, names),
            _ => names.push(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        Config::read("cordon.toml", text, variables).map_err(|faults| faults.to_string())
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = parse(
            "slots = 2\n[kafka]\nusername = \"u\"\npasword_file = \"x\"\n[courier]\nslots = 0\n\
             [s3]\nendpoint = \"http://h\"\n",
            &[("CORDON_COURIER_JAIL", "loose"), ("CORDON_S3_BUCKET", "1"), ("HOME", "x")],
        )
        .unwrap_err();
        expect_test::expect![[r#"
            kafka.bootstrap is missing (or CORDON_KAFKA_BOOTSTRAP in the environment)
            kafka.password_file is missing (or CORDON_KAFKA_PASSWORD_FILE in the environment)
            s3.region is missing (or CORDON_S3_REGION in the environment)
            s3.credentials_file is missing (or CORDON_S3_CREDENTIALS_FILE in the environment)
            courier.jail is "loose"; it must be "best", "strict" or "off"
            courier.slots must be a whole number from 1 to 1024, not 0
            kafka.pasword_file is not a setting of cordon; there are kafka.bootstrap, kafka.ca_file, kafka.password_file, kafka.session_timeout_ms, kafka.tls, kafka.username
            slots is not a setting of cordon; there are courier.batch_datapoints_max, courier.batch_decoded_bytes_max, courier.jail, courier.ports, courier.queue_bytes_max, courier.queue_records_max, courier.recycle_seconds, courier.slots, kafka.bootstrap, kafka.ca_file, kafka.password_file, kafka.session_timeout_ms, kafka.tls, kafka.username, rules, rules_strict, s3.credentials_file, s3.endpoint, s3.path_style, s3.region, slot_base, store.directory, topology
            the environment variable CORDON_S3_BUCKET is not a setting of cordon; there are s3.credentials_file, s3.endpoint, s3.path_style, s3.region"#]].assert_eq(&faults);
    }

    #[test]
    fn what_is_no_toml_is_told_alone() {
        let faults = parse("[kafka]\nbootstrap = b:9092\n", &[("CORDON_KAFKA_USERNAME", "u")]);
        expect_test::expect![[r#"
            cordon.toml is not TOML: TOML parse error at line 2, column 13
              |
            2 | bootstrap = b:9092
              |             ^^^^^^
            string values must be quoted, expected literal string
        "#]]
        .assert_eq(&faults.unwrap_err());
    }

    #[test]
    fn a_variable_that_is_no_text_is_told_and_those_of_others_are_not_looked_at() {
        use std::os::unix::ffi::OsStringExt as _;
        let no_text = || OsString::from_vec(vec![0xFF]);
        let variables = [("CORDON_RULES".into(), no_text()), ("OTHER".into(), no_text())];
        let faults = Config::read("cordon.toml", "", variables).unwrap_err().to_string();
        assert_eq!(faults, "the environment variable CORDON_RULES is no UTF-8");
    }

    #[test]
    fn the_environment_goes_first() {
        let config = parse(
            "slot_base = 1\n[store]\ndirectory = \"a\"\n",
            &[("CORDON_STORE_DIRECTORY", "b"), ("CORDON_SLOT_BASE", "7")],
        )
        .unwrap();
        assert!(matches!(config.store, Some(StoreConfig::Directory(d)) if d == Path::new("b")));
        assert_eq!(config.courier.slot_base, 7);
    }

    #[test]
    fn a_session_timeout_stays_within_what_brokers_take() {
        let kafka = "[kafka]\nbootstrap = \"b\"\nusername = \"u\"\npassword_file = \"p\"\n";
        let with = |millis: u32| parse(&format!("{kafka}session_timeout_ms = {millis}\n"), &[]);
        let timeout = |config: Config| config.kafka.and_then(|kafka| kafka.session_timeout);
        assert_eq!(timeout(parse(kafka, &[]).unwrap()), None);
        assert_eq!(timeout(with(8_000).unwrap()), Some(Duration::from_secs(8)));
        assert_eq!(
            with(5_999).unwrap_err(),
            "kafka.session_timeout_ms must be a whole number from 6000 to 240000, not 5999"
        );
    }

    #[test]
    fn ports_are_a_list() {
        let ports = |text: &str, variable: Option<&str>| {
            let variables: Vec<_> =
                variable.into_iter().map(|value| ("CORDON_COURIER_PORTS", value)).collect();
            parse(text, &variables).map(|config| config.courier.ports)
        };
        assert_eq!(ports("[courier]\nports = [9096, 9097]\n", None).unwrap(), [9096, 9097]);
        assert_eq!(ports("", Some("9096, 9097")).unwrap(), [9096, 9097]);
        assert_eq!(
            ports("[courier]\nports = [70000]\n", None).unwrap_err(),
            "courier.ports must be a list of TCP ports, not [70000]"
        );
        assert_eq!(
            ports("", Some("any")).unwrap_err(),
            "courier.ports must be a list of TCP ports, not \"any\""
        );
    }

    #[test]
    fn two_stores_exclude_each_other() {
        let faults = parse("[store]\ndirectory = \"a\"\n[s3]\nregion = \"r\"\n", &[]).unwrap_err();
        assert_eq!(faults, "store.directory and s3.* exclude each other");
    }
}
