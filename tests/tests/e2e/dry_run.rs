//! Show 5: a dry run says what will happen, whoever is asked: the API server, records in files, records of the cluster.

use e2e::manifest::pod;
use e2e::refusal::denials;
use e2e::{ADMIN, create, eventually, get, kubectl, ok, shared, sluice};
use ground::{Ground, Output};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

const SOURCES: [&[&str]; 3] = [&[], &["--policy", "examples/org"], &["--policy", "cluster"]];

/// A file of `examples/shows/`; its first line is `# as: <user>; expect: allowed`, or `denied <rule>, <rule>`.
struct Show {
    path: String,
    user: String,
    expected: String,
    object: Value,
}

fn shows(p: &Ground) -> Vec<Show> {
    let directory = p.layout().root().join("examples/shows");
    let entries = std::fs::read_dir(&directory).expect("examples/shows");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let show = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a show");
        let first = text.lines().next().and_then(|line| line.strip_prefix("# as: ")?.split_once("; expect: "));
        let (user, expected) = first.unwrap_or_else(|| panic!("{}: no expectation", path.display()));
        let (user, expected) = (user.to_owned(), expected.to_owned());
        let object = serde_norway::from_str(&text).expect("one object");
        Show { path: path.display().to_string(), user, expected, object }
    };
    paths.into_iter().map(show).collect()
}

/// The entries of `-o json` for files that one user submits, in their order.
fn asked(p: &Ground, user: &str, paths: &[&str], source: &[&str]) -> Vec<Value> {
    let files = paths.iter().flat_map(|path| ["-f", path]);
    let args: Vec<&str> = ["dry-run", "--as", user, "-o", "json"].into_iter().chain(files).collect();
    let output = sluice(p, &[&args[..], source].concat(), "");
    let said: Vec<Value> = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr));
    assert_eq!(said.len(), paths.len(), "{}", output.stderr);
    let any_denied = said.iter().any(|entry| entry["allowed"] == false);
    assert_eq!(output.code, i32::from(any_denied), "{}", output.stderr);
    said
}

fn verdict(entry: &Value) -> String {
    let denials = entry["denials"].as_array().into_iter().flatten();
    let mut rules: Vec<_> = denials.filter_map(|denial| denial["rule"].as_str()).collect();
    rules.dedup();
    if entry["allowed"] == true { "allowed".into() } else { format!("denied {}", rules.join(", ")) }
}

/// The labels and annotations of the platform that an object has.
fn ours(object: &Value) -> BTreeMap<String, Value> {
    let of = |map: &str| object["metadata"][map].as_object().cloned().unwrap_or_default();
    let keys = |map: Map<String, Value>| map.into_iter().filter(|(key, _)| key.starts_with("platform-go/"));
    keys(of("labels")).chain(keys(of("annotations"))).collect()
}

/// kubectl's server-side dry run has every sentence, every warning and every written field, and no other of ours.
fn assert_kubectl_says_the_same(show: &Show, entry: &Value, output: &Output) {
    let path = &show.path;
    let line = |denial: &Value| ["rule", "field", "message"].map(|key| denial[key].as_str().unwrap_or_default().into());
    let said: Vec<[String; 3]> = entry["denials"].as_array().into_iter().flatten().map(line).collect();
    let by_kubectl: Vec<_> = denials(&output.stderr).into_iter().map(|it| [it.rule, it.field, it.message]).collect();
    assert_eq!(by_kubectl, said, "{path}: {}", output.stderr);
    assert_eq!(output.success, entry["allowed"] == true, "{path}: {}", output.stderr);
    let warnings = output.stderr.lines().filter_map(|line| line.strip_prefix("Warning: "));
    let warnings: Vec<_> = warnings.filter(|text| text.starts_with("sluice: ")).collect();
    assert_eq!(json!(warnings), entry["warnings"], "{path}");
    if !output.success {
        return;
    }
    let admitted: Value = serde_json::from_str(&output.stdout).expect("kubectl prints JSON");
    let mut wanted = ours(&show.object);
    for operation in entry["patch"].as_array().into_iter().flatten() {
        let place = operation["path"].as_str().unwrap_or_default();
        let value = operation.get("value");
        assert_eq!(admitted.pointer(place), value, "{path}: {place}");
        let key = place.rsplit('/').next().unwrap_or_default().replace("~1", "/");
        if place.starts_with("/metadata/") {
            match value {
                Some(value) => drop(wanted.insert(key, value.clone())),
                None => drop(wanted.remove(&key)),
            }
        }
    }
    assert_eq!(ours(&admitted), wanted, "{path}");
}

