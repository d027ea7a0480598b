//! The commands that need no cluster, as people run them.

mod support;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use support::{Run, example, sluice};

/// The first line of every show: `# as: <user>; expect: allowed` or `expect: denied <rule>, <rule>`.
fn expectation(text: &str) -> Option<(&str, &str)> {
    let line = text.lines().next()?.strip_prefix("# as: ")?;
    line.split_once("; expect: ")
}

fn verdict(entry: &Value) -> String {
    let denials = entry["denials"].as_array().into_iter().flatten();
    let mut rules: Vec<_> = denials.filter_map(|denial| denial["rule"].as_str()).collect();
    rules.dedup();
    if entry["allowed"] == true { "allowed".into() } else { format!("denied {}", rules.join(", ")) }
}

#[test]
fn every_show_is_judged_as_it_says() {
    let mut by_user = BTreeMap::<String, Vec<(String, String)>>::new();
    for entry in fs::read_dir(example("shows")).expect("shows") {
        let path = entry.expect("a show").path();
        let text = fs::read_to_string(&path).expect("a show");
        let (user, expected) = expectation(&text).unwrap_or_else(|| panic!("{}: no expectation", path.display()));
        by_user.entry(user.into()).or_default().push((path.display().to_string(), expected.into()));
    }
    assert!(by_user.values().map(Vec::len).sum::<usize>() >= 40, "{by_user:?}");
    for (user, shows) in by_user {
        let org = example("org");
        let mut args = vec!["dry-run", "--policy", &org, "--as", &user, "-o", "json"];
        args.extend(shows.iter().flat_map(|(path, _)| ["-f", path]));
        let run = sluice(&args);
        let said = run.json();
        assert_eq!((run.code, said.as_array().map_or(0, Vec::len)), (1, shows.len()), "{}", run.err);
        for ((path, expected), entry) in shows.iter().zip(said.as_array().into_iter().flatten()) {
            assert_eq!(&verdict(entry), expected, "{path}: {entry:#}");
            assert!(entry["policyVersion"].as_str().is_some_and(|version| version.len() == 12), "{path}");
        }
    }
}

#[test]
fn strict_counts_warnings() {
    let (org, forged) = (example("org"), example("shows/platform-labels-forged.yaml"));
    let args = ["dry-run", "-f", &forged, "--policy", &org, "--as", "bob"];
    assert_eq!(sluice(&args).code, 0);
    let strict = sluice(&[&args[..], &["--strict"]].concat());
    assert_eq!(strict.code, 2);
    assert!(strict.out.contains("platform-go/user-id]: asked \"ada\", set to \"bob\""), "{}", strict.out);
}

#[test]
fn time_is_an_argument() {
    let (org, show) = (example("org"), example("shows/plain-daemonset.yaml"));
    let at = |at: &str| sluice(&["dry-run", "-f", &show, "--policy", &org, "--as", "alice", "--at", at]);
    assert_eq!(at("2026-11-23T10:00:00Z").code, 0);
    let never = at("yesterday");
    assert_eq!(never.code, 3);
    assert!(never.err.contains("yesterday") && never.err.contains("--at"), "{}", never.err);
}

#[test]
fn a_namespace_without_a_project_is_not_governed() {
    let object =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: quay.io/x/y}]}\n";
    let run = Run::with_input(
        &["dry-run", "-f", "-", "--policy", &example("org"), "--as", "alice", "-n", "elsewhere"],
        object,
    );
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.out, "Pod elsewhere/a  allowed\n  note: not governed: namespace elsewhere belongs to no project\n");
}

/// The exit code and the text of a dry run by bob on the sample organisation.
fn by_bob(namespace: &str, objects: &str) -> (i32, String) {
    let org = example("org");
    let args = ["dry-run", "-f", "-", "--policy", &org, "--as", "bob", "-n", namespace];
    let run = Run::with_input(&args, objects);
    (run.code, run.out + &run.err)
}

#[test]
fn a_secret_that_asks_for_a_token_is_refused_and_another_is_not_judged() {
    let secret = |kind: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ntype: {kind}\n");
    let (code, said) = by_bob("detector", &secret("kubernetes.io/service-account-token"));
    assert!(code == 1 && said.starts_with("Secret detector/a  denied: service-account-token\n"), "{code}: {said}");
    let (code, said) = by_bob("detector", &secret("Opaque"));
    assert!(code == 0 && said.contains("note: not governed: of Secrets, only those of type"), "{code}: {said}");
}

