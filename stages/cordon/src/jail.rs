//! What the courier's jail lets through: whatever its configuration names, and no more.

use std::{ffi::OsString, net::ToSocketAddrs as _, path::PathBuf};

use anyhow::Result;
use cordon_cell::{CourierReach, JailMode, JailReport, enter_courier_jail};

use crate::config::{Config, ConfigFaults, StoreConfig};

/// The port of brokers that name none, as librdkafka has it.
const KAFKA_PORT: u16 = 9092;

/// What glibc's resolver reads from its environment: name servers are asked by TCP, since the jail
/// has no datagrams.
const RESOLVER_OPTIONS: &str = "RES_OPTIONS";
const RESOLVE_BY_TCP: &str = "use-vc";

/// Jails this process, which is a courier with one thread that has read its secrets.
pub(crate) fn enter(config: &Config) -> Result<JailReport> {
    let mode = config.courier.jail;
    load_resolver(config);
    let reach = reach(config);
    let report = enter_courier_jail(mode, &reach)?;
    let landlock_abi = report.landlock_abi;
    if mode == JailMode::Off {
        tracing::warn!("the courier runs WITHOUT a jail");
    } else if report.is_complete() {
        tracing::info!(landlock_abi, jail = %report, ports = ?reach.ports, "the courier is jailed");
    } else {
        tracing::warn!(landlock_abi, jail = %report, "the courier is jailed, but not by every layer");
    }
    Ok(report)
}

/// Refuses a strict jail where the kernel has not all of it: told once, and not by every child.
pub(crate) fn check(mode: JailMode) -> Result<(), ConfigFaults> {
    let report = JailReport::of(mode);
    if mode == JailMode::Strict && !report.is_complete() {
        return Err(ConfigFaults::one(format!(
            "courier.jail is \"strict\", and this kernel's jail is {report}: take a newer kernel, \
             or set it to \"best\" to run without these layers"
        )));
    }
    Ok(())
}

/// Environment variables by which a courier resolves names.
pub(crate) fn resolver_environment(mode: JailMode) -> Option<(OsString, OsString)> {
    let mut options = std::env::var_os(RESOLVER_OPTIONS).unwrap_or_default();
    if mode != JailMode::Off {
        options.push(" ");
        options.push(RESOLVE_BY_TCP);
    }
    (!options.is_empty()).then(|| (RESOLVER_OPTIONS.into(), options))
}

/// Older C libraries load a part of themselves at the first look-up, which the jail would forbid.
/// What it finds does not matter.
fn load_resolver(config: &Config) {
    if let Some(broker) = brokers(config).next() {
        let _ = (host(broker), KAFKA_PORT).to_socket_addrs();
    }
}

fn reach(config: &Config) -> CourierReach {
    let mut read: Vec<PathBuf> = CourierReach::SYSTEM_FILES.iter().map(PathBuf::from).collect();
    read.extend(config.kafka.iter().filter_map(|kafka| kafka.ca_file.clone()));
    let mut ports = vec![CourierReach::DNS_PORT];
    ports.extend(brokers(config).map(|broker| port(broker).unwrap_or(KAFKA_PORT)));
    ports.extend(&config.courier.ports);
    let mut write = Vec::new();
    match &config.store {
        Some(StoreConfig::S3 { endpoint, .. }) => ports.push(s3_port(endpoint.as_deref())),
        Some(StoreConfig::Directory(directory)) => write.push(directory.clone()),
        None => {}
    }
    ports.sort_unstable();
    ports.dedup();
    CourierReach { read, write, ports }
}

fn brokers(config: &Config) -> impl Iterator<Item = &str> {
    let bootstrap = config.kafka.iter().flat_map(|kafka| kafka.bootstrap.split(','));
    bootstrap.map(str::trim).filter(|broker| !broker.is_empty())
}

fn s3_port(endpoint: Option<&str>) -> u16 {
    let Some(endpoint) = endpoint else { return 443 };
    let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    port(authority).unwrap_or(if scheme == "http" { 80 } else { 443 })
}

/// The port of `host:port` or `[address]:port`. An IPv6 address without brackets has none.
fn port(address: &str) -> Option<u16> {
    let (host, port) = without_protocol(address).rsplit_once(':')?;
    let is_host = !host.contains(':') || host.ends_with(']');
    if is_host { port.parse().ok() } else { None }
}

fn host(address: &str) -> &str {
    let place = without_protocol(address);
    let host = match port(address) {
        Some(_) => place.rsplit_once(':').map_or(place, |(host, _)| host),
        None => place,
    };
    host.trim_start_matches('[').trim_end_matches(']')
}

/// librdkafka also takes `protocol://host:port`.
fn without_protocol(address: &str) -> &str {
    address.rsplit_once("//").map_or(address, |(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_in_addresses() {
        for (address, host_of, port_of) in [
            ("broker:9094", "broker", Some(9094)),
            ("broker", "broker", None),
            ("SASL_SSL://broker:9096", "broker", Some(9096)),
            ("[::1]:9092", "::1", Some(9092)),
            ("[::1]", "::1", None),
            ("::1", "::1", None),
        ] {
            assert_eq!((host(address), port(address)), (host_of, port_of), "{address}");
        }
        for (endpoint, port) in [
            (None, 443),
            (Some("https://s3.example"), 443),
            (Some("http://s3.example/"), 80),
            (Some("http://127.0.0.1:9000"), 9000),
            (Some("http://[::1]:9000/path"), 9000),
        ] {
            assert_eq!(s3_port(endpoint), port, "{endpoint:?}");
        }
    }

    #[test]
    fn a_courier_reaches_what_its_configuration_names() {
        let config = Config::parse(
            "[kafka]\nbootstrap = \"a:9096, b:9097,c\"\nusername = \"u\"\npassword_file = \"p\"\n\
             ca_file = \"ca.pem\"\n[s3]\nregion = \"r\"\nendpoint = \"http://h:9000\"\n\
             credentials_file = \"c\"\n[courier]\nports = [9098, 9096]\n",
        )
        .unwrap();
        let reach = reach(&config);
        assert_eq!(reach.ports, [53, 9000, 9092, 9096, 9097, 9098]);
        assert!(reach.read.contains(&"ca.pem".into()) && reach.write.is_empty());
        let secrets = ["p", "c"].map(PathBuf::from);
        assert!(!reach.read.iter().any(|path| secrets.contains(path)), "read before");
    }

    #[test]
    fn only_a_directory_store_is_written() {
        let config = Config::parse("[store]\ndirectory = \"objects\"\n").unwrap();
        let reach = reach(&config);
        assert_eq!((reach.write, reach.ports), (vec!["objects".into()], vec![53]));
    }
}
