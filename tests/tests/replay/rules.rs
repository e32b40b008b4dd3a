//! Two sets of Sigma rules: cordon's own, and a few beside them that differ from set to set. Those
//! are so simple that the checker evaluates them by itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use cordon_tests::world::World;
use serde_json::{Value, json};

/// An event's id, and how the path of its program ends.
struct Rule {
    id: &'static str,
    title: &'static str,
    event_id: u16,
    image_ends: &'static str,
}

const KEPT: Rule = Rule {
    id: "0c0ffee0-0000-4000-8000-000000000001",
    title: "Kept",
    event_id: 1,
    image_ends: r"\cmd.exe",
};
const REMOVED: Rule = Rule {
    id: "0c0ffee0-0000-4000-8000-000000000002",
    title: "Removed",
    event_id: 11,
    image_ends: r"\svchost.exe",
};
const NARROW: Rule = Rule {
    id: "0c0ffee0-0000-4000-8000-000000000003",
    title: "Changed in what it finds",
    event_id: 3,
    image_ends: r"\svchost.exe",
};
const WIDE: Rule = Rule { image_ends: ".exe", ..NARROW };
const TITLED: Rule = Rule {
    id: "0c0ffee0-0000-4000-8000-000000000004",
    title: "Changed in what it says",
    event_id: 13,
    image_ends: r"\svchost.exe",
};
const RETITLED: Rule = Rule { title: "Changed in what it said", ..TITLED };
const ADDED: Rule = Rule {
    id: "0c0ffee0-0000-4000-8000-000000000005",
    title: "Added",
    event_id: 11,
    image_ends: r"\powershell.exe",
};

const OLD: [Rule; 4] = [KEPT, REMOVED, NARROW, TITLED];
const NEW: [Rule; 4] = [KEPT, WIDE, RETITLED, ADDED];

/// Rules in directories, as `cordon run match` takes them.
pub(crate) struct Rules {
    pub(crate) old: PathBuf,
    pub(crate) new: PathBuf,
}

impl Rules {
    pub(crate) fn write(world: &World) -> Result<Self> {
        let (old, new) = (world.path("rules-old"), world.path("rules-new"));
        write(&old, &OLD)?;
        write(&new, &NEW)?;
        Ok(Self { old, new })
    }
}

/// What the checker is told of the simple rules of both sets.
pub(crate) fn told() -> (String, String) {
    (list(&OLD), list(&NEW))
}

fn list(rules: &[Rule]) -> String {
    let told = |rule: &Rule| {
        json!({
            "id": rule.id,
            "title": rule.title,
            "event_id": rule.event_id.to_string(),
            "image_ends": rule.image_ends,
        })
    };
    Value::from_iter(rules.iter().map(told)).to_string()
}

fn write(dir: &Path, rules: &[Rule]) -> Result<()> {
    fs::create_dir(dir)?;
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stages/match/rules");
    for entry in fs::read_dir(own)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs::copy(&path, dir.join(name))?;
        }
    }
    for rule in rules {
        let Rule { id, title, event_id, image_ends } = rule;
        let text = format!(
            "title: {title}\nid: {id}\nstatus: test\nlevel: low\n\
             logsource:\n  product: windows\n  service: sysmon\n\
             detection:\n  it:\n    EventID: {event_id}\n    Image|endswith: '{image_ends}'\n  \
             condition: it\n"
        );
        fs::write(dir.join(format!("{id}.yml")), text)?;
    }
    Ok(())
}
