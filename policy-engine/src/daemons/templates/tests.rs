use jiff::Timestamp;
use k8s_openapi::api::resource::v1::ResourceClaimSpec;

use super::audit::{Violation, audit};
use super::*;
use crate::claims::{Ask, Vram};
use crate::policy::Records;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn template() -> Template {
    let ask = Ask { model: None, count: 1, sm_percent: 50, vram: Vram::Elastic };
    Template::of(ResourceClaimSpec::default(), &ask, 1, &[]).expect("a template")
}

fn seen(uid: &str) -> Seen {
    Seen { uid: uid.into(), resource_version: "7".into() }
}

fn used(namespace: &str, text: Option<String>) -> Use {
    let pod = PodName { namespace: namespace.into(), name: "web".into() };
    Use { pod, seen: seen("pod"), template: template().name, text }
}

fn existing(namespace: &str, is_ours: bool, age: u64, spec: ResourceClaimSpec) -> Existing {
    let since = NOW.checked_sub(Duration::from_secs(age)).expect("an instant");
    Existing { namespace: namespace.into(), name: template().name, seen: seen("template"), is_ours, since, spec }
}

fn view(uses: Vec<Use>, templates: Vec<Existing>) -> View {
    let bindings = ["team", "other"].map(|it| (it.to_owned(), ProjectId::new(it))).into();
    View { own_namespace: "sluice-system".into(), bindings, uses, templates, expected: Vec::new() }
}

fn planned(view: &View) -> Plan {
    let policy = Policy::from(Records::default());
    let plan = plan(view, &policy, NOW);
    audit(view, &policy, &plan).expect("a plan that keeps its promises");
    plan
}

fn said(plan: &Plan) -> Vec<String> {
    plan.actions.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_pod_names_is_made_once_in_each_namespace_and_kept_while_it_is_named() {
    let text = || Some(template().text);
    let name = template().name;
    let all = view(vec![used("team", text()), used("team", text()), used("other", text())], Vec::new());
    let make = |namespace: &str| format!("make ResourceClaimTemplate {namespace}/{name}, which Pod web names");
    assert_eq!(said(&planned(&all)), [make("team"), make("other")]);
    let there = view(vec![used("team", text())], vec![existing("team", true, 3600, ResourceClaimSpec::default())]);
    let plan = planned(&there);
    assert!(plan.actions.is_empty() && plan.spared.is_empty() && plan.again_at.is_none());
}

#[test]
fn what_nobody_names_is_removed_a_moment_after_it_was_made_if_it_is_ours() {
    let spec = ResourceClaimSpec::default;
    let templates = vec![existing("team", true, 31, spec()), existing("other", true, 29, spec())];
    let plan = planned(&view(Vec::new(), templates));
    let name = template().name;
    assert_eq!(said(&plan), [format!("remove ResourceClaimTemplate team/{name}, which no Pod names any more")]);
    assert_eq!(plan.again_at, Some(NOW.checked_add(Duration::from_secs(1)).expect("an instant")));
    // A Pod of another namespace is no reason to keep it.
    let plan = planned(&view(
        vec![used("other", Some(template().text))],
        vec![existing("team", true, 31, spec()), existing("other", true, 31, spec())],
    ));
    assert_eq!(plan.actions.len(), 1);
    assert!(planned(&view(Vec::new(), vec![existing("team", false, 3600, spec())])).actions.is_empty());
}

#[test]
fn what_others_made_or_a_pod_made_up_is_left_alone_and_said() {
    let other = ResourceClaimSpec { devices: Some(Default::default()) };
    let plan = planned(&view(vec![used("team", Some(template().text))], vec![existing("team", false, 1, other)]));
    assert!(plan.actions.is_empty());
    assert!(plan.spared[0].to_string().contains("which somebody else made"), "{}", plan.spared[0]);
    let plan = planned(&view(vec![used("team", Some("{} ".into())), used("other", None)], Vec::new()));
    assert!(plan.actions.is_empty() && plan.spared.iter().all(|it| it.because == NotOurs::Unsaid));
    assert_eq!(plan.spared.len(), 2);
    assert!(planned(&view(vec![used("nobodys", Some(template().text))], Vec::new())).actions.is_empty());
}

#[test]
fn the_audit_stops_what_is_not_ours_to_do() {
    let policy = Policy::from(Records::default());
    let verdict = |view: &View, action: Action| {
        let plan = Plan { actions: vec![action], ..Plan::default() };
        audit(view, &policy, &plan).expect_err("a violation")
    };
    let make = |namespace: &str, template: Template| Action::Make { namespace: namespace.into(), template, pod: None };
    let none = view(Vec::new(), Vec::new());
    assert!(matches!(verdict(&none, make("nobodys", template())), Violation::Ungoverned(_)));
    let forged = Template { text: "{} ".into(), ..template() };
    assert!(matches!(verdict(&none, make("team", forged)), Violation::OtherContent(_)));
    let remove = || Action::Remove { namespace: "team".into(), name: template().name, seen: seen("template") };
    let foreign = view(Vec::new(), vec![existing("team", false, 99, ResourceClaimSpec::default())]);
    let named = view(vec![used("team", None)], vec![existing("team", true, 99, ResourceClaimSpec::default())]);
    let expected = View { expected: vec![("team".into(), template())], ..named.clone() };
    let expected = View { uses: Vec::new(), ..expected };
    for view in [none, foreign, named, expected] {
        assert!(matches!(verdict(&view, remove()), Violation::NotOurs(_)));
    }
}

#[test]
fn what_pods_are_about_to_name_is_made_before_they_are_there_and_is_not_removed() {
    let expects = |namespace: &str, templates| View {
        expected: vec![(namespace.into(), template())],
        ..view(Vec::new(), templates)
    };
    let name = template().name;
    let make = format!("make ResourceClaimTemplate team/{name}, which Pods are about to name");
    assert_eq!(said(&planned(&expects("team", Vec::new()))), [make]);
    assert!(planned(&expects("nobodys", Vec::new())).actions.is_empty());
    let old = existing("team", true, 3600, ResourceClaimSpec::default());
    assert!(planned(&expects("team", vec![old.clone()])).actions.is_empty());
    assert_eq!(planned(&expects("other", vec![old])).actions.len(), 2, "made in the one, removed in the other");
    let both = View { uses: vec![used("team", Some(template().text))], ..expects("team", Vec::new()) };
    assert_eq!(planned(&both).actions.len(), 1, "once");
}