#[test]
fn forty_files_have_the_same_verdict_sentences_and_written_fields_wherever_they_are_asked() {
    let p = shared();
    let shows = shows(&p);
    assert!(shows.len() >= 40, "{}", shows.len());
    let mut versions = Vec::new();
    for user in ["alice", "bob", "carol"] {
        let theirs: Vec<&Show> = shows.iter().filter(|show| show.user == user).collect();
        let paths: Vec<&str> = theirs.iter().map(|show| show.path.as_str()).collect();
        let [live, files, cluster] = SOURCES.map(|source| asked(&p, user, &paths, source));
        for (index, show) in theirs.iter().enumerate() {
            let without_version = |entry: &Value| e2e::manifest::with(entry.clone(), json!({"policyVersion": null}));
            let [live, files, cluster] = [&live, &files, &cluster].map(|all| &all[index]);
            assert_eq!(verdict(live), show.expected, "{}: {live:#}", show.path);
            assert_eq!(without_version(live), without_version(files), "{}: records in files", show.path);
            assert_eq!(without_version(live), without_version(cluster), "{}: records of the cluster", show.path);
            versions.extend([live, cluster].map(|entry| entry["policyVersion"].clone()));
            let args = ["create", "--dry-run=server", "-o", "json", "-f", &show.path];
            assert_kubectl_says_the_same(show, live, &kubectl(&p, user, &args));
        }
    }
    assert_eq!(versions.len(), 2 * shows.len(), "somebody else submits a show");
    assert!(versions.iter().all(|version| version.as_str().is_some_and(|it| it.len() == 12)), "{versions:?}");
}

#[test]
fn the_policy_has_the_same_version_for_the_platform_and_for_a_dry_run_on_its_records() {
    let p = shared();
    let show = p.layout().root().join("examples/shows/image-digest.yaml").display().to_string();
    eventually("the version in force to be that of the records", || {
        let [live, _, cluster] = SOURCES.map(|source| asked(&p, "carol", &[&show], source));
        let version = live[0]["policyVersion"].as_str()?.to_owned();
        (live[0]["policyVersion"] == cluster[0]["policyVersion"] && version.len() == 12).then_some(())
    });
}

#[test]
fn the_exit_code_says_how_it_ended() {
    let p = shared();
    let run = |args: &[&str], stdin: &str| {
        let output = sluice(&p, &[&["dry-run"], args].concat(), stdin);
        (output.code, format!("{}{}", output.stdout, output.stderr))
    };
    let expect = |code: i32, says: &str, (found, text): (i32, String)| {
        assert!(found == code && text.contains(says), "{found} instead of {code}, or {says:?} is not in:\n{text}");
    };
    let forged = ["-f", "examples/shows/platform-labels-forged.yaml", "--as", "bob"];
    expect(0, "warning: sluice: ", run(&forged, ""));
    expect(1, "denied: image", run(&["-f", "examples/shows/image-port.yaml", "--as", "bob"], ""));
    expect(2, "allowed", run(&[&forged[..], &["--strict"]].concat(), ""));
    expect(3, "error: standard input, document 1", run(&["-f", "-"], "kind: [Pod"));
    expect(3, "--namespaces", run(&["-f", "-", "--namespaces", "detector"], ""));
    let nowhere = pod("detector", "nowhere", json!({"metadata": {"namespace": null}})).to_string();
    expect(3, "namespaces \"no-such-place\" not found", run(&["-f", "-", "-n", "no-such-place"], &nowhere));
    let unknown = json!({"apiVersion": "example.com/v1", "kind": "Nothing", "metadata": {"name": "a"}}).to_string();
    expect(3, "the cluster serves no Nothing of example.com/v1", run(&["-f", "-"], &unknown));
}

#[test]
fn without_an_api_server_there_is_no_answer_and_the_exit_code_is_4() {
    let p = shared();
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let admin = std::fs::read_to_string(p.layout().admin_kubeconfig()).expect("a kubeconfig");
    let mut config: Value = serde_json::from_str(&admin).expect("a kubeconfig is JSON here");
    config["clusters"][0]["cluster"]["server"] = json!(format!("https://{free}"));
    let closed = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(closed.path(), config.to_string()).expect("a kubeconfig");
    for source in [SOURCES[0], SOURCES[2]] {
        let mut command = std::process::Command::new(p.layout().bin("sluice"));
        command.args(["dry-run", "-f", "examples/shows/image-port.yaml", "--as", "bob"]).args(source);
        command.current_dir(p.layout().root()).env("KUBECONFIG", closed.path());
        let output = e2e::must(Output::of(command, ""));
        assert_eq!((output.code, output.stdout.as_str()), (4, ""), "{}", output.stderr);
        assert!(output.stderr.starts_with("error: ") && output.stderr.contains("refused"), "{}", output.stderr);
    }
}

#[test]
fn a_name_that_exists_already_is_judged_all_the_same() {
    let p = shared();
    let rooted = pod("detector", "dry-taken", json!({"spec": {"securityContext": {"runAsUser": 0}}})).to_string();
    let plain = pod("detector", "dry-taken", json!({}));
    ok(create(&p, "bob", &plain));
    for source in SOURCES {
        let ask = |text: &str| sluice(&p, &[&["dry-run", "-f", "-", "--as", "bob"], source].concat(), text);
        let allowed = ask(&plain.to_string());
        assert!(allowed.code == 0 && allowed.stdout.contains("platform-go/user-id: bob"), "{allowed:?}");
        let denied = ask(&rooted);
        assert!(denied.code == 1 && denied.stdout.contains("group vision-lab"), "{denied:?}");
    }
    assert_eq!(get(&p, "detector", "pod/dry-taken")["metadata"]["generateName"], Value::Null);
    ok(kubectl(&p, ADMIN, &["-n", "detector", "delete", "pod/dry-taken", "--wait=false"]));
}

