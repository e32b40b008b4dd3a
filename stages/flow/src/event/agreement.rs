//! The fast way over a line agrees with the general one, wherever it does not give up.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

use super::{Event, Field, field::Place, parse, walk};

/// What there is to know of an event.
fn read(event: &Event<'_>) -> (Vec<(Field, String)>, bool) {
    let values =
        Field::ALL.iter().filter_map(|field| Some((*field, event.get(*field)?.to_owned())));
    (values.collect(), event.is_data_unreadable())
}

/// Both ways over one text; whether the fast one took it.
fn agree(json: &str, place: Place) -> Result<bool, TestCaseError> {
    let Some(fast) = walk::object(json, place) else { return Ok(false) };
    match parse::general(json, place) {
        Ok(general) => prop_assert_eq!(read(&fast), read(&general), "{}", json),
        Err(error) => prop_assert!(false, "taken, yet {error}: {json}"),
    }
    Ok(true)
}

/// Keys that mean something, and others.
fn key() -> impl Strategy<Value = String> {
    const KEYS: &[&str] = &[
        "EventID",
        "Channel",
        "Hostname",
        "Image",
        "ProcessId",
        "User",
        "Hash",
        "Hashes",
        "Event",
        "System",
        "EventData",
        "event_data",
        "winlog",
        "Provider",
        "Name",
        "#text",
        "#attributes",
        "Message",
        "x",
        "",
    ];
    prop_oneof![
        8 => select(KEYS).prop_map(str::to_owned),
        1 => text(),
    ]
}

/// The letters of a string as they stand in JSON: long ones reach over blocks of 64 letters.
fn text() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a",
        "C:",
        r"\\",
        r#"\""#,
        r"\r\n",
        r"\u00e9",
        r"\ud83d\ude00",
        r"\ud800",
        r"\u12",
        r"\x",
        r"\/",
        "é",
        "😀",
        "\t",
        "\u{1}",
        "{",
        "[",
        ",",
        ":",
        " ",
        "a text of forty letters, so that it is long",
        r"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\",
    ];
    vec(select(PIECES), 0..8).prop_map(|pieces| pieces.concat())
}

fn scalar() -> impl Strategy<Value = String> {
    const SCALARS: &[&str] = &[
        "null",
        "true",
        "false",
        "0",
        "-0",
        "7",
        "-12",
        "1.5",
        "-0.25",
        "1e5",
        "01",
        "1.",
        "-",
        "+1",
        "999999999999999999",
        "1234567890123456789012",
        "-9223372036854775808",
        "tru",
        "nul",
        "NaN",
    ];
    prop_oneof![
        2 => text().prop_map(|text| format!("\"{text}\"")),
        1 => select(SCALARS).prop_map(str::to_owned),
    ]
}

/// Mostly JSON.
fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        let member = (key(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop_oneof![
            3 => vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
            1 => vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(" , "))),
            // The event's own data as text in a string.
            1 => inner.prop_map(|json| serde_json::Value::String(json).to_string()),
        ]
    })
}

fn line() -> impl Strategy<Value = String> {
    vec((key(), value()), 0..8).prop_map(|members| {
        let members = members.iter().map(|(key, value)| format!("\"{key}\": {value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(",\n"))
    })
}

/// A line of a shipper, as it is.
const REAL: &str = r#"{"EventTime":"2020-09-21 22:49:40","Hostname":"WS5.theshire.local","Keywords":-9223372036854775808,"EventID":5,"SourceName":"Microsoft-Windows-Sysmon","ProcessID":3388,"Channel":"Microsoft-Windows-Sysmon/Operational","ProcessId":"6196","Image":"C:\\Windows\\System32\\cmd.exe","tags":["a","b"],"Message":"Process terminated:\r\nImage: \"C:\\Windows\\System32\\cmd.exe\"\r\n","event_data":{"User":"own"},"EventData":"{\"CommandLine\":\"a \\\"b\\\"\"}"}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn on_what_may_be_json(line in line()) {
        for place in [Place::Top, Place::Data] {
            agree(&line, place)?;
        }
    }

    /// One letter is another, is gone, or is there twice.
    #[test]
    fn on_damaged_lines(place in any::<Index>(), letter in "[\"\\\\{}\\[\\]:,0-9eEtfnu. \\x00-\\x7fé]",
        way in 0..3)
    {
        let mut letters: Vec<char> = REAL.chars().collect();
        let place = place.index(letters.len());
        let letter = letter.chars().next().expect("one letter");
        match way {
            0 => letters[place] = letter,
            1 => drop(letters.remove(place)),
            _ => letters.insert(place, letter),
        }
        agree(&letters.into_iter().collect::<String>(), Place::Top)?;
    }
}

/// Or the laws above would say nothing.
#[test]
fn what_shippers_write_is_taken() {
    assert!(agree(REAL, Place::Top).expect("both ways agree"));
    for len in 0..200 {
        let line =
            format!(r#"{{"Image":"{}\\{}","x":"\r\n"}}"#, "a".repeat(len), "b".repeat(len % 7));
        assert!(agree(&line, Place::Top).expect("both ways agree"), "{line}");
        let line = format!(r#"{{"Image":"{}\"","User":"u"}}"#, r"\\".repeat(len));
        assert!(agree(&line, Place::Top).expect("both ways agree"), "{line}");
    }
}
