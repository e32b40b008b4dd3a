//! What is read of a line, and which lines are refused.

use expect_test::{Expect, expect};

use super::*;

/// The fields of a line, one a row, in the order of their declaration.
fn check(line: &str, expect: Expect) {
    let event = Event::parse(line.as_bytes()).expect("well-formed");
    let rows: Vec<String> = Field::ALL
        .iter()
        .filter_map(|field| event.get(*field).map(|value| format!("{field:?} = {value}")))
        .collect();
    expect.assert_eq(&rows.join("\n"));
}

fn refusal(line: &[u8]) -> String {
    match Event::parse(line) {
        Ok(event) => panic!("read as {event:?}"),
        Err(malformed) => malformed.to_string(),
    }
}

#[test]
fn a_flat_line_of_nxlog() {
    check(
        r#"{"EventTime":"2020-09-21 22:49:40","Hostname":"WS5.theshire.local","host":"wec.internal",
            "Keywords":-9223372036854775808,"EventID":5,"SourceName":"Microsoft-Windows-Sysmon",
            "ProcessID":3388,"Channel":"Microsoft-Windows-Sysmon/Operational","ProcessId":"6196",
            "Image":"C:\\Windows\\System32\\cmd.exe","tags":["a","b"],
            "Message":"Process terminated:\r\nImage: \"x\""}"#,
        expect![[r#"
            EventId = 5
            Channel = Microsoft-Windows-Sysmon/Operational
            Provider = Microsoft-Windows-Sysmon
            Computer = WS5.theshire.local
            ProcessId = 6196
            Image = C:\Windows\System32\cmd.exe"#]],
    );
}

#[test]
fn event_data_of_sentinel_is_json_in_a_string() {
    check(
        r#"{"TimeGenerated":"2022-05-13T08:54:08Z","Provider":"Microsoft-Windows-Sysmon","EventID":10,
            "EventData":"{\"UtcTime\":\"2022-05-13T08:54:08.4210000Z\",\"SourceImage\":\"C:\\\\a\\u00e9.exe\"}",
            "Computer":"WORKSTATION5"}"#,
        expect![[r#"
            EventId = 10
            Provider = Microsoft-Windows-Sysmon
            Computer = WORKSTATION5
            UtcTime = 2022-05-13T08:54:08.4210000Z
            SourceImage = C:\aé.exe"#]],
    );
}

#[test]
fn both_nestings_of_winlogbeat() {
    check(
        r#"{"log_name":"Microsoft-Windows-Sysmon/Operational","computer_name":"HR001.shire.com",
            "event_id":12,"user":{"name":"SYSTEM"},"event_data":{"ProcessId":"7924","User":"x"}}"#,
        expect![[r#"
            EventId = 12
            Channel = Microsoft-Windows-Sysmon/Operational
            Computer = HR001.shire.com
            ProcessId = 7924
            User = x"#]],
    );
    check(
        r#"{"event":{"code":"1"},"winlog":{"event_id":"1","channel":"c","provider_name":"p",
            "computer_name":"h","event_data":{"ProcessId":"1"},"process":{"pid":4}}}"#,
        expect![[r#"
            EventId = 1
            Channel = c
            Provider = p
            Computer = h
            ProcessId = 1"#]],
    );
}

#[test]
fn evtx_has_types_attributes_and_an_event_around_it() {
    check(
        r##"{"Event":{"#attributes":{"xmlns":"x"},"System":{
            "Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon","Guid":"{5770385f}"}},
            "EventID":{"#attributes":{"Qualifiers":16384},"#text":3},"Computer":"fs03",
            "Execution":{"#attributes":{"ProcessID":1048}}},
            "EventData":{"ProcessId":2124,"Initiated":true,"DestinationPort":65535}}}"##,
        expect![[r#"
            EventId = 3
            Provider = Microsoft-Windows-Sysmon
            Computer = fs03
            ProcessId = 2124
            Initiated = true
            DestinationPort = 65535"#]],
    );
}

#[test]
fn own_data_wins_and_the_later_of_two() {
    check(
        r#"{"event_data":{"User":"own"},"User":"outside","Image":"first","Image":"second",
            "Hash":"old","Hashes":"new","SourceProcessGUID":"g"}"#,
        expect![[r#"
            Image = second
            User = own
            Hashes = new
            SourceProcessGuid = g"#]],
    );
}

#[test]
fn a_value_without_text_is_as_if_it_were_not_there() {
    check(
        r#"{"Image":"kept","Image":null,"User":["a"],"ProcessId":1.5,"Details":{"a":"b"},
            "SourcePort":-0,"event_data":null,"EventData":[1],"winlog":7,"Event":"text"}"#,
        expect!["Image = kept"],
    );
}

