//! # extended-resource: `nvidia.com/gpu` becomes a claim
//!
//! A container can ask for GPUs as an extended resource. The platform understands these names:
//!
//! * `nvidia.com/gpu`;
//! * the `extendedResourceName` of a DeviceClass;
//! * `deviceclass.resource.kubernetes.io/<class>`;
//! * a name that a GPU model lists (`GpuModel.spec.resourceNames`).
//!
//! On the Pod, the platform removes the resource from `limits` and `requests`, and adds a claim template as the rule
//! `inline-claim` does, with one request for each container that asked. The Pod's labels can say the rest: the model,
//! the share of compute, the memory.
//!
//! Other names:
//!
//! * HAMi's `nvidia.com/gpucores`, `nvidia.com/gpumem` and `nvidia.com/gpumem-percentage` are amounts of each GPU and count no
//!   devices. They are refused: the labels `platform-go/dra-sm-pct` and `platform-go/dra-pinned-mem` ask for the same.
//! * An accelerator's name that nobody listed is refused: `nvidia.com/…`, `amd.com/…`, `gpu.intel.com/…`, `habana.ai/…`,
//!   `google.com/tpu`, `huawei.com/Ascend…`, `aws.amazon.com/neuron…`, `cambricon.com/…` and those of some other makers.
//! * What an admin lists in `PlatformPolicy.spec.resourceNames` is left alone, refused, or has a price, as the line says. The line
//!   that is the name itself goes first, then the one that most of it begins with. A name that a GPU model lists, `nvidia.com/gpu`,
//!   and what a class of GPUs calls its devices are judged as GPUs whatever is listed.
//! * A DeviceClass of devices that are no GPUs (see `gpu-model`) is left to the scheduler, if the class itself lets no GPU through.
//!   Otherwise it is asked for by a ResourceClaim, which the platform narrows.
//! * All other names (`rdma/…`, `smarter-devices/…`) are left alone.
//!
//! What has a price is charged to the Pod that asks for it, while it runs.
//!
//! The pod template of a workload stays as it was written, so applying the workload again changes nothing. A warning says what
//! its Pods get, and what each of them costs.
//!
//! A plan can refuse such requests (`ResourcePlan.spec.extendedResources: Deny`).
//!
//! A Pod has as many devices as Kubernetes counts for it. An init container uses devices of the containers that come after it,
//! and devices that are there for init containers if it asks for more than those have. It uses none of a sidecar that was started
//! before it. A container's request and limit of an extended resource are the same, as in Kubernetes.

mod other;

use std::collections::BTreeSet;
use std::fmt;

use crate::admission::attach;
use crate::admission::decision::Told;
use crate::admission::findings::Findings;
use crate::admission::whose_plan::{NO_GPU, WhosePlan};
use crate::claims::MOST_DEVICES;
use crate::claims::Understood;
use crate::contract;
use crate::gpu::extended::{self, Asked, Meaning, NoClass};
use crate::gpu::labels;
use crate::gpu::own_claim::{self, has_claims};
use crate::policy::model::Model;
use crate::policy::plan::{ExtendedResources, Plan};
use crate::sentence;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::found::Wanted;
use crate::submission::pod::Pod;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if case.is_living_pod() || !matches!(case.submission.act, Act::Create | Act::Update) {
        return;
    }
    for pod in &case.pods {
        let asked = extended::of_pod(case, pod);
        if asked.is_empty() {
            continue;
        }
        if let Some(plan) = case.plan().filter(|plan| plan.extended_resources == ExtendedResources::Deny) {
            asked.iter().for_each(|it| say.deny(it.at.clone(), Denied { asked: it, plan }));
            continue;
        }
        for it in &asked {
            if let (Meaning::Class(class, NoClass::Missing), true) = (&it.meaning, case.devices.untold) {
                say.warn(format_args!(
                    "{}: whether there is a DeviceClass {class} cannot be told here; ask with --policy cluster",
                    it.at
                ));
                continue;
            }
            if let Some(why) = refused(case, pod, it) {
                say.deny(it.at.clone(), why);
            }
        }
        too_many(case, pod, &asked, say);
        if !say.imposes() {
            left(case, pod, &asked, say);
        }
        let wanted = own_claim::made_for(case, pod).filter(|it| it.rule == say.rule);
        let would_be = if say.imposes() { None } else { extended::would_be(case, pod) };
        let becomes = wanted
            .or(would_be.as_ref())
            .map(|wanted| Becomes {
                case,
                pod,
                wanted,
                given: names_given(case, pod, &asked),
                is_enforced: say.imposes(),
            })
            .map(|becomes| becomes.to_string());
        if case.new_pod().is_none() {
            if let (Some(becomes), Some(it)) =
                (becomes, asked.first().filter(|_| case.is_read_by_people() && say.denials.is_empty()))
            {
                say.warn(format_args!("{}: in each of its Pods {becomes}", it.at));
            }
        } else if becomes.is_some() || !say.imposes() {
            if wanted.is_some() {
                attach::write(case, pod, say);
            }
            let mut told = becomes.map_or(Told::Plainly, Told::As);
            for it in asked {
                for place in it.places {
                    say.take_out(place, told.clone());
                    if told != Told::Plainly {
                        told = Told::Elsewhere;
                    }
                }
                it.copy.into_iter().filter(|_| wanted.is_some()).for_each(|place| say.discard(place));
            }
        }
    }
}

