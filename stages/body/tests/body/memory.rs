//! What a stage remembers: the datapoints that are in the output, and no others.

use std::borrow::Cow;

use cordon_flow::{Fate, Graph, Memory, Stage};
use cordon_records::{Body, Element, LogDatapoint, schema::Family};

use crate::{
    bench::{Batch, VecCell},
    toy::{Toy, node},
};

/// The toy stage, which shows in a node what it remembers at each `nodes`.
struct Recaller;

#[derive(Default)]
struct Lines {
    kept: Vec<String>,
    learnt: Vec<String>,
}

impl Memory<Graph> for Lines {
    fn keep(&mut self, _: &mut Graph) {
        self.kept.append(&mut self.learnt);
    }

    fn forget(&mut self) {
        self.learnt.clear();
    }
}

impl Stage for Recaller {
    type Input<'a> = LogDatapoint<'a>;
    type Output = Graph;
    type Memory = Lines;

    fn input_schemas(&self) -> &'static Family {
        Toy.input_schemas()
    }

    fn process(
        &self,
        input: &LogDatapoint<'_>,
        lines: &mut Lines,
        emit: &mut Vec<Element>,
    ) -> Fate {
        assert_eq!(lines.learnt, Vec::<String>::new(), "the fate of each is told");
        let line = String::from_utf8_lossy(input.line).into_owned();
        if line.starts_with("nodes") {
            emit.push(node(&lines.kept.join("+"), 0));
        }
        lines.learnt.push(line);
        Toy.process(input, &mut (), emit)
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        Toy.excerpt(input)
    }
}

#[test]
fn only_what_is_in_the_output_is_remembered() {
    let said = ["nodes a", "reject b", "nodes c", "panic d", "huge", "skip", "nothing", "nodes e"];
    let mut batch = Batch::of(&said);
    let shown = |batch: &Batch| -> Vec<Body> {
        let done = batch.run_stage(&Recaller, VecCell::default()).expect("it lives");
        done.all_elements().into_iter().map(|element| element.body).collect()
    };
    for chunk_datapoints in [1, 3, 64] {
        batch.job.chunk_datapoints = chunk_datapoints;
        let words = ["a", "c", "e", "", "nodes a", "nodes a+nodes c"];
        let mut expected = words.map(|word| node(word, 0).body);
        let mut found = shown(&batch);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }
}
