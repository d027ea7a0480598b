//! What makes the API server ask Sluice, and what it decides without it: whether it is what the chart renders.

use policy_engine::object::kinds::GroupResource;

use super::*;
use crate::status::static_policies::ALWAYS;

/// The platform but for one entry.
fn but_for_entry(kind: &str, name: &str, broken: impl FnOnce(&mut Value)) -> (Status, Ending) {
    but_for(|seen| {
        let part = if kind.starts_with('M') { &mut seen.mutating } else { &mut seen.validating };
        let entry = listed(part).iter_mut().find(|it| it.name == name).expect("an entry");
        let mut written = entry.written.clone();
        broken(&mut written);
        *entry = Entry::of(written);
    })
}

#[test]
fn entries_that_trust_nobody_or_let_everything_through_are_named() {
    let without = |seen: &mut Seen, which: fn(&str) -> bool| {
        listed(&mut seen.mutating).iter_mut().filter(|it| which(&it.name)).for_each(|it| it.ca_bundle = None);
    };
    let some = but_for(|seen| without(seen, |name| name == "reviews.sluice.dev"));
    assert_eq!(some.0.findings[0].area, Area::Gaps);
    assert_found(
        some,
        What::NoCa,
        "1 of 5 entries of the MutatingWebhookConfiguration sluice have no caBundle: reviews.sluice.dev",
        Ending::Denied,
    );
    let all = but_for(|seen| without(seen, |_| true));
    assert_eq!(all.0.findings[0].area, Area::Deciding);
    assert_found(all, What::NoCa, "5 of 5 entries", Ending::Denied);

    let open = |entry: &mut Value| entry["failurePolicy"] = "Ignore".into();
    assert_found(
        but_for_entry(VALIDATING, "governed.sluice.dev", open),
        What::FailsOpen,
        "1 of 14 entries of the ValidatingWebhookConfiguration sluice let everything through",
        Ending::Denied,
    );
    let unenforced = but_for(|seen| {
        listed(&mut seen.validating).iter_mut().for_each(|it| it.fails_open = true);
        seen.policy.as_mut().expect("it was read").as_mut().expect("it is there").enforces = false;
    });
    assert_eq!(unenforced.1, Ending::Fine, "nothing is enforced: {:?}", unenforced.0.findings);
    let elsewhere = of_policy(|policy| policy.enforces_elsewhere = true);
    assert_found(elsewhere, What::FailsOpen, "elsewhere.sluice.dev", Ending::Denied);
    let questions = but_for_entry(MUTATING, "reviews.sluice.dev", open);
    assert_found(questions, What::FailsOpen, "reviews.sluice.dev", Ending::Denied);
}

