use std::fs;

use policy_engine::policy::Records;
use policy_engine::policy::quota::Quota;

use super::*;
use crate::convert::{build, without_effect};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/org")
}

/// The records of these files, and every problem as people read it.
fn reading(files: &[(&str, &str)]) -> (Records, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let (raw, mut problems) = read(folder.path()).expect("a readable folder");
    let (records, more) = build(&raw);
    problems.extend(more);
    (records, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn the_sample_organisation_has_no_problems() {
    let (raw, problems) = read(&examples()).expect("a readable folder");
    assert_eq!(problems, []);
    let (records, problems) = build(&raw);
    assert_eq!(problems, []);
    let unheard: Vec<_> = raw.iter().flat_map(without_effect).collect();
    assert_eq!(unheard, [], "a sample has nothing without effect, nor has the chart's policy");
    assert_eq!(records.users.len(), 6);
    assert_eq!(records.queues.len(), 5);
    let gold = &records.plans["gold"];
    let quota =
        Quota { milli_gpu: Some(8000), devices: Some(8), milli_cpu: Some(64_000), memory_bytes: Some(512 << 30) };
    assert_eq!(gold.quota, quota);
    assert_eq!(gold.per_user, Quota { milli_gpu: Some(4000), ..Quota::default() });
    let night = &records.queues["night"];
    assert_eq!((night.priority, night.preemptible), (100, true));
    assert_eq!(night.schedule.as_ref().map(|schedule| schedule.time_zone.as_str()), Some("Europe/Berlin"));
    assert_eq!(records.projects["llm-finetune"].namespaces, ["llm-finetune"]);
    assert_eq!(records.projects["llm-finetune"].images.len(), 2);
    let without = &records.platform.without_plan;
    assert_eq!((without.quota.milli_gpu, without.quota.milli_cpu), (Some(0), Some(2000)), "the chart's policy");
    assert!(records.platform.exempt_namespaces.contains("kube-system"));
}

#[test]
fn all_problems_at_once_with_their_files() {
    let (records, lines) = reading(&[
        (
            "a/users.yaml",
            "apiVersion: sluice.dev/v1alpha1\nkind: User\nmetadata: {name: ann}\nspec: {username: ann, systemRol: Admin}\n",
        ),
        ("b.yaml", "kind: x\nkind: y\n"),
        (
            "c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n---\n---\napiVersion: sluice.dev/v1alpha1\nkind: Quota\n",
        ),
        (
            "d.json",
            r#"{"apiVersion": "sluice.dev/v1alpha1", "kind": "User", "metadata": {"name": "ann"}, "spec": {"username": "b"}}"#,
        ),
        (
            "e.yml",
            "apiVersion: sluice.dev/v1alpha1\nkind: ResourcePlan\nmetadata: {name: p}\nspec: {quota: {gpu: 0.5}}\nstat: 1\n",
        ),
        ("notes.txt", "{{{"),
    ]);
    assert_eq!(
        lines,
        [
            "a/users.yaml: User ann: spec.systemRol: there is no field systemRol; did you mean systemRole?",
            "b.yaml: document 1: duplicate entry with key \"kind\"",
            "c.yaml: \"Quota\" is no kind of sluice.dev; the kinds are User, Group, Project, ResourcePlan, PlatformQueue, GpuModel \
         and PlatformPolicy",
            "d.json: User ann: is described already, in a/users.yaml; remove one of the two",
            "e.yml: ResourcePlan p: stat: there is no field stat; allowed are apiVersion, kind, metadata, spec, status",
            "e.yml: ResourcePlan p: spec.quota.gpu: given 0.5; write a whole number, or a quantity in quotes: \"0.5\"",
        ]
    );
    assert_eq!(records.users["ann"].username, "ann");
    assert_eq!(records.plans["p"].quota, Quota::NOTHING);
}

#[test]
fn a_list_holds_records_and_a_policy_replaces_the_charts() {
    let (records, lines) = reading(&[(
        "all.yaml",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: sluice.dev/v1alpha1\n  kind: PlatformPolicy\n  metadata: {name: default}\n  spec: {adminGroups: [ops]}\n",
    )]);
    assert_eq!(lines, Vec::<String>::new());
    assert!(records.platform.exempt_namespaces.is_empty());
    assert_eq!(records.platform.admin_groups, ["ops".to_owned()].into());
}

#[test]
fn large_files_and_missing_folders_are_refused() {
    let large = " ".repeat(MAX_FILE_BYTES as usize + 1);
    assert_eq!(reading(&[("large.yaml", &large)]).1, ["large.yaml: is not read: it is larger than 8 MiB"]);
    let error = read(Path::new("no/such/folder")).expect_err("no folder");
    assert_eq!(error.to_string(), "cannot read no/such/folder");
}

#[test]
fn text_that_is_no_yaml_ends_its_file_only() {
    let (records, lines) = reading(&[
        ("a.yaml", "a: [\n---\nb: 1\n"),
        ("b.yaml", "1: x\n"),
        ("c.yaml", "apiVersion: sluice.dev/v1alpha1\nkind: User\nmetadata: {name: ann}\nspec: {username: ann}\n"),
    ]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("a.yaml: document 1: "), "{lines:?}");
    assert_eq!(lines[1], "b.yaml: document 1: the key Number(1) is no text; write it in quotes");
    assert!(records.users.contains_key("ann"));
}

#[test]
fn a_bare_off_is_false_to_kubectl() {
    let policy = |mode: &str| {
        let spec = format!(
            "apiVersion: sluice.dev/v1alpha1\nkind: PlatformPolicy\nmetadata: {{name: default}}\nspec: {{ruleModes: {{image: {mode}}}}}\n"
        );
        reading(&[("policy.yaml", &spec)]).1
    };
    assert_eq!(policy("off"), ["policy.yaml: document 1: kubectl takes a bare off for a boolean; write \"off\""]);
    assert_eq!(policy("\"off\""), Vec::<String>::new());
    assert_eq!(policy("warn"), Vec::<String>::new());
}
