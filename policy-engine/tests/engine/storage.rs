//! What a group says of its volume holds, whatever anybody else labels.

use std::sync::LazyLock;

use policy_engine::admit;
use policy_engine::object::Object;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::project::ProjectRole;
use policy_engine::policy::storage::{Permission, Storage};
use policy_engine::submission::volumes::{Known, Ownership, Volumes};
use policy_engine::{Facts, Submission};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::apply::apply;
use crate::support::judge::{creation, some_monday, update};
use crate::support::policies::sample_organisation;

const PROJECT: &str = "llm-finetune";

/// bob may read the group's volume; here he even manages the project, and carol shares a volume of her own group.
static MANAGED: LazyLock<Policy> = LazyLock::new(|| {
    let mut records = sample_organisation();
    let project = records.projects.get_mut(PROJECT).expect("a sample project");
    project.members.iter_mut().for_each(|member| member.role = member.role.max(ProjectRole::Manager));
    let shared = Storage { default: Permission::ReadWrite, users: Default::default() };
    records.groups.get_mut("vision-lab").expect("a sample group").storage.insert("shared".into(), shared);
    records.into()
});

static SAMPLE: LazyLock<Policy> = LazyLock::new(|| sample_organisation().into());

/// A label and what somebody writes there; nothing takes it off.
fn step() -> impl Strategy<Value = (&'static str, &'static str, Option<&'static str>)> {
    let who = proptest::sample::select(&["bob", "carol", "dave", "mia"][..]);
    let what = prop_oneof![
        (
            Just("platform-go/storage"),
            proptest::option::of(proptest::sample::select(&["scratch", "datasets", "x"][..]))
        ),
        (
            Just("platform-go/group-storage"),
            proptest::option::of(proptest::sample::select(&["nlp-lab.datasets", "nlp-lab.x", "vision-lab.shared"][..])),
        ),
        (Just("platform-go/user-id"), proptest::option::of(proptest::sample::select(&["bob", "alice"][..]))),
    ];
    (who, what).prop_map(|(who, (key, value))| (who, key, value))
}

fn claims<'a>(creation: Submission<'a>) -> Submission<'a> {
    Submission { resource: GroupResource::new("", "persistentvolumeclaims"), kind: "PersistentVolumeClaim", ..creation }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_labels_gives_a_write_where_the_group_says_read_only(
        maker in proptest::sample::select(&["alice", "bob"][..]),
        steps in proptest::collection::vec(step(), 0..8),
        asked in proptest::option::of(any::<bool>()),
        managed in any::<bool>(),
    ) {
        let policy: &Policy = if managed { &MANAGED } else { &SAMPLE };
        let labels = json!({"platform-go/user-id": maker, "platform-go/group-storage": "nlp-lab.datasets"});
        let mut claim = json!({"metadata": {"name": "data", "labels": labels}, "spec": {}});
        let facts = Facts { project_id: ProjectId::new(PROJECT), ..Facts::default() };
        for (who, key, value) in steps {
            let mut changed = claim.clone();
            match value {
                Some(value) => changed["metadata"]["labels"][key] = value.into(),
                None => drop(changed["metadata"]["labels"].as_object_mut().expect("labels").remove(key)),
            }
            let submission = claims(creation(&claim, PROJECT, who));
            let decision = admit(&update(&submission, &changed, &claim), &facts, policy, some_monday()).expect("a claim");
            if decision.allowed() {
                claim = apply(&decision.mutations, &changed);
            }
        }
        let standing = Ownership::of("", |key| Object(&claim).label(key));
        let volumes = Volumes { claims: [("data".to_owned(), Known::There(standing))].into(), ..Volumes::default() };
        let mut pod = json!({"metadata": {"name": "web"}, "spec": {
            "containers": [{"name": "app", "image": "nginx", "volumeMounts": [{"name": "v", "mountPath": "/a"}]}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
        }});
        if let Some(asked) = asked {
            pod["spec"]["volumes"][0]["persistentVolumeClaim"]["readOnly"] = asked.into();
        }
        let facts = Facts { project_id: ProjectId::new(PROJECT), volumes, ..Facts::default() };
        let decision = admit(&creation(&pod, PROJECT, "bob"), &facts, policy, some_monday()).expect("a Pod");
        let stored = apply(&decision.mutations, &pod);
        let read_only = |at: &str| stored.pointer(at) == Some(&Value::Bool(true));
        prop_assert!(decision.allowed(), "{decision}");
        prop_assert!(read_only("/spec/volumes/0/persistentVolumeClaim/readOnly"), "{claim}");
        prop_assert!(read_only("/spec/containers/0/volumeMounts/0/readOnly"), "{claim}");
    }
}
