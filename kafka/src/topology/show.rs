//! The topology for people: a diagram, as text and as Mermaid.

use std::fmt::Write as _;

use super::{Role, Topology};

/// Someone or something with what it reads and writes.
struct Step<'a> {
    from: Vec<&'a str>,
    name: &'a str,
    to: Vec<String>,
    is_stage: bool,
}

impl Topology {
    /// Each program with what it reads and writes, one line each.
    pub fn diagram_text(&self) -> String {
        let mut text = String::new();
        for Step { from, name, to, .. } in self.steps() {
            let _ = writeln!(text, "{:>32} ─▶ {name:<9} ─▶ {}", from.join(", "), to.join(", "));
        }
        let programs: Vec<&str> =
            self.producers.keys().chain(self.stages.keys()).map(String::as_str).collect();
        let _ = writeln!(
            text,
            "{:>32} ─▶ dead.<name>, receipts.<name>, metrics.<name>",
            programs.join(", ")
        );
        text
    }

    /// The same as a Mermaid flowchart: stages are boxes, topics are round, and what stands
    /// outside has double walls.
    pub fn diagram_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for Step { from, name, to, is_stage } in self.steps() {
            let (open, close) = if is_stage { ("[", "]") } else { ("[[", "]]") };
            // A program may be called like a topic.
            let _ = writeln!(text, "  program.{name}{open}{name}{close}");
            for topic in from.iter().filter(|_| is_stage) {
                let _ = writeln!(text, "  {topic}([{topic}]) --> program.{name}");
            }
            for topic in to {
                let _ = writeln!(text, "  program.{name} --> {topic}([{topic}])");
            }
        }
        text
    }

    fn steps(&self) -> Vec<Step<'_>> {
        let outside = |from, name, to| Step { from: vec![from], name, to, is_stage: false };
        let mut steps = Vec::new();
        for (name, spec) in &self.principals {
            match spec.role {
                Some(Role::Shipper) => {
                    let records = self.record_topics().map(str::to_owned).collect();
                    steps.push(outside("logs of machines", name, records));
                }
                Some(Role::Lister) => {
                    let output = spec.output.iter().cloned().collect();
                    steps.push(outside("keys of the bucket", name, output));
                }
                Some(Role::Replayer) => {
                    let lanes = self.replay_topics().map(str::to_owned).collect();
                    steps.push(outside("pointers and dead letters", name, lanes));
                }
                _ => {}
            }
        }
        for (name, producer) in &self.producers {
            steps.push(outside("files", name, vec![producer.output.clone()]));
        }
        for (name, stage) in &self.stages {
            let from = stage.inputs().map(String::as_str).collect();
            steps.push(Step { from, name, to: stage.outputs().collect(), is_stage: true });
        }
        steps
    }
}
