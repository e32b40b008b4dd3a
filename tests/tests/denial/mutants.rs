//! One grant too many, and one too few: the attempts must notice each.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::topology::Topology;
use cordon_tests::patience::wait_for;
use kafka_protocol::messages::{
    CreateAclsRequest, DeleteAclsRequest, create_acls_request::AclCreation,
    delete_acls_request::DeleteAclsFilter,
};

use crate::{
    attempt::Attempt,
    attempts::Names,
    rights::{Declared, Grant, Need, On, Right},
    trial::Trial,
    wire::{Client, text},
};

/// For the broker and the controller to hear of a grant, each by itself.
const HEARD_MAX: Duration = Duration::from_secs(20);
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const ALLOW: i8 = 3;

/// How many grants were planted or taken, and how many of those were noticed.
#[derive(Debug, Default)]
pub(crate) struct Caught {
    pub(crate) mutants: usize,
    pub(crate) caught: usize,
    pub(crate) faults: Vec<String>,
}

/// Gives each principal each right that it has not, one at a time.
pub(crate) fn one_too_many(
    trial: &mut Trial,
    topology: &Topology,
    caught: &mut Caught,
) -> Result<()> {
    for (right, on) in possible(&Names::of(topology)) {
        let grants: Vec<Grant> = trial
            .declared
            .principals
            .iter()
            .map(|principal| Grant {
                principal: principal.clone(),
                right,
                on: on.clone(),
                is_prefix: false,
            })
            .collect();
        let mut mutants = Vec::new();
        for grant in grants {
            match gained(&trial.declared, &trial.attempts, &grant) {
                Some(attempt) => mutants.push((grant, attempt)),
                None if is_told(&trial.declared, &trial.attempts, &grant) => {}
                None => caught.faults.push(format!("no attempt would tell of {grant}")),
            }
        }
        play(&mut trial.admin, &mut trial.clients, &mutants, true, caught)?;
    }
    Ok(())
}

/// Takes each declared grant, one of each principal at a time.
pub(crate) fn one_too_few(trial: &mut Trial, caught: &mut Caught) -> Result<()> {
    let mut left: Vec<Vec<Grant>> = trial
        .declared
        .principals
        .iter()
        .map(|principal| trial.declared.of_principal(principal).cloned().collect())
        .collect();
    loop {
        let taken: Vec<Grant> = left.iter_mut().filter_map(Vec::pop).collect();
        if taken.is_empty() {
            return Ok(());
        }
        let telling = |grant: Grant| {
            let attempt = lost(&trial.declared, &trial.attempts, &grant);
            Ok((grant.clone(), attempt.with_context(|| format!("no attempt needs {grant}"))?))
        };
        let mutants: Vec<(Grant, &Attempt)> =
            taken.into_iter().map(telling).collect::<Result<_>>()?;
        play(&mut trial.admin, &mut trial.clients, &mutants, false, caught)?;
    }
}

/// Plants grants, or takes them; what tells must turn out otherwise than it did, and as it did
/// when all is as declared again.
fn play(
    admin: &mut Client,
    clients: &mut BTreeMap<String, Client>,
    mutants: &[(Grant, &Attempt)],
    is_gain: bool,
    caught: &mut Caught,
) -> Result<()> {
    let grants: Vec<&Grant> = mutants.iter().map(|(grant, _)| grant).collect();
    set(admin, &grants, is_gain)?;
    for (grant, attempt) in mutants {
        caught.mutants += 1;
        let client = clients.get_mut(&grant.principal).context("a connection")?;
        match turns_out(attempt, client, is_gain) {
            Ok(()) => caught.caught += 1,
            Err(error) => caught.faults.push(format!("nobody notices {grant}: {error:#}")),
        }
    }
    set(admin, &grants, !is_gain)?;
    for (grant, attempt) in mutants {
        let client = clients.get_mut(&grant.principal).context("a connection")?;
        turns_out(attempt, client, !is_gain).with_context(|| format!("after {grant}"))?;
    }
    Ok(())
}

/// Waits until an attempt is let through, or denied: brokers hear of grants a moment later.
fn turns_out(attempt: &Attempt, client: &mut Client, expected: bool) -> Result<()> {
    let what = if expected { "let through" } else { "denied" };
    wait_for(&format!("{attempt} is {what}"), HEARD_MAX, || {
        Ok((attempt.is_let_through(client)? == expected).then_some(()))
    })
}

/// An attempt that is not declared, and works with this grant: a harmless one.
fn gained<'a>(declared: &Declared, attempts: &'a [Attempt], grant: &Grant) -> Option<&'a Attempt> {
    attempts.iter().filter(|attempt| attempt.is_harmless).find(|attempt| {
        let is_held = |need: &Need| {
            grant.covers(need) || declared.allow(&grant.principal, std::slice::from_ref(need))
        };
        !declared.allow(&grant.principal, &attempt.needs) && attempt.needs.iter().all(is_held)
    })
}

