//! Shadows: another version of a stage, or another set of rules, over history, beside live traffic
//! and without touching it.
//!
//! ```text
//! cordon shadow create new --stage match --since 2d       as admin: all that it needs
//! cordon run match --shadow new --rules DIR               as shadow-new: ends when all is done
//! cordon replay diff new                                  as reader: what is other than live
//! cordon shadow remove new                                as admin
//! ```
//!
//! A shadow runs in the very couriers and cells of its stage. Only its names differ, and that its
//! log ends ([`bounded`]).

mod args;
mod bounded;
mod diff;
mod history;
mod plan;
mod results;
mod view;
mod watch;

use anyhow::{Context as _, Result, ensure};
use cordon_courier::{Environment as _, World};
use cordon_kafka::{
    admin::Admin,
    log::ConsumerError,
    real::RealLog,
    topology::{ApplyOptions, NoShadow, RemovedShadow, Shadow, ShadowName, Topology},
};

use self::{
    args::{CreateArgs, UsersArgs},
    view::View,
};
pub(crate) use self::{
    args::{DiffArgs, ShadowCommand},
    bounded::Bounded,
    diff::{diff, has_findings},
    plan::Plan,
    watch::Watch,
};
use crate::{
    config::{Config, ConfigFaults},
    replay,
    supervisor::exit,
    terminal, wiring,
};

/// Runs one of the commands. Returns the exit code.
pub(crate) fn run(command: &ShadowCommand, config: &Config, is_json: bool) -> Result<i32> {
    let topology = wiring::topology(config.topology.as_deref())?;
    let shown = match command {
        ShadowCommand::Create(args) => create(args, &topology, config)?,
        ShadowCommand::List => list(&topology, config, is_json)?,
        ShadowCommand::Status { name } => {
            let log = wiring::log(config)?;
            let shadow = find(&topology, &log, name)?;
            View::of(&shadow, &log)?.show(is_json)?
        }
        ShadowCommand::Policy { name, stage } => policy(&of(&topology, name, stage)?, &topology)?,
        ShadowCommand::Remove { name, users } => remove(name, users, &topology, config, is_json)?,
    };
    terminal::print(shown.as_bytes())?;
    Ok(exit::STOPPED)
}

/// A shadow of a stage; one that cannot be is a slip of the pen.
pub(crate) fn of(
    topology: &Topology,
    name: &ShadowName,
    stage: &str,
) -> Result<Shadow, ConfigFaults> {
    Shadow::of(topology, name, stage)
        .map_err(|fault: NoShadow| ConfigFaults::one(fault.to_string()))
}

/// The shadow of a name, as far as the principal may see its topics.
pub(crate) fn find(topology: &Topology, log: &RealLog, name: &ShadowName) -> Result<Shadow> {
    let found = all(topology, log)?.into_iter().find(|shadow| shadow.name() == name);
    found.with_context(|| format!("there is no shadow {name}; `cordon shadow list` names them"))
}

fn all(topology: &Topology, log: &RealLog) -> Result<Vec<Shadow>> {
    let topics = Admin::new(log.connection())?.topics()?;
    Ok(Shadow::among(topology, topics.keys().map(String::as_str)))
}

fn create(args: &CreateArgs, topology: &Topology, config: &Config) -> Result<String> {
    let CreateArgs { name, stage, range, users, cluster } = args;
    let shadow = of(topology, name, stage)?;
    let log = wiring::log(config)?;
    ensure_new(&shadow, topology, &log)?;
    let topic = shadow.input(topology);
    let now_ms = World.now_ms();
    let mut ranges = replay::find_ranges(topic, range, &log, now_ms)?;
    for (at, (_, end)) in log.bounds(topic)? {
        // A partition that nobody asked for has an end, too, or the group would wait for it.
        ranges.entry(at.partition).or_insert(end..end);
    }
    let plan = Plan::new(&shadow, topic, ranges, now_ms);
    std::fs::create_dir_all(&users.secrets)
        .with_context(|| format!("cannot make {}", users.secrets.display()))?;
    let options =
        ApplyOptions { replication: cluster.replication, users_elsewhere: users.users_elsewhere };
    let connection = wiring::connection(config)?;
    shadow.create(topology, &connection, &users.secrets, &options, &plan.starts())?;
    plan.write(&shadow, &log)?;
    let principal = shadow.principal();
    let password = match users.users_elsewhere {
        true => String::new(),
        false => format!("password in {}; ", users.secrets.join(principal).display()),
    };
    Ok(format!(
        "{}{password}what S3 must let it do: `cordon shadow policy {name} --stage {stage}`\n\
         run it as {principal}: `cordon run {stage} --shadow {name}`\n",
        View::of(&shadow, &log)?.text()
    ))
}

/// A shadow whose plan is written is made. One of another stage would share its name.
fn ensure_new(shadow: &Shadow, topology: &Topology, log: &RealLog) -> Result<()> {
    let name = shadow.name();
    let Some(other) = all(topology, log)?.into_iter().find(|other| other.name() == name) else {
        return Ok(());
    };
    let remove = format!("`cordon shadow remove {name}` removes it");
    ensure!(other == *shadow, "there is a shadow {name} of {} already; {remove}", other.stage());
    let is_made = match log.reader(&shadow.plan()) {
        Ok(mut plans) => plans.next().transpose()?.is_some(),
        // Not so far yet.
        Err(ConsumerError::Denied(_) | ConsumerError::Unavailable(_)) => false,
        Err(error) => return Err(error.into()),
    };
    ensure!(!is_made, "there is a shadow {name} already; {remove}");
    Ok(())
}

fn list(topology: &Topology, config: &Config, is_json: bool) -> Result<String> {
    let log = wiring::log(config)?;
    let mut shown = String::new();
    for shadow in all(topology, &log)? {
        shown += &match View::of(&shadow, &log) {
            Ok(view) => view.show(is_json)?,
            Err(_) if is_json => View::broken(&shadow).show(true)?,
            Err(error) => format!("{} of {}: {error:#}\n", shadow.name(), shadow.stage()),
        };
    }
    Ok(shown)
}

fn policy(shadow: &Shadow, topology: &Topology) -> Result<String> {
    Ok(serde_json::to_string_pretty(&shadow.policy(topology))? + "\n")
}

fn remove(
    name: &ShadowName,
    users: &UsersArgs,
    topology: &Topology,
    config: &Config,
    is_json: bool,
) -> Result<String> {
    let connection = wiring::connection(config)?;
    let members = Admin::new(&connection)?.group_members(&name.principal(topology))?.len();
    ensure!(members == 0, "the shadow {name} is running ({members} members): stop it first");
    let removed = name.remove(topology, &connection, users.users_elsewhere)?;
    ensure!(!removed.is_nothing(), "there is no shadow {name}; `cordon shadow list` names them");
    let password = users.secrets.join(name.principal(topology));
    if !users.users_elsewhere && password.exists() {
        std::fs::remove_file(&password)
            .with_context(|| format!("cannot remove {}", password.display()))?;
    }
    if is_json {
        return Ok(serde_json::to_string(&removed)? + "\n");
    }
    let RemovedShadow { topics, acls, group, user } = removed;
    let is_there =
        |there: bool, what: &str| if there { format!(", its {what}") } else { String::new() };
    Ok(format!(
        "removed {} topics, {acls} ACLs{}{}; its objects below {}* expire {} days after they were \
         written\n",
        topics.len(),
        is_there(group, "group"),
        is_there(user, "user"),
        name.principal(topology),
        topology.payload_expiry_days
    ))
}
