//! Least privilege on the real broker. For every principal of the topology, everything that is not
//! declared is tried and denied, and everything that is declared works. A grant that is removed
//! while a stage runs stops it with the name of what is missing; restored, nothing was lost. Who steals
//! a stage's credentials fetches what its input topics still name.
//!
//! All of it is made from the topology: a principal that is added there is tried here.

#![expect(clippy::print_stdout, reason = "the tests print their figures")]

mod attempt;
mod attempts;
mod mutants;
mod reach;
mod removed;
mod rights;
mod trial;
mod wire;
mod works;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use cordon_kafka::{
    admin::{Admin, NewTopic},
    connection::Connection,
    secret::Password,
};
use cordon_tests::{patience::wait_for, world::World};

use crate::{
    attempts::FOREIGN_TOPIC,
    mutants::Caught,
    trial::{Tally, Trial},
};

#[test]
fn what_is_not_declared_is_denied_and_what_is_declared_works() {
    let world = World::start().unwrap();
    if let Err(error) = denied(&world) {
        // While the world is there, so that it is kept.
        panic!("{error:#}");
    }
}

#[test]
fn a_stage_stops_by_name_without_a_grant_and_its_credentials_fetch_what_its_input_names() {
    let world = World::start().unwrap();
    // What the stage has done by then is there to be stolen.
    if let Err(error) = removed::run(&world).and_then(|()| reach::run(&world)) {
        panic!("{error:#}");
    }
}

fn denied(world: &World) -> Result<()> {
    make_foreign_topic(world)?;
    let mut trial = Trial::start(world)?;
    let mut tally = Tally::default();
    trial.controls(&mut tally)?;
    // A control deleted it.
    make_foreign_topic(world)?;
    trial.denials(&mut tally)?;
    trial.listings(&mut tally)?;
    ensure!(tally.faults.is_empty(), "{}", tally.faults.join("\n"));
    let worked = works::all(world, &trial.declared)?;
    let mut caught = Caught::default();
    mutants::one_too_many(&mut trial, world.topology(), &mut caught)?;
    mutants::one_too_few(&mut trial, &mut caught)?;
    println!(
        "figures: {}",
        serde_json::json!({
            "attempts": tally.attempts,
            "as_expected": tally.as_expected,
            "controls": tally.controls,
            "principals": trial.declared.principals.len(),
            "declared_worked": worked,
            "mutants": caught.mutants,
            "caught": caught.caught,
        })
    );
    ensure!(caught.faults.is_empty(), "{}", caught.faults.join("\n"));
    Ok(())
}

/// A topic that nobody declared, with a record in it.
fn make_foreign_topic(world: &World) -> Result<()> {
    let admin = Admin::new(&connection(world, "admin")?)?;
    let topic = NewTopic {
        name: FOREIGN_TOPIC.to_owned(),
        partitions: 1,
        replication: 1,
        settings: BTreeMap::new(),
    };
    admin.create_topic(&topic)?;
    wait_for("the foreign topic", Duration::from_secs(30), || {
        Ok(admin.topics()?.contains_key(FOREIGN_TOPIC).then_some(()))
    })
}

/// A principal's access to the broker.
fn connection(world: &World, principal: &str) -> Result<Connection> {
    let password = Password::read(&world.password_file(principal))?;
    Ok(Connection::plaintext(&world.bootstrap(), principal, password))
}
