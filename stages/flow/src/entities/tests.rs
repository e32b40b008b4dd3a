//! Canonical forms, one spelling for each thing. Whole events are tested with the stage `generate`.

use std::net::IpAddr;

use super::{canonical::*, *};

#[test]
fn names_lose_case_and_the_roots_dot() {
    assert_eq!(name("WS5.TheShire.local."), "ws5.theshire.local");
    assert_eq!(name("ÄPC"), "Äpc", "only ASCII is lowered");
    let long = "LONGER-THAN-WHAT-FITS-INTO-A-SMALL-TEXT.EXAMPLE";
    assert_eq!(name(long), long.to_ascii_lowercase());
}

#[test]
fn paths_lose_case_and_prefixes_and_placeholders_are_none() {
    assert_eq!(path(r"C:\Windows\SVCHOST.exe").as_deref(), Some(r"c:\windows\svchost.exe"));
    assert_eq!(path(r"\\?\C:\a").as_deref(), Some(r"c:\a"));
    assert_eq!(path(r"\??\C:\a").as_deref(), Some(r"c:\a"));
    assert_eq!(path(r"\\server\Share").as_deref(), Some(r"\\server\share"));
    assert_eq!(path("System").as_deref(), Some("system"));
    assert_eq!(path("<unknown process>"), None);
    assert_eq!(path(r"\\?\"), None);
}

#[test]
fn anonymous_pipes_have_no_path() {
    assert_eq!(pipe_path(r"\lsass").as_deref(), Some(r"\\.\pipe\lsass"));
    assert_eq!(pipe_path(r"LOCAL\Mojo.1").as_deref(), Some(r"\\.\pipe\local\mojo.1"));
    assert_eq!(pipe_path("<Anonymous Pipe>"), None);
    assert_eq!(pipe_path("&lt;Anonymous Pipe&gt;"), None);
}

#[test]
fn guids_meet_in_any_spelling() {
    let text = "905cc552-2045-5cc5-0000-00105b2a0100";
    let bytes = guid(text).expect("a GUID");
    assert_eq!(bytes[..4], [0x90, 0x5c, 0xc5, 0x52]);
    assert_eq!(guid(&format!("{{{}}}", text.to_ascii_uppercase())), Some(bytes));
    assert_eq!(guid_text(bytes), text);
    for wrong in [
        "",
        "-",
        "{905cc552-2045-5cc5-0000-00105b2a0100",
        "905cc55222045-5cc5-0000-00105b2a0100",
        "905cc552-2045-5cc5-0000-00105b2a010g",
        "905cc552-2045-5cc5-0000-00105b2a01000",
        "905cc552-2045-5cc5-0000-00105b2a01é",
    ] {
        assert_eq!(guid(wrong), None, "{wrong}");
    }
}

#[test]
fn numbers_have_digits_only() {
    assert_eq!(number::<u32>("0044"), Some(44));
    assert_eq!(number::<u16>("65535"), Some(65535));
    for wrong in ["", "-", "+1", "0x10", "65536", "1 "] {
        assert_eq!(number::<u16>(wrong), None, "{wrong}");
    }
}

#[test]
fn addresses_meet_in_any_spelling() {
    let same = |a: &str, b: &str| assert_eq!(ip(a), Some(b.parse::<IpAddr>().expect("an address")));
    same("::ffff:192.0.2.1", "192.0.2.1");
    same("fe80:0:0:0:3b31:a8fa:5adc:7b9e", "fe80::3b31:a8fa:5adc:7b9e");
    same("fe80::1%12", "fe80::1");
    for wrong in ["", "-", "192.0.2.1:80", "192.0.2.01", "host", "1.2.3"] {
        assert_eq!(ip(wrong), None, "{wrong}");
    }
}

#[test]
fn some_addresses_and_accounts_are_each_devices_own() {
    let local = |text: &str| is_local(ip(text).expect("an address"));
    for own in ["127.0.0.1", "::1", "169.254.7.7", "fe80::1", "0.0.0.0", "::", "::ffff:127.9.9.9"] {
        assert!(local(own), "{own}");
    }
    for shared in ["10.0.0.1", "192.168.2.5", "8.8.8.8", "fd00::1", "ff02::fb", "239.255.255.250"] {
        assert!(!local(shared), "{shared}");
    }
    assert!(is_local_domain("nt authority", "ws5.theshire.local"));
    assert!(is_local_domain("ws5", "ws5.theshire.local"));
    assert!(is_local_domain("", "ws5"));
    assert!(!is_local_domain("theshire", "ws5.theshire.local"));
    assert_eq!(account(r"NT AUTHORITY\SYSTEM"), ("nt authority".into(), "system".into()));
    assert_eq!(account("Bob"), ("".into(), "bob".into()));
    assert_eq!(account(r"a\b\c"), ("a".into(), r"b\c".into()));
}

#[test]
fn hashes_of_nothing_are_left_out() {
    let text = "SHA1=AB01,MD5=,SHA256=zz,IMPHASH=00000000000000000000000000000000,CRC=1,odd";
    let found: Vec<_> = hashes(text).collect();
    assert_eq!(found, [("hashes.sha1", "ab01".into())]);
}

#[test]
fn answers_are_addresses_and_names() {
    let text = "type:  5 1drv.MS.;type: 33 dc01; ::ffff:192.0.2.1 ;fe80::1;-;;type:  5 ;plain";
    let found: Vec<String> = answers(text)
        .map(|answer| match answer {
            Answer::Address(ip) => ip.to_string(),
            Answer::Name(name) => format!("name {name}"),
        })
        .collect();
    assert_eq!(found, ["name 1drv.ms", "name dc01", "192.0.2.1", "fe80::1", "name plain"]);
}

#[test]
fn the_keys_of_an_event_are_those_of_its_elements() {
    let line = br#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":11,"Hostname":"pc",
        "UtcTime":"2020-09-21 19:35:27.123","TargetFilename":"C:\\A",
        "ProcessGuid":"{d273d0f0-e868-5f64-2200-000000000800}"}"#;
    let event = Event::parse(line).expect("well-formed");
    let device = crate::node_key("device", [b"pc".as_slice()]);
    let file = crate::node_key("file", [&device.0[..], br"c:\a"]);
    let keys = node_keys(&event);
    assert_eq!((keys.len(), keys[0], keys[2]), (3, device, file));
    assert_eq!(node_keys(&Event::parse(b"{}").expect("well-formed")), []);
}
