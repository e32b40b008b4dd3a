//! Apache Kafka or Redpanda in a container, where Docker runs.

use std::{fs, thread};

use testcontainers::{
    Container as Contained, ContainerRequest, GenericImage, ImageExt as _,
    core::{IntoContainerPort as _, WaitFor},
    runners::SyncRunner as _,
};

use super::{ADMIN, LocalError, Options, POLL_EVERY, START_MAX, files::Home, jars::CLUSTER_ID};
use crate::{deadline::Deadline, real};

/// What runs in the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// The version that `kafka/local/pom.xml` names.
    ApacheKafka,
    /// Without KIP-848 groups; its ACLs and transactions are Kafka's.
    Redpanda,
}

const APACHE_KAFKA: (&str, &str) = ("apache/kafka", "4.3.1");
const REDPANDA: (&str, &str) = ("redpandadata/redpanda", "v25.3.6");

/// Where the images look for what is copied into them.
const KAFKA_PROPERTIES: &str = "/opt/kafka/config/cordon.properties";
const REDPANDA_BOOTSTRAP: &str = "/etc/redpanda/.bootstrap.yaml";

/// A container, removed when dropped.
#[derive(Debug)]
pub(super) struct Container(Box<Contained<GenericImage>>);

impl Container {
    /// Starts it, and waits until it serves.
    pub(super) fn start(image: Image, home: &Home, options: &Options) -> Result<Self, LocalError> {
        let request = match image {
            Image::ApacheKafka => apache_kafka(home, options)?,
            Image::Redpanda => redpanda(home, options),
        };
        let port = home.client_port();
        // The same port inside and outside: the broker also reaches itself by what it advertises.
        let request = request.with_mapped_port(port, port.tcp()).with_startup_timeout(START_MAX);
        let container = Self(Box::new(request.start()?));
        container.wait(home)?;
        Ok(container)
    }

    /// Kills what runs in it. Its file system stays.
    pub(super) fn kill(&self) {
        // It fails for a container that is not running, which is what is wanted.
        let _ = self.0.stop_with_timeout(Some(0));
    }

    /// Starts it again, and waits until it serves.
    pub(super) fn restart(&self, home: &Home) -> Result<(), LocalError> {
        self.0.start()?;
        self.wait(home)
    }

    /// The image's own words are waited for at its first start only; this is what counts.
    fn wait(&self, home: &Home) -> Result<(), LocalError> {
        let deadline = Deadline::after(START_MAX);
        while let Err(error) = real::connect(&home.admin()) {
            if deadline.passed() {
                let output = [self.0.stdout_to_vec()?, self.0.stderr_to_vec()?].concat();
                let log = format!("{}\n{error}", String::from_utf8_lossy(&output));
                return Err(LocalError::Kafka { step: "starting a broker in a container", log });
            }
            thread::sleep(POLL_EVERY);
        }
        Ok(())
    }
}

/// With the very configuration of the broker from jars.
fn apache_kafka(
    home: &Home,
    options: &Options,
) -> Result<ContainerRequest<GenericImage>, LocalError> {
    let path = home.server_properties();
    let properties = fs::read(&path)
        .map_err(|error| LocalError::Io(format!("cannot read {}", path.display()), error))?;
    let script = format!(
        "bin/kafka-storage.sh format --ignore-formatted -t {CLUSTER_ID} -c {KAFKA_PROPERTIES} \
         --add-scram '{}' && exec bin/kafka-server-start.sh {KAFKA_PROPERTIES}",
        home.admin_scram()
    );
    let heap_mib = options.heap_mib;
    Ok(GenericImage::new(APACHE_KAFKA.0, APACHE_KAFKA.1)
        .with_wait_for(WaitFor::message_on_stdout("Kafka Server started"))
        .with_working_dir("/opt/kafka")
        .with_env_var("KAFKA_HEAP_OPTS", format!("-Xms{heap_mib}m -Xmx{heap_mib}m"))
        .with_copy_to(KAFKA_PROPERTIES, properties)
        .with_cmd(["sh", "-c", &script]))
}

/// SASL and the super user are there from the first start on, so that nobody gets in before.
fn redpanda(home: &Home, options: &Options) -> ContainerRequest<GenericImage> {
    let port = home.client_port();
    let mut settings = format!(
        "enable_sasl: true\nsuperusers: [{ADMIN}]\nauto_create_topics_enabled: false\n\
         group_initial_rebalance_delay: 0\n"
    );
    for (key, value) in &options.properties {
        settings.push_str(&format!("{key}: {value}\n"));
    }
    let user = format!("{ADMIN}:{}:SCRAM-SHA-512", home.admin().password.expose());
    GenericImage::new(REDPANDA.0, REDPANDA.1)
        .with_wait_for(WaitFor::message_on_stderr("Successfully started Redpanda!"))
        .with_env_var("RP_BOOTSTRAP_USER", user)
        .with_copy_to(REDPANDA_BOOTSTRAP, settings.into_bytes())
        .with_cmd([
            "redpanda".to_owned(),
            "start".to_owned(),
            "--mode=dev-container".to_owned(),
            "--smp=1".to_owned(),
            format!("--memory={}M", options.heap_mib),
            format!("--kafka-addr=external://0.0.0.0:{port}"),
            format!("--advertise-kafka-addr=external://127.0.0.1:{port}"),
        ])
}
