//! Bad input, through the released binary: each kind has a clear message or a dead letter, nothing
//! panics or hangs, and nothing else is lost.

mod cluster;
mod files;

use cordon_tests::world::World;

#[test]
fn what_is_wrong_with_a_file_costs_only_itself() {
    files::each_alone().unwrap();
}

#[test]
fn a_directory_of_mixed_files_gives_all_that_is_sound() {
    files::all_together().unwrap();
}

#[test]
fn a_wrong_command_or_configuration_is_told_at_once() {
    cluster::before_anything_is_asked().unwrap();
}

#[test]
fn a_cluster_that_cannot_be_used_says_where_and_what_to_do() {
    let world = World::start().unwrap();
    if let Err(error) = cluster::when_it_is_asked(&world) {
        // While the world is there, so that it is kept.
        panic!("{error:#}");
    }
}
