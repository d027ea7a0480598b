//! A small cluster beside a ledger, and everything that can happen to both in any order: objects are made, made again
//! under the same name, lost on their way, gated, ungated, scheduled, ended and deleted; two reconcilers with watches that
//! lag; a process that dies between any two statements.
//!
//! After every step: what lives is paid, and no sum passes its limit. In the end, when nothing is on its way any more and
//! both reconcilers have looked: the ledger has exactly what lives, and nothing of what does not.

mod cluster;

use jiff::{SignedDuration, Timestamp};
use policy_engine::ledger::{Balance, Entry, Outcome, REQUEST_TIMEOUT, Request, Sight, View, reconcile};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use std::collections::BTreeSet;

use super::fixture::{Database, payers, project, soon, user};
use crate::Ledger;
use cluster::{Cluster, OnTheWay};

const PODS: usize = 4;
const CLAIMS: usize = 3;
const USERS: [&str; 2] = ["alice", "bob"];

/// What happens next. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Happens {
    /// A Pod is asked for: by its place, whose it is, whether it has a gate, its inline claim and the claims it names.
    Pod { name: usize, user: usize, gated: bool, inline: Option<u64>, claims: Vec<usize> },
    /// A claim is asked for by a person, who may share it.
    Claim { name: usize, user: usize, price: u64, shared: bool },
    /// The resource-claim controller asks for a claim of a Pod's own, perhaps from a template that was replaced.
    Made { pod: usize, price: Option<u64> },
    /// A gate is asked to be taken off.
    Ungate { pod: usize },
    /// What is on its way is asked once more with the same UID.
    Again { way: usize },
    /// It arrives.
    Arrive { way: usize },
    /// It is lost.
    Lost { way: usize },
    /// The scheduler asks to reserve the claims of a Pod, which all exist, so as to put it on a node.
    Schedule { pod: usize },
    /// A Pod ends.
    Finish { pod: usize },
    /// A Pod is deleted.
    DeletePod { pod: usize },
    /// A claim that no scheduled Pod uses is deleted.
    DeleteClaim { claim: usize },
    /// Somebody who may take finalizers off deletes a claim that a scheduled Pod holds, which both watches have heard of.
    Vanish { claim: usize },
    /// The webhook's watch hears of everything.
    Hear,
    /// A reconciler's watch hears of everything.
    Look { reconciler: usize },
    /// A reconciler compares what its watch has heard with the ledger.
    Reconcile { reconciler: usize },
    /// Time passes.
    Wait { seconds: i64 },
    /// The process dies after so many statements of whatever comes next.
    Die { statements: i64 },
}

fn happens() -> impl Strategy<Value = Happens> {
    use Happens::*;
    let any = || 0..8_usize;
    let pod = (
        0..PODS,
        0..2_usize,
        prop::bool::weighted(0.25),
        prop::option::of(1..3_u64),
        prop::collection::vec(0..CLAIMS, 0..2),
    );
    prop_oneof![
        6 => pod.prop_map(|(name, user, gated, inline, claims)| Pod { name, user, gated, inline, claims }),
        4 => (0..CLAIMS, 0..2_usize, 1..4_u64, prop::bool::weighted(0.3))
            .prop_map(|(name, user, price, shared)| Claim { name, user, price, shared }),
        4 => (any(), prop::option::weighted(0.4, 1..4_u64)).prop_map(|(pod, price)| Made { pod, price }),
        2 => any().prop_map(|pod| Ungate { pod }),
        2 => any().prop_map(|way| Again { way }),
        9 => any().prop_map(|way| Arrive { way }),
        1 => any().prop_map(|way| Lost { way }),
        3 => any().prop_map(|pod| Schedule { pod }),
        1 => any().prop_map(|pod| Finish { pod }),
        2 => any().prop_map(|pod| DeletePod { pod }),
        3 => any().prop_map(|claim| DeleteClaim { claim }),
        1 => any().prop_map(|claim| Vanish { claim }),
        4 => Just(Hear),
        4 => (0..2_usize).prop_map(|reconciler| Look { reconciler }),
        5 => (0..2_usize).prop_map(|reconciler| Reconcile { reconciler }),
        2 => (1..70_i64).prop_map(|seconds| Wait { seconds }),
        1 => (0..14_i64).prop_map(|statements| Die { statements }),
    ]
}

/// A reconciler: what its watch has heard, and what its last comparison had.
#[derive(Default)]
struct Reconciler {
    heard: View,
    before: BTreeSet<String>,
    /// How many of those that came its watch has spoken of.
    spoken: usize,
}

