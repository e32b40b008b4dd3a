//! What couriers do goes on in their jail: names are resolved, by TCP alone, and a directory holds
//! objects.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
    thread,
};

use cordon_attacker::works::NO_MOUNT;
use cordon_cell::{JailMode, JailReport};

/// A loopback address where nobody else serves names.
const NAME_SERVER: &str = "127.0.0.153";
/// What all names resolve to: an address for documentation.
const ADDRESS: [u8; 4] = [192, 0, 2, 7];

fn attacker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attacker"));
    command.env_clear();
    command
}

#[test]
fn names_resolve_by_tcp_alone() {
    // Ports below 1024 and mounts are for root.
    let Ok(listener) = TcpListener::bind((NAME_SERVER, 53)) else {
        println!("not run: names by TCP: no name server may be started here");
        return;
    };
    thread::spawn(move || {
        for guest in listener.incoming().flatten() {
            thread::spawn(move || answer(guest));
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let resolv_conf = directory.path().join("resolv.conf");
    fs::write(&resolv_conf, format!("nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n"))
        .unwrap();
    let resolve = |jail: &str, options: &str| -> Output {
        let mut command = attacker();
        command.args(["resolve", jail]).arg(&resolv_conf).arg("broker.cordon.test");
        command.env("RES_OPTIONS", options).output().unwrap()
    };
    let jailed = resolve("best", "use-vc");
    if jailed.status.code() == Some(NO_MOUNT.into()) {
        println!("not run: names by TCP: no file may be mounted here");
        return;
    }
    assert!(jailed.status.success(), "{}", String::from_utf8_lossy(&jailed.stderr));
    assert_eq!(String::from_utf8_lossy(&jailed.stdout).trim(), "192.0.2.7");
    // By datagrams, as it is without the option, nothing leaves the jail.
    assert!(!resolve("best", "").status.success(), "datagrams leave the jail");
}

#[test]
fn a_directory_holds_objects() {
    let directory = tempfile::tempdir().unwrap();
    let stored = attacker().args(["store", "best"]).arg(directory.path()).output().unwrap();
    assert!(stored.status.success(), "{}", String::from_utf8_lossy(&stored.stderr));
}

/// Everything that the strict jail needs, or it is refused; `best` makes do with what there is.
#[test]
fn a_kernel_without_a_layer_has_no_strict_jail() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let words = |arguments: &[&str]| {
        let output = attacker().args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(words(&["old-kernel", "store", "best", place]).0, Some(0));
    let (code, refused) = words(&["old-kernel", "store", "strict", place]);
    assert_eq!(code, Some(1), "{refused}");
    assert!(
        refused.contains("the strict jail is ") && refused.contains("landlock-files"),
        "{refused}"
    );
    if JailReport::of(JailMode::Strict).is_complete() {
        assert_eq!(words(&["store", "strict", place]).0, Some(0), "the control");
    }
}

/// It is the supervisor who refuses, once, and not each of its children.
#[test]
fn a_stage_that_cannot_have_its_strict_jail_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let password = directory.path().join("password");
    fs::write(&password, "secret").unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let output = attacker()
        .args(["old-kernel", "run", "generate"])
        .env("CORDON_KAFKA_BOOTSTRAP", "127.0.0.1:1")
        .env("CORDON_KAFKA_TLS", "false")
        .env("CORDON_KAFKA_USERNAME", "generate")
        .env("CORDON_KAFKA_PASSWORD_FILE", &password)
        .env("CORDON_STORE_DIRECTORY", directory.path())
        .env("CORDON_COURIER_JAIL", "strict")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(
        words.contains("courier.jail is \"strict\"") && words.contains("landlock-files"),
        "{words}"
    );
}

/// A name server: each message behind its length (RFC 1035, 4.2.2), every name one address.
fn answer(mut guest: TcpStream) {
    let mut length = [0; 2];
    while guest.read_exact(&mut length).is_ok() {
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        if guest.read_exact(&mut query).is_err() {
            return;
        }
        // The question ends behind its name, which a zero ends, with type and class.
        let name_end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
        let question = &query[12..name_end + 4];
        let is_ipv4 = query[name_end..name_end + 2] == [0, 1];
        // The query's id; an answer, recursive; one question, an answer if there is one.
        let mut message = query[..2].to_vec();
        message.extend([0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0]);
        message.extend(question);
        if is_ipv4 {
            // The name as in the question, type A, class IN, a minute, four bytes.
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            message.extend(ADDRESS);
        }
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        if guest.write_all(&[&length[..], &message].concat()).is_err() {
            return;
        }
    }
}
