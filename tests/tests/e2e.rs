//! The released binary on a real Kafka and a real S3 API, every program with a principal of its
//! own, while couriers are killed with SIGKILL: nothing is lost and nothing happens twice.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test prints its figures, and gives up after a while"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use cordon_kafka::{local::Broker, topology::Topology};
use cordon_tests::s3::{Action, Policy, TestS3};

const STAGES: [&str; 3] = ["generate", "match", "merge"];
/// Couriers killed, each stage in turn.
const KILLS: usize = 6;
/// For everything to drain afterwards: a killed member is missed for its session timeout first.
const PATIENCE: Duration = Duration::from_secs(240);

/// Everything a program needs to run as one principal.
struct World {
    dir: PathBuf,
    broker: Broker,
    s3: TestS3,
}

impl World {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap().keep();
        let topology = Topology::embedded();
        let mut policy = Policy { buckets: vec![topology.bucket.clone()], ..Policy::default() };
        for (name, ability) in topology.abilities() {
            for prefix in &ability.get {
                policy =
                    policy.grant(&name, Action::GetObject, &topology.bucket, &format!("{prefix}/"));
            }
            for prefix in &ability.put {
                policy = policy.grant(&name, Action::PutObject, &topology.bucket, prefix);
            }
        }
        let s3 = TestS3::start(dir.join("s3"), policy).unwrap();
        let broker = Broker::start().expect("a local Kafka");
        fs::create_dir(dir.join("secrets")).unwrap();
        write_secret(&dir.join("secrets/admin"), broker.admin().password.expose());
        for name in topology.principals.keys() {
            let text =
                format!("aws_access_key_id = {name}\naws_secret_access_key = {name}-secret\n");
            write_secret(&dir.join(format!("{name}.aws")), &text);
        }
        Self { dir, broker, s3 }
    }

    /// The binary as `principal`.
    fn cordon(&self, principal: &str) -> Command {
        let binary = std::env::var_os("CORDON_BIN").expect("CORDON_BIN names the binary: make e2e");
        let mut command = Command::new(binary);
        // Only what is set here: the tests' own variables are no settings of cordon's.
        for (name, _) in
            std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("CORDON_"))
        {
            command.env_remove(name);
        }
        command
            .current_dir(&self.dir)
            .env("CORDON_KAFKA_BOOTSTRAP", self.broker.bootstrap())
            .env("CORDON_KAFKA_TLS", "false")
            .env("CORDON_KAFKA_USERNAME", principal)
            .env("CORDON_KAFKA_PASSWORD_FILE", self.dir.join("secrets").join(principal))
            .env("CORDON_S3_ENDPOINT", self.s3.endpoint())
            .env("CORDON_S3_REGION", "us-east-1")
            .env("CORDON_S3_PATH_STYLE", "true")
            .env("CORDON_S3_CREDENTIALS_FILE", self.dir.join(format!("{principal}.aws")))
            .env("CORDON_COURIER_BATCH_DATAPOINTS_MAX", "4096")
            .env("CORDON_LOG", "info");
        command
    }

    fn run(&self, stage: &str) -> Stage {
        let log = self.dir.join(format!("{stage}.log"));
        let child = self
            .cordon(stage)
            .args(["run", stage])
            .stderr(fs::File::create(&log).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Stage { child, log }
    }

    fn audit(&self) -> serde_json::Value {
        let output =
            self.cordon("reader").args(["audit", "--complete", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("no report: {}", String::from_utf8_lossy(&output.stderr));
        })
    }
}

struct Stage {
    child: Child,
    log: PathBuf,
}

impl Stage {
    fn lines_with(&self, text: &str) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// The pid of the courier that runs now.
    fn courier(&self) -> Option<String> {
        let line = self.lines_with("\"message\":\"started\"").pop()?;
        let after = line.split("\"courier\":").nth(1)?;
        Some(after.chars().take_while(char::is_ascii_digit).collect())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        signal("-TERM", &self.child.id().to_string());
        let _ = self.child.wait();
    }
}

fn signal(name: &str, pid: &str) {
    let _ = Command::new("kill").args([name, pid]).status();
}

fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Real archives where they are, else generated telemetry.
fn corpus(dir: &Path) -> Vec<PathBuf> {
    let data = std::env::var_os("CORDON_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let windows = data.join("otrf/windows");
    let names = ["compound__LSASS_campaign_05", "compound__LSASS_campaign_07"];
    let found: Vec<PathBuf> = fs::read_dir(windows)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| names.iter().any(|name| path.to_string_lossy().contains(name)))
        .collect();
    if found.len() == names.len() {
        return found;
    }
    println!("no real telemetry here: the test runs on generated telemetry");
    let path = dir.join("generated.jsonl");
    let lines = cordon_load::Telemetry::new(cordon_load::Settings::default()).take(110_000);
    let bytes: Vec<u8> = lines
        .flat_map(|mut line| {
            line.bytes.push(b'\n');
            line.bytes
        })
        .collect();
    fs::write(&path, bytes).unwrap();
    vec![path]
}

#[test]
fn nothing_is_lost_or_doubled_while_couriers_are_killed() {
    let world = World::start();
    let applied = world
        .cordon("admin")
        .args(["topology", "apply", "--replication", "1", "--secrets", "secrets"])
        .output()
        .unwrap();
    assert!(
        applied.status.success(),
        "{}: {}",
        applied.status,
        String::from_utf8_lossy(&applied.stderr)
    );
    let stages = STAGES.map(|stage| world.run(stage));
    let ingested = world.cordon("ingest").arg("ingest").args(corpus(&world.dir)).output().unwrap();
    println!("{}", String::from_utf8_lossy(&ingested.stdout).trim());
    assert!(ingested.status.success(), "{}", String::from_utf8_lossy(&ingested.stderr));

    let mut kills_in_flight = 0;
    for round in 0..KILLS {
        let stage = &stages[round % STAGES.len()];
        let begun = stage.lines_with("batch begins").len();
        let until = Instant::now() + Duration::from_secs(20);
        // A batch is announced before its first cell: killed right then, it is in flight.
        while stage.lines_with("batch begins").len() == begun && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        if stage.lines_with("batch begins").len() > begun
            && let Some(courier) = stage.courier()
        {
            signal("-KILL", &courier);
            kills_in_flight += 1;
        }
    }
    let until = Instant::now() + PATIENCE;
    let report = loop {
        let report = world.audit();
        let total = &report["total"];
        let is_drained = total["pending"] == 0 && total["datapoints"].as_i64() > Some(0);
        if is_drained && report["moving"] == false || Instant::now() > until {
            break report;
        }
        std::thread::sleep(Duration::from_secs(2));
    };
    assert_eq!(report["moving"], false, "the pipeline never came to rest");
    let total = &report["total"];
    let begun: usize = stages.iter().map(|stage| stage.lines_with("batch begins").len()).sum();
    println!(
        "figures: {{\"datapoints\":{},\"lost\":{},\"duplicated\":{},\"kills_in_flight\":{kills_in_flight},\"batches_begun\":{begun}}}",
        total["datapoints"], total["lost"], total["duplicated"]
    );
    for count in
        ["lost", "duplicated", "both", "phantom", "gaps", "overlaps", "dangling", "pending"]
    {
        assert_eq!(total[count], 0, "{count}: {report:#}");
    }
    drop(stages);
    fs::remove_dir_all(&world.dir).unwrap();
}
