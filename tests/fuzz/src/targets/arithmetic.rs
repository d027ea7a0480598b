//! What Pods of every mix of containers cost, and get: compared with a run of them that adds up what is there at each moment.

use decide::judgement;
use jiff::Timestamp;
use policy_engine::ledger::{Request as Charged, Use};
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::{Decision, Facts};
use proptest::{prop_assert, prop_assert_eq};
use records::convert::{RawRecord, build};
use serde_json::{Value, json};
use std::sync::LazyLock;
use webhook::review::Request;

use super::admission::{POLICY, creation};
use crate::{Held, corpus};

const NAMESPACE: &str = "llm-finetune";
/// What the sample plan gives a user.
const MOST_GPUS: u64 = 4;
const IMAGE: &str = "registry.example.com/app:1";

/// The sample organisation, where what GPUs are asked for as is only warned of.
static WARNS: LazyLock<Policy> = LazyLock::new(|| {
    let (mut raw, _) = records::files::read(&corpus::organisation()).expect("the sample organisation");
    let policy = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformPolicy", "metadata": {"name": "default"},
        "spec": {"ruleModes": {"extended-resource": "warn"}}});
    raw.replace(RawRecord::new(policy, None).expect("a record"));
    build(&raw).0.into()
});

/// A container, as the model has it.
#[derive(Clone, Copy, Debug)]
struct Container {
    gpus: u64,
    milli_cpu: u64,
    /// One that is started among the init containers and goes on.
    stays: bool,
}

pub(super) fn seeds() -> Vec<Value> {
    let mixes = [
        json!({"init": [], "app": [[1, 100, 0]]}),
        json!({"init": [[2, 500, 0], [2, 100, 0]], "app": [[1, 100, 0]]}),
        json!({"init": [[1, 100, 1], [1, 900, 0]], "app": [[0, 100, 0], [1, 50, 0]]}),
        json!({"init": [[2, 100, 1], [2, 100, 0], [1, 10, 1]], "app": [[1, 100, 0]]}),
        json!({"init": [[3, 100, 0], [1, 2000, 1]], "app": [[0, 100, 0]]}),
    ];
    let warned = mixes.iter().cloned().map(|mut mix| {
        mix["warns"] = true.into();
        mix
    });
    let edited = mixes.iter().zip(0_u64..).flat_map(|(mix, at)| {
        (0_u64..6).map(move |kind| {
            let mut mix = mix.clone();
            (mix["edit"], mix["of"], mix["at"]) = ((kind / 2).into(), (kind % 2).into(), at.into());
            mix
        })
    });
    mixes.iter().cloned().chain(warned).chain(edited).collect()
}

/// Whatever a change has made of an input, it is read as some Pod.
fn containers(list: &Value) -> Vec<Container> {
    let number = |it: &Value, at: usize| it.get(at).and_then(Value::as_u64).unwrap_or_default();
    let container = |it: &Value| Container {
        gpus: number(it, 0) % MOST_GPUS,
        milli_cpu: 1 + number(it, 1) % 1000,
        stays: number(it, 2) % 2 == 1,
    };
    list.as_array().into_iter().flatten().take(6).map(container).collect()
}

/// The most that is there at one moment while a Pod starts and runs.
fn peak(init: &[Container], app: &[Container], of: impl Fn(&Container) -> u64) -> u64 {
    let (mut running, mut most) = (0, 0);
    for container in init {
        running += of(container);
        most = most.max(running);
        if !container.stays {
            running -= of(container);
        }
    }
    app.iter().for_each(|container| running += of(container));
    most.max(running)
}

fn pod(init: &[Container], app: &[Container]) -> Value {
    let written = |kind: &str, list: &[Container]| {
        let written = list.iter().enumerate().map(|(index, it)| {
            let mut amounts = json!({"cpu": format!("{}m", it.milli_cpu), "memory": "1Mi"});
            if it.gpus > 0 {
                amounts["nvidia.com/gpu"] = it.gpus.to_string().into();
            }
            let mut container = json!({"name": format!("{kind}-{index}"), "image": IMAGE,
                "resources": {"requests": amounts.clone(), "limits": amounts}});
            if it.stays && kind == "init" {
                container["restartPolicy"] = "Always".into();
            }
            container
        });
        written.collect::<Vec<_>>()
    };
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "train", "namespace": NAMESPACE},
        "spec": {"initContainers": written("init", init), "containers": written("app", app)}})
}

/// Both calls of the API server, and the Pod as it goes on.
fn admitted(pod: &Value, policy: &Policy) -> Option<(Decision, Value)> {
    let mut request = Request::read(creation("bob", pod.clone()).to_string().as_bytes()).ok()?;
    let facts = Facts { project_id: ProjectId::new(NAMESPACE), ..Facts::default() };
    let (_, patch) = judgement::mutate(&request.submission(), &facts, policy, Timestamp::UNIX_EPOCH).ok()?;
    let mut object = pod.clone();
    json_patch::patch(&mut object, &patch).ok()?;
    request.object = Some(object.clone());
    let decision = judgement::validate(&request.submission(), &facts, policy, Timestamp::UNIX_EPOCH).ok()?;
    Some((decision, object))
}

