//! What only a directory does.

use std::fs;

use crate::fixture::{BUCKET, body, directory_store, key, put};
use cordon_records::Digest;
use cordon_store::{DirectoryStore, GetError, Store};

#[tokio::test]
async fn an_object_is_a_plain_file_and_nothing_is_left_beside_it() {
    let (store, root) = directory_store();
    let object = body(1_000);
    put(&store, 1, &object).await;
    assert_eq!(fs::read(root.path().join(BUCKET).join(key(1).as_str())).unwrap(), object);
    assert_eq!(fs::read_dir(root.path().join(".incoming")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_store_opened_again_has_its_objects() {
    let (store, root) = directory_store();
    let object = body(1_000);
    let digest = put(&store, 1, &object).await;
    drop(store);
    let again = Store::Directory(DirectoryStore::open(root.path()).unwrap());
    assert_eq!(again.get(BUCKET, &key(1), 0, 1_000, digest).await.unwrap(), object);
}

#[tokio::test]
async fn damage_on_disk_is_found() {
    let (store, root) = directory_store();
    let object = body(1_000);
    let expected = put(&store, 1, &object).await;
    let mut damaged = object.to_vec();
    damaged[500] ^= 1;
    fs::write(root.path().join(BUCKET).join(key(1).as_str()), &damaged).unwrap();
    let found = Digest::of(&damaged);
    let damage = Err(GetError::Digest { expected, found });
    assert_eq!(store.get(BUCKET, &key(1), 0, 1_000, expected).await, damage);
    assert_eq!(store.get_whole(BUCKET, &key(1), 1_000).await, damage);
}

#[tokio::test]
async fn an_object_of_a_killed_put_has_no_checksum() {
    let (store, root) = directory_store();
    put(&store, 1, &body(1_000)).await;
    fs::remove_file(root.path().join(".sha256").join(BUCKET).join(key(1).as_str())).unwrap();
    let got = store.get_whole(BUCKET, &key(1), 1_000).await;
    assert_eq!(got, Err(GetError::Unverifiable));
}
