use super::*;
use crate::issue_all;
use crate::testing::{NAME, names, now};

fn configuration(webhooks: Value) -> DynamicObject {
    let object = json!({ "metadata": { "name": "sluice", "resourceVersion": "7" }, "webhooks": webhooks });
    serde_json::from_value(object).unwrap()
}

#[test]
fn only_entries_without_the_bundle_are_patched_and_the_version_guards_it() {
    let bundle = issue_all(&names(&[NAME]), now(), &[]).unwrap().bundle;
    let wanted = STANDARD.encode(bundle.pem());
    let found = configuration(json!([
        { "name": "has.sluice.dev", "clientConfig": { "caBundle": wanted } },
        { "name": "reset.sluice.dev", "clientConfig": { "caBundle": "Cg==" } },
        { "name": "new.sluice.dev", "clientConfig": { "url": "https://127.0.0.1:1/" } },
    ]));

    let expected = json!({
        "metadata": { "resourceVersion": "7" },
        "webhooks": [
            { "name": "reset.sluice.dev", "clientConfig": { "caBundle": wanted } },
            { "name": "new.sluice.dev", "clientConfig": { "caBundle": wanted } },
        ],
    });
    assert_eq!(patch(&found, &bundle), Some(expected));
}

#[test]
fn a_configuration_that_has_the_bundle_everywhere_or_no_entry_is_left_alone() {
    let bundle = issue_all(&names(&[NAME]), now(), &[]).unwrap().bundle;
    let wanted = STANDARD.encode(bundle.pem());
    let entry = json!({ "name": "a.sluice.dev", "clientConfig": { "caBundle": wanted } });
    for webhooks in [json!([entry]), json!([]), Value::Null] {
        assert_eq!(patch(&configuration(webhooks), &bundle), None);
    }
}
