//! What a person does about a pipeline, with the released binary on a real Kafka and a real S3 API:
//! find out which datapoints are dead and why, and repair progress that a stage does not trust.

mod letters;
mod planted;
mod progress;
mod saved;

use cordon_kafka::local::Options;
use cordon_tests::world::World;

#[test]
fn letters_tell_which_datapoints_are_dead_and_why() {
    let world = World::start().unwrap();
    if let Err(error) = letters::run_test(&world) {
        // While the world is there, so that it is kept.
        panic!("{error:#}");
    }
}

#[test]
fn progress_that_a_stage_does_not_trust_is_repaired_and_nothing_is_lost() {
    // The broker's own limit would keep the longest metadata out.
    let properties = vec![("offset.metadata.max.bytes".to_owned(), "65536".to_owned())];
    let world = World::start_with(&Options { properties, ..Options::default() }).unwrap();
    if let Err(error) = progress::run_test(&world) {
        panic!("{error:#}");
    }
}
