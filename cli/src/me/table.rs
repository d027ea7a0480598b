//! What is mine, as text.

use std::fmt::{Debug, Write as _};

use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use records::review::{
    Me, Month, MyAccount, MyHours, MyModel, MyProject, MyQueue, Person, Room, Whose, Work, WorkState,
};

use crate::table::columns;

/// Everything, a table for each thing.
pub(super) fn render(me: &Me) -> String {
    let Me { user: Person { name, username, system_role, .. }, at, projects, models, month, work, more_work } = me;
    let known_as = if name == username { String::new() } else { format!(", whom Kubernetes calls {username}") };
    let mut text = format!("{} ({system_role:?}{known_as}) on {}\n", name.bold(), moment(at));
    if projects.is_empty() {
        let _infallible = writeln!(
            text,
            "\n{name} is a member of no project, and can run nothing here; ask a platform Admin, or a project's, to be added"
        );
    } else {
        section(&mut text, "Projects", &["PROJECT", "ROLE", "PLAN", "NAMESPACES"], projects.iter().map(project));
        let all = projects.iter().flat_map(|project| project.queues.iter().map(move |queue| (project, queue)));
        section(&mut text, "Queues", &["PROJECT", "QUEUE", "NOW", "CHANGES", "MODELS"], all.map(queue));
        let all = projects.iter().flat_map(|project| project.accounts.iter().map(move |it| (project, it)));
        let head = ["PROJECT", "WHOSE", "GPU", "DEVICES", "CPU", "MEMORY"];
        section(&mut text, "Limits, as used + reserved / limit: left", &head, all.map(|of| account(name, of)));
        section(&mut text, "GPU models", &["MODEL", "DEVICES", "FREE", "ALLOWED IN"], models.iter().map(model));
    }
    let Month { since, spent } = month;
    let head = ["PROJECT", "QUEUE", "MODEL", "GPU-HOURS", "DEVICE-HOURS"];
    section(&mut text, &format!("My hours since {}", moment(since)), &head, spent.iter().map(hours));
    let head = ["POD", "PROJECT", "QUEUE", "GPU", "STATE", "SINCE", "WHY"];
    section(&mut text, "My Pods", &head, work.iter().map(pod));
    if *more_work > 0 {
        let _infallible = writeln!(text, "  and {more_work} more");
    }
    text
}

fn section(text: &mut String, title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let _infallible = write!(text, "\n{}\n{}", title.bold(), columns(head, rows.collect()));
}

fn project(project: &MyProject) -> Vec<String> {
    let MyProject { name, role, namespaces, plan, plan_in_force, .. } = project;
    let plan = match plan {
        None => "none".yellow().to_string(),
        Some(plan) if *plan_in_force => plan.clone(),
        Some(plan) => format!("{plan}, {}", "not in force".yellow()),
    };
    vec![name.clone(), word(role), plan, namespaces.join(", ")]
}

fn queue((project, queue): (&MyProject, &MyQueue)) -> Vec<String> {
    let MyQueue { name, open, closes_at, opens_at, gpu_models } = queue;
    let now = if *open { "open".green().to_string() } else { "closed".yellow().to_string() };
    let changes = match (closes_at, opens_at) {
        (Some(at), _) => format!("closes {}", moment(at)),
        (None, Some(at)) => format!("opens {}", moment(at)),
        (None, None) if *open => "never closes".to_owned(),
        (None, None) => "does not open again".to_owned(),
    };
    let models = if gpu_models.is_empty() { "no GPU".to_owned() } else { gpu_models.join(", ") };
    vec![project.name.clone(), name.clone(), now, changes, models]
}

fn account(name: &str, (of, account): (&MyProject, &MyAccount)) -> Vec<String> {
    let MyAccount { whose, project, closed_plan, gpu, devices, cpu, memory } = account;
    let whose = match whose {
        Whose::Mine => name.to_owned(),
        Whose::Project => match closed_plan {
            Some(plan) => format!("the project, while plan {plan} is closed"),
            None => "the project".to_owned(),
        },
        Whose::Above => format!("{project}, above it"),
    };
    let mut row = vec![of.name.clone(), whose];
    row.extend([gpu, devices, cpu, memory].map(room));
    row
}

fn room(Room { used, reserved, limit, left }: &Room) -> String {
    let taken = if reserved == "0" { used.clone() } else { format!("{used} + {reserved}") };
    match (limit, left) {
        (Some(limit), Some(left)) if left == "0" => format!("{taken} / {limit}: {}", "0".yellow()),
        (Some(limit), Some(left)) => format!("{taken} / {limit}: {left}"),
        (_, _) => format!("{taken} / -"),
    }
}