struct World {
    database: Database,
    ledger: Ledger,
    cluster: Cluster,
    reconcilers: [Reconciler; 2],
    dying: bool,
}

impl World {
    async fn new() -> Self {
        let database = Database::sqlite();
        let ledger = database.open().await;
        Self { database, ledger, cluster: Cluster::default(), reconcilers: Default::default(), dying: false }
    }

    async fn take(&mut self, next: &Happens) {
        match next {
            Happens::Pod { name, user, gated, inline, claims } => {
                let pod = self.cluster.ask_pod(*name, USERS[*user], *gated, *inline, claims);
                self.ask(pod).await;
            }
            Happens::Claim { name, user, price, shared } => {
                let claim = self.cluster.ask_claim(*name, USERS[*user], *price, *shared);
                self.ask(claim).await;
            }
            Happens::Made { pod, price } => {
                if let Some(claim) = self.cluster.ask_made(*pod, *price) {
                    self.ask(claim).await;
                }
            }
            Happens::Ungate { pod } => {
                if let Some(ungated) = self.cluster.ask_ungated(*pod) {
                    self.ask(ungated).await;
                }
            }
            Happens::Again { way } => {
                if let Some(request) = self.cluster.on_the_way(*way).and_then(OnTheWay::request) {
                    // The API server asks once more; a no now is a no to the whole.
                    if !self.is_admitted(&request).await {
                        self.cluster.lose(*way);
                    }
                }
            }
            Happens::Arrive { way } => self.cluster.arrive(*way),
            Happens::Lost { way } => self.cluster.lose(*way),
            Happens::Schedule { pod } => {
                if let Some(scheduled) = self.cluster.ask_scheduled(*pod) {
                    self.ask(scheduled).await;
                }
            }
            Happens::Finish { pod } => self.cluster.finish(*pod),
            Happens::DeletePod { pod } => self.cluster.delete_pod(*pod),
            Happens::DeleteClaim { claim } => self.cluster.delete_claim(*claim),
            Happens::Vanish { claim } => {
                (0..2).for_each(|which| self.look(which));
                let charges = self.ledger.charges().await.expect("charges");
                let seen = charges.into_iter().filter(|charge| charge.seen).map(|charge| charge.key.uid).collect();
                self.cluster.vanish(*claim, &seen);
            }
            Happens::Hear => self.cluster.hear(),
            Happens::Look { reconciler } => self.look(*reconciler),
            Happens::Reconcile { reconciler } => self.reconcile(*reconciler).await,
            Happens::Wait { seconds } => self.cluster.wait(SignedDuration::from_secs(*seconds)),
            Happens::Die { statements } => {
                self.ledger.fuse.arm(*statements);
                self.dying = true;
            }
        }
    }

    /// What is admitted is on its way.
    async fn ask(&mut self, asked: OnTheWay) {
        let admitted = match asked.request() {
            Some(request) => self.is_admitted(&request).await,
            None => true,
        };
        if admitted {
            self.cluster.send(asked);
        }
    }

    async fn is_admitted(&mut self, request: &Request) -> bool {
        let entry = Entry::Reserve(request.clone());
        let said = self.ledger.step(entry, self.cluster.now, soon()).await;
        self.come_back().await;
        matches!(said, Ok(verdict) if verdict.outcome == Outcome::Reserved)
    }

    fn look(&mut self, which: usize) {
        let Reconciler { heard, spoken, .. } = &mut self.reconcilers[which];
        let mut passed = std::mem::take(&mut heard.passed);
        passed.extend(self.cluster.came.iter().skip(*spoken).cloned());
        *spoken = self.cluster.came.len();
        *heard = View { passed, ..self.cluster.view() };
    }

