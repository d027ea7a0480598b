//! The control plane comes up, survives what happens to processes and disks, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use ground::{Found, Ground, Layout, Output, Who};
use std::process::Command;

fn layout() -> Layout {
    Layout::e2e("ground")
}

fn nodes(ground: &Ground) -> String {
    ground.admin(&["get", "nodes", "-o=jsonpath={.items[*].metadata.name}"]).unwrap()
}

fn listed(ground: &Ground) -> usize {
    let text = ground.admin(&["get", "resourceslices", "-o=jsonpath={.items[*].spec.devices[*].name}"]).unwrap();
    text.split_ascii_whitespace().count()
}

/// Processes whose command line names this control plane's directory.
fn processes() -> String {
    let mut command = Command::new("pgrep");
    command.args(["-f", &layout().dir().join("").display().to_string()]);
    Output::of(command, "").unwrap().stdout
}

/// One test, because there is one directory; a boot takes seconds.
#[test]
fn it_comes_up_is_repaired_and_ends() {
    let ground = Ground::start(layout()).unwrap();
    assert_eq!(nodes(&ground), "cpu-a gpu-a gpu-b gpu-c");
    assert_eq!(listed(&ground), 16);
    people_have_only_their_own_rights(&ground);
    drop(ground);
    assert_eq!(processes(), "", "nothing is left behind");

    let (mut ground, found) = Ground::ensure(layout()).unwrap();
    assert_eq!(found, Found::Nothing);
    assert_eq!(nodes(&ground), "cpu-a gpu-a gpu-b gpu-c", "the data stayed");
    for name in ["etcd", "kube-apiserver", "kwok"] {
        ground.kill(name).unwrap();
        drop(ground);
        let found;
        (ground, found) = Ground::ensure(layout()).unwrap();
        assert_eq!(found, Found::Some, "{name} is started again and the others are kept");
        assert_eq!(listed(&ground), 16);
    }
    drop(ground);
    let (ground, found) = Ground::ensure(layout()).unwrap();
    assert_eq!(found, Found::All);
    assert_eq!(ground.stop().unwrap(), ["kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"]);

    damaged_data_means_a_new_cluster();
    assert_eq!(processes(), "");
}

fn people_have_only_their_own_rights(ground: &Ground) {
    let who =
        ground.kubectl(Who::User("alice"), &["auth", "whoami", "-o=jsonpath={.status.userInfo.username}"]).unwrap();
    assert_eq!(who.stdout, "alice", "{}", who.stderr);
    let refused = ground.kubectl(Who::User("alice"), &["get", "pods"]).unwrap();
    assert!(refused.stderr.contains("cannot list resource"), "{}", refused.stderr);
    ground.user_kubeconfig("erin", &["lab", "staff"]).unwrap();
    let groups =
        ground.kubectl(Who::User("erin"), &["auth", "whoami", "-o=jsonpath={.status.userInfo.groups}"]).unwrap();
    assert_eq!(groups.stdout, r#"["lab","staff","system:authenticated"]"#, "{}", groups.stderr);
}

/// What a power failure may leave, as etcd runs without fsync.
fn damaged_data_means_a_new_cluster() {
    let database = layout().dir().join("data/etcd/member/snap/db");
    std::fs::write(&database, "not a database").unwrap();
    let (ground, found) = Ground::ensure(layout()).unwrap();
    assert_eq!(found, Found::Nothing);
    assert_eq!(nodes(&ground), "cpu-a gpu-a gpu-b gpu-c");
    ground.stop().unwrap();
}