/// What a Pod is charged: thousandths of a core, devices, thousandths of a GPU.
fn charge(decision: &Decision) -> Option<(u64, u64, u64)> {
    let Charged::AdmitPod(charged) = &decision.reservation.as_ref()?.request else { return None };
    let prices = charged.uses.iter().map(|it| match it {
        Use::Inline { price, .. } => (price.devices, price.milli_gpu),
        Use::Claim { .. } | Use::Unborn { .. } => (0, 0),
    });
    let (devices, milli_gpu) = prices.fold((0, 0), |sum, price| (sum.0 + price.0, sum.1 + price.1));
    Some((charged.amounts.milli_cpu, devices, milli_gpu))
}

pub(super) fn holds(input: &Value) -> Held {
    let (init, app) = (containers(&input["init"]), containers(&input["app"]));
    if app.is_empty() {
        return Ok(());
    }
    let warns = input["warns"].as_bool() == Some(true);
    let asked = pod(&init, &app);
    let Some((decision, given)) = admitted(&asked, if warns { &WARNS } else { &POLICY }) else {
        prop_assert!(false, "it cannot be judged");
        return Ok(());
    };
    let devices = peak(&init, &app, |it| it.gpus);
    if !decision.allowed() {
        prop_assert!(devices > MOST_GPUS, "asks {} devices: {}", devices, decision);
        return Ok(());
    }
    let milli_cpu = peak(&init, &app, |it| it.milli_cpu);
    let Some(charged) = charge(&decision) else {
        prop_assert!(false, "nothing is charged");
        return Ok(());
    };
    prop_assert_eq!(charged.0, milli_cpu);
    if warns {
        prop_assert_eq!(&given["spec"]["initContainers"], &asked["spec"]["initContainers"], "only warned of");
        prop_assert_eq!(&given["spec"]["containers"], &asked["spec"]["containers"], "only warned of");
        return Ok(());
    }
    prop_assert_eq!(charged, (milli_cpu, devices, devices * 1000));
    // Exported and made again, it is judged by what was asked.
    let again = admitted(&given, &POLICY).and_then(|(again, object)| Some((charge(&again)?, object)));
    prop_assert_eq!(again.as_ref().map(|it| it.0), Some(charged), "made again");
    prop_assert_eq!(again.map(|it| it.1["spec"].clone()), Some(given["spec"].clone()), "made again");
    gives_each(&given, "initContainers", &init)?;
    gives_each(&given, "containers", &app)?;
    made_again_otherwise(&given, input, &init, &app)
}

/// Each container can use as many devices as it asked for.
fn gives_each(given: &Value, list: &str, containers: &[Container]) -> Held {
    for (index, container) in containers.iter().enumerate() {
        let uses = &given["spec"][list][index]["resources"]["claims"];
        let is_given = uses.as_array().is_some_and(|uses| !uses.is_empty());
        prop_assert_eq!(is_given, container.gpus > 0, "{}[{}]: {}", list, index, uses);
    }
    Ok(())
}

/// Exported, with a container put in or taken out or all of them turned round, and made again: who is left has what they asked.
fn made_again_otherwise(given: &Value, input: &Value, init: &[Container], app: &[Container]) -> Held {
    let at = |most: usize| usize::try_from(input["at"].as_u64().unwrap_or_default()).unwrap_or_default() % most;
    let mut edited = given.clone();
    let (mut left, is_init) = (app.to_vec(), input["of"].as_u64().unwrap_or_default() % 2 == 1);
    let mut init = init.to_vec();
    let (list, containers) = if is_init { ("initContainers", &mut init) } else { ("containers", &mut left) };
    let Some(written) = edited["spec"][list].as_array_mut() else { return Ok(()) };
    match input["edit"].as_u64().unwrap_or_default() % 3 {
        0 => {
            let proxy = Container { gpus: 0, milli_cpu: 1, stays: false };
            let at = at(containers.len() + 1);
            let amounts = json!({"cpu": "1m", "memory": "1Mi"});
            written.insert(
                at,
                json!({"name": "proxy", "image": IMAGE, "resources": {"requests": amounts, "limits": amounts}}),
            );
            containers.insert(at, proxy);
        }
        1 if containers.len() > 1 => {
            let at = at(containers.len());
            written.remove(at);
            containers.remove(at);
        }
        1 => return Ok(()),
        _ => {
            written.reverse();
            containers.reverse();
        }
    }
    let Some((decision, given)) = admitted(&edited, &POLICY) else {
        prop_assert!(false, "it cannot be judged");
        return Ok(());
    };
    let devices = peak(&init, &left, |it| it.gpus);
    if !decision.allowed() {
        prop_assert!(devices > MOST_GPUS, "asks {} devices: {}", devices, decision);
        return Ok(());
    }
    let expected = (peak(&init, &left, |it| it.milli_cpu), devices, devices * 1000);
    prop_assert_eq!(charge(&decision), Some(expected), "made again otherwise");
    gives_each(&given, "initContainers", &init)?;
    gives_each(&given, "containers", &left)
}
