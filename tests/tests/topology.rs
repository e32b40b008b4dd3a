//! `cordon topology check` as a person runs it, on the cluster that `topology apply` made.

use std::process::{Command, Output};

use cordon_kafka::{
    admin::{Acl, Admin, Operation, Resource},
    connection::Connection,
    secret::Password,
};
use cordon_tests::world::World;
use serde_json::Value;

fn check(world: &World, arguments: &[&str]) -> Output {
    let mut command: Command = world.cordon("admin");
    command.args(["topology", "check", "--replication", "1"]).args(arguments);
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn admin(world: &World) -> Admin {
    let password = Password::read(&world.password_file("admin")).unwrap();
    Admin::new(&Connection::plaintext(&world.bootstrap(), "admin", password)).unwrap()
}

#[test]
fn an_extra_acl_and_a_missing_one_are_named() {
    let world = World::start().unwrap();
    let clean = check(&world, &[]);
    assert_eq!(clean.status.code(), Some(0), "{clean:?}");
    assert_eq!(text(&clean.stdout).lines().last(), Some("no drift"));

    let acl = |principal: &str, operation, name: &str| Acl {
        principal: format!("User:{principal}"),
        operation,
        resource: Resource::Topic,
        name: name.to_owned(),
        prefixed: false,
    };
    let admin = admin(&world);
    admin.create_acls(&[acl("mallory", Operation::Read, "merged")]).unwrap();
    assert_eq!(admin.delete_acls(&[acl("merge", Operation::Write, "merged")]).unwrap(), 1);

    let differs = check(&world, &[]);
    assert_eq!(differs.status.code(), Some(1));
    let printed = text(&differs.stdout);
    for line in [
        "missing   ACL User:merge Write topic merged: it is declared, and not granted",
        "extra     ACL User:mallory Read topic merged: nobody of this name is declared",
        "2 differences",
    ] {
        assert!(printed.lines().any(|shown| shown.starts_with(line)), "no {line:?} in {printed}");
    }

    let json: Value = serde_json::from_slice(&check(&world, &["--json"]).stdout).unwrap();
    let kinds: Vec<&Value> =
        json["drift"].as_array().unwrap().iter().map(|drift| &drift["kind"]).collect();
    assert_eq!(kinds, ["missing", "extra"]);
}

/// Whoever may not see the whole cluster gets an error, and not a clean report.
#[test]
fn a_principal_that_may_not_look_is_told() {
    let world = World::start().unwrap();
    let mut command = world.cordon("reader");
    let refused = command.args(["topology", "check", "--replication", "1"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty());
    let words = text(&refused.stderr);
    assert!(words.contains("as User:reader"), "{words}");
}
