//! What each Sysmon event shows. The table in `stages/generate/events.md` says the same in prose.

use cordon_records::Element;
use smol_str::ToSmolStr as _;

use super::{
    Fault, KnownElements,
    canonical::{self, Answer},
    properties::Properties,
    scene::{End, ProcessFields, Scene},
};
use crate::{
    event::{Event, Field},
    time::parse_utc_ms,
    vocabulary::label,
};

/// Answers that count of one DNS event. The longest real list has nine; a forged one of a megabyte
/// would have a hundred thousand.
const ANSWERS_MAX: usize = 64;

/// The process an event is about.
const ACTOR: ProcessFields = ProcessFields {
    guid: Field::ProcessGuid,
    pid: Field::ProcessId,
    image: Field::Image,
    user: Field::User,
};

const PARENT: ProcessFields = ProcessFields {
    guid: Field::ParentProcessGuid,
    pid: Field::ParentProcessId,
    image: Field::ParentImage,
    user: Field::ParentUser,
};

/// The process that reaches into another.
const SOURCE: ProcessFields = ProcessFields {
    guid: Field::SourceProcessGuid,
    pid: Field::SourceProcessId,
    image: Field::SourceImage,
    user: Field::SourceUser,
};

/// The process that is reached into.
const TARGET: ProcessFields = ProcessFields {
    guid: Field::TargetProcessGuid,
    pid: Field::TargetProcessId,
    image: Field::TargetImage,
    user: Field::TargetUser,
};

/// Adds the elements of a Sysmon event; `None` for an id without a mapping.
pub(super) fn describe(
    id: u16,
    event: &Event<'_>,
    known: &mut KnownElements,
    elements: &mut Vec<Element>,
) -> Option<Result<(), Fault>> {
    let describe: fn(&mut Scene<'_, '_>) -> Result<(), Fault> = match id {
        1 => process_created,
        3 => connected,
        5 => process_terminated,
        7 => image_loaded,
        8 => thread_created,
        10 => process_accessed,
        11 => file_created,
        12 => |scene| registry(scene, label::ALTERED_KEY),
        13 => |scene| registry(scene, label::SET_VALUE),
        14 => registry_renamed,
        15 => stream_created,
        17 => |scene| pipe(scene, label::CREATED_PIPE),
        18 => |scene| pipe(scene, label::CONNECTED_PIPE),
        22 => dns_queried,
        23 | 26 => file_deleted,
        _ => return None,
    };
    if event.is_data_unreadable() {
        return Some(Err(Fault::Data));
    }
    Some(Scene::open(event, known, elements).and_then(|mut scene| describe(&mut scene)))
}

fn none() -> Properties {
    Properties::default()
}

/// The process that acts; where Sysmon did not know it any more, the device acts.
fn actor(scene: &mut Scene<'_, '_>) -> Result<End, Fault> {
    Ok(scene.process(&ACTOR, none())?.unwrap_or(scene.device()))
}

fn process_created(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let extra = none()
        .some("cmd_line", scene.get(Field::CommandLine))
        .text("created_time", scene.time_ms().to_smolstr())
        .some("integrity", scene.get(Field::IntegrityLevel).map(canonical::lower))
        .some("working_directory", scene.get(Field::CurrentDirectory).and_then(canonical::path));
    let process = scene.process(&ACTOR, extra)?;
    let actor = process.unwrap_or(scene.device());
    if scene.get(Field::ParentProcessGuid).is_some() {
        let extra = none().some("cmd_line", scene.get(Field::ParentCommandLine));
        if let (Some(parent), Some(process)) = (scene.process(&PARENT, extra)?, process) {
            scene.link(parent, label::LAUNCHED, process);
        }
    }
    if let Some(path) = scene.get(Field::Image).and_then(canonical::bare_path) {
        let extra = image_properties(scene);
        let file = scene.file(path, scene.get(Field::Hashes), None, |none| none, extra);
        scene.link(actor, label::EXECUTED, file);
    }
    if let Some(user) = scene.get(Field::User) {
        let user = scene.user(user);
        scene.link(actor, label::RAN_AS, user);
    }
    Ok(())
}

/// What Sysmon says of an executable or a module.
fn image_properties(scene: &Scene<'_, '_>) -> Properties {
    none()
        .some("company_name", scene.get(Field::Company))
        .some("version", scene.get(Field::FileVersion))
}

fn process_terminated(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let extra = none().text("terminated_time", scene.time_ms().to_smolstr());
    scene.process(&ACTOR, extra)?;
    Ok(())
}

/// A process called a service (`Initiated`), or somebody called the process.
fn connected(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let ip = |field| canonical::ip(scene.required(field)?).ok_or(Fault::Form(field, "an address"));
    let (source_ip, target_ip) = (ip(Field::SourceIp)?, ip(Field::DestinationIp)?);
    let port = canonical::number(scene.required(Field::DestinationPort)?)
        .ok_or(Fault::Form(Field::DestinationPort, "a port"))?;
    let protocol = canonical::lower(scene.required(Field::Protocol)?);
    let is_outbound = is_true(scene.required(Field::Initiated)?)
        .ok_or(Fault::Form(Field::Initiated, "true or false"))?;

    let actor = actor(scene)?;
    let source = scene.address(source_ip, scene.get(Field::SourceHostname));
    let target = scene.address(target_ip, scene.get(Field::DestinationHostname));
    let service = scene.service(target_ip, port, &protocol, target);
    let (device, own) = (scene.device(), if is_outbound { source } else { target });
    scene.link(device, label::HAS_ADDRESS, own);
    if is_outbound {
        scene.link(actor, label::CONNECTED_TO, service);
    } else {
        scene.link(actor, label::LISTENED_ON, service);
        scene.link(actor, label::ACCEPTED_FROM, source);
    }
    Ok(())
}

