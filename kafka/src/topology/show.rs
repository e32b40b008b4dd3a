//! The topology for people: a diagram, as text and as Mermaid.

use std::fmt::Write as _;

use super::Topology;

impl Topology {
    /// Each program with what it reads and writes, one line each.
    pub fn diagram_text(&self) -> String {
        let mut text = String::new();
        for (name, producer) in &self.producers {
            let _ = writeln!(text, "{:>24} ─▶ {name:<9} ─▶ {}", "files", producer.output);
        }
        for (name, stage) in &self.stages {
            let inputs = stage.live.iter().chain(&stage.replay).cloned().collect::<Vec<_>>();
            let _ = writeln!(text, "{:>24} ─▶ {name:<9} ─▶ {}", inputs.join(", "), stage.output);
        }
        let _ = writeln!(text, "every one ─▶ dead.<name>, receipts.<name>, metrics.<name>");
        text
    }

    /// The same as a Mermaid flowchart.
    pub fn diagram_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (name, producer) in &self.producers {
            let _ = writeln!(text, "  {name}[[{name}]] --> {}([{0}])", producer.output);
        }
        for (name, stage) in &self.stages {
            for topic in stage.live.iter().chain(&stage.replay) {
                let _ = writeln!(text, "  {topic}([{topic}]) --> {name}[{name}]");
            }
            let _ = writeln!(text, "  {name} --> {}([{0}])", stage.output);
        }
        text
    }
}
