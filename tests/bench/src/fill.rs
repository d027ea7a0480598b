//! The cluster that Sluice has to know: projects with bound namespaces, and Pods in them.

use anyhow::Result;
use futures::future::try_join_all;
use ground::{Ground, Who};

use crate::objects::{PEOPLE, organisation, person, project};
use crate::wire::Door;
use crate::{api, progress};

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Projects with a bound namespace each.
    pub projects: usize,
    /// Pods in these namespaces, evenly.
    pub pods: usize,
}

/// How long the daemons may take to bind the namespaces, in seconds.
const BOUND_WITHIN: u64 = 180;

/// Writes the records and waits until every namespace is bound and its people may work there.
pub fn projects(ground: &Ground, size: Size) -> Result<()> {
    progress(format_args!("  {} projects", size.projects));
    ground.admin_apply(&organisation(size.projects).to_string())?;
    ground::until("the namespaces to be bound", BOUND_WITHIN, || {
        let bound = ground.admin(&["get", "namespaces", "-l=platform-go/project-id", "-o=name"])?;
        anyhow::Ok((bound.lines().count() >= size.projects).then_some(()))
    })?;
    for number in 0..size.projects {
        let (person, namespace) = (person(number), project(number));
        ground::until(&format!("{person} to be let into {namespace}"), BOUND_WITHIN, || {
            let may = ["-n", &namespace, "get", "rolebindings", "-o=name"];
            anyhow::Ok((!ground.kubectl(Who::Admin, &may)?.stdout.is_empty()).then_some(()))
        })?;
    }
    Ok(())
}

/// The API server for each person, by number.
pub fn people(ground: &Ground) -> Result<Vec<Door>> {
    (0..PEOPLE).map(|number| api::door(&ground.user_kubeconfig(&person(number), &[])?)).collect()
}

/// Creates the Pods, each as the person who leads its project.
pub async fn pods(people: &[Door], size: Size) -> Result<()> {
    progress(format_args!("  {} Pods", size.pods));
    let each = people.iter().enumerate().map(|(person, door)| async move {
        let mut connection = door.connect().await?;
        for number in (0..size.pods).filter(|number| number % size.projects % PEOPLE == person) {
            api::create(&mut connection, &project(number % size.projects), &format!("fill-{number:04}")).await?;
        }
        anyhow::Ok(())
    });
    try_join_all(each).await.map(drop)
}