#[test]
fn escaped_keys_are_keys() {
    check(r#"{"\u0049mage":"x"}"#, expect!["Image = x"]);
}

#[test]
fn malformed_lines_are_refused_wherever_the_fault_stands() {
    let deep = format!(r#"{{"Message":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let cases: &[&[u8]] = &[
        b"",
        b" ",
        b"null",
        b"[]",
        br#""text""#,
        b"{",
        br#"{"a":1"#,
        br#"{"a":1}}"#,
        br#"{"a":1}{"b":2}"#,
        br#"{"a":1,}"#,
        br#"{"a" 1}"#,
        br#"{a:1}"#,
        br#"{"a":01}"#,
        br#"{"a":NaN}"#,
        br#"{"a":"x}"#,
        br#"{"a":"\x"}"#,
        br#"{"Image":"\ud800"}"#,
        b"{\"a\":\"line\nbreak\"}",
        b"{\"a\":\"\xff\"}",
        b"{\"Image\":\"C:\\\\\xc3\x28\"}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":tru}",
        br#"{"a":{"b":[1,{"c":}]}}"#,
        br#"{"event_data":{"a":1]}"#,
        deep.as_bytes(),
    ];
    let rows: Vec<String> = cases
        .iter()
        .map(|line| {
            let shown = String::from_utf8_lossy(&line[..line.len().min(28)]).into_owned();
            format!("{shown:34?} {}", refusal(line))
        })
        .collect();
    expect![[r#"
        "" EOF while parsing at line 1 column 1
        " " EOF while parsing at line 1 column 1
        "null" invalid type: null, expected a JSON object at line 1 column 4
        "[]" invalid type: sequence, expected a JSON object at line 1 column 2
        "\"text\"" invalid type: string "text", expected a JSON object at line 1 column 6
        "{" EOF while parsing at line 1 column 1
        "{\"a\":1" EOF while parsing at line 1 column 6
        "{\"a\":1}}" JSON has non-whitespace trailing characters after the value at line 1 column 8
        "{\"a\":1}{\"b\":2}" JSON has non-whitespace trailing characters after the value at line 1 column 8
        "{\"a\":1,}" JSON has a comma after the last value in an array or object at line 1 column 8
        "{\"a\" 1}" Expected this character to be a ':' while parsing at line 1 column 6
        "{a:1}" Expected this character to be '"' or '}' at line 1 column 2
        "{\"a\":01}" Invalid number at line 1 column 6
        "{\"a\":NaN}" Invalid JSON value at line 1 column 6
        "{\"a\":\"x}" EOF while parsing at line 1 column 8
        "{\"a\":\"\\x\"}" Invalid escape chars at line 1 column 8
        "{\"Image\":\"\\ud800\"}" Invalid surrogate Unicode code point at line 1 column 16
        "{\"a\":\"line\nbreak\"}" Control character found while parsing a string at line 1 column 11
        "{\"a\":\"�\"}" no UTF-8 from byte 6 on
        "{\"Image\":\"C:\\\\�(\"}" no UTF-8 from byte 14 on
        "\u{feff}{}" Invalid JSON value at line 1 column 1
        "{\"a\":tru}" Invalid literal (`true`, `false`, or a `null`) while parsing at line 1 column 9
        "{\"a\":{\"b\":[1,{\"c\":}]}}" Invalid JSON value at line 1 column 19
        "{\"event_data\":{\"a\":1]}" Expected this character to be either a ',' or a '}' while parsing at line 1 column 21
        "{\"Message\":[[[[[[[[[[[[[[[[[" nested deeper than 128 levels"#]].assert_eq(&rows.join("\n"));
}

/// Grammatical JSON, yet no text: it matters only where somebody wants the text.
#[test]
fn half_a_surrogate_pair_is_refused_in_a_field_that_is_read() {
    assert!(Event::parse(br#"{"Image":"\udc00"}"#).is_err());
    assert!(Event::parse(br#"{"Message":"\udc00"}"#).is_ok());
    assert!(Event::parse(br#"{"Event":"\udc00"}"#).is_err(), "it might hold fields");
}

#[test]
fn brackets_in_texts_are_no_nesting() {
    let line = format!(r#"{{"Message":"{}","Image":"x"}}"#, r#"[{\""#.repeat(10_000));
    let event = Event::parse(line.as_bytes()).expect("two flat fields");
    assert_eq!(event.get(Field::Image), Some("x"));
}

#[test]
fn unreadable_event_data_does_not_spoil_the_line() {
    let deep = format!(r#""{{\"x\":{}1{}}}""#, "[".repeat(100_000), "]".repeat(100_000));
    for data in [r#""<EventData/>""#, r#""{}x""#, r#""[]""#, &deep] {
        let line = format!(r#"{{"EventID":1,"EventData":{data}}}"#);
        let event = Event::parse(line.as_bytes()).expect("the line itself is JSON");
        assert!(event.is_data_unreadable(), "{data:.40}");
        assert_eq!(event.get(Field::EventId), Some("1"));
    }
}

#[test]
fn sysmon_is_known_by_channel_or_provider() {
    let id = |line: &str| Event::parse(line.as_bytes()).expect("well-formed").sysmon_id();
    assert_eq!(id(r#"{"EventID":1,"Channel":"microsoft-windows-sysmon/operational"}"#), Some(1));
    assert_eq!(
        id(
            r#"{"EventID":"22","Channel":"ForwardedEvents","SourceName":"Microsoft-Windows-Sysmon"}"#
        ),
        Some(22)
    );
    assert_eq!(id(r#"{"EventID":4688,"Channel":"Security"}"#), None);
    assert_eq!(id(r#"{"EventID":70000,"ProviderName":"Microsoft-Windows-Sysmon"}"#), None);
    assert_eq!(id(r#"{"ProviderName":"Microsoft-Windows-Sysmon"}"#), None);
}

#[test]
fn only_the_event_knows_its_time() {
    let line = br#"{"TimeCreated":"2020-09-21T22:49:40.1Z","@timestamp":"2020-09-21T22:49:40.1Z"}"#;
    assert_eq!(Event::parse(line).expect("well-formed").time_ms(), None);
    let line = br#"{"@timestamp":"2020-09-21T22:49:40.1Z","UtcTime":"1970-01-01 00:00:01.500"}"#;
    assert_eq!(Event::parse(line).expect("well-formed").time_ms(), Some(1500));
}
