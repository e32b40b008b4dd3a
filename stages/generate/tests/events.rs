//! Line in, elements out: every event of the table, every shape, and what is refused.
//!
//! Lines are modelled on real ones. Elements are printed with short names instead of keys: the
//! kind, and a number in the order of their appearance; `@1` is the home, when it is another node.

use std::collections::HashMap;

use cordon_flow::{Fate, Graph, KnownElements, Stage as _};
use cordon_generate::Generate;
use cordon_records::{Body, Digest, Element, FileOrigin, LogDatapoint, NodeKey, Origin, Property};
use expect_test::{Expect, expect};

const A: &str = "{d273d0f0-e868-5f64-2200-000000000800}";
const B: &str = "{D273D0F0-E866-5F64-1100-000000000800}";
const NULL: &str = "{00000000-0000-0000-0000-000000000000}";

fn process(line: &str) -> (Fate, Vec<Element>) {
    let origin = Origin::File(FileOrigin { sha256: Digest::of(b"a file"), record: 0 });
    let mut elements = Vec::new();
    let fate = Generate.process(
        &LogDatapoint { origin, line: line.as_bytes() },
        &mut KnownElements::default(),
        &mut elements,
    );
    (fate, elements)
}

/// A Sysmon event as NXLog writes it; `fields` are more JSON members.
fn sysmon(id: u16, fields: &str) -> String {
    format!(
        r#"{{"EventID":{id},"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"PC1.corp.example",
        "host":"collector","UtcTime":"2020-09-21 19:35:27.123",{fields}}}"#
    )
}

fn actor(id: u16, fields: &str) -> String {
    let process = format!(
        r#""ProcessGuid":"{A}","ProcessId":"4712","Image":"C:\\Windows\\System32\\cmd.exe","#
    );
    sysmon(id, &(process + fields))
}

fn check(line: &str, expect: Expect) {
    let (fate, elements) = process(line);
    assert_eq!(fate, Fate::Output);
    for element in &elements {
        let times = (element.first_seen_ms, element.last_seen_ms);
        assert_eq!(times, (1_600_716_927_123, 1_600_716_927_123));
        let normal = Graph::from_iter([element.clone()]).into_sorted();
        assert_eq!(normal.as_slice(), std::slice::from_ref(element), "already in normal form");
    }
    expect.assert_eq(&render(&elements));
}

fn render(elements: &[Element]) -> String {
    let mut names: HashMap<NodeKey, String> = HashMap::new();
    let rows: Vec<String> = elements
        .iter()
        .map(|element| {
            let numbered = names.len() + 1;
            let subject = match &element.body {
                Body::Node(node) => {
                    let name = format!("{}{numbered}", node.kind);
                    names.entry(node.key).or_insert(name).clone()
                }
                Body::Edge(edge) => {
                    assert_eq!(home_of(elements, edge.source), element.home, "its source's home");
                    format!("{} -{}-> {}", names[&edge.source], edge.label, names[&edge.target])
                }
            };
            let is_own = matches!(&element.body, Body::Node(node) if node.key == element.home);
            let home = if is_own || matches!(element.body, Body::Edge(_)) {
                String::new()
            } else {
                format!(" @{}", names[&element.home])
            };
            let properties: String = element.properties.iter().map(render_property).collect();
            format!("{subject}{home}{properties}")
        })
        .collect();
    rows.join("\n")
}

fn home_of(elements: &[Element], key: NodeKey) -> NodeKey {
    let is_it = |element: &&Element| matches!(&element.body, Body::Node(node) if node.key == key);
    elements.iter().find(is_it).expect("an edge's ends are emitted").home
}

fn render_property(property: &Property) -> String {
    format!(" {}={}", property.name, property.values.join("|"))
}

fn death(line: &str) -> String {
    match process(line).0 {
        Fate::Dead(reason) => reason,
        fate => panic!("{fate:?}"),
    }
}

