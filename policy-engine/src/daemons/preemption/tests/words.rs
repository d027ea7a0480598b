//! What people read.

use super::world::*;
use crate::daemons::preemption::why::{Because, Missing, Spared, WhyNot};

#[test]
fn sentences_name_what_counts() {
    let above = Because::Above { queue: "batch".into(), in_use: 2500, deserved: 1000, below: "research".into() };
    assert_eq!(above.to_string(), "queue batch uses 2.5 GPU and deserves 1; queue research has less than it deserves");
    let pods = |count: usize| (0..count).map(|index| pod(&format!("p{index}"), "batch").pod).collect::<Vec<_>>();
    let ending = |count| WhyNot::Ending { node: "n1".into(), pods: pods(count) }.to_string();
    assert_eq!(ending(1), "it fits on node n1 when nlp/p0 has ended");
    assert_eq!(ending(2), "it fits on node n1 when nlp/p0, nlp/p1 have ended");
    assert_eq!(ending(7), "it fits on node n1 when nlp/p0, nlp/p1, nlp/p2, nlp/p3, nlp/p4 and 2 more have ended");
    assert_eq!(Missing::default().to_string(), "no pod that may be evicted would make room for it: there is no node");
    let no_queue = "its queue gone has no record; create it in another queue, or ask an admin";
    assert_eq!(WhyNot::NoQueue("gone".into()).to_string(), no_queue);
    let full = "as many pods use the claim nlp/p0 as can; end one of them, or use another claim";
    assert_eq!(WhyNot::ClaimFull(pods(1).remove(0)).to_string(), full);
    assert_eq!(Spared::SharesClaim.to_string(), "it uses a claim that the waiting pod uses too");
    assert_eq!(Spared::Critical.to_string(), "Kubernetes needs it to run");
}
