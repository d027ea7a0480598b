//! What records say about each other.

use super::*;

fn user(name: &str, age: u32, username: &str) -> Value {
    record("User", name, age, json!({"username": username}))
}

fn project(name: &str, age: u32, more: Value) -> Value {
    let mut object = record("Project", name, age, more);
    object["spec"]["owner"] = "alice".into();
    object
}

fn own(verdict: Result<Verdict, NotARecord>) -> Vec<String> {
    lines(&verdict.expect("a record").problems)
}

#[test]
fn usernames_are_unique_and_the_oldest_keeps_it() {
    let expected = "alice is User zoe; a person has one record: change or delete one of the two";
    let (records, problems) = build(&raw([user("alice", 5, "alice"), user("zoe", 1, "alice")]));
    assert_eq!(lines(&problems), [format!("User alice: spec.username: {expected}")]);
    assert_eq!(records.users.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["zoe"]);

    let existing = raw([user("zoe", 5, "alice")]);
    let refused = [format!("User alice: spec.username: {expected}")];
    assert_eq!(own(check(&user("alice", 1, "alice"), &existing)), refused, "a candidate yields, whatever its age");
    assert_eq!(own(check(&user("zoe", 1, "alice"), &existing)), Vec::<String>::new(), "an update of the record itself");
}

#[test]
fn ids_are_unique_among_a_kind() {
    let existing =
        raw([record("Group", "one", 0, json!({"id": "G1"})), record("User", "g", 0, json!({"username": "g"}))]);
    let second = record("Group", "two", 0, json!({"id": "G1"}));
    assert_eq!(own(check(&second, &existing)), ["Group two: spec.id: the id G1 is that of Group one; choose another"]);
    let another_kind = record("Project", "p", 0, json!({"id": "G1", "group": "one"}));
    assert_eq!(own(check(&another_kind, &existing)), Vec::<String>::new());
    let default = record("PlatformQueue", "mine", 0, json!({"id": "default"}));
    let refused = ["PlatformQueue mine: spec.id: the id default is that of PlatformQueue default; choose another"];
    assert_eq!(own(check(&default, &existing)), refused);
}

#[test]
fn a_namespace_has_one_project() {
    let policy = record("PlatformPolicy", "default", 0, json!({"exemptNamespaces": ["kube-system"]}));
    let existing = raw([policy, project("a", 0, json!({"namespaces": ["shared", "a"]}))]);
    let second = project("b", 0, json!({"namespaces": ["b", "shared", "kube-system"]}));
    assert_eq!(
        own(check(&second, &existing)),
        [
            "Project b: spec.namespaces[1]: namespace shared is that of Project a; list another",
            "Project b: spec.namespaces[2]: namespace kube-system is exempt by PlatformPolicy.spec.exemptNamespaces; list another",
        ]
    );
    let also_another_id = project("b", 0, json!({"id": "a", "namespaces": ["shared"]}));
    assert_eq!(
        own(check(&also_another_id, &existing)),
        [
            "Project b: spec.id: the id a is that of Project a; choose another",
            "Project b: spec.namespaces[0]: namespace shared is that of Project a; list another",
        ]
    );
    let (records, _) = build(&raw([project("a", 0, json!({"namespaces": ["b"]})), project("b", 1, json!({}))]));
    assert_eq!(records.projects["b"].namespaces, Vec::<String>::new(), "its own name is taken");
}

#[test]
fn each_member_has_a_namespace_of_their_own_where_a_project_says_so() {
    let users = ["alice", "bob.b", "carol"].map(|name| user(name, 9, name));
    let group = record("Group", "lab", 9, json!({"members": [{"user": "carol"}]}));
    let listed = json!([{"user": "bob.b"}, {"user": "nobody"}, {"group": "lab", "role": "Manager"}]);
    let each = json!({"namespacePerMember": true, "members": listed});
    let taken = project("other", 1, json!({"namespaces": ["p-carol"]}));
    let objects = [&users[..], &[group, project("p", 5, each.clone()), taken]].concat();
    let (records, problems) = build(&raw(objects.clone()));
    let p = &records.projects["p"];
    assert_eq!(p.namespaces, ["p", "p-alice", "p-bob-b"]);
    assert_eq!(p.member_of("p-bob-b").map(|it| it.as_str()), Some("bob.b"));
    assert_eq!(p.member_of("p"), None);
    let says = "Project p: spec.namespacePerMember[carol]: User carol has no namespace of their own: p-carol is that of Project other; take it out there";
    assert!(lines(&problems).contains(&says.to_owned()), "{problems:?}");

    let long = "x".repeat(60);
    let (records, problems) =
        build(&raw([user("alice", 9, "alice"), project(&long, 5, json!({"namespacePerMember": true}))]));
    assert_eq!(records.projects[long.as_str()].namespaces, std::slice::from_ref(&long));
    assert!(lines(&problems)[0].contains("has 66 characters, and a namespace's name at most 63"), "{problems:?}");

    let (records, _) = build(&raw([user("alice", 9, "alice"), project("p", 5, json!({}))]));
    assert_eq!(
        (&records.projects["p"].namespaces, &records.projects["p"].member_namespaces),
        (&vec!["p".to_owned()], &None)
    );
}

