//! What the chart renders where values choose otherwise than its defaults: the API server takes it.

use e2e::{ADMIN, kubectl_with, must, ok, shared};

const APPLY: [&str; 6] = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"];

const DATABASE: &str = r#"database={"url": "postgres://sluice@db:5432/sluice"}"#;

#[test]
fn the_api_server_takes_what_the_chart_renders_by_each_choice() {
    let p = shared();
    let network = r#"networkPolicy={"enabled": true, "apiServers": [{"ipBlock": {"cidr": "10.0.0.0/28"}}], "metrics": [{"podSelector": {}}]}"#;
    let choices: [(&[&str], &str); 6] = [
        (&[network], "networkpolicy.networking.k8s.io/sluice"),
        (&[r#"networkPolicy={"enabled": true}"#], "networkpolicy.networking.k8s.io/sluice"),
        (&[r#"components="apart""#, DATABASE], "deployment.apps/sluice-reapers"),
        (&[], "persistentvolumeclaim/sluice-ledger"),
        (&[r#"database={"storage": "Ephemeral"}"#], "deployment.apps/sluice"),
        (&["replicas=2", DATABASE], "poddisruptionbudget.policy/sluice"),
    ];
    for (values, renders) in choices {
        let rendered = must(ground::render_chart(values));
        // Those of the same name that exist call a URL, and an apply cannot take that away for a Service.
        let documents = rendered.split("\n---\n").filter(|it| !it.contains("WebhookConfiguration\n"));
        let taken = ok(kubectl_with(&p, ADMIN, &APPLY, &documents.collect::<Vec<_>>().join("\n---\n")));
        assert!(taken.contains(renders), "{values:?}: {taken}");
    }
    assert!(!must(ground::render_chart(&[])).contains("kind: NetworkPolicy"), "only where it is chosen");
}

#[test]
fn helm_has_nothing_to_say_against_the_chart() {
    let lint = must(ground::lint_chart());
    assert!(lint.success && !lint.stdout.contains("[WARNING]"), "{}{}", lint.stdout, lint.stderr);
}

/// docs/versions.md says what each has.
#[test]
fn each_version_of_kubernetes_gets_the_kinds_that_it_has() {
    for (version, has_mutating_policies) in [("1.34.0", false), ("1.35.3", false), ("1.36.0", true), ("1.37.0", true)] {
        let rendered = must(must(ground::render_chart_for(version)).ok("helm template"));
        assert_eq!(rendered.contains("kind: MutatingAdmissionPolicy\n"), has_mutating_policies, "{version}");
        assert!(rendered.contains("kind: ValidatingAdmissionPolicy\n"), "{version}");
    }
    let refused = must(ground::render_chart_for("1.33.9"));
    assert!(refused.stderr.contains("chart requires kubeVersion: >=1.34.0-0"), "{}", refused.stderr);
}

#[test]
fn while_everything_only_warns_a_sluice_that_is_away_refuses_nobody() {
    let fails = |values: &[&str]| {
        let rendered = must(ground::render_chart(values));
        let webhooks = rendered.split("\n---\n").filter(|it| it.contains("WebhookConfiguration\n"));
        // A question that nobody answers is no work that is refused.
        let entries =
            webhooks.flat_map(|it| it.split("\n  - name: ")).filter(|it| !it.starts_with("reviews.sluice.dev"));
        entries.filter(|it| it.contains("failurePolicy: Fail")).count()
    };
    let actions = |values: &[&str]| {
        let rendered = must(ground::render_chart(values));
        // Questions are never stored, and what is held for somebody is nobody else's, whatever is only warned of.
        let always = ["policyName: sluice-reviews", "policyName: sluice-holds"];
        let bindings = rendered.split("\n---").filter(|it| !always.iter().any(|policy| it.contains(policy)));
        let lines = bindings.flat_map(str::lines);
        let mut actions: Vec<_> = lines.filter(|line| line.contains("validationActions:")).collect();
        actions.dedup();
        actions.join("|").trim().to_owned()
    };
    let warns = r#"policy.ruleModes={"*": "warn"}"#;
    assert!(fails(&[]) > 10 && fails(&[r#"policy.ruleModes={"image": "warn"}"#]) > 10);
    assert_eq!(fails(&[warns]), 0);
    assert_eq!(fails(&[warns, r#"policy.elsewhere="Enforce""#]), 1, "that is refused whatever the rules do");
    assert!(fails(&[r#"policy.ruleModes={"*": "warn", "image": "enforce"}"#]) > 10);
    assert_eq!(actions(&[]), "validationActions: [Deny]");
    assert_eq!(actions(&[warns]), "validationActions: [Warn]");
    assert_eq!(actions(&[warns, r#"staticPolicies="Audit""#]), "validationActions: [Audit]");
}
