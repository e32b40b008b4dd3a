//! Administration: topics, users, ACLs and offsets. rust-rdkafka wraps the first only.

mod acls;
mod first;
mod groups;
pub(crate) mod offsets;
mod request;
mod rules;
mod settings;
mod survey;
mod topics;
mod users;

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    client::NativeClient,
    consumer::{BaseConsumer, Consumer as _},
    error::RDKafkaErrorCode as Code,
};

pub use acls::{Acl, Operation, Resource};
pub use groups::GroupMember;
pub use offsets::End;
pub use rules::AclRule;
pub use settings::Setting;
pub use topics::{NewTopic, TopicShape};
pub use users::ScramUser;

use offsets::Held;
use settings::Of;

use crate::{
    connection::Connection,
    deadline::Deadline,
    ffi::Refusal,
    log::{Committed, NewOffset, TopicPartition},
    real::{self, Signals},
    secret::Password,
};

/// For each request. Creating many topics on a loaded cluster is the slowest.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Between attempts to connect as a user that was just made.
const KNOWN_EVERY: Duration = Duration::from_millis(50);

/// Why an administrator's request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {doing}: {words}")]
pub struct AdminError {
    /// What was asked for.
    pub doing: String,
    /// The broker's words.
    pub words: String,
}

/// An administrator's connection.
pub struct Admin {
    client: BaseConsumer<Signals>,
    connection: Connection,
}

impl Admin {
    /// Connects, and waits until a broker has let it in: a wrong password fails here, at once.
    pub fn new(connection: &Connection) -> Result<Self, AdminError> {
        let client = real::connect(connection).map_err(|error| AdminError {
            doing: format!("connect to {}", connection.bootstrap),
            words: error.to_string(),
        })?;
        Ok(Self { client, connection: connection.clone() })
    }

    /// Whom it acts as, and where.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes a topic; `false` when it exists already.
    pub fn create_topic(&self, topic: &NewTopic) -> Result<bool, AdminError> {
        let made = topics::create(self.native(), topic, REQUEST_TIMEOUT);
        made.map_err(|refusal| self.error(&format!("create topic {}", topic.name), refusal))
    }

    /// Raises a topic's number of partitions to `total`.
    pub fn grow_topic(&self, topic: &str, total: i32) -> Result<(), AdminError> {
        let grown = topics::grow(self.native(), topic, total, REQUEST_TIMEOUT);
        grown.map_err(|refusal| self.error(&format!("add partitions to {topic}"), refusal))
    }

    /// Deletes a topic with all that is in it; `false` when there is none.
    pub fn delete_topic(&self, topic: &str) -> Result<bool, AdminError> {
        let deleted = topics::delete(self.native(), topic, REQUEST_TIMEOUT);
        deleted.map_err(|refusal| self.error(&format!("delete topic {topic}"), refusal))
    }

    /// Sets some settings of a topic and leaves the others.
    pub fn set_topic_settings(
        &self,
        topic: &str,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), AdminError> {
        let set = settings::set(self.native(), Of::Topic(topic), settings, REQUEST_TIMEOUT);
        set.map_err(|refusal| self.error(&format!("set settings of {topic}"), refusal))
    }

    /// Grants ACLs; those that are there stay.
    pub fn create_acls(&self, acls: &[Acl]) -> Result<(), AdminError> {
        let created = acls::create(self.native(), acls, REQUEST_TIMEOUT);
        created.map_err(|refusal| self.error("create ACLs", refusal))
    }

    /// Takes ACLs away; gives how many there were.
    pub fn delete_acls(&self, acls: &[Acl]) -> Result<usize, AdminError> {
        let deleted = acls::delete(self.native(), acls, REQUEST_TIMEOUT);
        deleted.map_err(|refusal| self.error("delete ACLs", refusal))
    }

    /// Makes a SCRAM user, or changes its password, and waits until a broker lets it in: brokers
    /// hear of it a moment after the controller, and refuse it until then.
    pub fn upsert_user(&self, user: &str, password: &Password) -> Result<(), AdminError> {
        let doing = format!("create user {user}");
        users::upsert(self.native(), user, password, REQUEST_TIMEOUT)
            .map_err(|refusal| self.error(&doing, refusal))?;
        let connection = self.connection.as_principal(user, password.clone());
        let deadline = Deadline::after(REQUEST_TIMEOUT);
        loop {
            let Err(refused) = real::connect(&connection) else { return Ok(()) };
            if deadline.passed() {
                return Err(AdminError { doing, words: refused.to_string() });
            }
            std::thread::sleep(KNOWN_EVERY);
        }
    }

