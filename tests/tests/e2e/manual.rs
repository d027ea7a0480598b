//! What people read without asking anybody: `kubectl explain`, `kubectl get`, metrics, the audit log, and the manual.

use e2e::manifest::pod;
use e2e::refusal::assert_denied;
use e2e::{ADMIN, create, eventually, http_get, kubectl, kubectl_with, ok, shared};
use ground::{Ground, Output};
use serde_json::{Value, json};

#[test]
fn kubectl_explain_describes_a_plans_windows_field_by_field() {
    let p = shared();
    let page = ok(kubectl(&p, "dave", &["explain", "resourceplan.spec.windows"]));
    for field in ["days", "start", "end", "from", "until"] {
        let mut lines = page.lines().skip_while(|line| !line.trim_start().starts_with(&format!("{field}\t")));
        assert!(lines.next().is_some(), "{field} is a field:\n{page}");
        let description = lines.next().unwrap_or_default().trim();
        assert!(description.len() > 10 && !description.contains("<no description>"), "{field}: {description:?}");
    }
    for record in ["users", "groups", "projects", "resourceplans", "platformqueues", "gpumodels", "platformpolicies"] {
        let page = ok(kubectl(&p, "dave", &["explain", &format!("{record}.sluice.dev"), "--recursive"]));
        assert!(page.contains("DESCRIPTION:") && !page.contains("<empty>"), "{page}");
    }
}

#[test]
fn kubectl_get_shows_the_columns_of_the_records() {
    let p = shared();
    let columns = |kind: &str| {
        let table = ok(kubectl(&p, "bob", &["get", kind]));
        table.lines().next().unwrap_or_default().to_lowercase()
    };
    let wanted: [(&str, &[&str]); 3] = [
        ("sp", &["gpu used", "reserved", "limit", "devices held", "window open", "closes at"]),
        ("srp", &["open", "next boundary", "projects"]),
        ("spq", &["running", "waiting", "gpu used", "deserved"]),
    ];
    for (kind, names) in wanted {
        let head = columns(kind).replace('-', " ");
        for name in names {
            assert!(head.contains(name), "{name} is a column of {kind}: {head}");
        }
    }
    let table = ok(kubectl(&p, "bob", &["get", "sp,srp,spq"]));
    for name in ["llm-finetune", "gold", "research"] {
        assert!(table.contains(name), "{name}:\n{table}");
    }
}

#[test]
fn the_audit_log_says_what_was_decided_and_by_which_policy() {
    let p = shared();
    // Another test may change a record between the two requests, and thereby the policy: then they are made again.
    let judged_by_one_policy = |n: u32| {
        let name = format!("audited-{n}");
        let denied = pod("detector", &name, json!({"metadata": {"labels": {"platform-go/queue-name": "urgent"}}}));
        assert_denied(&create(&p, "bob", denied), &[("queue", "asked queue urgent")]);
        ok(create(&p, "bob", pod("detector", &name, json!({}))));
        let events = eventually("both requests to be in the audit log", || {
            let events = audited(&p, &name);
            (events.len() >= 2).then_some(events)
        });
        let said = |code: u64, key: &str| {
            let event =
                events.iter().find(|event| event["responseStatus"]["code"] == code).expect("an event with the code");
            event["annotations"][format!("governed.sluice.dev/{key}")].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!((said(403, "verdicts"), said(201, "verdicts")), ("denied: queue".into(), "allowed".into()));
        for code in [403, 201] {
            assert!(!said(code, "decision-id").is_empty() && !said(code, "policy-version").is_empty(), "{code}");
        }
        ok(kubectl(&p, ADMIN, &["delete", "pod", &name, "-n", "detector", "--wait=false"]));
        said(403, "policy-version") == said(201, "policy-version")
    };
    assert!((1..=9).any(judged_by_one_policy), "the policy's version was another one for every second request");
}

/// The audit log's events of bob's creations of the Pod `name`.
fn audited(p: &Ground, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(p.layout().dir().join("log/audit.log")).expect("an audit log");
    let named = format!(r#""name":"{name}""#);
    let ours = text.lines().filter(|line| line.contains(&named) && line.contains(r#""verb":"create""#));
    let events = ours.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["user"]["username"] == "bob").collect()
}

#[test]
fn metrics_count_denials_by_rule_and_kind_and_latency_from_half_a_millisecond() {
    let p = shared();
    let denied = pod("detector", "counted", json!({"metadata": {"labels": {"platform-go/queue-name": "urgent"}}}));
    assert_denied(&create(&p, "bob", denied), &[("queue", "asked queue urgent")]);
    let (status, page) = http_get(&p, "/metrics");
    assert_eq!(status, 200);
    let line = |words: &[&str]| page.lines().find(|line| words.iter().all(|word| line.contains(word)));
    for words in [
        &["webhook_call_duration_seconds_bucket", r#"le="0.0005""#, r#"entry="mutate""#][..],
        &["webhook_call_duration_seconds_bucket", r#"le="5.0""#, r#"entry="validate""#],
        &["cache_", "namespaces"],
    ] {
        assert!(line(words).is_some(), "no line has {words:?}:\n{page}");
    }
    for words in [
        &["webhook_call_duration_seconds_count", r#"entry="mutate""#, r#"answer="refused""#][..],
        &["webhook_denials_total", r#"rule="queue""#, r#"kind="pods""#],
    ] {
        let value = line(words).and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0), "{words:?} counts {value:?}:\n{page}");
    }
    assert_eq!((http_get(&p, "/healthz").0, http_get(&p, "/readyz").0), (200, 200));
}

/// The manifests in a page of Markdown. Its other blocks are no objects.
fn manifests(page: &str) -> Vec<Value> {
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let objects = blocks.map(|block| serde_norway::from_str::<Value>(block).expect("YAML"));
    objects.filter(|object| object["kind"].is_string()).collect()
}

#[test]
fn kubernetes_takes_the_examples_of_every_rule_as_they_are_written() {
    let p = shared();
    let pages = std::fs::read_dir(p.layout().root().join("docs/reference/rules")).expect("the pages of the rules");
    let (mut tried, mut wrong) = (0, Vec::new());
    for page in pages.map(|page| page.expect("a page").path()) {
        for example in manifests(&std::fs::read_to_string(&page).expect("a page")) {
            let answer = create_strictly(&p, &example);
            tried += 1;
            // This cluster has not what the example has: Sluice may well refuse it, but kubectl and the API server may not.
            if !answer.success && !answer.stderr.contains("denied the request: sluice") {
                wrong.push(format!("{}: {}{example}", page.display(), answer.stderr));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 30, "only {tried} examples");
}

fn create_strictly(p: &Ground, object: &Value) -> Output {
    let args = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
    kubectl_with(p, ADMIN, &args, &object.to_string())
}