/// Says where labels ask for what the scheduler gives without them.
fn left(case: &Case<'_>, pod: &Pod<'_>, asked: &[Asked<'_>], say: &mut Findings) {
    let is_gpus = |it: &&Asked<'_>| matches!(it.meaning, Meaning::Models(_));
    let Some(it) = asked.iter().find(is_gpus).filter(|_| case.is_read_by_people()) else { return };
    if labels::ask_for_own(case, pod) && !has_claims(case, pod, None) {
        say.warn(format_args!(
            "{}: asked beside the labels of a claim: the scheduler gives any device for {}, whatever they say, and the Pod has no other; leave out {} to be given what they ask",
            it.at, it.name, it.name
        ));
    }
}

/// Why a request cannot be translated.
fn refused(case: &Case<'_>, pod: &Pod<'_>, asked: &Asked<'_>) -> Option<String> {
    let name = &asked.name;
    let is_number = matches!(asked.meaning, Meaning::Models(_) | Meaning::Class(..));
    if let (Err(text), true) = (&asked.count, is_number) {
        return Some(format!(
            "asked {text} of {name}; a whole number from 1 to {MOST_DEVICES} is allowed; ask for that"
        ));
    }
    if let Some((request, limit)) = &asked.differs {
        let limit = limit.as_deref().unwrap_or("nothing");
        return Some(format!(
            "asked {request} of {name} in requests and {limit} in limits; of an extended resource both are the same; ask in limits alone"
        ));
    }
    let models = match &asked.meaning {
        Meaning::Models(models) => models,
        Meaning::Share(share) => return Some(other::share(name, asked.count.as_ref().ok().copied(), *share)),
        Meaning::Accelerator(devices) => return Some(other::accelerator(name, devices)),
        Meaning::Refused(pattern) => return Some(other::refused(name, pattern)),
        Meaning::Class(class, why) => return Some(other::class(case, name, class, *why)),
    };
    let Ok(ask) = extended::ask(case, pod) else { return None };
    if let Some(model) = ask.model
        && !models.iter().any(|it| it.name == model.name)
    {
        let meant = Names(models);
        return Some(format!(
            "asked {name}, which means {meant}, beside the label {}: {}; make both the same, or leave out the label",
            contract::GPU_MODEL,
            model.id
        ));
    }
    let allowed = extended::allowed(case, pod, &ask);
    let (_, given) = extended::given(case, ask, models, &allowed);
    given.is_empty().then(|| NotAllowed { case, name, models, allowed: &allowed }.to_string())
}

/// The ids of the models that a Pod may be given for what it asked.
fn names_given(case: &Case<'_>, pod: &Pod<'_>, asked: &[Asked<'_>]) -> BTreeSet<String> {
    let Ok(ask) = extended::ask(case, pod) else { return BTreeSet::new() };
    let allowed = extended::allowed(case, pod, &ask);
    let meant = asked.iter().filter_map(|it| match &it.meaning {
        Meaning::Models(models) => Some(extended::given(case, ask, models, &allowed).1),
        Meaning::Share(_) | Meaning::Accelerator(_) | Meaning::Refused(_) | Meaning::Class(..) => None,
    });
    meant.flatten().map(|model| model.id.to_string()).collect()
}

fn too_many(case: &Case<'_>, pod: &Pod<'_>, asked: &[Asked<'_>], say: &mut Findings) {
    let total = extended::devices(asked);
    let of_plan = case.plan().and_then(|plan| Some((plan, plan.max_devices_per_claim?)));
    let most = of_plan.map_or(MOST_DEVICES, |(_, most)| most.min(MOST_DEVICES));
    if total <= most {
        return;
    }
    let by = of_plan.map_or_else(|| "Kubernetes".to_owned(), |(plan, _)| format!("plan {}", plan.name));
    let why = format!("asked {total} devices in one Pod; {by} allows {most} in one claim; ask for fewer in each Pod");
    say.deny(pod.at(["spec", "containers"]), why);
}

/// What takes the place of what was asked.
struct Becomes<'a> {
    case: &'a Case<'a>,
    pod: &'a Pod<'a>,
    wanted: &'a Wanted,
    given: BTreeSet<String>,
    is_enforced: bool,
}

impl fmt::Display for Becomes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, pod, wanted, given, is_enforced } = self;
        f.write_str(if *is_enforced { "a claim takes its place, of " } else { "a claim would take its place, of " })?;
        sentence::list(f, &given.iter().collect::<Vec<_>>())?;
        let price = Understood::of(&wanted.template.spec, &case.devices.classes, case.policy).price;
        write!(f, "; charged as {price}")?;
        if has_claims(case, pod, Some(&wanted.template.name)) {
            f.write_str(", beside the other claims that are asked for: leave out one of both to have GPUs once")?;
        }
        Ok(())
    }
}

struct Denied<'a> {
    asked: &'a Asked<'a>,
    plan: &'a Plan,
}

impl fmt::Display for Denied<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, plan) = (&self.asked.name, &self.plan.name);
        write!(f, "asked {name}; plan {plan} takes no extended resources; ask by the labels ")?;
        write!(f, "{}: inline and {}", contract::SHARING_MODE, contract::GPU_COUNT)
    }
}

struct NotAllowed<'a> {
    case: &'a Case<'a>,
    name: &'a str,
    models: &'a [&'a Model],
    allowed: &'a [&'a Model],
}

impl fmt::Display for NotAllowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, name, models, allowed } = self;
        write!(f, "asked {name}, which means {}; ", Names(models))?;
        write!(f, "{} ", WhosePlan(case))?;
        match allowed {
            [] => f.write_str(NO_GPU),
            allowed => write!(f, "allows {} here; ask for what they give", Names(allowed)),
        }
    }
}

struct Names<'a>(&'a [&'a Model]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no known GPU model"),
            models => sentence::list(f, &models.iter().map(|model| &model.id).collect::<Vec<_>>()),
        }
    }
}