    async fn reconcile(&mut self, which: usize) {
        let Reconciler { heard, before, .. } = &self.reconcilers[which];
        let charges = self.ledger.charges().await.expect("charges");
        let found = reconcile(&charges, heard, before);
        let gone = found.look_for.iter().filter(|missing| !self.cluster.exists(&missing.uid)).map(|missing| {
            let (uid, at) = (missing.uid.clone(), heard.at);
            Entry::Observe(if missing.claim { Sight::ClaimGone { uid, at } } else { Sight::PodGone { uid, at } })
        });
        let there = found.uncharged.iter().filter(|(missing, _)| self.cluster.lives(&missing.uid));
        let adopt = there.map(|(_, request)| Entry::Adopt(request.clone()));
        let steps: Vec<Entry> = found.steps.iter().cloned().chain(gone).chain(adopt).collect();
        let uids = heard.uids();
        let mut answers = Vec::new();
        for step in steps {
            answers.push(self.ledger.hand_over(step, self.cluster.now, soon()).await.expect("a queue"));
        }
        let mut taken = true;
        for answer in answers {
            taken &= matches!(answer.await, Ok(Ok(_)));
        }
        if taken {
            self.reconcilers[which].before = uids;
            self.reconcilers[which].heard.passed.clear();
        }
        self.come_back().await;
    }

    /// A process that died is another one now; its reconcilers remember nothing.
    async fn come_back(&mut self) {
        if std::mem::take(&mut self.dying) {
            self.ledger.fuse.mend();
            self.ledger = self.database.open().await;
            for reconciler in &mut self.reconcilers {
                reconciler.before.clear();
            }
        }
    }

    /// A reconciler whose view is old may say that a claim is held which was given back since. That refuses, admits nobody,
    /// and is set right by the next view.
    async fn check(&mut self) -> Result<(), TestCaseError> {
        if self.account_over_its_limit().await?.is_some() {
            for which in 0..2 {
                self.look(which);
                self.reconcile(which).await;
            }
        }
        let over = self.account_over_its_limit().await?;
        prop_assert!(over.is_none(), "{}", over.unwrap_or_default());
        Ok(())
    }

    /// What lives is always paid. Whose sum passes its limit is said.
    async fn account_over_its_limit(&self) -> Result<Option<String>, TestCaseError> {
        let balances = self.ledger.balances().await.expect("sums");
        let total = |account| {
            let found = balances.iter().find(|(of, _)| *of == account).map(|(_, balance)| *balance);
            found.unwrap_or_default()
        };
        for (account, quota) in USERS.iter().flat_map(|user| payers(user).0) {
            let ((lives, _), kept) = (self.cluster.costs(&account), total(account.clone()).total());
            prop_assert!(lives.minus(kept).is_nothing(), "{account} pays {kept:?}, and {lives:?} lives");
            let limits =
                [(kept.devices, quota.devices), (kept.milli_gpu, quota.milli_gpu), (kept.milli_cpu, quota.milli_cpu)];
            if let Some((kept, limit)) =
                limits.into_iter().find(|(kept, limit)| limit.is_some_and(|limit| *kept > limit))
            {
                return Ok(Some(format!("{account} has {kept} of {limit:?}")));
            }
        }
        Ok(None)
    }

    /// Nothing is on its way any more, and both reconcilers look twice.
    async fn settle(&mut self) -> Result<(), TestCaseError> {
        self.come_back().await;
        self.cluster.wait(REQUEST_TIMEOUT + REQUEST_TIMEOUT);
        for _again in 0..2 {
            for which in 0..2 {
                self.look(which);
                self.reconcile(which).await;
            }
        }
        prop_assert_eq!(self.ledger.recount().await.expect("sums"), vec![]);
        for account in [project(), user("alice"), user("bob")] {
            let Balance { used, reserved } = self.ledger.balance(&account).await.expect("a sum");
            let (pays, (least, most)) = (used.plus(reserved), self.cluster.costs(&account));
            prop_assert_eq!(pays, pays.max(least).min(most), "{}", account);
        }
        let known = self.ledger.charges().await.expect("charges");
        for charge in known.iter().filter(|charge| charge.key.reference.is_empty()) {
            let lives = self.cluster.exists(&charge.key.uid) || self.cluster.is_held(&charge.key.uid);
            prop_assert!(lives, "{charge:?} is of nothing");
        }
        Ok(())
    }

    async fn run(mut self, all: Vec<Happens>) -> Result<(), TestCaseError> {
        for next in all {
            self.take(&next).await;
            self.check().await?;
        }
        self.settle().await?;
        self.cluster.delete_everything();
        self.settle().await?;
        prop_assert_eq!(self.ledger.charges().await.expect("charges"), vec![]);
        prop_assert_eq!(self.ledger.uses().await.expect("uses"), vec![]);
        Ok(())
    }
}

fn begin() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time")
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_happens_nothing_lives_unpaid_no_sum_passes_its_limit_and_nothing_leaks(
        all in prop::collection::vec(happens(), 1..120),
    ) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(async { World::new().await.run(all).await })?;
    }
}