#[test]
fn an_entry_that_is_missing_or_not_the_charts_is_named_with_what_differs() {
    let missing = but_for(|seen| listed(&mut seen.validating).retain(|it| it.name != "governed.sluice.dev"));
    assert_found(
        missing,
        What::EntriesMissing,
        "1 of 14 entries of the ValidatingWebhookConfiguration sluice is missing, so that nobody is asked what it hears of: governed.sluice.dev",
        Ending::Denied,
    );
    let foreign = but_for(|seen| {
        let mut foreign = listed(&mut seen.validating)[0].written.clone();
        foreign["name"] = "else.example.com".into();
        listed(&mut seen.validating).push(Entry::of(foreign));
    });
    assert_eq!(foreign.1, Ending::Fine, "somebody else's entry: {:?}", foreign.0.findings);

    let differs = |says: &str, broken: fn(&mut Value)| {
        let found = but_for_entry(MUTATING, "governed.sluice.dev", broken);
        let says = format!(
            "the entry governed.sluice.dev of the MutatingWebhookConfiguration sluice is not the chart's: {says}"
        );
        assert_found(found, What::EntryDiffers, &says, Ending::Denied);
    };
    differs("it has objectSelector, and the chart's has none", |entry| {
        entry["objectSelector"] = json!({"matchLabels": {"no": "pod"}});
    });
    differs("its namespaceSelector is not the chart's", |entry| {
        entry["namespaceSelector"]["matchLabels"] = json!({"no": "namespace"});
    });
    differs("its matchConditions are not the chart's (never)", |entry| {
        let never = json!({"name": "never", "expression": "false"});
        entry["matchConditions"].as_array_mut().expect("conditions").push(never);
    });
    differs("its matchConditions are not the chart's (not-sluice-itself)", |entry| {
        entry["matchConditions"][0]["expression"] = "false".into();
    });
    differs("its rules do not hear of CREATE of bindings, CREATE of pods, CREATE of pods/* and 2 more", |entry| {
        entry["rules"][0]["resources"] = json!(["pods/*"]);
        entry["rules"][0]["operations"] = json!(["UPDATE"]);
    });
    differs(
        "it is called at Service sluice-system/nobody:443, and others at Service sluice-system/sluice:443",
        |entry| {
            entry["clientConfig"]["service"]["name"] = "nobody".into();
        },
    );
    differs("it is called at Service sluice-system/sluice:443, and not at the path /governed/mutate", |entry| {
        entry["clientConfig"]["service"]["path"] = "/reviews".into();
    });
    differs("its matchPolicy is \"Exact\", and the chart's \"Equivalent\"", |entry| {
        entry["matchPolicy"] = "Exact".into();
    });
}

#[test]
fn what_values_list_is_the_charts_where_the_policy_lists_it_too() {
    let exempts = |entry: &mut Value| {
        let values = &mut entry["namespaceSelector"]["matchExpressions"][1]["values"];
        values.as_array_mut().expect("namespaces").push("detector".into());
    };
    let foreign = but_for_entry(VALIDATING, "claims.sluice.dev", exempts);
    assert_found(foreign, What::EntryDiffers, "it passes over detector, which neither the policy nor", Ending::Denied);
    let (listed_too, _) = but_for(|seen| {
        seen.policy
            .as_mut()
            .expect("it was read")
            .as_mut()
            .expect("it is there")
            .listed_names
            .insert("detector".into());
        for entry in listed(&mut seen.validating).iter_mut().filter(|it| it.written["namespaceSelector"].is_object()) {
            exempts(&mut entry.written);
        }
    });
    assert_eq!(listed_too.findings, []);
    let kinds = of_policy(|policy| policy.listed_kinds = vec![GroupResource::new("ray.io", "rayclusters")]);
    let of: Vec<_> = kinds.0.findings.iter().map(|it| (it.what, it.says.contains("rayclusters.ray.io"))).collect();
    assert_eq!(of, [(What::EntryDiffers, true); 4], "both entries of workloads, those elsewhere and deletions");
    assert!(
        kinds
            .0
            .findings
            .iter()
            .all(|it| it.what_to_do.starts_with("list them in the chart's value policy.workloadKinds"))
    );
    // What the chart renders where the policy lists operators.
    let operators = |entry: &mut Value| {
        let condition = json!({"name": "not-a-trusted-controller",
            "expression": "!(request.userInfo.?username.orValue('') in [\"kube-public\"])"});
        entry["matchConditions"].as_array_mut().expect("conditions").push(condition);
    };
    assert_eq!(but_for_entry(VALIDATING, "deletes.sluice.dev", operators).1, Ending::Fine);
}

