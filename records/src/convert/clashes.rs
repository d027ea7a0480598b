//! Records that claim the same thing: the oldest keeps it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use policy_engine::policy::Records;
use policy_engine::policy::names::{GroupName, ModelName, PlanName, ProjectName, QueueName, UserName};
use policy_engine::policy::queue::DEFAULT_QUEUE;

use super::Written;
use super::member_namespaces::{self, Holders};
use super::problem::{About, Report};
use super::read::Entry;
use crate::{Kind, POLICY_NAME};

pub(super) fn resolve(records: &mut Records, written: &Written, report: &mut Report) {
    let mut gone = Vec::new();
    ids(&written.users, &mut gone, report);
    ids(&written.groups, &mut gone, report);
    ids(&written.projects, &mut gone, report);
    ids(&written.plans, &mut gone, report);
    ids(&written.queues, &mut gone, report);
    ids(&written.models, &mut gone, report);
    usernames(written, &mut gone, report);
    for About { kind, name, .. } in gone {
        match kind {
            Kind::User => drop(records.users.remove(&UserName::from(name))),
            Kind::Group => drop(records.groups.remove(&GroupName::from(name))),
            Kind::Project => drop(records.projects.remove(&ProjectName::from(name))),
            Kind::ResourcePlan => drop(records.plans.remove(&PlanName::from(name))),
            Kind::GpuModel => drop(records.models.remove(&ModelName::from(name))),
            Kind::PlatformQueue => drop(records.queues.remove(&QueueName::from(name))),
            Kind::PlatformPolicy => {}
        }
    }
    let holders = namespaces(records, written, report);
    member_namespaces::add(records, written, holders, report);
    trusted(records, written, report);
    models(records, written, report);
    cycles(records, written, report);
}

/// Labels carry ids, so that one id cannot mean two records: the newer one counts as missing.
fn ids<S>(entries: &[Entry<S>], gone: &mut Vec<About>, report: &mut Report) {
    let mut holders = HashMap::new();
    for entry in entries {
        // The queue `default` exists without a record.
        if entry.about.kind == Kind::PlatformQueue && entry.about.name != DEFAULT_QUEUE {
            holders.entry(DEFAULT_QUEUE).or_insert(DEFAULT_QUEUE);
        }
        match holders.get(entry.id.as_str()) {
            None => drop(holders.insert(entry.id.as_str(), entry.about.name.as_str())),
            Some(holder) if *holder == entry.about.name => {}
            Some(holder) => {
                let (kind, id) = (entry.about.kind, &entry.id);
                let message = format!("the id {id} is that of {kind} {holder}; choose another");
                report.refuse(&entry.about, "spec.id", message);
                gone.push(entry.about.clone());
            }
        }
    }
}

fn usernames(written: &Written, gone: &mut Vec<About>, report: &mut Report) {
    let mut holders = HashMap::new();
    for entry in &written.users {
        let username = entry.spec.username.as_str();
        match holders.get(username) {
            None => drop(holders.insert(username, &entry.about.name)),
            Some(holder) => {
                let message =
                    format!("{username} is User {holder}; a person has one record: change or delete one of the two");
                report.refuse(&entry.about, "spec.username", message);
                gone.push(entry.about.clone());
            }
        }
    }
}

/// Whose Namespace is whose, of those that projects list.
fn namespaces(records: &mut Records, written: &Written, report: &mut Report) -> Holders {
    let exempt = &records.platform.exempt_namespaces;
    let policy = written.policies.iter().find(|entry| entry.about.name == crate::POLICY_NAME);
    let mut holders = Holders::new();
    for entry in &written.projects {
        // One that counts as missing claims nothing, and is told all the same.
        let mut project = records.projects.get_mut(entry.about.name.as_str());
        let listed = match &mut project {
            Some(project) => std::mem::take(&mut project.namespaces),
            None => entry.spec.namespaces.iter().map(|it| it.0.clone()).collect(),
        };
        for namespace in listed {
            let place = entry.spec.namespaces.iter().position(|written| written.0 == namespace);
            let field = place.map_or("spec.namespaces".into(), |index| format!("spec.namespaces[{index}]"));
            if let Some(holder) = holders.get(&namespace) {
                let message = format!("namespace {namespace} is that of Project {holder}; list another");
                report.refuse(&entry.about, field, message);
            } else if exempt.contains(&namespace) {
                let message =
                    format!("namespace {namespace} is exempt by PlatformPolicy.spec.exemptNamespaces; list another");
                report.refuse(&entry.about, field, message);
                if let Some(policy) = policy {
                    let message =
                        format!("namespace {namespace} is that of Project {}; it stays exempt", entry.about.name);
                    report.warn(&policy.about, "spec.exemptNamespaces", message);
                }
            } else if let Some(project) = &mut project {
                holders.insert(namespace.clone(), entry.about.name.clone());
                project.namespaces.push(namespace);
            }
        }
    }
    holders
}

