//! What is wrong with a record by itself, and what is left of it.

use std::time::Duration;

use policy_engine::policy::model::Sharing;
use policy_engine::policy::platform::RESTRICTED_VOLUME_TYPES;
use policy_engine::policy::quota::Quota;
use policy_engine::policy::rule_id::{self, RuleId};
use policy_engine::policy::storage::{AccessMode, Lane, Permission, Storage};
use policy_engine::policy::window::{Day, Window};
use proptest::prelude::*;

use super::*;

#[test]
fn a_plan_becomes_numbers() {
    let records = says(
        "ResourcePlan",
        json!({
            "quota": {"gpu": "2.5", "devices": 4, "cpu": "500m", "memory": 549_755_813_888_u64},
            "timeZone": "Europe/Berlin",
            "windows": [{"days": ["Mon"], "start": "18:00", "end": "08:00"},
                        {"from": "2026-12-24T18:00:00+01:00", "until": "2026-12-26T00:00:00Z"}],
            "idleTimeout": "1h30m",
            "maxTerminationGrace": "30m",
            "id": "P26000116",
        }),
        &[],
    );
    let plan = &records.plans["it"];
    assert_eq!(plan.id, "P26000116");
    assert_eq!(plan.idle_timeout, Some(Duration::from_secs(5400)));
    assert_eq!(plan.max_termination_grace, Duration::from_secs(1800));
    let quota = Quota { milli_gpu: Some(2500), devices: Some(4), milli_cpu: Some(500), memory_bytes: Some(512 << 30) };
    assert_eq!(plan.quota, quota);
    assert_eq!(plan.per_user, Quota::default());
    let schedule = plan.schedule.as_ref().expect("a schedule");
    assert_eq!(schedule.time_zone, "Europe/Berlin");
    assert!(matches!(&schedule.windows[0], Window::Weekly(weekly) if weekly.days == [Day::Mon].into()));
    assert!(matches!(&schedule.windows[1], Window::Once { from, .. } if from.to_string() == "2026-12-24T17:00:00Z"));
}

#[test]
fn a_closed_plan_grants_no_more_than_an_open_one() {
    let windows = json!([{"start": "08:00", "end": "17:00"}]);
    let plan = |windows: &Value, outside: Value, problems: &[&str]| {
        let spec = json!({"quota": {"gpu": 8, "devices": 8}, "windows": windows, "outsideWindowQuota": outside});
        says("ResourcePlan", spec, problems).plans["it"].outside_window_quota
    };
    let gpu = |milli_gpu| Quota { milli_gpu: Some(milli_gpu), ..Quota::default() };
    assert_eq!(plan(&windows, json!({"gpu": "1.5"}), &[]), gpu(1500));
    assert_eq!(plan(&windows, json!({}), &[]), Quota::default());
    plan(
        &windows,
        json!({"gpu": "8.5", "devices": 9}),
        &[
            "spec.outsideWindowQuota.devices: given 9, and spec.quota.devices is 8; write no more than that, or leave it out",
            "spec.outsideWindowQuota.gpu: given 8.5, and spec.quota.gpu is 8; write no more than that, or leave it out",
        ],
    );
    let negative =
        ["spec.outsideWindowQuota.gpu: given -1; a limit is not negative; write an amount such as 4 or \"0.5\""];
    assert_eq!(plan(&windows, json!({"gpu": -1}), &negative), gpu(0));
    let shapeless = ["spec.outsideWindowQuota: given []; write an object with fields"];
    assert_eq!(plan(&windows, json!([]), &shapeless), Quota { devices: Some(0), ..gpu(0) });
    let useless = json!({"quota": {"gpu": 8}, "outsideWindowQuota": {"gpu": 2}});
    let (_, problems) = build(&raw([record("ResourcePlan", "it", 0, useless)]));
    let says = "ResourcePlan it: spec.outsideWindowQuota: has no effect: the plan has no windows, and never closes; give it windows, or leave this out";
    assert_eq!(lines(&problems), [says]);
}

