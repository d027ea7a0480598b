//! Why something is as it is, as text.

use std::fmt::Write as _;

use owo_colors::OwoColorize as _;
use records::review::{Concern, Reason, Why, WhyPod};

pub(super) fn render(why: &Why) -> String {
    let Why { about, at: _, state, reasons, pods, more_pods } = why;
    let mut text = format!("{}: {state}\n", about.bold());
    lines(&mut text, reasons, "  ");
    for WhyPod { name, state, reasons } in pods {
        let _infallible = writeln!(text, "  Pod {}: {state}", name.bold());
        lines(&mut text, reasons, "    ");
    }
    if *more_pods > 0 {
        let _infallible = writeln!(text, "  and {more_pods} more pods");
    }
    text
}

fn lines(text: &mut String, reasons: &[Reason], indent: &str) {
    for Reason { concern, says, what_to_do } in reasons {
        let concern = match concern {
            Concern::Gate => "gate",
            Concern::Quota => "quota",
            Concern::Device => "device",
            Concern::Budget => "budget",
            Concern::Image => "image",
            Concern::Rule => "rule",
            Concern::Closes => "closes",
            Concern::Stopped => "stopped",
        };
        let _infallible = writeln!(text, "{indent}{concern}: {says}");
        if let Some(what_to_do) = what_to_do {
            let _infallible = writeln!(text, "{indent}  do: {what_to_do}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_reason_is_a_line_with_what_to_do_below() {
        let gate = json!({"concern": "Gate", "says": "queue night is closed", "whatToDo": "wait"});
        let why: Why = serde_json::from_value(json!({
            "about": "Job llm/train", "at": "2026-11-23T10:00:00Z", "state": "0 of its pods run, and 2 do not",
            "reasons": [{"concern": "Rule", "says": "asked by bob"}],
            "pods": [{"name": "train-x", "state": "it waits behind a gate", "reasons": [gate]}], "morePods": 1,
        }))
        .expect("an answer");
        let text = anstream::adapter::strip_str(&render(&why)).to_string();
        let expected = "\
Job llm/train: 0 of its pods run, and 2 do not
  rule: asked by bob
  Pod train-x: it waits behind a gate
    gate: queue night is closed
      do: wait
  and 1 more pods
";
        assert_eq!(text, expected);
    }
}
