use super::{NoShadow, Shadow, ShadowName, Topology};

fn name(text: &str) -> ShadowName {
    text.parse().unwrap()
}

fn shadow(of: &str, stage: &str) -> Shadow {
    Shadow::of(&Topology::embedded(), &name(of), stage).unwrap()
}

#[test]
fn a_name_is_plain_and_holds_no_dot() {
    for text in ["a", "new-rules", "v2", &"x".repeat(40)] {
        assert_eq!(text.parse::<ShadowName>().unwrap().as_str(), text);
    }
    for text in ["", "a.b", "A", "2a", "-a", "a_b", "ä", "a\n", &"x".repeat(41)] {
        assert!(text.parse::<ShadowName>().is_err(), "{text:?}");
    }
}

#[test]
fn all_its_names_begin_with_what_is_reserved() {
    let topology = Topology::embedded();
    let shadow = shadow("new", "match");
    let topics: Vec<String> = shadow.topics(&topology).into_keys().collect();
    assert_eq!(
        topics,
        [
            "shadow-new.dead",
            "shadow-new.match",
            "shadow-new.metrics",
            "shadow-new.plan",
            "shadow-new.receipts"
        ]
    );
    let output = &shadow.topics(&topology)["shadow-new.match"];
    assert_eq!(*output, topology.topics["findings"]);
    assert_eq!((shadow.group(), shadow.principal()), ("shadow-new", "shadow-new"));
    // A transactional id of another shadow whose name begins alike does not begin so.
    assert_eq!(shadow.transactional_prefix(), "shadow-new.");
}

#[test]
fn its_principal_reads_history_and_writes_nothing_but_its_own() {
    let topology = Topology::embedded();
    let acls = shadow("new", "match").acls(&topology);
    let of = |principal: &str| -> Vec<String> {
        let acls = acls.iter().filter(|acl| acl.principal == principal);
        acls.map(ToString::to_string).collect()
    };
    assert_eq!(
        of("User:shadow-new"),
        [
            "User:shadow-new Read topic logs",
            "User:shadow-new Read topic shadow-new.plan",
            "User:shadow-new Read group shadow-new",
            "User:shadow-new Write topic shadow-new.dead",
            "User:shadow-new Write topic shadow-new.match",
            "User:shadow-new Write topic shadow-new.metrics",
            "User:shadow-new Write topic shadow-new.receipts",
            "User:shadow-new Write transactional id shadow-new.*",
        ]
    );
    let read = |who: &str, topic: &str| format!("User:{who} Read topic shadow-new.{topic}");
    let topics = ["dead", "match", "metrics", "plan", "receipts"];
    assert_eq!(of("User:reader"), topics.map(|topic| read("reader", topic)));
    let mut operator = topics.map(|topic| read("operator", topic)).to_vec();
    operator.push("User:operator Describe group shadow-new".to_owned());
    assert_eq!(of("User:operator"), operator);
    assert_eq!(acls.len(), 8 + 5 + 6);

    let policy = serde_json::to_value(shadow("new", "merge").policy(&topology)).unwrap();
    assert_eq!(policy["Statement"][0]["Resource"][0], "arn:aws:s3:::cordon/subgraphs/*");
    assert_eq!(policy["Statement"][1]["Resource"][0], "arn:aws:s3:::cordon/shadow-new.merge/*");
}

#[test]
fn shadows_are_found_by_their_topics() {
    let topics = [
        "logs",
        "shadow-a.match",
        "shadow-a.plan",
        "shadow-b.generate",
        "shadow-c.plan",
        "shadow-d.pack",
        "shadow-E.match",
        "dead.match",
        "shadow-f",
    ];
    let found = Shadow::among(&Topology::embedded(), topics);
    assert_eq!(found, [shadow("a", "match"), shadow("b", "generate")]);
}

#[test]
fn not_every_stage_has_shadows() {
    let topology = Topology::embedded();
    let of = |stage: &str| Shadow::of(&topology, &name("a"), stage);
    assert_eq!(of("pack"), Err(NoShadow::Records("pack".to_owned())));
    assert!(of("nobody").unwrap_err().to_string().contains("generate, match, merge, pack"));
}

#[test]
fn nobody_declared_may_be_called_like_a_shadow() {
    let text = include_str!("../../../topology.yaml")
        .replace("shipper: { role: shipper }", "shadow-x: { role: shipper }");
    let fault = Topology::parse(&text).unwrap_err().to_string();
    assert_eq!(fault, "principal shadow-x: shadow- is reserved");
}
