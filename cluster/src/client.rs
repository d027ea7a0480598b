//! The connection to the API server: the one place that makes a `kube::Client`, and how its single questions end.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request};
use http_body_util::BodyExt as _;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::client::Body;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config};
use tokio::time::{Instant, timeout_at};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than a watch lasts (`watch::WATCH_SECONDS`): nothing that is alive is silent for so long.
const READ_TIMEOUT: Duration = Duration::from_secs(90);

/// Which cluster to speak to, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// A kubeconfig; without one `$KUBECONFIG`, then `~/.kube/config`, then the Pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig other than the current one.
    pub context: Option<String>,
    /// The user to impersonate.
    pub impersonate: Option<String>,
    /// The groups to impersonate; the API server wants a user beside them.
    pub impersonate_groups: Vec<String>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFailed {
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig {origin}")]
    Kubeconfig {
        /// Which kubeconfig.
        origin: String,
        /// What is wrong with it.
        #[source]
        source: KubeconfigError,
    },
    /// The kubeconfig has no context of this name.
    #[error("--context {asked:?}: the kubeconfig {origin} has no such context; {}", contexts(.there))]
    Context {
        /// The name.
        asked: String,
        /// Which kubeconfig.
        origin: String,
        /// The contexts that it has.
        there: Vec<String>,
    },
    /// There is no kubeconfig to have a context.
    #[error("--context {asked:?} needs a kubeconfig: no --kubeconfig, no $KUBECONFIG, no ~/.kube/config")]
    NoKubeconfig {
        /// The name of the context.
        asked: String,
    },
    /// There is no kubeconfig, and this is no Pod.
    #[error("no cluster to speak to: no --kubeconfig, no $KUBECONFIG, no ~/.kube/config, and no service account")]
    Nowhere {
        /// Why this is no Pod.
        #[source]
        source: InClusterError,
    },
    /// What the configuration says cannot be turned into a connection, e.g. its certificates.
    #[error("cannot connect as {origin} says")]
    Build {
        /// Where the configuration is from.
        origin: String,
        /// What is wrong with it.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Makes a client. Nothing is asked of the API server yet.
///
/// # Errors
/// Where no usable configuration was found.
pub async fn connect(access: &Access) -> Result<Client, ConnectFailed> {
    // An error means that the program has chosen its provider already.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let (mut config, origin) = configuration(access).await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    // A 429 is an answer (to an eviction: the budget forbids it), and how long to try is the caller's to say.
    config.default_retry = false;
    if let Some(user) = &access.impersonate {
        config.auth_info.impersonate = Some(user.clone());
    }
    if !access.impersonate_groups.is_empty() {
        config.auth_info.impersonate_groups = Some(access.impersonate_groups.clone());
    }
    Client::try_from(config).map_err(|error| ConnectFailed::Build { origin, source: Box::new(error) })
}

/// Which API server that is, and what says so; `None` where nothing does.
pub async fn address(access: &Access) -> Option<String> {
    let (config, origin) = configuration(access).await.ok()?;
    Some(format!("{} ({origin})", config.cluster_url))
}

async fn configuration(access: &Access) -> Result<(Config, String), ConnectFailed> {
    let named = access.kubeconfig.as_ref().map(|path| format!("{} (--kubeconfig)", path.display()));
    let origin = named.or_else(|| env::var("KUBECONFIG").ok().filter(|paths| !paths.is_empty()));
    let home = env::home_dir().map(|home| home.join(".kube").join("config")).filter(|path| path.is_file());
    let Some(origin) = origin.or_else(|| home.map(|path| path.display().to_string())) else {
        if let Some(asked) = access.context.clone() {
            return Err(ConnectFailed::NoKubeconfig { asked });
        }
        let config = Config::incluster().map_err(|source| ConnectFailed::Nowhere { source })?;
        return Ok((config, "the Pod's service account".into()));
    };
    let read = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match read {
        Ok(kubeconfig) => kubeconfig,
        Err(source) => return Err(ConnectFailed::Kubeconfig { origin, source }),
    };
    if let Some(asked) = access.context.clone()
        && !kubeconfig.contexts.iter().any(|context| context.name == asked)
    {
        let there = kubeconfig.contexts.into_iter().map(|context| context.name).collect();
        return Err(ConnectFailed::Context { asked, origin, there });
    }
    let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    match Config::from_custom_kubeconfig(kubeconfig, &options).await {
        Ok(config) => Ok((config, origin)),
        Err(source) => Err(ConnectFailed::Kubeconfig { origin, source }),
    }
}

fn contexts(there: &[String]) -> String {
    match there {
        [] => "it has none".into(),
        there => format!("it has {}", there.join(", ")),
    }
}

/// Why the API server's answer to a question is not known. Never a reason to assume one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookupFailed {
    /// It did not answer in time.
    #[error("the API server did not answer in time about {what}")]
    Deadline {
        /// What was asked.
        what: String,
    },
    /// It answered with an error, or not at all.
    #[error("the API server could not be asked about {what}")]
    Api {
        /// What was asked.
        what: String,
        /// What it said; shared, because several requests may have waited for it.
        #[source]
        source: Arc<kube::Error>,
    },
    /// There are more than one answer can rest on.
    #[error("there are more than {most} {what}, which is more than can be looked through in time")]
    TooMany {
        /// Of what.
        what: String,
        /// How many can be looked through.
        most: usize,
    },
    /// It answered, and what was asked is missing from the answer.
    #[error("the API server's answer leaves out {what}")]
    Unsaid {
        /// What was asked.
        what: String,
    },
}

impl LookupFailed {
    pub(crate) fn api(what: impl FnOnce() -> String, source: impl Into<Arc<kube::Error>>) -> Self {
        Self::Api { what: what(), source: source.into() }
    }
}

/// The name by which the API server knows this client.
///
/// # Errors
/// Where the API server does not say.
pub async fn own_username(client: &Client, deadline: Instant) -> Result<String, LookupFailed> {
    let what = || String::from("the name of this client");
    let reviews = Api::<SelfSubjectReview>::all(client.clone());
    let review = SelfSubjectReview::default();
    let answer = in_time(deadline, what, reviews.create(&PostParams::default(), &review)).await?;
    let review = answer.map_err(|error| LookupFailed::api(what, error))?;
    let user = review.status.and_then(|status| status.user_info);
    user.and_then(|user| user.username).ok_or_else(|| LookupFailed::Unsaid { what: what() })
}

/// Waits for an answer until the deadline.
pub(crate) async fn in_time<T>(
    deadline: Instant,
    what: impl FnOnce() -> String,
    answer: impl Future<Output = T>,
) -> Result<T, LookupFailed> {
    timeout_at(deadline, answer).await.map_err(|_elapsed| LookupFailed::Deadline { what: what() })
}

/// The same client, which calls `heard` whenever a successful answer or a part of one arrives.
///
/// This is how a watch is known to be alive: `kube::runtime::watcher` keeps bookmarks to itself.
pub(crate) fn listened_to(client: &Client, heard: impl Fn() + Clone + Send + 'static) -> Client {
    let namespace = client.default_namespace().to_owned();
    let through = client.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, heard) = (through.clone(), heard.clone());
        async move {
            let answer = client.send(request).await?;
            let good = answer.status().is_success();
            let listen = move || {
                if good {
                    heard()
                }
            };
            listen();
            Ok::<_, kube::Error>(answer.map(|body| body.inspect_frame(move |_frame| listen())))
        }
    });
    Client::new(service, namespace)
}