fn is_true(text: &str) -> Option<bool> {
    match canonical::lower(text).as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn image_loaded(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let path = path(scene, Field::ImageLoaded)?;
    let actor = actor(scene)?;
    let extra = image_properties(scene)
        .some("signature.state", scene.get(Field::SignatureStatus))
        .some("signature.subject", scene.get(Field::Signature));
    let file = scene.file(path, scene.get(Field::Hashes), None, |none| none, extra);
    scene.link(actor, label::LOADED, file);
    Ok(())
}

fn thread_created(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let [module, function] = [Field::StartModule, Field::StartFunction].map(|f| scene.get(f));
    reach(scene, label::CREATED_THREAD_IN, [module, function], |none| {
        none.some("module.path", module.and_then(canonical::path))
            .some("module.function_name", function)
    })
}

fn process_accessed(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let access = scene.get(Field::GrantedAccess);
    reach(scene, label::ACCESSED, [access], |none| {
        none.some("actual_permissions", access.map(canonical::lower))
    })
}

/// One process reached into another, or into itself.
fn reach<const N: usize>(
    scene: &mut Scene<'_, '_>,
    label: &'static str,
    words: [Option<&str>; N],
    describe: impl FnOnce(Properties) -> Properties,
) -> Result<(), Fault> {
    let source = scene.process(&SOURCE, none())?.unwrap_or(scene.device());
    if let Some(target) = scene.process(&TARGET, none())? {
        scene.edge(source, label, target, words, describe);
    }
    Ok(())
}

fn path<'e>(scene: &Scene<'e, '_>, field: Field) -> Result<&'e str, Fault> {
    canonical::bare_path(scene.required(field)?).ok_or(Fault::Form(field, "a path"))
}

fn file_created(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    touch_file(scene, label::CREATED, None, scene.get(Field::CreationUtcTime))
}

fn stream_created(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let (hashes, created) = (scene.get(Field::Hashes), scene.get(Field::CreationUtcTime));
    touch_file(scene, label::CREATED_STREAM, hashes, created)
}

fn file_deleted(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    touch_file(scene, label::DELETED, scene.get(Field::Hashes), None)
}

fn touch_file(
    scene: &mut Scene<'_, '_>,
    label: &'static str,
    hashes: Option<&str>,
    created: Option<&str>,
) -> Result<(), Fault> {
    let path = path(scene, Field::TargetFilename)?;
    let actor = actor(scene)?;
    let describe = |none: Properties| {
        let created_ms = created.and_then(parse_utc_ms);
        none.some("created_time", created_ms.map(|ms| ms.to_smolstr()))
    };
    let file = scene.file(path, hashes, created, describe, none());
    scene.link(actor, label, file);
    Ok(())
}

fn registry(scene: &mut Scene<'_, '_>, label: &'static str) -> Result<(), Fault> {
    let path = scene.required(Field::TargetObject)?;
    let actor = actor(scene)?;
    let key = scene.registry_key(path, none().some("data", scene.get(Field::Details)));
    let activity = activity(scene);
    scene.edge(actor, label, key, [activity], |none| none.some("activity", activity));
    Ok(())
}

fn registry_renamed(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let (old, new) = (scene.required(Field::TargetObject)?, scene.required(Field::NewName)?);
    let actor = actor(scene)?;
    let old = scene.registry_key(old, none());
    let new = scene.registry_key(new, none());
    let activity = activity(scene);
    scene.edge(actor, label::RENAMED_KEY, old, [activity], |none| none.some("activity", activity));
    scene.link(old, label::RENAMED_TO, new);
    Ok(())
}

/// Sysmon's word for what was done. NXLog overwrites the field with a severity of its own.
fn activity<'e>(scene: &Scene<'e, '_>) -> Option<&'e str> {
    const SEVERITIES: [&str; 7] =
        ["AUDIT_FAILURE", "AUDIT_SUCCESS", "CRITICAL", "ERROR", "INFO", "VERBOSE", "WARNING"];
    scene.get(Field::EventType).filter(|word| !SEVERITIES.contains(word))
}

fn pipe(scene: &mut Scene<'_, '_>, label: &'static str) -> Result<(), Fault> {
    let path = canonical::pipe_path(scene.required(Field::PipeName)?);
    let actor = actor(scene)?;
    if let Some(path) = path {
        let describe = |none: Properties| none.text("type", "Named Pipe");
        let pipe = scene.file(&path, None, Some("pipe"), describe, none());
        scene.link(actor, label, pipe);
    }
    Ok(())
}

fn dns_queried(scene: &mut Scene<'_, '_>) -> Result<(), Fault> {
    let name = canonical::name(scene.required(Field::QueryName)?);
    let actor = actor(scene)?;
    let (mut addresses, mut names) = (Vec::new(), Vec::new());
    let answers = scene.get(Field::QueryResults).into_iter().flat_map(canonical::answers);
    for answer in answers.take(ANSWERS_MAX) {
        match answer {
            Answer::Address(ip) => addresses.push(ip),
            Answer::Name(name) => names.push(name),
        }
    }
    let query = scene.dns_query(&name, none().set("answers", names.into()));
    let status = scene.get(Field::QueryStatus);
    scene.edge(actor, label::QUERIED, query, [status], |none| none.some("status_code", status));
    for ip in addresses {
        let address = scene.address(ip, None);
        scene.link(query, label::RESOLVED_TO, address);
    }
    Ok(())
}
