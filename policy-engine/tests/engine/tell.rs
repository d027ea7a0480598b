//! Tells every story of `tests/cases`, each as a test of its own: `cargo test -p policy-engine --test stories a_port` tells
//! those whose names contain `a_port`. A rule's stories are in `cases/<rule>.yaml`, those about several rules in `cases/themes/`.
//!
//! Every story is judged twice: the validating call must find nothing left to write, and say the same.
//!
//! # The form of a story
//!
//! A file has one story per YAML document. A key that is not listed here cannot be read, and fails a test.
//!
//! * `story`: what happens, in one sentence. It is the name of the test.
//! * `page`: the id of the rule on whose page of the manual the story is an example. Each rule has one that is refused by it and
//!   no other, and one that is allowed.
//! * `policy`: what is different from the sample organisation (`engine/support/policies.rs`); the keys are the fields of
//!   `Options` in `engine/support/options.rs`.
//! * `as`: a user name, or `{username, groups}`. Service accounts have the groups that Kubernetes gives them.
//! * `at`: when, as an RFC 3339 time. Without it, it is 10:00 on Monday, 2026-11-23, in UTC.
//! * `operation`: `CREATE` (which it is without this key), `UPDATE`, `DELETE` or `CONNECT`; `subresource`: `scale`, `exec`, ….
//!
//! What is submitted is one of these:
//!
//! * `submit`: an object in few words, see below.
//! * `change`: a JSON Merge Patch of what is stored; with `submit` or `again`, of that.
//! * `again`: `apply` merges the manifest of `created` into what is stored, `replace` puts it there.
//!
//! What is stored before is one of these:
//!
//! * `old`: an object in few words, that the engine never saw.
//! * `created`: `{as, submit}`, as the engine let it in.
//!
//! An object in few words has `kind` and `namespace`, and where they matter: `resource` (`<plural>.<group>`, for kinds that are
//! not built in), `name` (`web`), `image` (one that every project allows), `labels`, `annotations`, and JSON Merge Patches of parts of
//! it: `container`, `pod` (the Pod or the pod template) and `object` (the whole).
//!
//! What the webhook looked up before it asks the engine:
//!
//! * `projectId`: the id in the namespace's label, where it is not the namespace's name.
//! * `controllerOwner`: the object that controls the submitted one: `{kind, userId}` with the user in its stamp, or `gone: true`, or
//!   `several: [<user>, …]` if it is not known which of theirs it is, or `apiVersion` and `resource` for a kind that nobody listed.
//! * `movedTo`: the workload `web` above the submitted object that was moved to a queue: `{kind, queue}`.
//! * `deputy`: the Pod to which the token of a project's service account is bound: `{userId}`, or `gone: true`.
//! * `target`: what the subresource belongs to, where the review does not have it: `{kind, userId, missing}`.
//! * `allocated: true`: the object has what the API server allocates, as in the validating call.
//! * `autoscalers`: each autoscaler that names the object, by name: `{user, replicas: [<least>, <most>]}`.
//! * `scaled`: what the submitted autoscaler names: `{kind, userId}`.
//! * `priorityClasses`: the value of each PriorityClass that has been seen.
//! * `volumes`: `claims` and `snapshots` by name (`{user, groupStorage, storage, untold}`), `waiting` (the Pods that wait for a claim:
//!   `{pod, user, readOnly}`), `reserved` (the volumes that are reserved for the claim: `{volume, user}`), `defaultClasses`, and
//!   `missingClasses` (the classes of lanes that do not exist).
//! * `devices`: `classes`, `templates` (`{user, labels, spec}`) and `claims` (`{user, shared, slot, pod, terminating, spec}`) by name, `waiting`
//!   (each Pod that waits for a claim, with its user), `nodes` (each node with its devices: `{product, profile, count, memory, shared}`,
//!   memory in GiB; without the key it is not known what nodes have), and `untold`.
//!
//! `expect` has exactly one of these verdicts:
//!
//! * `allowed: true`;
//! * `denied`: every denial, each as `{rule, field, says}`, where `says` is a part of the sentence;
//! * `unreadable`: the field that cannot be read.
//!
//! Beside it, what else comes of it:
//!
//! * `warns`: a part of every warning. Without it there may be none.
//! * `writes`: fields with the values that are written there, `null` where a field is removed. `writesOnly`: the same, and no others.
//! * `putBack: true`: the object ends as it was stored.
//! * `charges`: what the ledger is asked to reserve: `{gpu, devices, cpu, memory, to}`, where `to` has the limits of each account;
//!   `null` if nothing. `foresees`: what the Pods of a workload will be charged, as `3 Pods: 18 CPU`.

#[expect(dead_code, reason = "the target `engine` has tests that make more of stories")]
mod stories;
#[expect(dead_code, reason = "the target `engine` has tests that build from more than stories do")]
mod support;

use std::collections::BTreeSet;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use stories::Story;

fn main() -> ExitCode {
    let (stories, unreadable) = stories::all();
    let names: Vec<String> = stories.iter().map(|(file, story)| name(file, &story.story)).collect();
    let sound = sound(&names, &unreadable);
    let told =
        stories.into_iter().zip(names).map(|((file, story), name)| Trial::test(name, move || tell(&file, &story)));
    let mut trials: Vec<Trial> = told.collect();
    trials.push(Trial::test("every_story_can_be_read_and_has_a_name_of_its_own", move || sound));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// `image::a_port_is_not_a_tag`.
fn name(file: &str, story: &str) -> String {
    let words = story.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    format!("{}::{}", file.trim_end_matches(".yaml").replace('/', "::"), words.join("_").to_lowercase())
}

fn tell(file: &str, story: &Story) -> Result<(), Failed> {
    let wrong = story.tell();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("policy-engine/tests/cases/{file}: {}:\n{}", story.story, wrong.join("\n")).into())
}

/// Fewer stories mean that files were not found.
const LEAST: usize = 400;

fn sound(names: &[String], unreadable: &[String]) -> Result<(), Failed> {
    let mut seen = BTreeSet::new();
    let twice = names.iter().filter(|name| !seen.insert(*name)).map(|name| format!("two stories are named {name}"));
    let few = (names.len() < LEAST).then(|| format!("only {} stories", names.len()));
    let wrong: Vec<String> = unreadable.iter().cloned().chain(twice).chain(few).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
