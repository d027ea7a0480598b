//! What a record takes with it that goes: said to who writes it, as far as the caches know.

use ::records::Kind;
use cluster::world::pod::{Pod, label, life, queue};
use policy_engine::contract;
use policy_engine::ledger::Life;
use policy_engine::policy::Policy;
use policy_engine::policy::project::Project;
use policy_engine::policy::queue::DEFAULT_QUEUE;
use serde_json::Value;

/// Of so many the names are said.
const MOST_NAMED: usize = 5;

/// What hangs on a record that is deleted.
pub(super) fn deleted<'a>(
    policy: &Policy,
    pods: impl Iterator<Item = &'a Pod>,
    kind: Kind,
    name: &str,
) -> Option<String> {
    let records = policy.records();
    match kind {
        Kind::PlatformQueue => {
            let queue = records.queues.get(name)?;
            let plans = records.plans.values().filter(|plan| plan.queues.contains(&queue.name));
            let plans: Vec<_> = plans.map(|plan| plan.name.as_str()).collect();
            let count = pods.filter(|pod| lives(pod) && label(pod, contract::QUEUE_NAME) == Some(&queue.id)).count();
            let used = [named("plan", &plans), counted("Pod", count)].into_iter().flatten().collect::<Vec<_>>();
            let what = "new Pods are refused there, and those that wait for it wait in vain; take it out of the plans, and switch what is \
                        in it (sluice switch-queue)";
            (!used.is_empty()).then(|| format!("queue {name} is used by {}; {what}", used.join(" and ")))
        }
        Kind::ResourcePlan => {
            let of_plan = |project: &&Project| project.plan.as_ref().is_some_and(|plan| plan.as_str() == name);
            let projects: Vec<_> = records.projects.values().filter(of_plan).collect();
            let names: Vec<_> = projects.iter().map(|project| project.name.as_str()).collect();
            let count = pods.filter(|pod| projects.iter().any(|project| is_elsewhere(pod, project))).count();
            let used = named("project", &names)?;
            Some(format!("plan {name} is that of {used}; {}", without_plan(count)))
        }
        Kind::PlatformPolicy => {
            let projects = counted("project", records.projects.len())?;
            Some(format!(
                "what it sets is what it is without it from now on, for {projects}; apply the chart's rendered PlatformPolicy to have it back"
            ))
        }
        Kind::User | Kind::Group | Kind::Project | Kind::GpuModel => None,
    }
}

/// What hangs on a project's plan that is taken away.
pub(super) fn plan_taken<'a>(
    policy: &Policy,
    pods: impl Iterator<Item = &'a Pod>,
    old: &Value,
    new: &Value,
) -> Option<String> {
    let plan = |object: &Value| object["spec"]["plan"].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    let (Some(before), None) = (plan(old), plan(new)) else { return None };
    let name = new["metadata"]["name"].as_str()?;
    let project = policy.records().projects.get(name)?;
    let count = pods.filter(|pod| is_elsewhere(pod, project)).count();
    Some(format!("spec.plan: project {name} has plan {before} and loses it; {}", without_plan(count)))
}

fn without_plan(pods: usize) -> String {
    let evicted = match counted("Pod", pods) {
        Some(pods) => format!("; {pods} in other queues than {DEFAULT_QUEUE} end, after grace.planWindow"),
        None => String::new(),
    };
    format!(
        "what is left is queue {DEFAULT_QUEUE}, with PlatformPolicy.spec.withoutPlan{evicted}; write another plan in the same change to avoid it"
    )
}

/// Whether a Pod has not ended and is a project's, in another queue than `default`.
fn is_elsewhere(pod: &Pod, project: &Project) -> bool {
    lives(pod) && label(pod, contract::PROJECT_ID) == Some(project.id.as_str()) && queue(pod) != DEFAULT_QUEUE
}

fn lives(pod: &Pod) -> bool {
    life(pod) != Life::Finished
}

fn counted(what: &str, count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        several => Some(format!("{several} {what}s")),
    }
}

fn named(what: &str, names: &[&str]) -> Option<String> {
    let shown = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MOST_NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    counted(what, names.len()).map(|count| format!("{count} ({shown}{more})"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use ::records::convert::{RawRecord, RawRecords, build};

    fn existing() -> RawRecords {
        let mut all = RawRecords::default();
        let mut add = |kind: Kind, name: &str, spec: Value| {
            let object = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind.name(), "metadata": {"name": name}, "spec": spec});
            all.replace(RawRecord::of(kind, object, None).expect("a record"));
        };
        add(Kind::PlatformQueue, "night", json!({"priority": 10}));
        add(Kind::PlatformQueue, "idle", json!({"priority": 10}));
        add(Kind::ResourcePlan, "gold", json!({"queues": ["night"]}));
        add(Kind::User, "alice", json!({"username": "alice"}));
        for name in ["llm", "vision"] {
            add(Kind::Project, name, json!({"owner": "alice", "plan": "gold"}));
        }
        all
    }

    fn policy() -> Policy {
        Policy::from(build(&existing()).0)
    }

    fn pods() -> Vec<Pod> {
        let pod = |queue: &str, phase: &str| {
            let labels = json!({"platform-go/queue-name": queue, "platform-go/project-id": "llm"});
            let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": labels},
                "spec": {"containers": []}, "status": {"phase": phase}});
            serde_json::from_value(pod).expect("a Pod")
        };
        vec![pod("night", "Pending"), pod("night", "Succeeded"), pod("default", "Pending")]
    }

    #[test]
    fn who_deletes_a_queue_or_plan_in_use_reads_who_uses_it() {
        let (policy, pods) = (policy(), pods());
        assert_eq!(policy.records().projects.len(), 2, "the records can be read");
        let says = |kind, name: &str| deleted(&policy, pods.iter(), kind, name);
        let queue = says(Kind::PlatformQueue, "night").expect("it is used");
        assert!(
            queue.starts_with("queue night is used by 1 plan (gold) and 1 Pod; new Pods are refused there"),
            "{queue}"
        );
        assert_eq!(says(Kind::PlatformQueue, "idle"), None, "nobody uses it");
        let plan = says(Kind::ResourcePlan, "gold").expect("it is used");
        let expected = "plan gold is that of 2 projects (llm, vision); what is left is queue default, with PlatformPolicy.spec.withoutPlan; 1 Pod in \
                        other queues than default end";
        assert!(plan.starts_with(expected), "{plan}");
        assert_eq!(says(Kind::ResourcePlan, "silver"), None);
        assert!(says(Kind::PlatformPolicy, "default").expect("projects are there").contains("for 2 projects"));
    }

    #[test]
    fn who_takes_a_projects_plan_away_reads_what_is_left() {
        let of = |plan: Value| json!({"metadata": {"name": "llm"}, "spec": {"plan": plan}});
        let (policy, pods) = (policy(), pods());
        let says = |old, new| plan_taken(&policy, pods.iter(), &of(old), &of(new));
        let taken = says(json!("gold"), Value::Null).expect("it loses it");
        assert!(
            taken.starts_with("spec.plan: project llm has plan gold and loses it; what is left is queue default"),
            "{taken}"
        );
        assert_eq!(says(json!("gold"), json!("silver")), None);
        assert_eq!(says(Value::Null, Value::Null), None);
    }
}
