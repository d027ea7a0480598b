//! The Pod and the Service of a workspace.
//!
//! The Pod has the workspace's own name, so that there is never a second one: who is late to make it finds it there, and one that is
//! still ending keeps the next away, and with it a second mount of a volume and a second charge.
//!
//! `restartPolicy: Always`: a server that dies comes back within seconds in the Pod that it had, with its devices, its place in
//! the ledger and what it wrote outside of volumes; one that dies again and again is seen to, because the kubelet says so, with the
//! last lines of its log (`terminationMessagePolicy: FallbackToLogsOnError`).

use serde_json::{Map, Value, json};

use super::{Defaults, Gpu, Type, Workspace, server};
use crate::contract;
use crate::policy::quantity::{self, Unit};

/// The label of a Pod that says which workspace it is of; its Service selects it by this.
pub const WORKSPACE: &str = "sluice.dev/workspace";
/// The container in which the server runs.
pub const MAIN: &str = "workspace";
const SHARED_MEMORY: &str = "shm";
const GPUS: &str = "gpu";

/// The Pod of a workspace of this name, without what says whose it is: admission adds that, and everything else that it adds to
/// the Pods of people.
pub fn pod(name: &str, of: &Workspace, defaults: &Defaults) -> Value {
    let (command, args) = server::command(of);
    let [own_cpu, own_memory] =
        [&of.resources.cpu, &of.resources.memory].map(|it| it.as_ref().map(ToString::to_string));
    let limits = amounts(own_cpu.clone(), own_memory.clone());
    let memory = own_memory.or_else(|| defaults.memory.clone());
    let shm = of.shm.as_ref().map(ToString::to_string).or_else(|| memory.as_deref().and_then(quarter));
    // What the plan gives it is no limit: what it gives to other Pods is none, either.
    let requests = amounts(own_cpu.or_else(|| defaults.cpu.clone()), memory);
    let mounts = of.volumes.iter().enumerate().map(|(index, volume)| {
        json!({"name": format!("volume-{index}"), "mountPath": volume.mount_path, "readOnly": volume.read_only})
    });
    let volumes = of.volumes.iter().enumerate().map(|(index, volume)| {
        let claim = json!({"claimName": volume.claim_name, "readOnly": volume.read_only});
        json!({"name": format!("volume-{index}"), "persistentVolumeClaim": claim})
    });
    let has_own_shm = of.volumes.iter().any(|volume| volume.mount_path.trim_end_matches('/') == "/dev/shm");
    let shared_memory = |what: Value| (!has_own_shm).then_some(what);
    let mut in_memory = json!({"medium": "Memory"});
    set(&mut in_memory, "sizeLimit", shm.map(Value::from));
    let volumes: Vec<Value> =
        volumes.chain(shared_memory(json!({"name": SHARED_MEMORY, "emptyDir": in_memory}))).collect();
    let mounts: Vec<Value> =
        mounts.chain(shared_memory(json!({"name": SHARED_MEMORY, "mountPath": "/dev/shm"}))).collect();

    let mut container = json!({
        "name": MAIN,
        "image": of.image,
        "ports": [{"name": "http", "containerPort": of.port()}],
        "resources": {"requests": requests, "limits": limits},
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    set(&mut container, "command", list(command.into_iter().map(Value::from)));
    set(&mut container, "args", list(args.into_iter().map(Value::from)));
    set(&mut container, "env", list(of.env.iter().map(|it| json!({"name": it.name, "value": it.value}))));
    // The others listen where no kubelet reaches them.
    let probe = (of.type_ == Type::Custom)
        .then(|| json!({"tcpSocket": {"port": of.port()}, "periodSeconds": 5, "failureThreshold": 3}));
    set(&mut container, "readinessProbe", probe);

    let mut spec = json!({"restartPolicy": "Always", "enableServiceLinks": false, "volumes": volumes});
    set(&mut spec, "securityContext", of.fs_group.map(|group| json!({"fsGroup": group})));
    set(&mut spec, "imagePullSecrets", list(of.image_pull_secrets.iter().map(|name| json!({"name": name}))));
    if let Some(claim) = &of.claim_name {
        spec["resourceClaims"] = json!([{"name": GPUS, "resourceClaimName": claim}]);
        container["resources"]["claims"] = json!([{"name": GPUS}]);
    }
    spec["containers"] = json!([container]);

    let mut labels = Map::new();
    let mut say = |key: &str, value: String| drop(labels.insert(key.to_owned(), Value::from(value)));
    say(WORKSPACE, name.to_owned());
    say(contract::RESOURCE_TYPE, server::resource_type(of.type_).to_owned());
    if let Some(queue) = &of.queue {
        say(contract::QUEUE_NAME, queue.clone());
    }
    if let Some(gpu) = &of.gpu {
        gpu.labels().into_iter().for_each(|(key, value)| say(key, value));
    }
    let mut annotations = Map::new();
    if of.root_shell {
        annotations.insert(contract::ROOT_SHELL.to_owned(), Value::from("true"));
    }
    if let Some(path) = &of.activity_path {
        annotations.insert(contract::ACTIVITY_PATH.to_owned(), Value::from(path.as_str()));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": spec,
    })
}

/// The Service by which a workspace of this name is reached, whichever Pod it has, and no Pod of anybody but `user`, whose it is:
/// admission writes that into the selectors of people's Services, and hears of no controller's.
pub fn service(name: &str, user: Option<&str>, of: &Workspace) -> Value {
    let mut selector = json!({WORKSPACE: name});
    set(&mut selector, contract::USER_ID, user.map(Value::from));
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {WORKSPACE: name}},
        "spec": {
            "type": "ClusterIP",
            "selector": selector,
            "ports": [{"name": "http", "port": 80, "targetPort": of.port(), "protocol": "TCP"}],
        },
    })
}

impl Gpu {
    fn labels(&self) -> Vec<(&'static str, String)> {
        let Self { model, count, sm_percent, vram_policy, pinned_memory } = self;
        let mut labels = vec![
            (contract::SHARING_MODE, "inline".to_owned()),
            (contract::GPU_MODEL, model.clone()),
            (contract::GPU_COUNT, count.to_string()),
            (contract::SM_PERCENT, sm_percent.to_string()),
        ];
        labels.extend(vram_policy.iter().map(|policy| (contract::VRAM_POLICY, policy.clone())));
        labels.extend(pinned_memory.iter().map(|size| (contract::PINNED_MEMORY, size.to_string())));
        labels
    }
}

fn amounts(cpu: Option<String>, memory: Option<String>) -> Map<String, Value> {
    let amounts = [("cpu", cpu), ("memory", memory)].into_iter();
    amounts.filter_map(|(key, amount)| Some((key.to_owned(), Value::from(amount?)))).collect()
}

/// A quarter of an amount of memory, in bytes.
fn quarter(memory: &str) -> Option<String> {
    Some((quantity::parse_down(memory, Unit::One).ok()? / 4).to_string())
}

fn set(object: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        object[key] = value;
    }
}

fn list(values: impl Iterator<Item = Value>) -> Option<Value> {
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then_some(Value::Array(values))
}
