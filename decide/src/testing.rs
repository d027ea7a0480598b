//! Policies in few words.

use policy_engine::policy::Policy;
use records::convert::{RawRecord, build};
use serde_json::{Value, json};

/// What these records come to, each a kind, a name and a spec.
pub(crate) fn policy(records: impl IntoIterator<Item = (&'static str, &'static str, Value)>) -> Policy {
    let record = |(kind, name, spec): (&str, &str, Value)| {
        let object =
            json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
        RawRecord::new(object, None).expect("a record")
    };
    build(&records.into_iter().map(record).collect()).0.into()
}
