//! `PlatformReview`: a question that a person asks the platform. It is no record: nothing is ever stored of it.

mod about;
mod preemption;
mod why;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::project::ProjectRole;
use super::user::SystemRole;

pub use about::{About, Subject};
pub use preemption::{Ended, Preemption, Preemptions, Room as RoomMade, Spared, VictimFate};
pub use why::{Concern, Reason, Why, WhyPod};

/// What a person asks. Created with dryRun=All, it comes back with the answer in its status.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "PlatformReview",
    plural = "platformreviews",
    status = "PlatformReviewStatus",
    doc = "A question to the platform, asked as whoever creates it with dryRun=All. It comes back with the answer and is never stored."
)]
#[serde(rename_all = "camelCase")]
pub struct PlatformReviewSpec {
    /// What is asked. me: which projects, queues and GPUs are mine, what is left of them, what of mine runs and waits. why: why
    /// something waits, was refused or was stopped. explainPreemption: who was evicted for whom, and why.
    pub question: Question,
    /// About what it is asked; the question me is about nothing in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Question {
    /// What is mine.
    #[serde(rename = "me")]
    Me,
    /// Why something waits, was refused or was stopped.
    #[serde(rename = "why")]
    Why,
    /// Who was evicted for whom, and why.
    #[serde(rename = "explainPreemption")]
    ExplainPreemption,
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformReviewStatus {
    /// The answer, under the name of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// The answer, under the name of the question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// To the question me.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub me: Option<Me>,
    /// To the question why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// To the question explainPreemption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain_preemption: Option<Preemptions>,
}

/// What is a person's to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// Who asks.
    pub user: Person,
    /// The instant of which all this is said, RFC 3339.
    pub at: String,
    /// The projects that the person is a member of.
    pub projects: Vec<MyProject>,
    /// The GPU models of the platform.
    pub models: Vec<MyModel>,
    /// The person's own resource-hours of this month.
    pub month: Month,
    /// The person's own Pods that have not ended, by namespace and name.
    pub work: Vec<Work>,
    /// How many more Pods there are than are listed.
    pub more_work: i64,
}

/// A User record, as far as it is its person's to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Name of the record.
    pub name: String,
    /// What labels carry.
    pub id: String,
    /// What Kubernetes calls the person.
    pub username: String,
    /// What the person may do on the platform as a whole.
    pub system_role: SystemRole,
}

/// A project that the person is a member of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyProject {
    /// Name of the record.
    pub name: String,
    /// What the person may do there.
    pub role: ProjectRole,
    /// Namespaces of the project in which the person may work.
    pub namespaces: Vec<String>,
    /// The plan that is bound, whether it is in force or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Whether that plan exists and is valid now. If not, only the queue default is open, with what
    /// PlatformPolicy.spec.withoutPlan grants.
    pub plan_in_force: bool,
    /// The queues that Pods may choose.
    pub queues: Vec<MyQueue>,
    /// Names of the GpuModels that the plan allows.
    pub gpu_models: Vec<String>,
    /// What counts for the person's Pods there: the person's own account, the project's, and those of the projects above.
    pub accounts: Vec<MyAccount>,
}

/// A queue that Pods of a project may choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyQueue {
    /// Name of the record.
    pub name: String,
    /// Whether Pods may run in it now.
    pub open: bool,
    /// When it closes, if it is open and ever does. RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<String>,
    /// When it opens, if it is closed and ever does. RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<String>,
    /// Names of the GpuModels that a Pod in this queue may have.
    pub gpu_models: Vec<String>,
}

/// What an account has, and what is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyAccount {
    /// Whose it is.
    pub whose: Whose,
    /// Name of the project.
    pub project: String,
    /// The plan that is closed now, where its limits are therefore those of its outsideWindowQuota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_plan: Option<String>,
    /// Effective GPU.
    pub gpu: Room,
    /// Physical devices.
    pub devices: Room,
    /// Cores.
    pub cpu: Room,
    /// Bytes.
    pub memory: Room,
}

/// Whose an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Whose {
    /// The person's own, in the project.
    Mine,
    /// The project's, with all that is below it.
    Project,
    /// That of a project above it.
    Above,
}

/// One resource of an account, as Kubernetes quantities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// What is bound.
    pub used: String,
    /// What is set aside for what is not bound yet.
    pub reserved: String,
    /// What both may come to. Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// What is left of it. Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
}

/// A GPU model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyModel {
    /// Name of the record.
    pub name: String,
    /// Devices of this model in the cluster.
    pub devices: i64,
    /// Of these, devices that no claim holds.
    pub free: i64,
    /// Names of the person's projects whose plans allow it.
    pub allowed_in: Vec<String>,
}

/// Resource-hours of a month of UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Month {
    /// Its first instant, RFC 3339.
    pub since: String,
    /// What was spent since, while claims were allocated and named by a Pod.
    pub spent: Vec<MyHours>,
}

/// What a person spent in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyHours {
    /// Name of the project that paid.
    pub project: String,
    /// Id of the queue.
    pub queue: String,
    /// The GPU model that was allocated.
    pub model: String,
    /// Effective GPU times hours.
    pub gpu_hours: String,
    /// Physical devices times hours.
    pub device_hours: String,
}

/// A Pod of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub pod: String,
    /// Name of the project that pays.
    pub project: String,
    /// What its label says of the queue.
    pub queue: String,
    /// Effective GPU that it asks. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// Where it is in its life.
    pub state: WorkState,
    /// Why it does not run yet. Absent where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// Where a Pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WorkState {
    /// It runs.
    Running,
    /// It has a node, which starts it.
    Starting,
    /// It has no node yet.
    Waiting,
    /// It was told to end.
    Ending,
}
