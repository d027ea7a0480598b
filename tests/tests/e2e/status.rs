//! `sluice status`: on a platform that works, while something is broken, and once it is mended.

use e2e::{ADMIN, alone, eventually, get, kubectl, must, ok, sluice, sluice_as};
use ground::Ground;
use serde_json::{Value, json};

/// The exit code, and what is said.
fn status(p: &Ground) -> (i32, Value) {
    let output = sluice(p, &["status", "-o", "json"], "");
    (output.code, serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr)))
}

fn finds<'a>(status: &'a Value, what: &str) -> Option<&'a Value> {
    status["findings"].as_array().into_iter().flatten().find(|it| it["what"] == what)
}

/// It works, and every daemon says so; records of other tests may want attention.
fn works(p: &Ground) -> Value {
    eventually("every daemon to say that it works", || {
        let (code, status) = status(p);
        let rows = status["daemons"].as_array().expect("daemons");
        let all = rows.iter().all(|row| row["state"] == "Works" && row["ledBy"] == "sluice-1");
        (status["works"] == true && all && [0, 2].contains(&code)).then_some(status)
    })
}

#[test]
fn what_is_broken_is_said_until_it_is_mended() {
    let mut p = alone();
    let well = works(&p);
    let verdict = well["verdict"].as_str().expect("a verdict");
    assert!(verdict.starts_with("Sluice works") && !verdict.contains("as far as"), "{well}");
    assert_eq!(well["unread"], json!([]));
    let told = &well["daemons"][0]["told"];
    assert_eq!((&told["lastEnd"], &told["cyclesInVain"]), (&json!("Done"), &json!(0)), "{told}");
    let text = sluice(&p, &["status"], "").stdout;
    assert!(text.starts_with(verdict) && text.contains("DAEMON") && !text.contains('\u{1b}'), "{text}");

    // Who may not read everything is told so, and that is no failure.
    let bob = sluice_as(&p, "bob", &["status"]);
    assert!([0, 2].contains(&bob.code) && bob.stdout.contains("as far as you may see"), "{}{}", bob.stdout, bob.stderr);
    assert!(bob.stdout.contains("the Lease sluice-reapers in namespace"), "{}", bob.stdout);

    // That daemons tell how they are is no change of the policy.
    let policy = || get(&p, "", "platformpolicy/default");
    let before = policy();
    let observed = |policy: &Value| policy["status"]["daemons"][0]["observedAt"].clone();
    let after = eventually("the daemons to tell again", || {
        let after = policy();
        (observed(&after) != observed(&before)).then_some(after)
    });
    for field in ["version", "conditions", "problems"] {
        assert_eq!(after["status"][field], before["status"][field], "{field}");
    }
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);

    // An entry that passes over everything, and a static policy that nothing binds: nobody else would say so.
    let selector = |value: &str| {
        let change = format!(r#"[{{"op": "add", "path": "/webhooks/0/objectSelector", "value": {value}}}]"#);
        let patch = ["patch", "validatingwebhookconfiguration", "sluice", "--type=json", "-p", &change];
        ok(kubectl(&p, ADMIN, &patch));
    };
    selector(r#"{"matchLabels": {"no": "pod"}}"#);
    ok(kubectl(&p, ADMIN, &["delete", "validatingadmissionpolicybinding", "sluice-owners"]));
    let (code, inert) = status(&p);
    let says = finds(&inert, "EntryDiffers").expect("it is found")["says"].as_str().expect("a sentence");
    assert!(says.ends_with("is not the chart's: it has objectSelector, and the chart's has none"), "{says}");
    let says = finds(&inert, "StaticPolicies").expect("it is found")["says"].as_str().expect("a sentence");
    assert!(says.contains("sluice-owners has no binding"), "{says}");
    assert_eq!(code, 1);
    selector("{}");
    must(p.install_chart(&[]));
    works(&p);

    ok(kubectl(&p, ADMIN, &["delete", "validatingwebhookconfiguration", "sluice"]));
    let (code, broken) = status(&p);
    let says = finds(&broken, "WebhooksMissing").expect("it is found")["says"].as_str().expect("a sentence");
    assert!(says.contains("the ValidatingWebhookConfiguration sluice is gone"), "{says}");
    assert_eq!((code, &broken["works"]), (1, &json!(false)));
    must(p.install_chart(&[]));
    works(&p);

    must(p.stop_sluice());
    let (code, stopped) = status(&p);
    assert_eq!(code, 1);
    let verdict = stopped["verdict"].as_str().expect("a verdict");
    assert!(verdict.starts_with("Sluice does not decide: nobody answers the API server's webhook"), "{verdict}");
    let unled = finds(&stopped, "Unled").expect("nobody leads")["says"].as_str().expect("a sentence");
    assert!(unled.starts_with("nobody leads the daemons: nobody holds the Lease sluice-reapers"), "{unled}");
    assert!(stopped["daemons"].as_array().expect("daemons").iter().all(|row| row["state"] == "Unled"), "{stopped}");
    must(p.run_sluice());
    works(&p);
}