#[test]
fn what_cannot_be_read_grants_nothing() {
    let records = says(
        "ResourcePlan",
        json!({
            "quota": {"gpu": "0.0005", "devices": "0.5", "cpu": -1, "memory": "lots"},
            "timeZone": "Berlin",
            "windows": [{"start": "08:00", "end": "17:00"}],
            "idleTimeout": "3 h",
            "maxTerminationGrace": "10s",
        }),
        &[
            "spec.idleTimeout: given \"3 h\"; write a length of time such as 30s, 5m or 1h30m",
            "spec.maxTerminationGrace: given 10s, and Kubernetes gives every Pod 30s; write 30s or more",
            "spec.quota.cpu: given -1; a limit is not negative; write an amount such as 4 or \"0.5\"",
            "spec.quota.devices: given \"0.5\"; it counts whole pieces; write a whole amount such as 4 or 64Gi",
            "spec.quota.gpu: given \"0.0005\"; at most three decimals count; write an amount such as 4 or \"0.5\"",
            "spec.quota.memory: given \"lots\"; a quantity is digits with an optional fraction and suffix, e.g. 4, 0.5, 500m \
             or 64Gi; write a whole amount such as 4 or 64Gi",
            "spec.timeZone: given \"Berlin\"; there is no such IANA time zone; did you mean Europe/Berlin?",
        ],
    );
    assert_eq!(records.plans["it"].quota, Quota::NOTHING);
    assert_eq!(records.plans["it"].schedule.as_ref().map(|schedule| schedule.windows.len()), Some(0), "never open");
}

#[test]
fn what_a_namespace_may_hold_has_the_keys_of_a_resourcequota_that_the_ledger_does_not_count() {
    let devices = "gpu.nvidia.com.deviceclass.resource.k8s.io/devices";
    let counted = "spec.quota limits CPU, memory and devices, for the whole project; set the limit there";
    let records = says(
        "ResourcePlan",
        json!({"namespaceQuota": {
            "count/pods": 100, "requests.storage": "1Ti", "hugepages-2Mi": "lots",
            "limits.cpu": 4, devices: 1, "pod": 5,
        }}),
        &[
            &format!("spec.namespaceQuota.{devices}: {counted}"),
            "spec.namespaceQuota.hugepages-2Mi: given \"lots\"; a quantity is digits with an optional fraction and suffix, \
             e.g. 4, 0.5, 500m or 64Gi; write a whole amount such as 4 or 64Gi",
            &format!("spec.namespaceQuota.limits.cpu: {counted}"),
            "spec.namespaceQuota.pod: no ResourceQuota has such a key; write one such as count/pods, count/jobs.batch, \
             persistentvolumeclaims or requests.storage",
        ],
    );
    let limits = [("count/pods", 100), ("hugepages-2Mi", 0), ("requests.storage", 1 << 40)];
    assert_eq!(records.plans["it"].namespace_quota.0, limits.map(|(key, limit)| (key.to_owned(), limit)).into());
}

