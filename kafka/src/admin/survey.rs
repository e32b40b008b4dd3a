//! What an administrator sees of a cluster: topics, settings, rules and users, cordon's own and
//! those of others.

use std::collections::BTreeMap;

use rdkafka::consumer::Consumer as _;

use super::{
    Acl, AclRule, Admin, AdminError, REQUEST_TIMEOUT, ScramUser, Setting, TopicShape, rules,
    settings::{self, Of},
    topics, users,
};

impl Admin {
    /// All topics.
    pub fn topics(&self) -> Result<BTreeMap<String, TopicShape>, AdminError> {
        let listed = topics::list(self.client.client(), REQUEST_TIMEOUT);
        listed.map_err(|refusal| self.error("list topics", refusal))
    }

    /// The settings in force for a topic, its own and the broker's.
    pub fn topic_settings(&self, topic: &str) -> Result<BTreeMap<String, Setting>, AdminError> {
        let settings = settings::read(self.native(), Of::Topic(topic), REQUEST_TIMEOUT);
        settings.map_err(|refusal| self.error(&format!("read settings of {topic}"), refusal))
    }

    /// Ids of all brokers.
    pub fn brokers(&self) -> Result<Vec<i32>, AdminError> {
        let listed = topics::brokers(self.client.client(), REQUEST_TIMEOUT);
        listed.map_err(|refusal| self.error("list brokers", refusal))
    }

    /// The settings in force for a broker.
    pub fn broker_settings(&self, broker: i32) -> Result<BTreeMap<String, Setting>, AdminError> {
        let settings = settings::read(self.native(), Of::Broker(broker), REQUEST_TIMEOUT);
        settings
            .map_err(|refusal| self.error(&format!("read settings of broker {broker}"), refusal))
    }

    /// All rules, of any kind and about anyone.
    pub fn acl_rules(&self) -> Result<Vec<AclRule>, AdminError> {
        let listed = rules::list(self.native(), REQUEST_TIMEOUT);
        listed.map_err(|refusal| self.error("list ACLs", refusal))
    }

    /// All ACLs of the kinds that cordon grants.
    pub fn acls(&self) -> Result<Vec<Acl>, AdminError> {
        Ok(self.acl_rules()?.iter().filter_map(AclRule::as_acl).collect())
    }

    /// All users that can authenticate by SCRAM.
    pub fn users(&self) -> Result<Vec<ScramUser>, AdminError> {
        let listed = users::list(self.native(), REQUEST_TIMEOUT);
        listed.map_err(|refusal| self.error("list users", refusal))
    }
}