#[test]
fn parents_form_no_circle() {
    let existing = raw([project("a", 0, json!({"parent": "b"})), project("b", 1, json!({"parent": "c"}))]);
    let closing = project("c", 0, json!({"parent": "a"}));
    let refused = ["Project c: spec.parent: c → a → b → c is a circle; choose another parent, or none"];
    assert_eq!(own(check(&closing, &existing)), refused);
    assert_eq!(
        own(check(&project("c", 0, json!({"parent": "c"})), &existing)),
        ["Project c: spec.parent: c → c is a circle; choose another parent, or none"]
    );
    let mut all = existing;
    all.replace(RawRecord::new(closing, None).expect("a record"));
    let (records, _) = build(&all);
    let parent = |name: &str| records.projects[name].parent.as_ref().map(|parent| parent.as_str());
    assert_eq!([parent("a"), parent("b"), parent("c")], [Some("b"), None, Some("a")], "the newest link is cut");
}

#[test]
fn a_name_leads_to_one_model() {
    let model = |name: &str, age| {
        let spec =
            json!({"deviceClassName": "gpu.nvidia.com", "productNames": ["RTX"], "resourceNames": ["nvidia.com/rtx"]});
        record("GpuModel", name, age, spec)
    };
    let (records, problems) = build(&raw([model("a", 1), model("b", 0)]));
    assert_eq!(
        lines(&problems),
        [
            "GpuModel a: spec.productNames[0]: \"RTX\" is GpuModel b; a device has one model",
            "GpuModel a: spec.resourceNames[0]: nvidia.com/rtx means GpuModel b; it can mean one model only",
        ]
    );
    assert!(records.models["a"].product_names.is_empty() && records.models["b"].resource_names.len() == 1);
}

#[test]
fn references_may_dangle() {
    let candidate = record(
        "Project",
        "p",
        0,
        json!({
            "group": "lab", "plan": "gold", "parent": "q", "members": [{"user": "bob"}, {"group": "team"}],
        }),
    );
    let verdict = check(&candidate, &RawRecords::default()).expect("a record");
    assert_eq!(verdict.problems, []);
    assert_eq!(
        lines(&verdict.warnings),
        [
            "Project p: spec.group: Group lab does not exist; the line has no effect until it does",
            "Project p: spec.members[0].user: User bob does not exist; the line has no effect until it does",
            "Project p: spec.members[1].group: Group team does not exist; the line has no effect until it does",
            "Project p: spec.parent: Project q does not exist; usage counts against no parent until it does",
            "Project p: spec.plan: ResourcePlan gold does not exist; PlatformPolicy.spec.withoutPlan holds until it does",
        ]
    );
    let plan = record("ResourcePlan", "gold", 0, json!({"queues": ["default", "night"], "gpuModels": ["h100"]}));
    assert_eq!(
        lines(&check(&plan, &RawRecords::default()).expect("a record").warnings),
        [
            "ResourcePlan gold: spec.gpuModels[0]: GpuModel h100 does not exist; it cannot be used until it does",
            "ResourcePlan gold: spec.queues[1]: PlatformQueue night does not exist; it cannot be used until it does",
        ]
    );
}

#[test]
fn what_is_no_record_says_so() {
    let error = |object: Value| RawRecord::new(object, None).expect_err("no record").to_string();
    assert_eq!(error(json!({"apiVersion": "v1", "kind": "Pod"})), "it is not of the group sluice.dev");
    assert_eq!(
        error(json!({"apiVersion": "sluice.dev/v2", "kind": "User"})),
        "apiVersion is sluice.dev/v2; write sluice.dev/v1alpha1"
    );
    let odd = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Quota"});
    assert!(error(odd).starts_with("\"Quota\" is no kind of sluice.dev; the kinds are User, Group"));
    assert_eq!(error(json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "User"})), "User has no metadata.name");
}

#[test]
fn an_account_that_members_could_act_as_is_not_trusted() {
    let (inside, outside) = ("system:serviceaccount:vision:operator", "system:serviceaccount:operators:ray");
    let (records, problems) = build(&raw([
        record("Project", "detector", 0, json!({"owner": "alice", "namespaces": ["vision"]})),
        record(
            "PlatformPolicy",
            "default",
            1,
            json!({"trustedControllers": [outside, inside], "trustedClients": [inside]}),
        ),
    ]));
    let trusted: Vec<_> =
        records.platform.trusted_controllers.iter().chain(&records.platform.trusted_clients).collect();
    assert_eq!(trusted, [outside]);
    let refused: Vec<_> = problems.iter().filter(|it| it.grade == Grade::Refused).map(|it| it.field.as_str()).collect();
    assert_eq!(refused, ["spec.trustedClients[0]", "spec.trustedControllers[1]"]);
}