/// Whether text can be one segment of a path of the API server. What cannot names no object.
///
/// The client puts names into paths as they are, so `../../x` or `a?b` would ask about something else.
pub(crate) fn is_path_segment(text: &str) -> bool {
    const LONGEST_NAME: usize = 253;
    let plain = |char: char| char.is_ascii_graphic() && !"/%?#\\\"<>^`{|}".contains(char);
    (1..=LONGEST_NAME).contains(&text.len()) && text != "." && text != ".." && text.chars().all(plain)
}

/// The same client, which acts as somebody else, as far as RBAC lets it. Only made where something is to be made.
pub(crate) fn acting_as(client: &Client, username: &str) -> Client {
    let namespace = client.default_namespace().to_owned();
    let (through, username) = (client.clone(), username.to_owned());
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let (client, username) = (through.clone(), username.clone());
        async move {
            let username = HeaderValue::from_str(&username).map_err(|error| kube::Error::HttpError(error.into()))?;
            request.headers_mut().insert("impersonate-user", username);
            client.send(request).await
        }
    });
    Client::new(service, namespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_error_names_the_kubeconfig() {
        let access = Access { kubeconfig: Some("/nowhere/at/all".into()), ..Access::default() };
        let refused = connect(&access).await.err().map(|error| error.to_string());
        let said = "cannot use the kubeconfig /nowhere/at/all (--kubeconfig)";
        assert_eq!(refused.as_deref(), Some(said));
    }

    /// As kubectl: the flag before the current context.
    #[tokio::test]
    async fn a_context_chooses_the_cluster() {
        let cluster =
            |name: &str| json!({"name": name, "cluster": {"server": format!("https://{name}.example.com:6443")}});
        let context =
            |name: &str| json!({"name": name, "context": {"cluster": name, "user": "ann", "namespace": name}});
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "dev",
            "clusters": [cluster("dev"), cluster("prod")],
            "contexts": [context("dev"), context("prod")],
            "users": [{"name": "ann", "user": {"token": "t"}}],
        });
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), kubeconfig.to_string()).expect("a kubeconfig");
        let asked = async |context: Option<&str>| {
            let context = context.map(str::to_owned);
            let access = Access { kubeconfig: Some(file.path().into()), context, ..Access::default() };
            let (config, _) = configuration(&access).await.map_err(|error| error.to_string())?;
            Ok::<_, String>((config.cluster_url.host().map(str::to_owned), config.default_namespace))
        };
        let of = |name: &str| Ok((Some(format!("{name}.example.com")), name.to_owned()));
        assert_eq!(asked(None).await, of("dev"));
        assert_eq!(asked(Some("prod")).await, of("prod"));
        let said = asked(Some("test")).await.expect_err("no such context");
        let path = file.path().display();
        let expected =
            format!("--context \"test\": the kubeconfig {path} (--kubeconfig) has no such context; it has dev, prod");
        assert_eq!(said, expected);
    }

    #[test]
    fn names_stay_one_segment() {
        for name in ["train-7", "system:node", "a.b-c", "P26000116"] {
            assert!(is_path_segment(name), "{name}");
        }
        for name in ["", ".", "..", "../secrets/x", "a?watch=1", "a%2Fb", "a b", "ü", &"x".repeat(254)] {
            assert!(!is_path_segment(name), "{name}");
        }
    }
}
