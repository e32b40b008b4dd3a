//! One event in every shape gives one view.

use expect_test::{Expect, expect};
use rsigma_eval::Event as _;

use super::{Entry, View, Wanted};
use crate::rules::{Fields, Routed};

fn parse(line: &str) -> View<'_> {
    View::parse(line.as_bytes(), true, Wanted::All).expect("it parses")
}

fn check(line: &str, expect: &Expect) {
    let view = parse(line);
    let part = |entries: &[Entry<'_>]| -> String {
        entries.iter().map(|entry| format!("  {} = {:?}\n", entry.name, entry.value)).collect()
    };
    let text = format!("data\n{}around\n{}", part(&view.data), part(&view.envelope));
    expect.assert_eq(&text);
}

#[test]
fn nxlog_is_flat_and_its_names_are_translated() {
    check(
        r#"{"EventID":1,"Channel":"C","Hostname":"WS","SourceName":"P","Image":"C:\\a","tags":["x"]}"#,
        &expect![[r#"
            data
            around
              EventID = Int(1)
              Channel = Str("C")
              Computer = Str("WS")
              Hostname = Str("WS")
              Provider_Name = Str("P")
              SourceName = Str("P")
              Image = Str("C:\\a")
              tags = Array([Str("x")])
        "#]],
    );
}

#[test]
fn winlogbeat_nests_its_data() {
    check(
        r#"{"winlog":{"channel":"C","event_id":"1","event_data":{"Image":"a"},"process":{"pid":4}}}"#,
        &expect![[r#"
            data
              Image = Str("a")
            around
              Channel = Str("C")
              channel = Str("C")
              EventID = Str("1")
              event_id = Str("1")
              process.pid = Int(4)
        "#]],
    );
    check(
        r#"{"log_name":"C","event_id":1,"event_data":{"Image":"a"},"message":"m","host":{"name":"h"}}"#,
        &expect![[r#"
            data
              Image = Str("a")
            around
              Channel = Str("C")
              log_name = Str("C")
              EventID = Int(1)
              event_id = Int(1)
              Message = Str("m")
              message = Str("m")
              host.name = Str("h")
        "#]],
    );
}

#[test]
fn sentinel_writes_its_data_as_text() {
    check(
        r#"{"Channel":"C","EventID":3,"EventData":"{\"Image\":\"C:\\\\a.exe\",\"Port\":443}"}"#,
        &expect![[r#"
            data
              Image = Str("C:\\a.exe")
              Port = Int(443)
            around
              Channel = Str("C")
              EventID = Int(3)
        "#]],
    );
}

#[test]
fn evtx_has_attributes_and_texts() {
    check(
        r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":{"#attributes":{"Qualifiers":0},"#text":4104},"Channel":"C"},"EventData":{"Data":{"#text":["a","b"]},"Flag":true,"None":null}}}"##,
        &expect![[r#"
            data
              Data = Array([Str("a"), Str("b")])
              Flag = Bool(true)
              None = Null
            around
              Provider_Name = Str("P")
              EventID_Qualifiers = Int(0)
              EventID = Int(4104)
              Channel = Str("C")
        "#]],
    );
    check(
        r##"{"Event":{"System":{"EventID":7},"UserData":{"EventXML":{"#attributes":{"xmlns":"u"},"Param":"p"}}}}"##,
        &expect![[r#"
            data
              Param = Str("p")
            around
              EventID = Int(7)
        "#]],
    );
}

#[test]
fn a_field_of_the_data_wins_and_of_two_the_later() {
    let view = parse(r#"{"Image":"around","EventData":{"Image":"first","Image":"last"}}"#);
    assert_eq!(view.text("Image").as_deref(), Some("last"));
    assert_eq!(view.to_json()["Image"], "last");
}

#[test]
fn keywords_are_looked_for_in_every_string() {
    let view = parse(r#"{"A":"one","EventData":{"Data":["two","three"]},"user":{"name":"four"}}"#);
    for word in ["one", "two", "three", "four"] {
        assert!(view.any_string_value(&|text| text == word), "{word}");
    }
    assert_eq!(view.all_string_values().len(), 4);
}

#[test]
fn data_that_is_text_but_no_object_is_a_field() {
    for text in ["<EventData/>", "{\\\"Image\\\":", "[1]"] {
        let line = format!(r#"{{"Channel":"C","EventData":"{text}"}}"#);
        let event = cordon_flow::Event::parse(line.as_bytes()).expect("it parses");
        assert!(event.is_data_unreadable(), "{text}");
        let view = View::parse(line.as_bytes(), false, Wanted::All).expect("it parses");
        assert!(view.text("EventData").is_some(), "{text}");
    }
}

#[test]
fn half_a_surrogate_pair_does_not_hide_the_rest() {
    let view = parse(r#"{"Message":"a\udc00b","Image":"x"}"#);
    assert_eq!(view.text("Message").as_deref(), Some("a\u{FFFD}b"));
    assert_eq!(view.text("Image").as_deref(), Some("x"));
}

/// Far beyond what the line itself may nest, because brackets in a text are no nesting there.
#[test]
fn nesting_inside_a_text_does_not_take_the_stack() {
    for (open, close) in [("[", "]"), ("{\\\"a\\\":", "}")] {
        let levels = 200_000;
        let nested = format!("{}1{}", open.repeat(levels), close.repeat(levels));
        let line = format!(r#"{{"EventData":"{{\"x\":{nested}}}"}}"#);
        let reader = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
            let event = cordon_flow::Event::parse(line.as_bytes()).expect("the line is an object");
            assert!(event.is_data_unreadable());
            View::parse(line.as_bytes(), false, Wanted::All).is_ok()
        });
        assert_eq!(reader.expect("a thread starts").join().ok(), Some(true));
    }
}

/// Reading only what is wanted must not change what is found there.
#[test]
fn a_wanted_field_is_the_same_with_and_without_the_others() {
    for line in [
        r#"{"EventID":1,"Channel":"C","Hostname":"WS","SourceName":"P","Image":"C:\\a","tags":["x"]}"#,
        r#"{"winlog":{"channel":"C","event_id":"1","event_data":{"Image":"a"},"process":{"pid":4}}}"#,
        r#"{"log_name":"C","event_data":{"A":"a","A":"b"},"host":{"os":{"name":"h"}},"A":"c"}"#,
        r#"{"EventID":1,"EventData":"{\"Image\":\"C:\\\\a\",\"B\":1}","Image":"b"}"#,
        r##"{"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"P"}},
            "EventID":{"#attributes":{"Qualifiers":1},"#text":5}},"EventData":{"Data":{"#text":["a"]}},
            "RenderingInfo":{"Message":"m"}}}"##,
        r#"{"UserData":{"Inner":{"Deep":{"X":"x"}},"X":"y"},"message":"m"}"#,
    ] {
        let all = parse(line);
        assert!(all.entries().count() > 2, "{line}");
        for Entry { name, .. } in all.entries() {
            let alone = parse_wanted(line, name);
            assert_eq!(alone.find(name), all.find(name), "{name} of {line}");
        }
        assert_eq!(parse_wanted(line, "no such field").entries().count(), 0, "{line}");
    }
}

/// As much of a line as a rule about one field needs.
fn parse_wanted<'a>(line: &'a str, name: &str) -> View<'a> {
    let rule = Routed::asking_for(Fields::named(vec![name.to_owned()]));
    View::parse(line.as_bytes(), true, Wanted::by(&[&rule])).expect("it parses")
}