/// A template of nine devices, and the Deployment whose Pods would name it, in either order.
#[test]
fn objects_of_one_run_know_each_other_where_the_api_server_is_not_asked_which_says_that_it_does_not() {
    let p = shared();
    let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 9}}]);
    let template = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": "one-run"},
        "spec": {"spec": {"devices": {"requests": requests}}}});
    let container = json!({"name": "a", "image": "registry.example.com/a:1", "resources": {"claims": [{"name": "g"}]}});
    let spec =
        json!({"containers": [container], "resourceClaims": [{"name": "g", "resourceClaimTemplateName": "one-run"}]});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one-run"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "one-run"}},
            "template": {"metadata": {"labels": {"app": "one-run"}}, "spec": spec}}});
    for objects in [[&template, &deployment], [&deployment, &template]] {
        let text = objects.map(|object| object.to_string()).join("\n---\n");
        for source in SOURCES {
            let args = ["dry-run", "-f", "-", "--as", "bob", "-n", "llm-finetune"];
            let said = sluice(&p, &[&args[..], source].concat(), &text);
            if source.is_empty() {
                let note =
                    "note: it names ResourceClaimTemplate one-run of this run, which the API server does not know";
                assert!(said.code == 0 && said.stdout.contains(note), "{said:?}");
            } else {
                let denied = "Deployment llm-finetune/one-run  denied: quota\n";
                assert!(said.code == 1 && said.stdout.contains(denied), "{source:?}: {said:?}");
            }
        }
    }
}

#[test]
fn every_format_can_be_read_and_a_pipe_has_no_colour() {
    let p = shared();
    let ask = |format: &str| {
        let args = ["dry-run", "-f", "examples/shows/queue-priority-class.yaml", "--as", "bob", "-o", format];
        let text = ok(sluice(&p, &args, ""));
        assert!(!text.contains('\u{1b}'), "{text:?}");
        text
    };
    let json: Value = serde_json::from_str(&ask("json")).expect("JSON");
    let yaml: Value = serde_norway::from_str(&ask("yaml")).expect("YAML");
    assert_eq!(yaml, json);
    let patch: Value = serde_json::from_str(&ask("patch")).expect("JSON");
    assert_eq!(patch, json!([{"object": json[0]["object"], "patch": json[0]["patch"]}]));
    let table = ask("table");
    for line in [
        "Pod llm-serving/priority-class  allowed",
        "  warning: sluice: ",
        "  -   priorityClassName: system-cluster-critical",
        "  +   priorityClassName: platform-go-urgent",
        "  +     platform-go/user-id: bob",
    ] {
        assert!(table.lines().any(|found| found.starts_with(line)), "{line:?} is not in\n{table}");
    }
}

#[test]
fn records_are_checked_and_the_manual_and_completions_are_printed_without_a_cluster() {
    let p = shared();
    let summary = ok(sluice(&p, &["check", "examples/org"], ""));
    assert!(summary.ends_with("0 problems, 0 warnings\n"), "{summary}");
    let copy = tempfile::tempdir().expect("a temporary directory");
    for file in ["groups", "plans", "projects", "queues", "users"] {
        let file = format!("{file}.yaml");
        let text = std::fs::read_to_string(p.layout().root().join("examples/org").join(&file)).expect("records");
        let text = text.replace("Europe/Berlin", "Europe/Nowhere").replace("username: dave", "username: carol");
        std::fs::write(copy.path().join(file), text.replace("group: vision-lab", "group: vision-lap")).expect("a copy");
    }
    let broken = sluice(&p, &["check", &copy.path().display().to_string()], "");
    assert_eq!(broken.code, 3, "{}", broken.stderr);
    for (grade, says) in [
        ("error: ", "PlatformQueue night: spec.timeZone: "),
        ("error: ", "User dave: spec.username: carol is User carol"),
        ("warning: ", "Project detector: spec.group: "),
        ("warning: ", "ResourcePlan bronze: spec.gpuModels[0]: "),
    ] {
        let mut lines = broken.stderr.lines();
        assert!(lines.any(|line| line.starts_with(grade) && line.contains(says)), "{says}:\n{}", broken.stderr);
    }
    let rules = ok(sluice(&p, &["rules"], ""));
    for rule in ["project", "queue", "placement", "root-shell", "privilege", "image", "platform-labels"] {
        assert!(rules.lines().any(|line| line.starts_with(&format!("{rule} "))), "{rule}:\n{rules}");
    }
    let completions = ok(sluice(&p, &["completions", "bash"], ""));
    let mut bash = std::process::Command::new("bash");
    bash.args(["-c", "source /dev/stdin && complete -p sluice"]);
    assert!(ok(e2e::must(Output::of(bash, &completions))).contains("sluice"));
}