/// What a device or a resource is called must lead to one model.
fn models(records: &mut Records, written: &Written, report: &mut Report) {
    let mut products: BTreeMap<(String, Option<String>, String), &str> = BTreeMap::new();
    let mut resources: BTreeMap<String, &str> = BTreeMap::new();
    for entry in &written.models {
        let (about, spec) = (&entry.about, &entry.spec);
        let Some(model) = records.models.get_mut(about.name.as_str()) else { continue };
        for (index, product) in spec.product_names.iter().enumerate() {
            let key = (spec.device_class_name.0.clone(), model.profile.clone(), product.0.clone());
            let holder = *products.entry(key).or_insert(&about.name);
            if holder != about.name {
                let message = format!("{:?} is GpuModel {holder}; a device has one model", product.0);
                report.refuse(about, format!("spec.productNames[{index}]"), message);
                model.product_names.remove(product.as_str());
            }
        }
        for (index, resource) in spec.resource_names.iter().enumerate() {
            let holder = *resources.entry(resource.0.clone()).or_insert(&about.name);
            if holder != about.name {
                let message = format!("{} means GpuModel {holder}; it can mean one model only", resource.0);
                report.refuse(about, format!("spec.resourceNames[{index}]"), message);
                model.resource_names.remove(resource.as_str());
            }
        }
    }
}

/// A trusted account that lives in a project's namespace would be trusted to whoever may start a Pod there.
fn trusted(records: &mut Records, written: &Written, report: &mut Report) {
    let governed: HashMap<_, _> = records
        .projects
        .values()
        .flat_map(|project| project.namespaces.iter().map(|namespace| (namespace.clone(), project.name.clone())))
        .collect();
    let Some(policy) = written.policies.iter().find(|entry| entry.about.name == POLICY_NAME) else { return };
    let platform = &mut records.platform;
    let lists = [
        ("trustedControllers", &policy.spec.trusted_controllers, &mut platform.trusted_controllers),
        ("trustedClients", &policy.spec.trusted_clients, &mut platform.trusted_clients),
    ];
    for (field, listed, trusted) in lists {
        for (index, account) in listed.iter().enumerate() {
            let namespace = account.0.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split(':').next());
            if let Some(project) = namespace.and_then(|namespace| governed.get(namespace)) {
                let message = format!(
                    "{} lives in a namespace of Project {project}, whose members could act as it; let it live elsewhere",
                    account.0
                );
                report.refuse(&policy.about, format!("spec.{field}[{index}]"), message);
                trusted.remove(&account.0);
            }
        }
    }
}

/// A project whose chain of parents leads back to it loses its parent: the newest of each cycle.
fn cycles(records: &mut Records, written: &Written, report: &mut Report) {
    let mut parents: BTreeMap<ProjectName, ProjectName> = BTreeMap::new();
    for entry in &written.projects {
        let Some(project) = records.projects.get_mut(entry.about.name.as_str()) else { continue };
        let Some(parent) = project.parent.clone() else { continue };
        let mut chain = vec![project.name.clone()];
        let mut seen = BTreeSet::new();
        let mut next = Some(&parent);
        while let Some(ancestor) = next.filter(|ancestor| seen.insert((*ancestor).clone())) {
            chain.push(ancestor.clone());
            next = if *ancestor == project.name { None } else { parents.get(ancestor) };
        }
        if chain.len() > 1 && chain.last() == Some(&project.name) {
            let chain = chain.iter().map(ProjectName::as_str).collect::<Vec<_>>().join(" → ");
            report.refuse(&entry.about, "spec.parent", format!("{chain} is a circle; choose another parent, or none"));
            project.parent = None;
        } else {
            parents.insert(project.name.clone(), parent);
        }
    }
}
