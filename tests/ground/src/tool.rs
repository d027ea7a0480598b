//! The binaries of a control plane, and where they come from.

/// A binary that we need.
#[derive(Debug)]
pub struct Tool {
    /// Its file name.
    pub name: &'static str,
    /// The Go package that builds it.
    pub(crate) package: &'static str,
    /// The Go module below `tests/` that knows its version.
    pub(crate) module: &'static str,
    /// How it is asked for its version.
    pub(crate) ask: &'static [&'static str],
    /// The versions that we can use, as prefixes.
    pub(crate) suitable: &'static [&'static str],
}

/// What a real node needs besides.
pub(crate) const TOOLS_OF_A_NODE: &[Tool] = &[
    cluster("kubelet", "k8s.io/kubernetes/cmd/kubelet", &["--version"], KUBERNETES),
    cluster("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy", &["--version"], KUBERNETES),
    containerd("containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
    containerd("containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"),
    containerd("ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
    Tool {
        name: "dra-example-kubeletplugin",
        package: "sigs.k8s.io/dra-example-driver/cmd/dra-example-kubeletplugin",
        module: "cluster/dra",
        ask: &["--version"],
        suitable: &[],
    },
];

const KUBERNETES: &[&str] = &["v1.37."];

/// Everything, in the order in which it is built: etcd first, because it shows within seconds that building works.
pub(crate) const TOOLS: &[Tool] = &[
    cluster("etcd", "go.etcd.io/etcd/server/v3", &["--version"], &["3.6.", "3.7."]),
    cluster("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", &["--version"], KUBERNETES),
    cluster("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", &["--version"], KUBERNETES),
    cluster("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", &["--version"], KUBERNETES),
    cluster("kubectl", "k8s.io/kubernetes/cmd/kubectl", &["version", "--client"], KUBERNETES),
    cluster("kwok", "sigs.k8s.io/kwok/cmd/kwok", &["--version"], &["v0.8."]),
    Tool {
        name: "helm",
        package: "helm.sh/helm/v4/cmd/helm",
        module: "cluster/helm",
        ask: &["version", "--short"],
        suitable: &["v4."],
    },
];

/// Older ones know nothing of CDI: a Pod with a claim becomes Ready without its device, and nothing says so.
const fn containerd(name: &'static str, package: &'static str) -> Tool {
    Tool { name, package, module: "cluster/containerd", ask: &["--version"], suitable: &["v2.", "2."] }
}

const fn cluster(
    name: &'static str,
    package: &'static str,
    ask: &'static [&'static str],
    suitable: &'static [&'static str],
) -> Tool {
    Tool { name, package, module: "cluster", ask, suitable }
}