#[test]
fn event_1_process_created() {
    check(
        &actor(
            1,
            &format!(
                r#""CommandLine":"cmd.exe /c \"whoami\"","CurrentDirectory":"C:\\Users\\Bob\\",
                "User":"CORP\\Bob","IntegrityLevel":"High","Company":"Microsoft","FileVersion":"10.0",
                "Hashes":"SHA1=AA,MD5=BB,SHA256=CC,IMPHASH=00","ParentProcessGuid":"{B}",
                "ParentProcessId":"99","ParentImage":"C:\\Windows\\explorer.exe",
                "ParentCommandLine":"explorer","ParentUser":"CORP\\Bob""#
            ),
        ),
        expect![[r#"
            device1 hostname=pc1.corp.example
            process2 @device1 cmd_line=cmd.exe /c "whoami" created_time=1600716927123 file.path=c:\windows\system32\cmd.exe integrity=high pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800 user.name=corp\bob working_directory=c:\users\bob\
            process3 @device1 cmd_line=explorer file.path=c:\windows\explorer.exe pid=99 uid=d273d0f0-e866-5f64-1100-000000000800 user.name=corp\bob
            process3 -launched-> process2
            file4 @device1 company_name=Microsoft hashes.md5=bb hashes.sha1=aa hashes.sha256=cc path=c:\windows\system32\cmd.exe version=10.0
            process2 -executed-> file4
            user5 domain=corp name=bob
            process2 -ran_as-> user5"#]],
    );
}

#[test]
fn event_1_of_a_lost_parent_and_of_a_lost_process() {
    check(
        &actor(1, &format!(r#""ParentProcessGuid":"{NULL}","User":"NT AUTHORITY\\SYSTEM""#)),
        expect![[r#"
            device1 hostname=pc1.corp.example
            process2 @device1 created_time=1600716927123 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800 user.name=nt authority\system
            file3 @device1 path=c:\windows\system32\cmd.exe
            process2 -executed-> file3
            user4 @device1 domain=nt authority name=system
            process2 -ran_as-> user4"#]],
    );
    check(
        &sysmon(
            1,
            &format!(r#""ProcessGuid":"{NULL}","Image":"C:\\a.exe","ParentProcessGuid":"{B}""#),
        ),
        expect![[r#"
            device1 hostname=pc1.corp.example
            process2 @device1 uid=d273d0f0-e866-5f64-1100-000000000800
            file3 @device1 path=c:\a.exe
            device1 -executed-> file3"#]],
    );
}

#[test]
fn event_3_outbound() {
    check(
        &actor(
            3,
            r#""Protocol":"TCP","Initiated":"true","SourceIp":"10.0.0.5","SourceHostname":"PC1.corp.example",
            "SourcePort":"50000","DestinationIp":"192.0.2.7","DestinationHostname":"-","DestinationPort":"443""#,
        ),
        expect![[r#"
            device1 hostname=pc1.corp.example
            process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
            network_endpoint3 hostname=pc1.corp.example ip=10.0.0.5
            network_endpoint4 ip=192.0.2.7
            network_endpoint5 ip=192.0.2.7 port=443 protocol_name=tcp
            network_endpoint5 -located_at-> network_endpoint4
            device1 -has_address-> network_endpoint3
            process2 -connected_to-> network_endpoint5"#]],
    );
}

#[test]
fn event_3_inbound_with_typed_values_and_a_local_address() {
    check(
        &actor(
            3,
            r#""Protocol":"udp","Initiated":false,"SourceIp":"fe80:0:0:0:0:0:0:9","SourceHostname":"",
            "DestinationIp":"0:0:0:0:0:ffff:a00:5","DestinationHostname":"PC1.","DestinationPort":5355"#,
        ),
        expect![[r#"
            device1 hostname=pc1.corp.example
            process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
            network_endpoint3 @device1 ip=fe80::9
            network_endpoint4 hostname=pc1 ip=10.0.0.5
            network_endpoint5 ip=10.0.0.5 port=5355 protocol_name=udp
            network_endpoint5 -located_at-> network_endpoint4
            device1 -has_address-> network_endpoint4
            process2 -listened_on-> network_endpoint5
            process2 -accepted_from-> network_endpoint3"#]],
    );
}

#[test]
fn event_3_of_a_lost_process_is_the_devices() {
    check(
        &sysmon(
            3,
            &format!(
                r#""ProcessGuid":"{NULL}","ProcessId":"0","Image":"<unknown process>","Protocol":"udp",
                "Initiated":"true","SourceIp":"10.0.0.5","DestinationIp":"10.0.0.1","DestinationPort":"53""#
            ),
        ),
        expect![[r#"
            device1 hostname=pc1.corp.example
            network_endpoint2 ip=10.0.0.5
            network_endpoint3 ip=10.0.0.1
            network_endpoint4 ip=10.0.0.1 port=53 protocol_name=udp
            network_endpoint4 -located_at-> network_endpoint3
            device1 -has_address-> network_endpoint2
            device1 -connected_to-> network_endpoint4"#]],
    );
}

#[test]
fn event_5_process_ended() {
    check(
        &actor(5, r#""User":"-""#),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 terminated_time=1600716927123 uid=d273d0f0-e868-5f64-2200-000000000800"#]],
    );
}

#[test]
fn event_7_image_loaded() {
    check(
        &actor(
            7,
            r#""ImageLoaded":"C:\\Windows\\System32\\NTDLL.dll","Company":"Microsoft Corporation",
            "FileVersion":"10.0.1","Hashes":"SHA256=AB12","Signature":"Microsoft Windows","SignatureStatus":"Valid""#,
        ),
        expect![[r#"
            device1 hostname=pc1.corp.example
            process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
            file3 @device1 company_name=Microsoft Corporation hashes.sha256=ab12 path=c:\windows\system32\ntdll.dll signature.state=Valid signature.subject=Microsoft Windows version=10.0.1
            process2 -loaded-> file3"#]],
    );
}

fn reach(id: u16, guid: &str, source: &str, target: &str, more: &str) -> String {
    sysmon(
        id,
        &format!(
            r#""SourceProcess{guid}":"{source}","SourceProcessId":"1","SourceImage":"C:\\a.exe","SourceUser":"PC1\\Al",
            "TargetProcess{guid}":"{target}","TargetProcessId":2,"TargetImage":"C:\\b.exe",{more}"#
        ),
    )
}

#[test]
fn event_8_remote_thread() {
    let more = r#""StartModule":"C:\\Windows\\KERNEL32.dll","StartFunction":"LoadLibraryA""#;
    check(
        &reach(8, "Guid", A, B, more),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\a.exe pid=1 uid=d273d0f0-e868-5f64-2200-000000000800 user.name=pc1\al
        process3 @device1 file.path=c:\b.exe pid=2 uid=d273d0f0-e866-5f64-1100-000000000800
        process2 -created_thread_in-> process3 module.function_name=LoadLibraryA module.path=c:\windows\kernel32.dll"#]],
    );
}

#[test]
fn event_10_process_accessed_another_itself_or_nobody_known() {
    let access = r#""GrantedAccess":"0x1FFFFF""#;
    check(
        &reach(10, "GUID", A, B, access),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\a.exe pid=1 uid=d273d0f0-e868-5f64-2200-000000000800 user.name=pc1\al
        process3 @device1 file.path=c:\b.exe pid=2 uid=d273d0f0-e866-5f64-1100-000000000800
        process2 -accessed-> process3 actual_permissions=0x1fffff"#]],
    );
    check(
        &reach(10, "GUID", A, A, access),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\a.exe pid=1 uid=d273d0f0-e868-5f64-2200-000000000800 user.name=pc1\al
        process2 @device1 file.path=c:\b.exe pid=2 uid=d273d0f0-e868-5f64-2200-000000000800
        process2 -accessed-> process2 actual_permissions=0x1fffff"#]],
    );
    check(
        &reach(10, "GUID", A, NULL, access),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\a.exe pid=1 uid=d273d0f0-e868-5f64-2200-000000000800 user.name=pc1\al"#]],
    );
    check(
        &reach(10, "GUID", NULL, B, access),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\b.exe pid=2 uid=d273d0f0-e866-5f64-1100-000000000800
        device1 -accessed-> process2 actual_permissions=0x1fffff"#]],
    );
}

#[test]
fn event_11_file_created() {
    let fields =
        r#""TargetFilename":"C:\\Users\\Bob\\A.TMP","CreationUtcTime":"2020-09-21 19:35:27.100""#;
    check(
        &actor(11, fields),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        file3 @device1 created_time=1600716927100 path=c:\users\bob\a.tmp
        process2 -created-> file3"#]],
    );
}

#[test]
fn events_12_to_14_registry() {
    let key = r#""TargetObject":"HKLM\\System\\CurrentControlSet\\Services\\X","#;
    check(
        &actor(12, &format!(r#"{key}"EventType":"CreateKey""#)),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        registry_key3 @device1 path=hklm\system\currentcontrolset\services\x
        process2 -altered_key-> registry_key3 activity=CreateKey"#]],
    );
    check(
        &actor(12, &format!(r#"{key}"EventType":"INFO""#)),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        registry_key3 @device1 path=hklm\system\currentcontrolset\services\x
        process2 -altered_key-> registry_key3"#]],
    );
    check(
        &actor(13, &format!(r#"{key}"EventType":"SetValue","Details":"DWORD (0x00000001)""#)),
        expect![[r#"
            device1 hostname=pc1.corp.example
            process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
            registry_key3 @device1 data=DWORD (0x00000001) path=hklm\system\currentcontrolset\services\x
            process2 -set_value-> registry_key3 activity=SetValue"#]],
    );
    check(
        &actor(14, &format!(r#"{key}"EventType":"RenameKey","NewName":"HKLM\\System\\Y""#)),
        expect![[r#"
            device1 hostname=pc1.corp.example
            process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
            registry_key3 @device1 path=hklm\system\currentcontrolset\services\x
            registry_key4 @device1 path=hklm\system\y
            process2 -renamed_key-> registry_key3 activity=RenameKey
            registry_key3 -renamed_to-> registry_key4"#]],
    );
}

#[test]
fn event_15_stream_created() {
    let fields = r#""TargetFilename":"C:\\a.exe:Zone.Identifier","CreationUtcTime":"-","Hash":"MD5=AB","Contents":"[ZoneTransfer]""#;
    check(
        &actor(15, fields),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        file3 @device1 hashes.md5=ab path=c:\a.exe:zone.identifier
        process2 -created_stream-> file3"#]],
    );
}

#[test]
fn events_17_and_18_pipes() {
    check(
        &actor(17, r#""PipeName":"\\PSHost.1","EventType":"CreatePipe""#),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        file3 @device1 path=\\.\pipe\pshost.1 type=Named Pipe
        process2 -created_pipe-> file3"#]],
    );
    check(
        &actor(18, r#""PipeName":"\\wkssvc""#),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        file3 @device1 path=\\.\pipe\wkssvc type=Named Pipe
        process2 -connected_pipe-> file3"#]],
    );
    check(
        &actor(18, r#""PipeName":"<Anonymous Pipe>""#),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800"#]],
    );
}

#[test]
fn event_22_dns_query() {
    let fields = r#""QueryName":"WWW.Example.org.","QueryStatus":"0",
        "QueryResults":"type:  5 edge.example.net;::ffff:192.0.2.1;2001:db8::1;""#;
    check(
        &actor(22, fields),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        dns_query3 answers=edge.example.net hostname=www.example.org
        process2 -queried-> dns_query3 status_code=0
        network_endpoint4 ip=192.0.2.1
        dns_query3 -resolved_to-> network_endpoint4
        network_endpoint5 ip=2001:db8::1
        dns_query3 -resolved_to-> network_endpoint5"#]],
    );
    check(
        &actor(22, r#""QueryName":"wpad","QueryStatus":9002,"QueryResults":"-""#),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        dns_query3 hostname=wpad
        process2 -queried-> dns_query3 status_code=9002"#]],
    );
}

#[test]
fn a_dns_answer_is_bounded() {
    let many = "192.0.2.1;".repeat(1000);
    let (fate, elements) =
        process(&actor(22, &format!(r#""QueryName":"x","QueryResults":"{many}""#)));
    assert_eq!((fate, elements.len()), (Fate::Output, 4 + 2 * 64));
}

#[test]
fn events_23_and_26_file_deleted() {
    let fields = r#""TargetFilename":"C:\\a.exe","Hashes":"SHA1=AA","IsExecutable":"true""#;
    check(
        &actor(23, fields),
        expect![[r#"
        device1 hostname=pc1.corp.example
        process2 @device1 file.path=c:\windows\system32\cmd.exe pid=4712 uid=d273d0f0-e868-5f64-2200-000000000800
        file3 @device1 hashes.sha1=aa path=c:\a.exe
        process2 -deleted-> file3"#]],
    );
    assert_eq!(process(&actor(23, fields)).1, process(&actor(26, fields)).1);
}

#[test]
fn every_shape_gives_the_same_elements() {
    let data = format!(
        r#""UtcTime":"2020-09-21 19:35:27.123","ProcessGuid":"{A}","ProcessId":"4","TargetFilename":"C:\\a""#
    );
    let typed = data.replace(r#""4""#, "4");
    let text = data.replace('\\', r"\\").replace('"', r#"\""#).replace("27.123", "27.1230000Z");
    let channel = r#""Microsoft-Windows-Sysmon/Operational""#;
    let flat = format!(r#"{{"Channel":{channel},"EventID":11,"Hostname":"PC1",{data}}}"#);
    let shapes = [
        format!(
            r#"{{{data},"EventID":"11","SourceName":"Microsoft-Windows-Sysmon","TimeCreated":"2020-09-21T15:35:27Z","Hostname":"pc1"}}"#
        ),
        format!(
            r#"{{"EventData":"{{{text}}}","Channel":{channel},"EventID":11,"Computer":"pc1","TimeGenerated":"x"}}"#
        ),
        format!(
            r#"{{"event_id":11,"log_name":{channel},"computer_name":"PC1.","event_data":{{{data}}},"host":{{"name":"WEC"}}}}"#
        ),
        format!(
            r#"{{"winlog":{{"event_data":{{{data}}},"event_id":"11","channel":{channel},"computer_name":"PC1"}},"host":{{"name":"WEC"}}}}"#
        ),
        format!(
            r##"{{"Event":{{"EventData":{{{typed}}},"System":{{"Provider":{{"#attributes":{{"Name":"Microsoft-Windows-Sysmon"}}}},"EventID":{{"#text":11}},"Computer":"PC1"}}}}}}"##
        ),
    ];
    let (_, expected) = process(&flat);
    assert_eq!(expected.len(), 4);
    for shape in shapes {
        assert_eq!(process(&shape), (Fate::Output, expected.clone()), "{shape}");
    }
}

#[test]
fn others_are_not_mapped() {
    for line in [
        "{}",
        r#"{"EventID":1,"Channel":"Security","Hostname":"pc"}"#,
        r#"{"EventID":4,"Channel":"Microsoft-Windows-Sysmon/Operational"}"#,
        r#"{"EventID":255,"SourceName":"Microsoft-Windows-Sysmon","EventData":"<xml/>"}"#,
        r#"{"EventData":"<EventData/>","EventID":4688}"#,
    ] {
        assert_eq!(process(line), (Fate::NotMapped, vec![]), "{line}");
    }
}

#[test]
fn a_mapped_event_without_its_fields_is_dead() {
    let guid = format!(r#""ProcessGuid":"{A}""#);
    let connection = format!(
        r#"{guid},"Protocol":"tcp","Initiated":"true","SourceIp":"10.0.0.1","DestinationIp":"10.0.0.2","DestinationPort":"1""#
    );
    let lines = [
        "not JSON".to_owned(),
        sysmon(5, r#""ProcessId":"4""#),
        sysmon(5, r#""ProcessGuid":"4""#),
        sysmon(5, &guid).replace("Hostname", "hostname"),
        sysmon(5, &guid).replace("UtcTime", "TimeCreated"),
        sysmon(5, &guid).replace("2020-09-21 19:35:27.123", "21.09.2020 19:35"),
        sysmon(5, &guid).replace(r#""EventID":5"#, r#""EventID":"five""#),
        sysmon(5, r#""EventData":"<xml/>""#),
        sysmon(3, &connection.replace("DestinationIp", "DestIp")),
        sysmon(3, &connection.replace("10.0.0.2", "10.0.0.256")),
        sysmon(3, &connection.replace(r#"Port":"1""#, r#"Port":"65536""#)),
        sysmon(3, &connection.replace("true", "yes")),
        sysmon(3, &connection.replace("tcp", "-")),
        sysmon(7, &guid),
        sysmon(10, &format!(r#""SourceProcessGUID":"{A}""#)),
        sysmon(11, &format!(r#"{guid},"TargetFilename":"<none>""#)),
        sysmon(12, &guid),
        sysmon(14, &format!(r#"{guid},"TargetObject":"HKLM""#)),
        sysmon(17, &guid),
        sysmon(22, &guid),
        sysmon(23, &guid),
        sysmon(1, &format!(r#"{guid},"ParentProcessGuid":"none""#)),
    ];
    let reasons: Vec<String> = lines.iter().map(|line| death(line)).collect();
    expect![[r#"
        Invalid literal (`true`, `false`, or a `null`) while parsing at line 1 column 4
        Sysmon event 5: no ProcessGuid
        Sysmon event 5: ProcessGuid is not a GUID
        Sysmon event 5: no Computer
        Sysmon event 5: no UtcTime
        Sysmon event 5: UtcTime is not a time
        a Sysmon event without an EventID
        Sysmon event 5: EventData is text, but not a JSON object
        Sysmon event 3: no DestinationIp
        Sysmon event 3: DestinationIp is not an address
        Sysmon event 3: DestinationPort is not a port
        Sysmon event 3: Initiated is not true or false
        Sysmon event 3: no Protocol
        Sysmon event 7: no ImageLoaded
        Sysmon event 10: no TargetProcessGuid
        Sysmon event 11: TargetFilename is not a path
        Sysmon event 12: no TargetObject
        Sysmon event 14: no NewName
        Sysmon event 17: no PipeName
        Sysmon event 22: no QueryName
        Sysmon event 23: no TargetFilename
        Sysmon event 1: ParentProcessGuid is not a GUID"#]]
    .assert_eq(&reasons.join("\n"));
}

#[test]
fn long_values_are_cut_in_properties_but_not_in_keys() {
    let path = |tail: &str| format!(r#""TargetFilename":"{}{tail}""#, "é".repeat(5000));
    let (_, one) = process(&actor(11, &path("1")));
    let (_, two) = process(&actor(11, &path("2")));
    assert_ne!(one[2].body, two[2].body);
    assert_eq!(one[2].properties, two[2].properties);
    assert_eq!(one[2].properties[0].values[0].len(), 8192);
}

#[test]
fn a_letter_quotes_the_line() {
    let origin = Origin::File(FileOrigin { sha256: Digest::of(b""), record: 0 });
    let datapoint = LogDatapoint { origin, line: b"not JSON" };
    assert_eq!(&*Generate.excerpt(&datapoint), b"not JSON");
}
