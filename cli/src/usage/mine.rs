//! Usage without the ledger's database: what the platform tells whoever asks.

use anyhow::anyhow;
use policy_engine::charge::report::{Cell, Line, Report, Spent};
use records::review::{Me, MyAccount, MyHours, Room, Whose};

use super::listed;
use crate::ending::Failure;

/// The asker's own accounts and hours, and what their projects and those above them use in all.
pub(super) fn report(me: Me, project: Option<&str>, user: Option<&str>) -> Result<Report, Failure> {
    let Me { user: mine, at, projects, month, .. } = me;
    if user.is_some_and(|asked| asked != mine.name && asked != mine.id) {
        let name = &mine.name;
        return Err(Failure::input(anyhow!(
            "--user: {name} is told what is {name}'s; of others the ledger's database says it"
        )));
    }
    let names: Vec<_> = projects.iter().map(|project| project.name.clone()).collect();
    if let Some(asked) = project.filter(|asked| !names.iter().any(|name| name == asked)) {
        return Err(Failure::input(anyhow!("no project of yours is {asked:?}; {}", listed("projects", &names))));
    }
    let instant = |text: &str| text.parse().map_err(|error| Failure::Unanswered(anyhow::Error::new(error)));
    let wanted = |name: &str| project.is_none_or(|asked| asked == name);
    let mut report = Report::new(instant(&month.since)?, instant(&at)?);
    for of in projects.into_iter().filter(|of| wanted(&of.name)) {
        for MyAccount { whose, project, closed_plan: _, gpu, devices, cpu, memory } in of.accounts {
            let user = (whose == Whose::Mine).then(|| mine.name.clone());
            let [gpu, devices, cpu, memory] = [gpu, devices, cpu, memory].map(cell);
            let line = Line { project, user, gpu, devices, cpu, memory };
            // Several projects are below the same one.
            if !report.accounts.contains(&line) {
                report.accounts.push(line);
            }
        }
    }
    let spent = |MyHours { project, queue, model, gpu_hours, device_hours }: MyHours| {
        let user = mine.name.clone();
        Spent { project, group: Default::default(), user, queue, model, gpu_hours, device_hours }
    };
    report.spent = month.spent.into_iter().filter(|spent| wanted(&spent.project)).map(spent).collect();
    Ok(report)
}

fn cell(Room { used, reserved, limit, left: _ }: Room) -> Cell {
    Cell { used, reserved, limit }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn me() -> Me {
        let room = json!({"used": "1", "reserved": "0", "limit": "8", "left": "7"});
        let account = |whose: &str, project: &str| json!({"whose": whose, "project": project, "gpu": room, "devices": room, "cpu": room, "memory": room});
        let project = |name: &str| {
            json!({"name": name, "role": "Member", "namespaces": [], "planInForce": true, "queues": [], "gpuModels": [],
                "accounts": [account("Mine", name), account("Project", name), account("Above", "lab")]})
        };
        let hours = |project: &str| json!({"project": project, "queue": "batch", "model": "h100", "gpuHours": "1.5", "deviceHours": "3"});
        serde_json::from_value(json!({
            "user": {"name": "bob", "id": "b1", "username": "bob", "systemRole": "User"}, "at": "2026-11-23T10:00:00Z",
            "projects": [project("one"), project("two")], "models": [], "work": [], "moreWork": 0,
            "month": {"since": "2026-11-01T00:00:00Z", "spent": [hours("one"), hours("two")]},
        }))
        .expect("an answer")
    }

    #[test]
    fn a_member_is_shown_their_own_and_their_projects_accounts() {
        let lines = |project| {
            let report = report(me(), project, Some("b1")).expect("a report");
            let accounts = report.accounts.into_iter().map(|it| (it.project, it.user.unwrap_or_default()));
            (accounts.collect::<Vec<_>>(), report.spent.len())
        };
        let of = |project: &str, user: &str| (project.to_owned(), user.to_owned());
        let one = vec![of("one", "bob"), of("one", ""), of("lab", "")];
        assert_eq!(lines(Some("one")), (one.clone(), 1));
        assert_eq!(lines(None), ([one, vec![of("two", "bob"), of("two", "")]].concat(), 2));
        let refused = |project, user| match report(me(), project, user) {
            Err(Failure::BadInput(why)) => why.iter().map(ToString::to_string).collect::<String>(),
            _ => panic!("it was answered"),
        };
        assert_eq!(
            refused(None, Some("alice")),
            "--user: bob is told what is bob's; of others the ledger's database says it"
        );
        assert_eq!(refused(Some("x"), None), "no project of yours is \"x\"; the projects are one, two");
    }
}