#[test]
fn windows_are_weekly_or_one_off() {
    let records = says(
        "PlatformQueue",
        json!({"windows": [
            {"start": "08:00"},
            {"start": "08:00", "end": "24:00"},
            {"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
            {"from": "yesterday", "until": "2026-01-01T00:00:00Z"},
            {"days": ["Mon"], "from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
            {"start": "22:00", "end": "22:00"},
        ]}),
        &[
            "spec.windows[0]: give start and end for a weekly window, or from and until for a one-off",
            "spec.windows[1].end: given \"24:00\"; write a time of day, HH:MM from 00:00 to 23:59; midnight is 00:00",
            "spec.windows[2].until: given 2026-01-01T00:00:00Z, which is not after 2026-01-02T00:00:00Z; a window ends \
             after it begins",
            "spec.windows[3].from: given \"yesterday\"; write a moment in RFC 3339, such as 2026-12-24T18:00:00+01:00",
            "spec.windows[4].days: days belong to a weekly window; give start and end, or leave them out",
        ],
    );
    let schedule = records.queues["it"].schedule.as_ref().expect("a schedule");
    assert!(matches!(&schedule.windows[..], [Window::Once { .. }, Window::Weekly(weekly)] if weekly.days.len() == 7));
}

#[test]
fn a_project_keeps_what_can_be_read() {
    let records = says(
        "Project",
        json!({
            "owner": "alice",
            "images": ["registry.example.com/**", "*", "a//b"],
            "members": [{"user": "alice", "group": "nlp-lab"}, {"user": "bob"}],
            "namespaces": ["Not_One", "good"],
        }),
        &[
            "spec.images[1]: \"*\" is no image pattern: a lone `*` is ambiguous; write `docker.io/library/*`, or `**` for \
             every image; write for example registry.example.com/**",
            "spec.images[2]: \"a//b\" is no image pattern: a part of its path is empty; write for example \
             registry.example.com/**",
            "spec.members[0]: a member is a user or a group; give one of the two, on a line of its own",
            "spec.namespaces[0]: given \"Not_One\"; write a name of lower-case letters, digits and `-`, at most 63",
        ],
    );
    let project = &records.projects["it"];
    assert_eq!(project.images.len(), 1);
    assert_eq!(project.members.len(), 1);
    assert_eq!(project.namespaces, ["good"]);
}

#[test]
fn a_project_has_one_holder() {
    let both = "spec: given owner and group; a project is personal or a group's: keep one of the two";
    assert!(says("Project", json!({"owner": "a", "group": "b"}), &[both]).projects.is_empty());
    let neither = "spec: given neither owner nor group; name the one whose project it is";
    assert!(says("Project", json!({}), &[neither]).projects.is_empty());
}

#[test]
fn garbage_costs_only_its_field_where_less_is_safe() {
    let records = says(
        "Project",
        json!({"owner": "alice", "members": 7, "ruleModes": {"image": "Off"}, "allowRootContainers": "yes", "plan": "gold"}),
        &[
            "spec.allowRootContainers: given \"yes\"; write true or false",
            "spec.members: given 7; write a list",
            "spec.ruleModes.image: given \"Off\"; allowed are enforce, warn, off",
        ],
    );
    let project = &records.projects["it"];
    assert_eq!((project.members.len(), project.allow_root_containers), (0, false));
    assert_eq!(project.plan.as_ref().map(|plan| plan.as_str()), Some("gold"));

    let records = says("ResourcePlan", json!({"quota": []}), &["spec.quota: given []; write an object with fields"]);
    assert_eq!(records.plans["it"].quota, Quota::NOTHING);
}

#[test]
fn garbage_costs_the_record_where_less_would_grant_more() {
    let records = says(
        "ResourcePlan",
        json!({"windows": "always"}),
        &[
            "spec: cannot be read, so this record counts as missing: see spec.windows",
            "spec.windows: given \"always\"; write a list",
        ],
    );
    assert!(records.plans.is_empty());
    // serde would take a list for an object.
    let field = "spec: cannot be read, so this record counts as missing: see spec.windows";
    let first = "spec.windows[0]: given []; write an object with fields";
    assert!(says("PlatformQueue", json!({"windows": [[]]}), &[field, first]).queues.is_empty());
    let records = says(
        "User",
        json!({"id": "no label!", "username": "x"}),
        &[
            "spec.id: given \"no label!\"; write what a label may carry: letters, digits, `-`, `_` and `.`, at most 63, a letter \
         or digit at both ends",
        ],
    );
    assert!(records.users.is_empty());
}

#[test]
fn the_policy_survives_garbage() {
    let policy = |name: &str| {
        record(
            "PlatformPolicy",
            name,
            0,
            json!({
                "unstamped": 3, "charge": 3, "withoutPlan": "all", "adminGroups": ["ops"], "hostPaths": ["/data/../etc"],
                "workloadKinds": [{"group": "ray.io", "version": "v1", "resource": "rayclusters", "podTemplates": ["/a~2"]}],
                "grace": {"planWindow": "soon", "budget": "30s"},
            }),
        )
    };
    let (records, problems) = build(&raw([policy("default"), policy("other")]));
    assert_eq!(
        lines(&problems[..7]),
        [
            "PlatformPolicy default: spec.charge: given 3; write text, in quotes: \"3\"",
            "PlatformPolicy default: spec.grace.planWindow: given \"soon\"; write a length of time such as 30s, 5m or 1h30m",
            "PlatformPolicy default: spec.hostPaths[0]: \"/data/../etc\" is no absolute path without `..`; write for example \
         /data/shared",
            "PlatformPolicy default: spec.unstamped: given 3; write text, in quotes: \"3\"",
            "PlatformPolicy default: spec.withoutPlan: given \"all\"; write an object with fields",
            "PlatformPolicy default: spec.workloadKinds[0].podTemplates[0]: \"/a~2\" is no JSON Pointer; write for example \
         /spec/template, or /spec/jobs/*/template for every element",
            "PlatformPolicy other: metadata.name: given \"other\"; the one PlatformPolicy is named default; this one is not read",
        ]
    );
    let platform = &records.platform;
    assert_eq!(platform.admin_groups, ["ops".to_owned()].into());
    assert_eq!(platform.unstamped, policy_engine::policy::platform::Unstamped::Refuse);
    assert_eq!(platform.charge, policy_engine::policy::platform::ChargeBy::Limits);
    assert_eq!(platform.without_plan.quota, Quota::NOTHING);
    assert_eq!(platform.plan_window_grace, Duration::from_secs(300));
    assert_eq!(platform.budget_grace, Duration::from_secs(30), "the other is read");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    let field = "spec|owner|group|user|members|windows|days|start|end|from|until|quota|gpu|memory|id|images|timeZone";
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(field, inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_record_panics(spec in any_value(), kind in 0..7_usize) {
        let garbage = record(Kind::ALL[kind].name(), "default", 0, spec);
        let (records, _) = build(&raw([garbage, record("User", "alice", 0, json!({"username": "alice"}))]));
        prop_assert!(records.users.contains_key("alice"));
    }
}

#[test]
fn a_misspelt_rule_is_named_and_the_others_keep_their_modes() {
    let records = says(
        "PlatformPolicy",
        json!({"ruleModes": {"imge": "warn", "queue": "warn"}}),
        &[r#"metadata.name: given "it"; the one PlatformPolicy is named default; this one is not read"#],
    );
    assert!(records.platform.rule_modes.is_empty());
    let rules = rule_id::list(RuleId::ALL.iter().copied());
    let records = says(
        "Project",
        json!({"owner": "alice", "ruleModes": {"imge": "warn", "queue": "warn"}}),
        &[&format!(
            r#"spec.ruleModes.imge: there is no rule "imge"; the rules are {rules}; name one of them, or "*" for all"#
        )],
    );
    assert_eq!(records.projects["it"].rule_modes.keys().copied().collect::<Vec<_>>(), [RuleId::Queue]);
}

#[test]
fn storage_is_listed_once_and_lanes_become_classes() {
    let twice = json!([{"name": "data", "default": "None", "users": {"alice": "ReadWrite"}}, {"name": "data", "default": "ReadWrite"}]);
    let records = says(
        "Project",
        json!({"owner": "alice", "storage": twice}),
        &["spec.storage[1]: data is listed already; name each volume once"],
    );
    let users = [("alice".into(), Permission::ReadWrite)].into();
    assert_eq!(records.projects["it"].storage, [("data".into(), Storage { default: Permission::None, users })].into());
    let records = says("Group", json!({"storage": [{"name": "data"}]}), &[]);
    assert_eq!(records.groups["it"].storage["data"].default, Permission::ReadOnly);

    let lane = json!({"storageClassName": "nfs", "accessMode": "ReadWriteMany"});
    let spec = json!({"storageLanes": {"shared": lane}, "csiDrivers": ["secrets.example.org"], "volumeTypes": ["csi"]});
    let (records, problems) = build(&raw([record("PlatformPolicy", "default", 0, spec)]));
    assert_eq!(lines(&problems), Vec::<String>::new());
    let shared = Lane { storage_class: "nfs".into(), access_mode: AccessMode::ReadWriteMany };
    assert_eq!(records.platform.storage_lanes, [("shared".into(), shared)].into());
    assert_eq!((records.platform.csi_drivers.len(), records.platform.volume_types.len()), (1, 1));
    let (records, _) = build(&raw([record("PlatformPolicy", "default", 0, json!({}))]));
    assert_eq!(records.platform.volume_types, RESTRICTED_VOLUME_TYPES.map(Into::into).into());
}

/// What is said about fields without effect.
fn unheard(kind: &str, object: Value) -> Vec<String> {
    let mut candidate = record(kind, "default", 0, json!({}));
    let Value::Object(parts) = object else { panic!("not an object: {object}") };
    candidate.as_object_mut().expect("an object").extend(parts);
    lines(&without_effect(&RawRecord::new(candidate, None).expect("a record")))
}

#[test]
fn a_field_without_effect_is_told_to_whoever_sets_it() {
    let says = |kind: &str, field: &str| vec![format!("{kind} default: {field}: has no effect in this version")];
    for (kind, field, value) in [
        ("ResourcePlan", "idleTimeout", json!("3h")),
        ("ResourcePlan", "offeredTo", json!([{"personal": true}])),
        ("PlatformPolicy", "permissions", json!({"IDE_MANAGE": "Admin"})),
        ("PlatformPolicy", "personalPlan", json!("bronze")),
    ] {
        assert_eq!(unheard(kind, json!({"spec": {field: value}})), says(kind, &format!("spec.{field}")));
        assert_eq!(unheard(kind, json!({"spec": {field: null}})), Vec::<String>::new(), "null is absent");
    }
    let grace = json!({"spec": {"grace": {"planWindow": "10m", "budget": "1h"}}});
    assert_eq!(unheard("PlatformPolicy", grace), Vec::<String>::new(), "it acts");
    assert_eq!(unheard("PlatformQueue", json!({"spec": {"deservedGpu": 0}})), Vec::<String>::new(), "it acts");

    let candidate = record("ResourcePlan", "night", 0, json!({"idleTimeout": "3h"}));
    let verdict = check(&candidate, &RawRecords::default()).expect("a record");
    assert_eq!(verdict.problems, []);
    let told = "ResourcePlan night: spec.idleTimeout: has no effect in this version";
    assert_eq!(lines(&verdict.warnings), [told], "as the webhook answers");
    assert_eq!(build(&raw([candidate])).1, [], "the record is in order, and so are its conditions");
}

#[test]
fn windows_that_are_over_are_told_to_whoever_writes_them() {
    let now = "2026-11-23T12:00:00Z".parse().expect("an instant");
    let over = |kind: &str, spec: Value| {
        lines(&closed_for_good(&RawRecord::new(record(kind, "it", 0, spec), None).expect("a record"), now))
    };
    let once = |until: &str| json!({"windows": [{"from": "2026-11-20T00:00:00Z", "until": until}]});
    let never =
        "spec.windows: no window of it opens again, and Pods that wait for one wait in vain; write one that is to come";
    for kind in ["ResourcePlan", "PlatformQueue"] {
        let priority = |mut spec: Value| {
            spec["priority"] = json!(if kind == "PlatformQueue" { Value::from(1) } else { Value::Null });
            spec
        };
        assert_eq!(over(kind, priority(once("2026-11-23T12:00:00Z"))), [format!("{kind} it: {never}")]);
        assert_eq!(over(kind, priority(once("2026-11-23T12:00:01Z"))), [""; 0], "it is open for a second");
        assert_eq!(over(kind, priority(json!({}))), [""; 0], "always open");
        assert_eq!(over(kind, priority(json!({"windows": [{"start": "08:00", "end": "09:00"}]}))), [""; 0]);
    }
    let ended = over("ResourcePlan", json!({"validity": {"until": "2026-11-23T12:00:00Z"}}));
    assert_eq!(
        ended,
        [
            "ResourcePlan it: spec.validity.until: the plan has ended at 2026-11-23T12:00:00Z, and projects that bind it have none; write a later instant, or leave it out"
        ]
    );
    assert_eq!(over("ResourcePlan", json!({"validity": {"from": "2027-01-01T00:00:00Z"}})), [""; 0], "it is to come");
}

/// The API server and the chart write defaults into every record.
#[test]
fn a_default_is_nobodys_wish() {
    let plan = json!({"spec": {"offeredTo": [], "outsideWindow": "Gate"}});
    assert_eq!(unheard("ResourcePlan", plan), Vec::<String>::new());
    let policy = json!({"spec": {"permissions": {}, "grace": {"planWindow": "5m"}}});
    assert_eq!(unheard("PlatformPolicy", policy), Vec::<String>::new());
}

#[test]
fn a_slice_has_a_profile_and_a_price_and_is_not_shared() {
    let records = says(
        "GpuModel",
        json!({"deviceClassName": "mig.nvidia.com", "profile": "1g.10gb", "price": "0.143", "resourceNames": ["nvidia.com/mig-1g.10gb"]}),
        &[],
    );
    let model = &records.models["it"];
    assert_eq!((model.profile.as_deref(), model.milli_gpu, model.sharing), (Some("1g.10gb"), 143, Sharing::None));
    let records = says("GpuModel", json!({"deviceClassName": "gpu.nvidia.com"}), &[]);
    assert_eq!((records.models["it"].milli_gpu, records.models["it"].sharing), (1000, Sharing::Mps));
    let why = "spec.price: given 0; nobody would pay for its devices; write what one costs, such as \"0.143\"";
    let records = says("GpuModel", json!({"deviceClassName": "gpu.nvidia.com", "price": 0}), &[why]);
    assert_eq!(records.models["it"].milli_gpu, 1000);
}