#[test]
fn gpus_are_warned_of_where_no_project_is() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: x, resources: {limits: {nvidia.com/gpu: 1}}}]}\n";
    let (code, said) = by_bob("default", pod);
    assert!(code == 0 && said.starts_with("Pod default/a  allowed\n"), "{code}: {said}");
    let warning = "warning: sluice: not enforced: project: spec.containers[0].resources.limits[nvidia.com/gpu]: asked nvidia.com/gpu";
    assert!(said.contains(warning), "{said}");
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {matchLabels: {a: a}}, template: {metadata: {labels: {a: a}}, spec: {containers: [{name: a, image: x, resources: {limits: {nvidia.com/gpu: 1}}}]}}}\n";
    let (code, said) = by_bob("default", deployment);
    assert!(code == 0 && said.contains("which is no project's: nobody is charged for them"), "{code}: {said}");
}

const CLAIMING: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: registry.example.com/a:1, resources: {claims: [{name: gpu}]}}]\n  resourceClaims: [{name: gpu, resourceClaimTemplateName: one}]\n";

#[test]
fn an_older_version_of_an_api_is_judged_as_the_api_server_converts_it() {
    let template = |count: u64| {
        format!(
            "apiVersion: resource.k8s.io/v1beta1\nkind: ResourceClaimTemplate\nmetadata: {{name: one}}\nspec: {{spec: {{devices: {{requests: [{{name: gpu, deviceClassName: gpu.nvidia.com, count: {count}}}]}}}}}}\n---\n{CLAIMING}"
        )
    };
    let (code, said) = by_bob("llm-finetune", &template(1));
    assert!(code == 0 && said.ends_with("2 allowed, 0 denied\n"), "{code}: {said}");
    let (code, said) = by_bob("llm-finetune", &template(40));
    assert!(code == 1 && said.contains("asked 40 devices in one claim"), "{code}: {said}");
}

/// A template that asks for more than the plan has: whoever names it later asks for that.
#[test]
fn what_is_submitted_earlier_counts_as_made() {
    let template = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaimTemplate\nmetadata: {name: one}\nspec: {spec: {devices: {requests: [{name: gpu, exactly: {deviceClassName: gpu.nvidia.com, count: 9}}]}}}\n";
    let (code, said) = by_bob("llm-finetune", &format!("{template}---\n{CLAIMING}"));
    assert!(code == 1 && said.contains("Pod llm-finetune/a  denied: quota\n"), "{code}: {said}");

    let namespace =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: new, labels: {platform-go/project-id: detector}}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: new}\nspec: {containers: [{name: a, image: quay.io/x/y}]}\n";
    let org = example("org");
    let judge = |user: &str| {
        let args = ["dry-run", "-f", "-", "--policy", &org, "--as", user];
        Run::with_input(&args, &format!("{namespace}---\n{pod}")).out
    };
    let said = judge("ada");
    assert!(said.contains("Namespace new  allowed\n") && said.contains("Pod new/a  denied: "), "{said}");
    let said = judge("bob");
    assert!(said.contains("Namespace new  denied: platform-labels\n"), "{said}");
    assert!(said.contains("Pod new/a  allowed\n  note: not governed: namespace new belongs to no project"), "{said}");
}

#[test]
fn a_binding_is_judged_and_what_files_cannot_know_is_said() {
    let org = example("org");
    let judge =
        |user: &str, object: &str| Run::with_input(&["dry-run", "-f", "-", "--policy", &org, "--as", user], object);
    let namespace =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: mine, labels: {platform-go/project-id: detector}}\n";
    assert_eq!(judge("ada", namespace).code, 0);
    let refused = judge("bob", namespace);
    assert_eq!(refused.code, 1);
    assert!(refused.out.starts_with("Namespace mine  denied: platform-labels\n"), "{}", refused.out);

    let record =
        judge("ada", "apiVersion: sluice.dev/v1alpha1\nkind: User\nmetadata: {name: new}\nspec: {username: new}\n");
    assert_eq!(record.code, 3);
    assert!(record.err.contains("User new is a record") && record.err.contains("sluice check"), "{}", record.err);

    let owned = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: detector\n  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: u, controller: true}]\nspec: {containers: [{name: a, image: busybox}]}\n";
    let controller = judge("system:serviceaccount:kube-system:replicaset-controller", owned);
    assert_eq!(controller.code, 3);
    assert!(controller.err.contains("ReplicaSet r, which files do not hold"), "{}", controller.err);
}