#[test]
fn an_entry_that_trusts_or_is_called_otherwise_than_the_one_that_answers_is_named() {
    let other = |entry: &mut Value| entry["clientConfig"]["caBundle"] = "Zm9yZWlnbg==".into();
    assert_found(
        but_for_entry(VALIDATING, "binding.sluice.dev", other),
        What::ForeignCa,
        "1 of 14 entries of the ValidatingWebhookConfiguration sluice trust another CA than reviews.sluice.dev, which is answered, so that the API server cannot ask them: binding.sluice.dev",
        Ending::Denied,
    );
    // All but the one that is answered.
    let (most, _) = but_for(|seen| {
        for entry in listed(&mut seen.validating) {
            entry.ca_bundle = Some("Zm9yZWlnbg==".to_owned());
        }
    });
    assert!(most.findings[0].says.starts_with("14 of 14 entries"), "{:?}", most.findings);
    let url = |port: u16, path: &str| json!({"url": format!("https://127.0.0.1:{port}{path}"), "caBundle": "b3Vycw=="});
    let (dead, _) = but_for(|seen| {
        for part in [&mut seen.mutating, &mut seen.validating] {
            for entry in listed(part) {
                let path = entry.written["clientConfig"]["service"]["path"].as_str().expect("a path").to_owned();
                let port = if entry.name.starts_with("tokens") { 9 } else { 8443 };
                entry.written["clientConfig"] = url(port, &path);
            }
        }
    });
    let says: Vec<_> = dead.findings.iter().map(|it| it.says.as_str()).collect();
    let expected = "the entry tokens.sluice.dev of the ValidatingWebhookConfiguration sluice is not the chart's: it is called at https://127.0.0.1:9, and others at https://127.0.0.1:8443";
    assert_eq!(says, [expected]);
}

#[test]
fn a_static_policy_that_decides_nothing_is_named() {
    let named = |name: &'static str| move |it: &Value| it["metadata"]["name"] != name;
    let policies =
        |seen: &mut Seen, broken: &dyn Fn(&mut Vec<Value>)| broken(seen.static_policies.as_mut().expect("read"));
    let bindings = |seen: &mut Seen, broken: &dyn Fn(&mut Vec<Value>)| broken(seen.bindings.as_mut().expect("read"));
    let found = |says: &str, broken: &dyn Fn(&mut Seen)| {
        assert_found(but_for(broken), What::StaticPolicies, says, Ending::Denied)
    };
    found("sluice-owners has no binding, so that it decides nothing", &|seen| {
        bindings(seen, &|all| all.retain(named("sluice-owners")));
    });
    found("the ValidatingAdmissionPolicyBinding sluice-tokens is of a policy that is gone", &|seen| {
        policies(seen, &|all| all.retain(named("sluice-tokens")));
    });
    found("sluice-tokens and its binding are gone, and others are there", &|seen| {
        policies(seen, &|all| all.retain(named("sluice-tokens")));
        bindings(seen, &|all| all.retain(named("sluice-tokens")));
    });
    let reviews = |all: &mut Vec<Value>| -> usize {
        all.iter().position(|it| it["metadata"]["name"] == "sluice-reviews").expect("it is there")
    };
    found("sluice-reviews is not the chart's: its binding looks at less than all of it", &|seen| {
        bindings(seen, &|all| {
            let at = reviews(all);
            all[at]["spec"]["matchResources"] = json!({"objectSelector": {"matchLabels": {"a": "b"}}});
        });
    });
    found("sluice-reviews is not the chart's: its binding says [\"Warn\"], and not [\"Deny\"]", &|seen| {
        bindings(seen, &|all| {
            let at = reviews(all);
            all[at]["spec"]["validationActions"] = json!(["Warn"]);
        });
    });
    found("sluice-reviews is not the chart's: it has 0 validations, and the chart's 1", &|seen| {
        policies(seen, &|all| {
            let at = reviews(all);
            all[at]["spec"]["validations"] = json!([]);
        });
    });
    let warned = but_for(|seen| {
        for binding in seen.bindings.as_mut().expect("read") {
            if !ALWAYS.contains(&binding["metadata"]["name"].as_str().expect("a name")) {
                binding["spec"]["validationActions"] = json!(["Warn"]);
            }
        }
    });
    assert_eq!(warned.1, Ending::Fine, "as the values may say: {:?}", warned.0.findings);
    let off = but_for(|seen| (seen.static_policies, seen.bindings) = (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!(off.1, Ending::Fine, "as the values may say: {:?}", off.0.findings);
}