    /// Removes a SCRAM user; `false` when there was none.
    pub fn delete_user(&self, user: &str) -> Result<bool, AdminError> {
        let deleted = users::delete(self.native(), user, REQUEST_TIMEOUT);
        deleted.map_err(|refusal| self.error(&format!("delete user {user}"), refusal))
    }

    /// All that a group has committed; where an open transaction holds an offset, what was
    /// committed before it.
    pub fn group_offsets(
        &self,
        group: &str,
    ) -> Result<BTreeMap<TopicPartition, Committed>, AdminError> {
        self.offsets_of(group, Held::Before)
    }

    /// The same, once every open transaction that holds one of them has ended: a courier that died
    /// in one holds its offsets until the broker aborts it. A partition's very first offset is not
    /// waited for: brokers list it only when its transaction has ended.
    pub fn settled_group_offsets(
        &self,
        group: &str,
    ) -> Result<BTreeMap<TopicPartition, Committed>, AdminError> {
        self.offsets_of(group, Held::Wait)
    }

    fn offsets_of(
        &self,
        group: &str,
        held: Held,
    ) -> Result<BTreeMap<TopicPartition, Committed>, AdminError> {
        let listed = offsets::of_group(self.native(), group, held, REQUEST_TIMEOUT);
        listed
            .map(BTreeMap::from_iter)
            .map_err(|refusal| self.error(&format!("read offsets of group {group}"), refusal))
    }

    /// Who is in a group now; nobody where there is no such group.
    pub fn group_members(&self, group: &str) -> Result<Vec<GroupMember>, AdminError> {
        let members = groups::members(self.native(), group, REQUEST_TIMEOUT);
        members.map_err(|refusal| self.error(&format!("read members of group {group}"), refusal))
    }

    /// Deletes a group with all that it has committed; `false` when there is none. A group with
    /// members is refused.
    pub fn delete_group(&self, group: &str) -> Result<bool, AdminError> {
        let deleted = groups::delete(self.native(), group, REQUEST_TIMEOUT);
        deleted.map_err(|refusal| self.error(&format!("delete group {group}"), refusal))
    }

    /// Commits offsets for partitions of a group that have none, in a transaction of this
    /// administrator's own.
    ///
    /// A group with members takes offsets from outside its membership only so. It is safe for
    /// absent offsets alone: a stage that lacks one waits for it, so that nothing else commits the
    /// partition meanwhile. A present one would be overwritten by the member that owns it.
    pub fn commit_absent_offsets(
        &self,
        group: &str,
        offsets: &[NewOffset],
    ) -> Result<(), AdminError> {
        first::commit(&self.connection, group, offsets).map_err(|words| AdminError {
            doing: format!("commit absent offsets of group {group}"),
            words,
        })
    }

    /// Sets what a group has committed. A group with members refuses it.
    pub fn set_group_offsets(
        &self,
        group: &str,
        offsets: &[(TopicPartition, Committed)],
    ) -> Result<(), AdminError> {
        let set = offsets::set(self.native(), group, offsets, REQUEST_TIMEOUT);
        set.map_err(|refusal| self.error(&format!("set offsets of group {group}"), refusal))
    }

    /// Where partitions begin or end.
    pub fn ends(
        &self,
        partitions: &[TopicPartition],
        end: End,
    ) -> Result<BTreeMap<TopicPartition, i64>, AdminError> {
        let ends = offsets::ends(self.native(), partitions, end, REQUEST_TIMEOUT);
        ends.map(BTreeMap::from_iter).map_err(|refusal| self.error("read offsets", refusal))
    }

    fn native(&self) -> &NativeClient {
        self.client.client().native_client()
    }

    fn error(&self, doing: &str, refusal: Refusal) -> AdminError {
        let doing =
            format!("{doing} as {} on {}", self.connection.principal(), self.connection.bootstrap);
        let words = match refusal.code {
            // Administration is the super user's alone: no ACL grants it.
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed => {
                format!("{}; connect as the topology's admin", refusal.words)
            }
            _ => refusal.words,
        };
        AdminError { doing, words }
    }
}