#[test]
fn volumes_are_whose_the_files_say() {
    let org = example("org");
    let judge = |user: &str, objects: &str| {
        let run =
            Run::with_input(&["dry-run", "-f", "-", "--policy", &org, "--as", user, "-n", "llm-finetune"], objects);
        (run.code, run.out)
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: busybox, volumeMounts: [{name: v, mountPath: /a}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}\n";
    let claim = |metadata: &str| {
        format!(
            "{pod}---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data, {metadata}}}\nspec: {{}}\n"
        )
    };
    let (code, out) = judge("bob", pod);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("whose PersistentVolumeClaim data is cannot be told here; submit it too"), "{out}");
    let (code, out) = judge("bob", &claim("labels: {platform-go/user-id: alice}"));
    assert!(code == 0 && !out.contains("cannot be told"), "a new claim is its maker's: {out}");
    let (code, out) = judge("bob", &claim("uid: u, labels: {platform-go/user-id: alice}"));
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("asked PersistentVolumeClaim data, which is alice's; bob may not use it"), "{out}");
    let (code, out) = judge("bob", &claim("uid: u, labels: {platform-go/group-storage: nlp-lab.datasets}"));
    assert!(code == 1 && out.contains("only Admins of group nlp-lab do") && out.contains("readOnly: true"), "{out}");
}

#[test]
fn bad_input_is_said_all_at_once() {
    let run = sluice(&[
        "dry-run",
        "-f",
        "nowhere.yaml",
        "-f",
        "neither.yaml",
        "--as-group",
        "x",
        "--at",
        "2026-01-01T00:00:00Z",
    ]);
    assert_eq!(run.code, 3);
    let lines: Vec<_> = run.err.lines().collect();
    assert_eq!(lines.len(), 4, "{}", run.err);
    assert!(lines.iter().all(|line| line.starts_with("error: ")), "{}", run.err);
    assert_eq!(lines[0], "error: --at needs --policy: the API server decides as of now");
    assert!(lines[2].starts_with("error: nowhere.yaml: "), "{}", lines[2]);

    let nobody = sluice(&["dry-run", "-f", &example("shows/image-port.yaml"), "--policy", &example("org")]);
    assert_eq!(
        (nobody.code, nobody.err.trim()),
        (3, "error: --policy with a directory needs --as: no cluster says who you are")
    );
}

#[test]
fn a_large_file_is_refused_by_a_sentence() {
    let text = format!("# {}\n", "x".repeat(9 << 20));
    let run = Run::with_input(&["dry-run", "-f", "-", "--policy", &example("org"), "--as", "alice"], &text);
    assert_eq!((run.code, run.err.trim()), (3, "error: standard input: it is larger than 8 MiB; submit it in parts"));
}

#[test]
fn without_a_cluster_nothing_can_be_asked() {
    let show = example("shows/image-port.yaml");
    let run = sluice(&["dry-run", "-f", &show]);
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(run.err.starts_with("error: cannot use the kubeconfig /nowhere/at/all: "), "{}", run.err);
}

/// A kubeconfig with one context, whose server nobody serves.
fn kubeconfig() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let text = "apiVersion: v1
kind: Config
current-context: dev
clusters: [{name: dev, cluster: {server: 'https://127.0.0.1:1'}}]
contexts: [{name: dev, context: {cluster: dev, user: ann}}]
users: [{name: ann, user: {token: t}}]
";
    fs::write(file.path(), text).expect("written");
    file
}

#[test]
fn every_command_that_asks_a_cluster_can_be_told_which() {
    let (show, file) = (example("shows/image-port.yaml"), kubeconfig());
    let path = file.path().display().to_string();
    let commands: [&[&str]; 9] = [
        &["dry-run", "-f", &show],
        &["dry-run", "-f", &show, "--as", "bob"],
        &["dry-run", "-f", &show, "--policy", "cluster"],
        &["audit"],
        &["plan", "windows", "gold"],
        &["usage"],
        &["me"],
        &["certs", "show"],
        &["certs", "rotate"],
    ];
    for command in commands {
        let run = sluice(&[command, &["--kubeconfig", "/no/such/file"]].concat());
        assert_eq!(run.code, 3, "{command:?}: {}", run.err);
        let said = "error: cannot use the kubeconfig /no/such/file (--kubeconfig): ";
        assert!(run.err.starts_with(said), "{command:?}: {}", run.err);

        let run = sluice(&[command, &["--kubeconfig", &path, "--context", "prod"]].concat());
        assert_eq!(run.code, 3, "{command:?}: {}", run.err);
        assert!(run.err.starts_with("error: --context \"prod\": the kubeconfig "), "{command:?}: {}", run.err);
        assert!(run.err.trim().ends_with(" has no such context; it has dev"), "{command:?}: {}", run.err);

        let run = sluice(&[command, &["--kubeconfig", &path, "--context", "dev"]].concat());
        assert_eq!(run.code, 4, "{command:?}: nobody answers there: {}", run.err);
    }
    for process in ["run", "webhook", "reapers"] {
        let more: &[&str] = if process == "reapers" { &[] } else { &["--certs-dir", "/tmp"] };
        let run = sluice(&[&[process, "--kubeconfig", &path, "--context", "prod"], more].concat());
        assert_eq!(run.code, 1, "{process}: {}", run.err);
        assert!(run.err.contains("error: --context \"prod\": the kubeconfig "), "{process}: {}", run.err);
    }
}

