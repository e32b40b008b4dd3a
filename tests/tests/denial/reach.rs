//! How many payloads whoever holds a stage's credentials can fetch: what its input topics name, and
//! nothing else; nothing at all when retention took the names.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::secret::Password;
use cordon_records::{ObjectKey, Pointer, single_object};
use cordon_store::{GetError, Store};
use cordon_tests::world::World;
use kafka_protocol::messages::{
    DeleteRecordsRequest,
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{attempt::topic_name, wire::Client};

/// The stage whose credentials are stolen.
const STAGE: &str = "generate";
/// Above any payload of this test.
const OBJECT_BYTES_MAX: u64 = 64 << 20;
/// All that a partition holds.
const UP_TO_THE_END: i64 = -1;

/// Steals the credentials of a stage in a world that has done some work.
pub(crate) fn run(world: &World) -> Result<()> {
    let thief = Thief::new(world)?;
    let objects = objects(world)?;
    let named = thief.named(world)?;
    ensure!(!named.is_empty() && named.len() < objects.len(), "nothing to tell apart");
    ensure!(named.is_subset(&objects), "a pointer names what is not there");

    let fetched = thief.fetched(&named)?;
    ensure!(fetched == named.len(), "a stage reads its own input: {fetched} of {}", named.len());
    // Names of other stages' objects, if somebody gave them away, open nothing.
    let input = format!("{}/", input_of(world)?);
    let others: BTreeSet<String> =
        objects.iter().filter(|key| !key.starts_with(&input)).cloned().collect();
    ensure!(!others.is_empty(), "nobody else stored anything");
    let foreign = thief.fetched(&others)?;
    ensure!(foreign == 0, "{foreign} objects of others were fetched");

    forget(world)?;
    let left = thief.named(world)?;
    ensure!(left.is_empty(), "retention left {left:?}");
    println!(
        "figures: {}",
        json!({
            "objects": objects.len(),
            "named_by_its_input": named.len(),
            "fetched": fetched,
            "of_others": others.len(),
            "of_others_fetched": foreign,
            "named_after_retention": left.len(),
        })
    );
    Ok(())
}

/// The one live topic that the stage reads.
fn input_of(world: &World) -> Result<&str> {
    let stage = world.topology().stages.get(STAGE).context("the stage")?;
    stage.live.first().map(String::as_str).context("the stage has an input")
}

/// Whoever holds a stage's password and its keys.
struct Thief {
    store: Store,
    runtime: Runtime,
}

impl Thief {
    fn new(world: &World) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { store: world.store(STAGE)?, runtime })
    }

    /// Keys that any topic names which the stage may read.
    fn named(&self, world: &World) -> Result<BTreeSet<String>> {
        let log = world.log(STAGE)?;
        let mut keys = BTreeSet::new();
        let stage = world.topology().stages.get(STAGE).context("the stage")?;
        for topic in stage.live.iter().chain(&stage.replay) {
            for record in log.reader(topic)? {
                // Records that are no pointers name nothing.
                if let Ok(pointer) = single_object::decode::<Pointer>(&record?.value) {
                    keys.insert(pointer.key);
                }
            }
        }
        Ok(keys)
    }

    /// How many of these objects can be fetched.
    fn fetched(&self, keys: &BTreeSet<String>) -> Result<usize> {
        let mut fetched = 0;
        for key in keys {
            let key = ObjectKey::parse(key)?;
            let get = self.store.get_whole("cordon", &key, OBJECT_BYTES_MAX);
            match self.runtime.block_on(get) {
                Ok(_) => fetched += 1,
                Err(GetError::MissingOrDenied) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(fetched)
    }
}

/// Payloads in the bucket, by the S3 server's own directory.
fn objects(world: &World) -> Result<BTreeSet<String>> {
    let bucket = world.path("s3").join(&world.topology().bucket);
    let mut keys = BTreeSet::new();
    for prefix in fs::read_dir(&bucket)? {
        let prefix = prefix?;
        for object in fs::read_dir(prefix.path())? {
            let key = format!(
                "{}/{}",
                prefix.file_name().to_string_lossy(),
                object?.file_name().to_string_lossy()
            );
            // Canaries and the server's own files are no payloads.
            keys.extend(ObjectKey::parse(&key).is_ok().then_some(key));
        }
    }
    Ok(keys)
}

/// What retention does in days: deletes all records of what the stage reads.
fn forget(world: &World) -> Result<()> {
    let password = Password::read(&world.password_file("admin"))?;
    let mut admin = Client::connect(&world.bootstrap(), "admin", &password)?;
    let topic = input_of(world)?;
    let partitions = world.topology().topics.get(topic).context("a topic")?.partitions;
    let partition = |index| {
        DeleteRecordsPartition::default().with_partition_index(index).with_offset(UP_TO_THE_END)
    };
    let all = DeleteRecordsTopic::default()
        .with_name(topic_name(topic))
        .with_partitions((0..partitions).map(partition).collect());
    let request = DeleteRecordsRequest::default().with_topics(vec![all]).with_timeout_ms(30_000);
    let answer = admin.ask(2, &request)?;
    let mut partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    ensure!(partitions.all(|partition| partition.error_code == 0), "{answer:?}");
    Ok(())
}
