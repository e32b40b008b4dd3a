//! Every principal makes every attempt.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cordon_kafka::secret::Password;
use cordon_tests::world::World;
use kafka_protocol::messages::{ListGroupsRequest, ListTransactionsRequest, MetadataRequest};

use crate::{
    attempt::{Attempt, Undecided, group, topic, transactional_id},
    attempts::{self, FOREIGN_TOPIC},
    rights::{Declared, Need, Right},
    wire::Client,
};

/// What was tried, and how it went.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) attempts: usize,
    pub(crate) as_expected: usize,
    pub(crate) controls: usize,
    /// Everything that is not as it should be.
    pub(crate) faults: Vec<String>,
}

impl Tally {
    /// Notes how one attempt went.
    ///
    /// # Errors
    ///
    /// The connection is lost, and with it whatever was to come.
    pub(crate) fn note(
        &mut self,
        who: &str,
        what: &impl ToString,
        seen: Result<bool>,
        expected: bool,
    ) -> Result<()> {
        self.attempts += 1;
        match seen {
            Ok(seen) if seen == expected => self.as_expected += 1,
            Ok(seen) => {
                let can = if seen { "can" } else { "cannot" };
                self.faults.push(format!("{who} {can} {}", what.to_string()));
            }
            Err(error) if error.is::<Undecided>() => self.faults.push(format!("{who}: {error:#}")),
            Err(error) => return Err(error.context(format!("{who}: {}", what.to_string()))),
        }
        Ok(())
    }
}

/// All attempts, and a connection for each principal.
pub(crate) struct Trial {
    pub(crate) declared: Declared,
    pub(crate) attempts: Vec<Attempt>,
    /// The super user's.
    pub(crate) admin: Client,
    /// Everybody else's.
    pub(crate) clients: BTreeMap<String, Client>,
}

impl Trial {
    /// Connects as everybody.
    pub(crate) fn start(world: &World) -> Result<Self> {
        let declared = Declared::of(world.topology());
        let connect = |principal: &String| -> Result<Client> {
            let password = Password::read(&world.password_file(principal))?;
            Client::connect(&world.bootstrap(), principal, &password)
        };
        let named = |principal: &String| Ok((principal.clone(), connect(principal)?));
        Ok(Self {
            admin: connect(&declared.admin)?,
            clients: declared.principals.iter().map(named).collect::<Result<_>>()?,
            attempts: attempts::all(world.topology()),
            declared,
        })
    }

    /// Each attempt works for whoever may do everything, so that a refusal says something. What
    /// would destroy is done to what is nobody's.
    pub(crate) fn controls(&mut self, tally: &mut Tally) -> Result<()> {
        let is_foreign = |need: &Need| need.on.parts().1 == FOREIGN_TOPIC;
        let (harmless, harmful): (Vec<_>, Vec<_>) =
            self.attempts.iter().partition(|attempt| attempt.is_harmless);
        let harmful = harmful.into_iter().filter(|attempt| attempt.needs.iter().all(is_foreign));
        for attempt in harmless.into_iter().chain(harmful) {
            match attempt.is_let_through(&mut self.admin) {
                Ok(true) => tally.controls += 1,
                Ok(false) => tally.faults.push(format!("the super user cannot {attempt}")),
                Err(error) if error.is::<Undecided>() => {
                    tally.faults.push(format!("the super user: {error:#}"));
                }
                Err(error) => return Err(error.context(format!("the super user: {attempt}"))),
            }
        }
        Ok(())
    }

    /// As each principal: what is declared works, and nothing else.
    pub(crate) fn denials(&mut self, tally: &mut Tally) -> Result<()> {
        for (principal, client) in &mut self.clients {
            for attempt in &self.attempts {
                let expected = self.declared.allow(principal, &attempt.needs);
                tally.note(principal, attempt, attempt.is_let_through(client), expected)?;
            }
        }
        Ok(())
    }

    /// Lists show to each principal what it may know of, and to the super user that there is more.
    pub(crate) fn listings(&mut self, tally: &mut Tally) -> Result<()> {
        let all = Listing::all(&mut self.admin)?;
        for (what, names, need) in &all {
            if names.is_empty() {
                tally.faults.push(format!("the super user lists no {what}"));
            }
            for (principal, client) in &mut self.clients {
                let declared = &self.declared;
                let known = names.iter().filter(|name| declared.allow(principal, &[need(name)]));
                let expected: BTreeSet<String> = known.cloned().collect();
                let listed = Listing::of(what, client)?;
                let is_so = Ok(listed == expected);
                tally.note(principal, &format!("list of {what} {listed:?}"), is_so, true)?;
            }
        }
        Ok(())
    }
}

type NeedOf = fn(&str) -> Need;

/// What lists of one kind show.
struct Listing;

impl Listing {
    const KINDS: [(&str, NeedOf); 3] = [
        ("topics", |name| topic(Right::Describe, name)),
        ("groups", |name| group(Right::Describe, name)),
        ("transactions", |name| transactional_id(Right::Describe, name)),
    ];

    fn all(client: &mut Client) -> Result<Vec<(&'static str, BTreeSet<String>, NeedOf)>> {
        Self::KINDS
            .into_iter()
            .map(|(what, need)| Ok((what, Self::of(what, client)?, need)))
            .collect()
    }

    fn of(what: &str, client: &mut Client) -> Result<BTreeSet<String>> {
        Ok(match what {
            "topics" => {
                let answer = client.ask(9, &MetadataRequest::default().with_topics(None))?;
                let names = answer.topics.into_iter().map(|topic| topic.name);
                names
                    .map(|name| Some(name?.to_string()))
                    .collect::<Option<_>>()
                    .context("a name")?
            }
            "groups" => {
                let answer = client.ask(4, &ListGroupsRequest::default())?;
                answer.groups.into_iter().map(|group| group.group_id.to_string()).collect()
            }
            _ => {
                let answer = client.ask(0, &ListTransactionsRequest::default())?;
                let states = answer.transaction_states.into_iter();
                states.map(|state| state.transactional_id.to_string()).collect()
            }
        })
    }
}