/// Whether a grant needs no attempt to tell of it: it gives nothing new, or only something to
/// destroy, which is not tried while there is something to be destroyed.
fn is_told(declared: &Declared, attempts: &[Attempt], grant: &Grant) -> bool {
    let needing = attempts.iter().filter(|a| a.needs.iter().any(|need| grant.covers(need)));
    let new = needing.filter(|attempt| !declared.allow(&grant.principal, &attempt.needs));
    let is_alone = |attempt: &&Attempt| attempt.needs.iter().all(|need| grant.covers(need));
    new.filter(is_alone).all(|attempt| !attempt.is_harmless)
}

/// An attempt that is declared, and does not work without this grant.
fn lost<'a>(declared: &Declared, attempts: &'a [Attempt], grant: &Grant) -> Option<&'a Attempt> {
    let of_others = |need: &_| {
        declared.of_principal(&grant.principal).any(|other| other != grant && other.covers(need))
    };
    attempts.iter().filter(|attempt| attempt.is_harmless).find(|attempt| {
        declared.allow(&grant.principal, &attempt.needs)
            && attempt.needs.iter().any(|need| grant.covers(need) && !of_others(need))
    })
}

/// Every right on everything, and on every name of a kind at once.
fn possible(names: &Names) -> Vec<(Right, On)> {
    use Right::{
        Alter, AlterConfigs, ClusterAction, Create, Delete, Describe, DescribeConfigs,
        IdempotentWrite, Read, Write,
    };
    let every = |names: &[String]| -> Vec<String> {
        names.iter().cloned().chain(["*".to_owned()]).collect()
    };
    let kinds: [(Vec<Right>, Vec<On>); 4] = [
        (
            vec![Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs],
            every(&names.topics).into_iter().map(On::Topic).collect(),
        ),
        (vec![Read, Delete, Describe], every(&names.groups).into_iter().map(On::Group).collect()),
        (
            vec![Write, Describe],
            every(&names.transactional_ids).into_iter().map(On::TransactionalId).collect(),
        ),
        (
            vec![
                Create,
                Alter,
                Describe,
                ClusterAction,
                DescribeConfigs,
                AlterConfigs,
                IdempotentWrite,
            ],
            vec![On::Cluster],
        ),
    ];
    let pairs = |(rights, ons): (Vec<Right>, Vec<On>)| {
        ons.into_iter().flat_map(move |on| {
            rights.clone().into_iter().map(move |right| (right, on.clone())).collect::<Vec<_>>()
        })
    };
    kinds.into_iter().flat_map(pairs).collect()
}

/// Grants them, or takes them away, as the super user.
fn set(admin: &mut Client, grants: &[&Grant], is_given: bool) -> Result<()> {
    let codes: BTreeSet<i16> = if is_given {
        let creations = grants.iter().map(|grant| creation(grant)).collect();
        let answer = admin.ask(3, &CreateAclsRequest::default().with_creations(creations))?;
        answer.results.iter().map(|result| result.error_code).collect()
    } else {
        let filters = grants.iter().map(|grant| filter(grant)).collect();
        let answer = admin.ask(3, &DeleteAclsRequest::default().with_filters(filters))?;
        let found = answer.filter_results.iter().filter(|result| result.matching_acls.len() == 1);
        ensure!(found.count() == grants.len(), "a grant was not there: {answer:?}");
        answer.filter_results.iter().map(|result| result.error_code).collect()
    };
    ensure!(codes.iter().all(|code| *code == 0), "grants are refused: {codes:?}");
    Ok(())
}

fn creation(grant: &Grant) -> AclCreation {
    let (kind, name) = grant.on.parts();
    AclCreation::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_resource_pattern_type(if grant.is_prefix { PREFIXED } else { LITERAL })
        .with_principal(text(&format!("User:{}", grant.principal)))
        .with_host(text("*"))
        .with_operation(grant.right as i8)
        .with_permission_type(ALLOW)
}

fn filter(grant: &Grant) -> DeleteAclsFilter {
    let (kind, name) = grant.on.parts();
    DeleteAclsFilter::default()
        .with_resource_type_filter(kind)
        .with_resource_name_filter(Some(text(name)))
        .with_pattern_type_filter(if grant.is_prefix { PREFIXED } else { LITERAL })
        .with_principal_filter(Some(text(&format!("User:{}", grant.principal))))
        .with_host_filter(Some(text("*")))
        .with_operation(grant.right as i8)
        .with_permission_type(ALLOW)
}
