use super::{Topology, TopologyFaults};

#[test]
fn the_embedded_topology_is_valid() {
    let topology = Topology::embedded();
    assert_eq!(topology.all_topics().len(), 12 + 3 * 5 + 1);
    assert_eq!(topology.principals.len(), 11);
}

#[test]
fn every_fault_is_told_at_once() {
    let text = include_str!("../../topology.yaml")
        .replace("payload_expiry_days: 21", "payload_expiry_days: 10")
        .replace("live: [subgraphs]", "live: [subgraph]")
        .replace("merge: { stage: merge }", "merge: { stage: merge, role: reader }")
        .replace("admin: { role: admin }", "admin: { role: operator }");
    let TopologyFaults(faults) = Topology::parse(&text).unwrap_err();
    let expected = [
        "payload_expiry_days is 10",
        "stage merge names the topic subgraph,",
        "the replay lane of stage merge must be [subgraph.replay, replay.merge]",
        "principal merge needs exactly one",
        "there must be exactly one admin, not 0",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, beginning) in faults.iter().zip(expected) {
        assert!(fault.starts_with(beginning), "{fault}");
    }
}

#[test]
fn an_unknown_field_is_refused() {
    let text = include_str!("../../topology.yaml").replace("lag_days_max", "lag_days");
    assert!(Topology::parse(&text).unwrap_err().to_string().contains("lag_days"));
}

#[test]
fn a_stage_is_granted_exactly_what_it_needs() {
    let topology = Topology::embedded();
    let of = |principal: &str| -> Vec<String> {
        let acls = topology.acls().into_iter();
        acls.filter(|acl| acl.principal == principal).map(|acl| acl.to_string()).collect()
    };
    let mut generate = of("User:generate");
    generate.sort();
    assert_eq!(
        generate,
        [
            "User:generate Read group cordon.generate",
            "User:generate Read topic logs",
            "User:generate Read topic logs.replay",
            "User:generate Read topic replay.generate",
            "User:generate Write topic dead.generate",
            "User:generate Write topic metrics.generate",
            "User:generate Write topic receipts.generate",
            "User:generate Write topic subgraphs",
            "User:generate Write topic subgraphs.replay",
            "User:generate Write transactional id cordon.generate-*",
        ]
    );
    assert_eq!(of("User:shipper"), ["User:shipper Write topic raw"]);
    assert!(of("User:admin").is_empty());
    assert_eq!(
        of("User:lister"),
        [
            "User:lister Write topic logs.replay",
            "User:lister Write transactional id cordon.lister-*",
        ]
    );
}

/// It writes no live topic, no letter and no stage's receipts, and commits for no stage.
#[test]
fn the_replayer_writes_replay_lanes_and_its_own_receipts() {
    let acls = Topology::embedded().acls();
    let of_replayer = acls.iter().filter(|acl| acl.principal == "User:replayer");
    let told: Vec<String> = of_replayer.map(ToString::to_string).collect();
    let changing = told.iter().filter(|acl| !acl.contains(" Read topic "));
    assert_eq!(
        changing.map(String::as_str).collect::<Vec<_>>(),
        [
            "User:replayer Read group cordon.replay-*",
            "User:replayer Write topic logs.replay",
            "User:replayer Write topic receipts.replay",
            "User:replayer Write topic replay.generate",
            "User:replayer Write topic replay.match",
            "User:replayer Write topic replay.merge",
            "User:replayer Write topic subgraphs.replay",
            "User:replayer Write transactional id cordon.replay-*",
        ]
    );
    assert!(!Topology::embedded().policies().principals.contains_key("replayer"));
}

#[test]
fn a_broken_lane_is_told() {
    let broken = |from: &str, to: &str| {
        let text = include_str!("../../topology.yaml").replacen(from, to, 1);
        Topology::parse(&text).map(drop).unwrap_err().to_string()
    };
    assert_eq!(
        broken("[logs.replay, replay.match]", "[logs.replay]"),
        "the replay lane of stage match must be [logs.replay, replay.match]"
    );
    assert_eq!(
        broken("  findings.replay: { partitions: 4", "  findings.replay: { partitions: 3"),
        "findings has 4 partitions, and findings.replay has 3: the two lanes of stage match must \
         have as many"
    );
    assert_eq!(
        broken("  merged.replay: { partitions: 4, retention_days: 14 }\n", ""),
        "stage merge names the topic merged.replay, which is not declared"
    );
    assert_eq!(
        broken("{ role: lister, output: logs.replay }", "{ role: lister, output: logs }"),
        "principal lister writes logs, which no replay lane reads"
    );
    assert_eq!(
        broken("{ role: lister, output: logs.replay }", "{ role: lister }"),
        "principal lister: a lister has one output, others have none"
    );
}

/// Whoever may commit for a stage can make it skip datapoints: that is nobody but the stage itself
/// and the administrator.
#[test]
fn the_operator_sees_progress_and_nobody_else_may_change_it() {
    let topology = Topology::embedded();
    let groups: Vec<String> = topology
        .acls()
        .iter()
        .filter(|acl| acl.resource == crate::admin::Resource::Group)
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        groups,
        [
            "User:generate Read group cordon.generate",
            "User:match Read group cordon.match",
            "User:merge Read group cordon.merge",
            "User:operator Describe group cordon.generate",
            "User:operator Describe group cordon.match",
            "User:operator Describe group cordon.merge",
            "User:operator Describe group cordon.pack",
            "User:pack Read group cordon.pack",
            "User:replayer Read group cordon.replay-*",
        ]
    );
}

#[test]
fn policies_name_prefixes_and_nothing_lists_but_the_lister() {
    let policies = Topology::embedded().policies().principals;
    let expected = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::cordon/logs/*"] },
        { "Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::cordon/subgraphs/*"] },
    ]});
    assert_eq!(serde_json::to_value(&policies["generate"]).unwrap(), expected);
    for (principal, policy) in policies {
        let policy = serde_json::to_string(&policy).unwrap();
        assert_eq!(policy.contains("ListBucket"), principal == "lister");
    }
}

/// What Terraform reads is what this code grants. After a change to the topology:
/// `cordon topology show --iam > terraform/policies.json`.
#[test]
fn terraform_reads_the_current_policies() {
    let policies = serde_json::to_string_pretty(&Topology::embedded().policies()).unwrap() + "\n";
    expect_test::expect_file!["../../../terraform/policies.json"].assert_eq(&policies);
}