fn model(MyModel { name, devices, free, allowed_in }: &MyModel) -> Vec<String> {
    let allowed = if allowed_in.is_empty() { "-".to_owned() } else { allowed_in.join(", ") };
    vec![name.clone(), devices.to_string(), free.to_string(), allowed]
}

fn hours(MyHours { project, queue, model, gpu_hours, device_hours }: &MyHours) -> Vec<String> {
    [project, queue, model, gpu_hours, device_hours].map(String::clone).to_vec()
}

fn pod(work: &Work) -> Vec<String> {
    let Work { namespace, pod, project, queue, gpu, state, why, since } = work;
    let shown = match state {
        WorkState::Running => word(state).green().to_string(),
        WorkState::Waiting => word(state).yellow().to_string(),
        WorkState::Starting | WorkState::Ending => word(state),
    };
    let gpu = gpu.clone().unwrap_or_else(|| "-".to_owned());
    let since = since.as_deref().map(moment).unwrap_or_default();
    let why = why.clone().unwrap_or_default();
    vec![format!("{namespace}/{pod}"), project.clone(), queue.clone(), gpu, shown, since, why]
}

/// A word of the answer, which is the name of its variant.
fn word(it: &impl Debug) -> String {
    format!("{it:?}")
}

fn moment(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(|_| at.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_is_shown_in_plain_tables() {
        let room = |left: &str| json!({"used": "0.5", "reserved": "0", "limit": "4", "left": left});
        let free = json!({"used": "0", "reserved": "1"});
        let account = |whose: &str| json!({"whose": whose, "project": "lab", "gpu": room("3.5"), "devices": room("0"), "cpu": free, "memory": free});
        let mut rationed = account("Project");
        rationed["closedPlan"] = json!("gold");
        let me: Me = serde_json::from_value(json!({
            "user": {"name": "bob", "id": "bob", "username": "bob@example.com", "systemRole": "User"},
            "at": "2026-11-23T10:00:00Z",
            "projects": [{
                "name": "llm", "role": "Member", "namespaces": ["llm", "llm-bob"], "plan": "gold", "planInForce": true,
                "queues": [
                    {"name": "default", "open": true, "gpuModels": []},
                    {"name": "night", "open": false, "opensAt": "2026-11-23T19:00:00Z", "gpuModels": ["h100"]},
                ],
                "gpuModels": ["h100"], "accounts": [account("Mine"), rationed, account("Above")],
            }],
            "models": [{"name": "h100", "devices": 8, "free": 7, "allowedIn": ["llm"]}],
            "month": {"since": "2026-11-01T00:00:00Z", "spent": []},
            "work": [{"namespace": "llm", "pod": "owl", "project": "llm", "queue": "night", "gpu": "0.5",
                "state": "Waiting", "why": "queue night is closed", "since": "2026-11-23T09:00:00Z"}],
            "moreWork": 3,
        }))
        .expect("an answer");
        let text = anstream::adapter::strip_str(&render(&me)).to_string();
        let expected = "\
bob (User, whom Kubernetes calls bob@example.com) on 2026-11-23 10:00 UTC

Projects
  PROJECT  ROLE    PLAN  NAMESPACES
  llm      Member  gold  llm, llm-bob

Queues
  PROJECT  QUEUE    NOW     CHANGES                     MODELS
  llm      default  open    never closes                no GPU
  llm      night    closed  opens 2026-11-23 19:00 UTC  h100

Limits, as used + reserved / limit: left
  PROJECT  WHOSE                                   GPU           DEVICES     CPU        MEMORY
  llm      bob                                     0.5 / 4: 3.5  0.5 / 4: 0  0 + 1 / -  0 + 1 / -
  llm      the project, while plan gold is closed  0.5 / 4: 3.5  0.5 / 4: 0  0 + 1 / -  0 + 1 / -
  llm      lab, above it                           0.5 / 4: 3.5  0.5 / 4: 0  0 + 1 / -  0 + 1 / -

GPU models
  MODEL  DEVICES  FREE  ALLOWED IN
  h100   8        7     llm

My hours since 2026-11-01 00:00 UTC
  nothing

My Pods
  POD      PROJECT  QUEUE  GPU  STATE    SINCE                 WHY
  llm/owl  llm      night  0.5  Waiting  2026-11-23 09:00 UTC  queue night is closed
  and 3 more
";
        assert_eq!(text, expected);
    }
}
