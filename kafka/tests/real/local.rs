//! The local broker itself: nobody gets in without a password, and nothing is left behind.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use cordon_kafka::local::Broker;
use rdkafka::{ClientConfig, consumer::BaseConsumer, consumer::Consumer as _};

use crate::support::{BROKER, PATIENCE, now};

/// The client's listener and the controller's.
#[test]
fn nobody_gets_in_without_a_password() {
    let properties = fs::read_to_string(BROKER.dir().join("server.properties")).unwrap();
    let line = properties.lines().find_map(|line| line.strip_prefix("listeners=")).unwrap();
    let ports: Vec<&str> = line.split(',').map(|at| at.rsplit(':').next().unwrap()).collect();
    assert_eq!(ports.len(), 2, "{line}");
    for port in ports {
        let stranger: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", format!("127.0.0.1:{port}"))
            .set("security.protocol", "PLAINTEXT")
            .create()
            .unwrap();
        let answer = stranger.client().fetch_cluster_id(Duration::from_secs(2));
        assert_eq!(answer, None, "port {port} talks to strangers");
    }
    assert!(properties.lines().any(|line| line == "super.users=User:admin"));
}

const OWNER: &str = "CORDON_TEST_OWNS_A_BROKER";

/// The owner is this very test in a process of its own, killed as a crash would.
#[test]
fn a_broker_dies_with_its_owner() {
    if std::env::var_os(OWNER).is_some() {
        let broker = Broker::start().unwrap();
        println!("\nbroker {} {}", broker.pid().unwrap(), broker.dir().display());
        std::thread::sleep(PATIENCE);
        unreachable!("the owner was not killed");
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "local::a_broker_dies_with_its_owner", "--nocapture"])
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(owner.stdout.take().unwrap());
    let (pid, dir) = output
        .lines()
        .find_map(|line| {
            let line = line.ok()?;
            let (pid, dir) = line.strip_prefix("broker ")?.split_once(' ')?;
            Some((pid.parse::<u32>().ok()?, PathBuf::from(dir)))
        })
        .expect("the owner starts a broker");
    assert!(is_running(pid));
    owner.kill().unwrap();
    owner.wait().unwrap();
    let begin = now();
    while is_running(pid) && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!is_running(pid), "the broker outlived its owner");
    // Its files were left; the next broker of anyone sweeps them. This is the next one.
    assert!(dir.exists());
    let next = Broker::start().unwrap();
    assert!(!dir.exists(), "{} was left behind", dir.display());
    let (pid, dir) = (next.pid().unwrap(), next.dir().to_owned());
    drop(next);
    assert!(!is_running(pid) && !dir.exists());
}

/// A zombie is dead: whoever inherited it has not looked yet.
fn is_running(pid: u32) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}
