//! What becomes of Pods by their queue, and what helps them: only what does is said.

use jiff::Timestamp;
use policy_engine::charge::{default_takes, limits_now};
use policy_engine::daemons::common::later;
use policy_engine::ledger::{Amounts, Resource};
use policy_engine::policy::Policy;
use policy_engine::policy::plan::{OutsideWindow, Plan};
use policy_engine::policy::project::Project;
use policy_engine::policy::queue::{DEFAULT_QUEUE, Queue};
use policy_engine::windows::{Closed, Moment};
use records::review::{Concern, Reason};

/// What is known of the queues of a project.
#[derive(Clone, Copy)]
pub struct Queues<'a> {
    /// What admins wrote.
    pub policy: &'a Policy,
    /// The project, if the Namespace is one's.
    pub project: Option<&'a Project>,
    /// The instant of the answer.
    pub now: Timestamp,
}

/// How a queue stands to a project.
enum Stand<'a> {
    /// It is `default`, or nobody closes it.
    Open,
    /// It is closed until then.
    Opens(Closed<'a>, Timestamp),
    /// It does not open again.
    Never(Closed<'a>),
    /// Only `default` is left, for this reason.
    NoPlan(String),
    /// The plan does not bind it.
    NotBound(&'a Plan),
    /// There is no such queue.
    Gone,
}

impl<'a> Queues<'a> {
    fn stand(&self, asked: &str) -> Stand<'a> {
        let Some(project) = self.project else { return Stand::Open };
        let Some(queue) = self.policy.queue_asked(asked) else { return Stand::Gone };
        if is_default(queue) {
            return Stand::Open;
        }
        let to_come = |plan: &&Plan| plan.validity.from.is_some_and(|begins| begins > self.now);
        let named = project.plan.as_ref().and_then(|name| self.policy.records().plans.get(name));
        let in_force = self.policy.plan_in_force(project, self.now).or(named.filter(to_come));
        let Some(plan) = in_force else { return Stand::NoPlan(no_plan(project, named)) };
        if !plan.queues.contains(&queue.name) {
            return Stand::NotBound(plan);
        }
        match Closed::of(plan, queue, self.now) {
            None => Stand::Open,
            Some(closed) => match closed.opens {
                Some(at) => Stand::Opens(closed, at),
                None => Stand::Never(closed),
            },
        }
    }

    /// Whether a Pod that asks this much can be run in `default` now.
    fn default_takes(&self, asked: &Amounts) -> bool {
        self.project.is_some_and(|project| default_takes(self.policy, project, asked, self.now))
    }

    /// How a Pod that waits in a queue can be moved to `default`, if that takes it.
    pub fn to_default(&self, pod: &str, queue: &str, asked: Option<&Amounts>) -> Option<String> {
        let is_there = self.policy.queue_asked(queue).is_some_and(is_default);
        let takes = asked.is_none_or(|asked| self.default_takes(asked));
        (!is_there && takes).then(|| format!("sluice switch-queue {pod} {DEFAULT_QUEUE}"))
    }

    /// How something of which no size is known can be made in `default`, if that has anything.
    fn made_in_default(&self) -> Option<&'static str> {
        let (limits, _) = limits_now(self.policy, self.project?, self.now);
        match (Resource::Gpu.limit(&limits), Resource::Cpu.limit(&limits)) {
            (Some(0), Some(0)) => None,
            (Some(0), _) => Some("or, without GPU, create it in queue default"),
            (_, _) => Some("or create it in queue default"),
        }
    }

    /// What helps who was stopped in a queue because that was closed.
    pub(super) fn again(&self, queue: &str) -> String {
        let or_default = self.made_in_default().map(|said| format!("; {said}")).unwrap_or_default();
        match self.stand(queue) {
            Stand::Open => "create it again: its queue is open".to_owned(),
            Stand::Opens(closed, at) => match closed.plan.outside_window {
                OutsideWindow::Gate => {
                    format!("create it again, and it starts when the queue opens, at {at}{or_default}")
                }
                OutsideWindow::Deny => format!("create it again when the queue opens, at {at}{or_default}"),
            },
            Stand::Never(closed) => format!("{closed}: ask an admin for a window{or_default}"),
            Stand::NoPlan(why) => {
                format!("{why}, so that queue {queue} takes no pods: ask an admin for a plan{or_default}")
            }
            Stand::NotBound(plan) => {
                format!("plan {} does not bind queue {queue}: create it in a queue that sluice me lists", plan.name)
            }
            Stand::Gone => format!("queue {queue} does not exist: create it in a queue that sluice me lists"),
        }
    }

    /// What is said of a Pod that waits behind its gate for its queue to open; `None` where it is open.
    pub(super) fn gated(&self, queue: &str, to_default: Option<&str>) -> Option<Reason> {
        let gate = |says: String, first: Option<&str>| {
            let moves = to_default.map(|command| format!("move it: {command}"));
            let what_to_do = [first.map(str::to_owned), moves].into_iter().flatten().collect::<Vec<_>>().join(", or ");
            Reason { concern: Concern::Gate, says, what_to_do: Some(what_to_do).filter(|it| !it.is_empty()) }
        };
        let (plan, window) = ("ask an admin for a plan", "ask an admin for a window");
        match self.stand(queue) {
            Stand::Open => None,
            Stand::Opens(closed, _) => Some(gate(closed.to_string(), Some("wait until then"))),
            Stand::Never(closed) => Some(gate(format!("{closed}: it waits in vain"), Some(window))),
            Stand::NoPlan(why) => Some(gate(format!("{why}: it waits in vain"), Some(plan))),
            Stand::NotBound(bound) => {
                let says = format!("plan {} does not bind queue {queue}: it waits in vain", bound.name);
                Some(gate(says, Some("ask an admin to bind it")))
            }
            Stand::Gone => Some(gate(format!("queue {queue} does not exist: it waits in vain"), None)),
        }
    }

    /// What is said of a Pod that runs and was told when its queue closes.
    pub(super) fn closing(&self, pod: &str, queue: &str, at: Timestamp) -> Reason {
        let evicted = self.evicted_at(at);
        let why = match self.stand(queue) {
            Stand::NoPlan(why) => format!("{why}; "),
            Stand::Never(closed) => format!("{closed}; "),
            Stand::Open | Stand::Opens(..) | Stand::NotBound(_) | Stand::Gone => String::new(),
        };
        let closes = if at > self.now {
            format!("its queue {queue} closes at {at}")
        } else {
            format!("its queue {queue} is closed since {at}")
        };
        let says = format!("it runs; {why}{closes}, and it is evicted at {evicted}");
        // What runs is charged already, and goes on there.
        let what_to_do =
            format!("save your work, or move it, and it goes on: sluice switch-queue {pod} {DEFAULT_QUEUE}");
        Reason { concern: Concern::Closes, says, what_to_do: Some(what_to_do) }
    }

    /// When a budget is heeded no longer that holds up an eviction which was due then.
    pub(super) fn forced_at(&self, due: Timestamp) -> Timestamp {
        later(due, self.policy.platform().budget_grace)
    }

    /// When a Pod is evicted whose queue closes then.
    pub(super) fn evicted_at(&self, closes: Timestamp) -> Timestamp {
        later(closes, self.policy.platform().plan_window_grace)
    }

    /// What is said of a workload that was moved: where, and what that means. `stay` is how many of its Pods are elsewhere, `asked` the queue
    /// of its pod template, `named` how a command names it.
    pub fn switched(&self, named: &str, queue: &str, asked: Option<&str>, stay: usize) -> Vec<Reason> {
        let command = format!("sluice switch-queue {named} QUEUE");
        let was = format!("it was switched to queue {queue}");
        let of_queue = |says: String, what_to_do: Option<String>| Reason { concern: Concern::Gate, says, what_to_do };
        let stays = match stay {
            0 => String::new(),
            1 => "; 1 of its pods stays in its queue".to_owned(),
            several => format!("; {several} of its pods stay in their queue"),
        };
        let elsewhere = Some(format!("switch it: {command}"));
        let (says, what_to_do) = match self.stand(queue) {
            Stand::Open => (format!("{was}, and its pods go there{stays}"), None),
            Stand::Opens(closed, _) if stay > 0 => (
                format!("{was}: {closed}{stays} until it opens"),
                Some("wait until then, or switch it to one that is open: ".to_owned() + &command),
            ),
            Stand::Opens(closed, _) => {
                (format!("{was}: {closed}"), Some(format!("wait until then, or switch it: {command}")))
            }
            Stand::Never(closed) => (format!("{was}: {closed}{stays}"), elsewhere),
            Stand::NoPlan(why) => (format!("{was}, and {why}, which leaves default{stays}"), elsewhere),
            Stand::NotBound(plan) => (format!("{was}, which plan {} does not bind{stays}", plan.name), elsewhere),
            Stand::Gone => (format!("{was}, which does not exist{stays}"), elsewhere),
        };
        let mut reasons = vec![of_queue(says, what_to_do)];
        let of = |asked: &str| self.policy.queue_asked(asked).map(|queue| &queue.name);
        if let Some(asked) = asked.filter(|asked| of(asked).is_none() || of(asked) != of(queue)) {
            let says =
                format!("its pod template asks queue {asked}, which does not count while it is switched to {queue}");
            let take_off = format!("to let the template say: kubectl annotate {named} platform-go/switch-queue-");
            reasons.push(of_queue(says, Some(take_off)));
        }
        reasons
    }
}

fn is_default(queue: &Queue) -> bool {
    queue.name.as_str() == DEFAULT_QUEUE
}

/// Why a project has no plan in force.
fn no_plan(project: &Project, plan: Option<&Plan>) -> String {
    let name = &project.name;
    match (&project.plan, plan) {
        (None, _) => format!("project {name} has no plan"),
        (Some(asked), None) => format!("plan {asked} of project {name} does not exist"),
        (Some(asked), Some(plan)) => {
            let zone = plan.schedule.as_ref().map_or("UTC", |schedule| schedule.time_zone.as_str());
            let ended = plan.validity.until.map(|at| format!("ended {}", Moment { at, zone }));
            format!("plan {asked} of project {name} {}", ended.as_deref().unwrap_or("is not in force"))
        }
    }
}