#[test]
fn who_gets_no_answer_reads_which_api_server_was_asked() {
    let file = kubeconfig();
    let path = file.path().display().to_string();
    for what in ["owl", "deployment/owls"] {
        let run = sluice(&["switch-queue", what, "default", "--kubeconfig", &path]);
        let said = format!(
            "error: the API server https://127.0.0.1:1/ ({path} (--kubeconfig)) could not be asked; see that it runs"
        );
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(run.err.starts_with(&said), "{}", run.err);
    }
}

#[test]
fn what_cannot_be_asked_about_is_bad_input_before_anybody_is_asked() {
    let file = kubeconfig();
    let path = file.path().display().to_string();
    let commands: [(&[&str], &str); 5] = [
        (&["explain-preemption", "deployment/x"], "asked about Deployment x; ask about one of its Pods"),
        (&["why", "/x"], "asked about \"/x\", which lacks a name or its kind"),
        (&["switch-queue", "owl", ""], "no queue is named; name one"),
        (&["usage", "--since", "yesterday"], "or how long ago, as in 36h or 7d"),
        (&["plan", "windows", "gold", "--from", "tomorrow"], "or a day, as in 2026-11-23"),
    ];
    for (command, says) in commands {
        let run = sluice(&[command, &["--kubeconfig", &path]].concat());
        assert_eq!(run.code, 3, "{command:?}: {}", run.err);
        assert!(run.err.contains(says), "{command:?}: {}", run.err);
    }
}

#[test]
fn flags_about_a_cluster_are_not_given_in_vain() {
    let (org, show) = (example("org"), example("shows/image-port.yaml"));
    let run = sluice(&["plan", "windows", "gold", "--policy", &org, "--context", "dev"]);
    let said = "error: --context needs a cluster to ask: --policy names a directory";
    assert_eq!((run.code, run.err.trim()), (3, said));
    let both = ["--kubeconfig", "x", "--context", "dev"];
    let run = sluice(&[&["dry-run", "-f", &show, "--policy", &org, "--as", "bob"], &both[..]].concat());
    let said = "error: --kubeconfig and --context need a cluster to ask: --policy names a directory";
    assert_eq!((run.code, run.err.trim()), (3, said));
}

#[test]
fn what_is_wrong_on_the_command_line_is_bad_input() {
    for args in [&["dry-run"][..], &["dry-run", "-f", "-", "-o", "xml"], &["no-such-command"], &[]] {
        assert_eq!(sluice(args).code, 3, "{args:?}");
    }
    for args in [["--help", ""], ["--version", ""], ["dry-run", "--help"]] {
        let args: Vec<_> = args.into_iter().filter(|arg| !arg.is_empty()).collect();
        assert_eq!(sluice(&args).code, 0, "{args:?}");
    }
}

#[test]
fn the_manual_is_printed() {
    let list = sluice(&["rules"]);
    assert_eq!(list.code, 0);
    assert_eq!(list.out.lines().count(), sluice(&["rules", "-o", "json"]).json().as_array().map_or(0, Vec::len));
    assert!(
        list.out
            .lines()
            .any(|line| line.starts_with("image ") && line.ends_with("only images that the project allows"))
    );
    let page = sluice(&["rules", "root-shell"]);
    assert!(page.out.starts_with("root-shell: "), "{}", page.out);
    assert!(!page.out.contains('\u{1b}'), "plain in a pipe");
    let unknown = sluice(&["rules", "imgae"]);
    assert_eq!(unknown.code, 3);
    assert!(
        unknown.err.starts_with("error: there is no rule \"imgae\"; did you mean image?; the rules are "),
        "{}",
        unknown.err
    );
}

#[test]
fn definitions_and_completions_are_printed() {
    let crds = sluice(&["crds"]);
    assert_eq!(crds.code, 0);
    assert_eq!(crds.out.matches("kind: CustomResourceDefinition\n").count(), 9);
    assert!(sluice(&["completions", "bash"]).out.contains("dry-run"));
}
