//! Who may connect, and what everyone may do.

use std::collections::{BTreeMap, BTreeSet};

use super::{APPLY, CheckReport, Shadow, Topology, make_whole, observed::Told};
use crate::{
    admin::{AclRule, ScramUser},
    topology::Role,
};

pub(super) fn compare_users(
    topology: &Topology,
    users: &Told<Vec<ScramUser>>,
    shadows: &[Shadow],
    report: &mut CheckReport,
) {
    let Some(users) = report.told("users", users) else { return };
    let found: BTreeMap<&str, &ScramUser> =
        users.iter().map(|user| (user.name.as_str(), user)).collect();
    for name in topology.principals.keys() {
        let what = format!("user {name}");
        match found.get(name.as_str()) {
            None => report.missing(what, "it is declared, and cannot authenticate", APPLY),
            Some(user) if user.by_sha_512 => {}
            Some(user) => report.different(
                what,
                "it has no SCRAM-SHA-512 credentials, the only ones that cordon uses".to_owned(),
                &format!("run {} and `cordon topology apply`", deletion(user)),
            ),
        }
    }
    for shadow in shadows.iter().filter(|shadow| !found.contains_key(shadow.principal())) {
        let what = format!("user {}", shadow.principal());
        report.missing(what, "its shadow cannot authenticate", &make_whole(shadow));
    }
    let is_known = |name: &str| {
        topology.principals.contains_key(name) || shadows.iter().any(|s| s.principal() == name)
    };
    for name in found.keys().filter(|name| !is_known(name)) {
        report.extra(
            format!("user {name}"),
            "it can authenticate, and nothing declares it",
            format!("delete it: {}", deletion(found[name])),
        );
    }
}

/// The command that deletes a user's credentials.
fn deletion(user: &ScramUser) -> String {
    let hash = if user.by_sha_512 { "SHA-512" } else { "SHA-256" };
    format!(
        "kafka-configs.sh --alter --entity-type users --entity-name {} --delete-config SCRAM-{hash}",
        quoted(&user.name)
    )
}

pub(super) fn compare_acls(
    topology: &Topology,
    found: &[AclRule],
    shadows: &[Shadow],
    report: &mut CheckReport,
) {
    let held: BTreeSet<_> = found.iter().filter_map(AclRule::as_acl).collect();
    let mut declared = topology.acls();
    for acl in declared.iter().filter(|acl| !held.contains(acl)) {
        let why = "it is declared, and not granted: whoever needs it is refused";
        report.missing(format!("ACL {acl}"), why, APPLY);
    }
    for shadow in shadows {
        for acl in shadow.acls(topology) {
            if !held.contains(&acl) {
                let why = "its shadow is not whole without it";
                report.missing(format!("ACL {acl}"), why, &make_whole(shadow));
            }
            declared.push(acl);
        }
    }
    declared.sort();
    let admin = format!("User:{}", topology.admin());
    for rule in found {
        // Who may do everything gains nothing by a grant, and on a cluster whose super users
        // cannot be chosen (MSK) the administrator lives by grants.
        let is_admins = rule.allows && rule.principal == admin;
        let is_declared = rule.as_acl().is_some_and(|acl| declared.binary_search(&acl).is_ok());
        if !is_admins && !is_declared {
            report.extra(format!("ACL {rule}"), &reproach(topology, rule), removal(rule));
        }
    }
}

/// What is wrong with a rule that nothing declares.
fn reproach(topology: &Topology, rule: &AclRule) -> String {
    let AclRule { principal, allows, name, resource, prefixed, .. } = rule;
    let user = principal.strip_prefix("User:").unwrap_or(principal);
    let whose = match topology.principals.get(user) {
        Some(spec) if spec.role == Some(Role::Admin) => "nothing declares it",
        Some(_) => "the topology gives this principal no such right",
        None if user == "*" => "it is about everyone",
        None => "nobody of this name is declared",
    };
    let extent = match (name.as_str(), prefixed) {
        ("*", false) => format!(", and for every {resource}"),
        _ => String::new(),
    };
    let effect = if *allows { "" } else { "; it denies, which overrules what is granted" };
    format!("{whose}{extent}{effect}")
}

/// Delegation tokens, users, and what later versions of Kafka bring.
const UNKNOWN_KIND: &str = "find it with kafka-acls.sh --list, and remove it";

/// The command that removes a rule.
fn removal(rule: &AclRule) -> String {
    let AclRule { principal, host, allows, operation, resource, name, prefixed } = rule;
    if *operation == "unknown" {
        return UNKNOWN_KIND.to_owned();
    }
    let kind = if *allows { "allow" } else { "deny" };
    let on = match *resource {
        "cluster" => "--cluster".to_owned(),
        "unknown" => return UNKNOWN_KIND.to_owned(),
        resource => format!("--{} {}", resource.replace(' ', "-"), quoted(name)),
    };
    let pattern = if *prefixed { " --resource-pattern-type prefixed" } else { "" };
    format!(
        "remove it: kafka-acls.sh --remove --{kind}-principal {} --{kind}-host {} --operation \
         {operation} {on}{pattern}",
        quoted(principal),
        quoted(host)
    )
}

/// For a shell: whoever made a rule chose its names.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-' | '/');
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
