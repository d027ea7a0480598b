//! The pages of `docs/reference` about what the engine decides.

mod example;

use manual::{Page, sentence, table};
use policy_engine::admission::rules;
use policy_engine::admission::rules::Rule;
use policy_engine::contract;

use crate::stories::{self, Story};

#[test]
fn reference_of_the_rules() {
    let (stories, _) = stories::all();
    let mut pages: Vec<_> = rules::ALL.iter().map(|rule| page(rule, &stories)).collect();
    pages.push(index());
    manual::assert_made(Some("docs/reference/rules"), &pages);
}

#[test]
fn reference_of_the_labels() {
    let rows = contract::KEYS.iter().map(|key| {
        let name = format!("`{}{}`", contract::PREFIX, key.name);
        [name, key.kind.to_string(), key.on.into(), key.by.to_string(), sentence(key.meaning)]
    });
    let text = format!("{LABELS}\n\n{}", table(["key", "kind", "on", "written by", "meaning"], rows));
    let page = Page::new("labels.md", &text, &["policy-engine/src/contract/keys.rs"]);
    manual::assert_made(None, &[page]);
}

const LABELS: &str = "\
# Labels and annotations

What Sluice and its clients say to each other on Kubernetes objects. A key that *asks* may be set by a client; the \
platform writes the final value on the Pod. What the platform alone writes is overwritten where a client wrote it, and \
later changes are put back: rule [`platform-labels`](rules/platform-labels.md). Other `platform-go/` keys are the \
client's own and kept as they are.

Ids are `spec.id` of the record where it is set, otherwise its name. Sluice writes into a pod template in one case alone (a slot, see the rule `slot`), so \
nothing that Sluice does starts a rollout.";

fn page(rule: &Rule, stories: &[(String, Story)]) -> Page {
    let mut text = rule.page();
    let mut sources = vec![format!("policy-engine/src/admission/rules/{}.rs", rule.id.as_str().replace('-', "_"))];
    let examples = |allowed: bool| {
        stories.iter().filter(move |(_, story)| {
            story.page.as_deref() == Some(rule.id.as_str()) && story.expect.allowed == allowed
        })
    };
    for (heading, allowed) in [("An example that is refused", false), ("An example that passes", true)] {
        for (file, story) in examples(allowed) {
            text = format!(
                "{}\n\n## {heading}\n\n{}\n\n{}",
                text.trim_end(),
                sentence(&story.story),
                example::show(story)
            );
            sources.push(format!("policy-engine/tests/cases/{file}"));
        }
    }
    sources.dedup();
    let sources: Vec<_> = sources.iter().map(String::as_str).collect();
    Page::new(format!("rules/{}.md", rule.id), &text, &sources)
}

fn index() -> Page {
    let rows = rules::ALL.iter().map(|rule| [format!("[`{0}`]({0}.md)", rule.id), sentence(&rule.summary())]);
    let text = format!("{INTRODUCTION}\n\n{}", table(["rule", "what it is about"], rows));
    Page::new("rules/README.md", &text, &["policy-engine/src/admission/rules.rs"])
}

const INTRODUCTION: &str = "\
# The rules

Every workload in a governed namespace is judged by all of these rules, and whoever submits it is told all reasons at \
once. Each rule is in one of three modes, for the platform (`PlatformPolicy.spec.ruleModes`) and for a project \
(`Project.spec.ruleModes`): `enforce` refuses, `warn` only says what would be refused, `off` says nothing.

The examples are people of the [sample organisation](../../../examples/org), and the tests of Sluice run each of them. \
To try one that needs nothing besides, put its manifest into a file and ask what would be decided; no cluster is needed:

```text
sluice dry-run -f web.yaml --as alice --policy examples/org
```

`sluice rules` prints this list, and `sluice rules <rule>` what its page says.";
