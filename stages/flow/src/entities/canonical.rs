//! Canonical forms: one spelling for each thing, however a log wrote it.
//!
//! Letters are lowered in ASCII only: Windows compares names without regard to case, and ASCII is
//! what every language lowers alike. Names that differ in the case of other letters stay apart.

use std::{net::IpAddr, sync::Arc};

use cordon_records::Text;

/// ASCII in lower case. Short text stays on the stack, longer text is copied once.
pub(super) fn lower(text: &str) -> Text {
    const INLINE_BYTES: usize = 23;
    if text.len() > INLINE_BYTES {
        let mut copy: Arc<str> = text.into();
        Arc::get_mut(&mut copy).expect("nobody else has it yet").make_ascii_lowercase();
        return copy.into();
    }
    let mut copy = [0; INLINE_BYTES];
    let copy = &mut copy[..text.len()];
    copy.copy_from_slice(text.as_bytes());
    copy.make_ascii_lowercase();
    Text::new(str::from_utf8(copy).expect("lowering ASCII keeps UTF-8"))
}

/// The text of a field, unless it is one of the ways to say nothing.
pub(super) fn present(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty() && *value != "-")
}

/// A host or DNS name: lower case, without the root's dot.
pub(super) fn name(name: &str) -> Text {
    lower(name.strip_suffix('.').unwrap_or(name))
}

/// A path: bare, in lower case.
pub(super) fn path(path: &str) -> Option<Text> {
    bare_path(path).map(lower)
}

/// A path without the prefixes that switch off path parsing. Sysmon's placeholders, such as
/// `<unknown process>`, are no path.
pub(super) fn bare_path(path: &str) -> Option<&str> {
    let path = path.strip_prefix(r"\\?\").or_else(|| path.strip_prefix(r"\??\")).unwrap_or(path);
    (!path.is_empty() && !path.starts_with('<')).then_some(path)
}

/// The path of a named pipe; `None` for an anonymous one, which has no identity of its own. Some
/// shippers leave it XML-escaped.
pub(super) fn pipe_path(pipe: &str) -> Option<Text> {
    if pipe.starts_with('<') || pipe.starts_with("&lt;") {
        return None;
    }
    let name = pipe.strip_prefix('\\').unwrap_or(pipe);
    Some(lower(&format!(r"\\.\pipe\{name}")))
}

/// A decimal number without sign, as it is usually written.
pub(super) fn number<N: std::str::FromStr + std::fmt::Display>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The 16 bytes of a GUID in the order they are written, braces and dashes left out.
pub(super) fn guid(text: &str) -> Option<[u8; 16]> {
    let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if GUID_DASHES.iter().any(|place| text[*place] != b'-') {
        return None;
    }
    let mut seen = 0;
    let guid = GUID_BYTES.map(|place| {
        let [high, low] = [text[place], text[place + 1]].map(|hex| NIBBLES[usize::from(hex)]);
        seen |= high | low;
        high << 4 | low
    });
    (seen & NO_NIBBLE == 0).then_some(guid)
}

/// Where the dashes of a GUID stand, and each of its bytes.
const GUID_DASHES: [usize; 4] = [8, 13, 18, 23];
const GUID_BYTES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// A bit that no nibble has.
const NO_NIBBLE: u8 = 0x80;

/// What each letter stands for in hex. A line has several GUIDs, so they are read without branches.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NO_NIBBLE; 256];
    let mut nibble = 0;
    while nibble < 16 {
        let letter = HEX[nibble as usize];
        nibbles[letter as usize] = nibble;
        nibbles[letter.to_ascii_uppercase() as usize] = nibble;
        nibble += 1;
    }
    nibbles
};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A GUID as text: lower case, with dashes, without braces.
pub(super) fn guid_text(guid: [u8; 16]) -> Text {
    let mut text = [b'-'; 36];
    for (byte, place) in guid.into_iter().zip(GUID_BYTES) {
        text[place] = HEX[usize::from(byte >> 4)];
        text[place + 1] = HEX[usize::from(byte & 15)];
    }
    Text::new(str::from_utf8(&text).expect("hex is ASCII"))
}

/// An address: IPv4 inside IPv6 is IPv4, and a zone (`%12`) is left out.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    Some(address.parse::<IpAddr>().ok()?.to_canonical())
}

/// Whether an address means something else on every device: loopback, link-local, unspecified.
pub(super) fn is_local(ip: IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    is_link_local || ip.is_loopback() || ip.is_unspecified()
}

/// Domain and name of an account, lower case; the domain is empty where none is given.
pub(super) fn account(user: &str) -> (Text, Text) {
    let (domain, name) = user.split_once('\\').unwrap_or(("", user));
    (lower(domain), lower(name))
}

/// Domains whose accounts each device has for itself. A device's own short name is one, too.
pub(super) fn is_local_domain(domain: &str, device: &str) -> bool {
    const LOCAL: [&str; 8] = [
        "",
        "builtin",
        "font driver host",
        "iis apppool",
        "nt authority",
        "nt service",
        "nt virtual machine",
        "window manager",
    ];
    let short = device.split('.').next().unwrap_or(device);
    LOCAL.contains(&domain) || domain == short
}

/// The hashes of Sysmon's `SHA1=…,MD5=…`: property name and lower-case hex. Zeros mean that there
/// was nothing to hash.
pub(super) fn hashes(text: &str) -> impl Iterator<Item = (&'static str, Text)> {
    text.split(',').filter_map(|part| {
        let (algorithm, hex) = part.split_once('=')?;
        let property = match algorithm {
            "MD5" => "hashes.md5",
            "SHA1" => "hashes.sha1",
            "SHA256" => "hashes.sha256",
            "IMPHASH" => "hashes.imphash",
            _ => return None,
        };
        let is_hash = hex.bytes().all(|b| b.is_ascii_hexdigit()) && hex.bytes().any(|b| b != b'0');
        is_hash.then(|| (property, lower(hex)))
    })
}

/// One answer of a DNS query.
pub(super) enum Answer {
    Address(IpAddr),
    /// A name, such as that of an alias.
    Name(Text),
}

/// The answers of Sysmon's QueryResults, such as `type:  5 example.org;::ffff:192.0.2.1;`.
pub(super) fn answers(results: &str) -> impl Iterator<Item = Answer> {
    results.split(';').filter_map(|part| {
        let part = present(Some(part.trim_matches(' ')))?;
        if let Some(ip) = ip(part) {
            return Some(Answer::Address(ip));
        }
        let untyped = match part.strip_prefix("type:") {
            Some(typed) => typed
                .trim_start_matches(' ')
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .trim_start_matches(' '),
            None => part,
        };
        (!untyped.is_empty()).then(|| Answer::Name(name(untyped)))
    })
}

/// The four or sixteen bytes of an address, in network order.
pub(super) fn ip_bytes(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}
