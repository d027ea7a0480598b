//! Changes to JSON that know what JSON is: most of what comes out is almost right.

use jsonptr::PointerBuf;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// The most changes to one seed.
const MOST_CHANGES: usize = 6;

/// What is done at one place of an input.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Insert(String, Value),
    Remove,
    /// An element twice, a value within a list, a text twice.
    Double,
    /// A copy of what stands elsewhere.
    Graft(Index),
    /// Something in the middle of a text.
    Splice(Index, String),
    /// The beginning of a text.
    Cut(Index),
}

/// Words that mean something to what reads them.
const WORDS: &[&str] = &[
    "",
    " ",
    "*",
    "**",
    "/",
    "..",
    "~",
    "~1",
    "-",
    "0",
    "8",
    "0.5",
    "8k",
    "500m",
    "1e3",
    "1E999",
    "+1Gi",
    "true",
    "false",
    "null",
    "99999999999999999999",
    "-1",
    "24:00",
    "02:30",
    "25:61",
    "Europe/Berlin",
    "Mars/Olympus",
    "2026-10-25T02:30:00+02:00",
    "9999-12-31T23:59:59Z",
    "nginx",
    "nginх",
    "docker.io/library/nginx:1.27",
    "registry.example.com:443/app",
    "registry.example.com/app:1",
    "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "{}",
    "[]",
    "{\"/spec/priority\":1}",
    "\n",
    "\u{0}",
    "\u{202e}",
    "\u{1b}[31m",
    "system:masters",
    "kube-api-access-x",
    "Pod",
    "Deployment",
    "UPDATE",
    "CREATE",
    "DELETE",
    "batch",
    "night",
    "default",
    "/spec/template",
    "/*/*/*",
    "/spec/containers/0/image",
    "platform-go-batch",
    "system-node-critical",
    "enforce",
    "off",
];

/// Keys that are read somewhere.
const KEYS: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "labels",
    "annotations",
    "name",
    "generateName",
    "namespace",
    "ownerReferences",
    "deletionTimestamp",
    "finalizers",
    "selector",
    "matchLabels",
    "template",
    "containers",
    "initContainers",
    "ephemeralContainers",
    "image",
    "volumes",
    "volumeMounts",
    "resources",
    "requests",
    "limits",
    "claims",
    "securityContext",
    "runAsUser",
    "runAsNonRoot",
    "privileged",
    "hostNetwork",
    "nodeName",
    "schedulerName",
    "priorityClassName",
    "priority",
    "preemptionPolicy",
    "automountServiceAccountToken",
    "serviceAccountToken",
    "projected",
    "sources",
    "hostPath",
    "subResource",
    "oldObject",
    "uid",
    "userInfo",
    "windows",
    "days",
    "start",
    "end",
    "from",
    "until",
    "timeZone",
    "images",
    "members",
    "quota",
    "gpu",
    "",
    "a/b",
    "~",
    "0",
    "-",
    "platform-go/user-id",
    "platform-go/project-id",
    "platform-go/queue-name",
    "platform-go/preemptible",
    "platform-go/asked",
    "platform-go/root-shell",
    "platform-go/dra-effective-gpu",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => select(WORDS).prop_map(str::to_owned), 1 => "\\PC{0,12}", 1 => (1..6000_usize).prop_map(|length| "a".repeat(length))]
}

fn value() -> impl Strategy<Value = Value> {
    let numbers =
        vec![json!(0), json!(-1), json!(8), json!(0.5), json!(65534), json!(u64::MAX), json!(i64::MIN), json!(1e308)];
    let small = vec![
        Value::Null,
        json!(true),
        json!(false),
        json!([]),
        json!({}),
        json!([{}]),
        json!([null]),
        json!({"": null}),
    ];
    prop_oneof![3 => text().prop_map(Value::String), 2 => select(small), 2 => select(numbers)]
}

fn change() -> impl Strategy<Value = Change> {
    let key = prop_oneof![9 => select(KEYS).prop_map(str::to_owned), 1 => text()];
    prop_oneof![
        4 => value().prop_map(Change::Replace),
        4 => (key, value()).prop_map(|(key, value)| Change::Insert(key, value)),
        2 => Just(Change::Remove),
        1 => Just(Change::Double),
        2 => any::<Index>().prop_map(Change::Graft),
        3 => (any::<Index>(), text()).prop_map(|(at, text)| Change::Splice(at, text)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

/// Seeds with some changes each.
pub fn changed(seeds: Vec<Value>) -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec((any::<Index>(), change()), 0..=MOST_CHANGES);
    (select(seeds), changes).prop_map(|(mut input, changes)| {
        for (at, change) in changes {
            apply(&mut input, at, change);
        }
        input
    })
}

fn apply(input: &mut Value, at: Index, change: Change) {
    let places = places(input);
    let at = at.get(&places);
    let other = match &change {
        Change::Graft(from) => from.get(&places).resolve(input).ok().cloned(),
        _ => None,
    };
    if matches!(change, Change::Remove) && !at.is_root() {
        at.delete(input);
        return;
    }
    let Ok(here) = at.resolve_mut(input) else { return };
    match (change, here) {
        (Change::Replace(value), here) => *here = value,
        (Change::Insert(key, value), Value::Object(map)) => drop(map.insert(key, value)),
        (Change::Insert(_, value), Value::Array(list)) => list.push(value),
        (Change::Double, Value::Array(list)) => list.extend(list.clone()),
        (Change::Double, Value::String(text)) => *text = text.repeat(2),
        (Change::Double, here) => *here = json!([here.clone()]),
        (Change::Graft(_), here) => *here = other.unwrap_or_default(),
        (Change::Splice(at, more), Value::String(text)) => {
            let at = boundary(text, at);
            text.insert_str(at, &more);
        }
        (Change::Cut(at), Value::String(text)) => text.truncate(boundary(text, at)),
        (Change::Remove, here) => *here = Value::Null,
        (Change::Insert(..) | Change::Splice(..) | Change::Cut(_), _) => {}
    }
}

/// Somewhere between two characters.
fn boundary(text: &str, at: Index) -> usize {
    let at = at.index(text.len() + 1);
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Every place of an input, from the root.
fn places(input: &Value) -> Vec<PointerBuf> {
    let mut found = vec![PointerBuf::root()];
    let mut next = 0;
    while let Some(place) = found.get(next).cloned() {
        next += 1;
        let below = |key: &str| {
            let mut below = place.clone();
            below.push_back(key);
            below
        };
        match place.resolve(input) {
            Ok(Value::Array(list)) => found.extend((0..list.len()).map(|index| below(&index.to_string()))),
            Ok(Value::Object(map)) => found.extend(map.keys().map(|key| below(key))),
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => {}
        }
    }
    found
}
