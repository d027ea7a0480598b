//! An API server in memory, for unit tests: it has the objects that a test gives it, and notes what it is asked.
//!
//! What a test did not expect fails it, and so does what it expected and nobody asked: [`ApiServer::asked`] compares the
//! whole list, and whoever drops a server with calls that nobody compared panics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::world::{Topic, World};

/// The page size of watches, by which their first lists are told from others.
const OF_A_WATCH: &str = "limit=100";

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Its body; null without one.
    pub body: Value,
}

/// An API server in memory. Its clients outlive it.
pub struct ApiServer {
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    objects: BTreeMap<String, Value>,
    /// Whether every collection is served, be it empty.
    serves_all: bool,
    /// Collections that are not.
    missing: Vec<String>,
    /// Collections that nobody may read.
    refused: Vec<String>,
    calls: Vec<Call>,
}

impl ApiServer {
    /// Serves these objects, each by its path, and nothing else. One with `items` is a list, and comes in pages.
    pub fn new<P: Into<String>>(objects: impl IntoIterator<Item = (P, Value)>) -> Self {
        let objects = objects.into_iter().map(|(path, object)| (path.into(), object)).collect();
        Self { known: Arc::new(Mutex::new(Known { objects, ..Known::default() })) }
    }

    /// Serves these objects, and every collection that a [`World`] watches.
    pub fn with_collections<P: Into<String>>(objects: impl IntoIterator<Item = (P, Value)>) -> Self {
        let server = Self::new(objects);
        server.known().serves_all = true;
        server
    }

    /// The same server, which does not know the kind of this collection.
    pub fn without(self, path: &str) -> Self {
        self.known().missing.push(path.to_owned());
        self
    }

    /// The same server, which lets nobody read this collection.
    pub fn refusing(self, path: &str) -> Self {
        self.known().refused.push(path.to_owned());
        self
    }

    /// A client of this server.
    pub fn client(&self) -> Client {
        let known = self.known.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let known = known.clone();
            async move {
                let (head, body) = request.into_parts();
                let query = head.uri.query().unwrap_or_default();
                if query.contains("watch=true") {
                    std::future::pending::<()>().await;
                }
                let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let call = Call { method: head.method.to_string(), path: head.uri.path().to_owned(), body };
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                let (code, text) = known.answer(&head.method, &call, query);
                if !query.split('&').any(|part| part == OF_A_WATCH) {
                    known.calls.push(call);
                }
                Response::builder().status(code).body(Body::from(text.into_bytes())).map_err(std::io::Error::other)
            }
        });
        Client::new(service, "default")
    }

    /// What a process knows that watches these topics on this server, once it knows all of it.
    pub async fn world(&self, topics: &[Topic]) -> World {
        let world = World::start(self.client(), topics.iter().copied(), CancellationToken::new());
        world.filled(&[topics, &[Topic::Records, Topic::Namespaces]].concat()).await;
        world
    }

    /// Serves another object from now on. No watch brings it.
    pub fn add(&self, path: &str, object: Value) {
        self.known().objects.insert(path.to_owned(), object);
    }

    /// What was asked since this was last called, watches left out.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.known().calls)
    }

    /// Compares the paths of what was asked, in order, since they were last compared. Watches are left out.
    #[track_caller]
    pub fn assert_asked<P: AsRef<str>>(&self, expected: impl IntoIterator<Item = P>) {
        let asked: Vec<_> = self.calls().into_iter().map(|call| call.path).collect();
        let expected: Vec<_> = expected.into_iter().map(|path| path.as_ref().to_owned()).collect();
        assert_eq!(asked, expected, "what the API server was asked");
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let calls = std::mem::take(&mut self.known().calls);
        if !std::thread::panicking() {
            let calls: Vec<_> = calls.iter().map(|call| format!("{} {}", call.method, call.path)).collect();
            assert_eq!(calls, Vec::<String>::new(), "the API server was asked besides");
        }
    }
}

impl Known {
    fn answer(&self, method: &Method, call: &Call, query: &str) -> (u16, String) {
        let found = self.objects.get(&call.path);
        match *method {
            Method::GET if self.refused.contains(&call.path) => {
                let status = json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403});
                (403, status.to_string())
            }
            Method::GET => match found.or(self.collection(&call.path).as_ref()) {
                Some(list) if list["items"].is_array() => (200, page(list, query).to_string()),
                Some(object) => (200, object.to_string()),
                None if self.serves_all || self.objects.keys().any(|path| group(path) == group(&call.path)) => {
                    let status = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
                    (404, status.to_string())
                }
                // What the API server says where not even the group exists.
                None => (404, "404 page not found".into()),
            },
            Method::POST => (201, call.body.to_string()),
            _ => {
                let name = call.path.trim_end_matches("/status").rsplit('/').next();
                let nothing = json!({"apiVersion": "v1", "kind": "Status", "metadata": {"name": name}});
                (200, found.unwrap_or(&nothing).to_string())
            }
        }
    }

    /// All objects of a collection, of one Namespace or of all.
    fn collection(&self, path: &str) -> Option<Value> {
        if !self.serves_all || !is_collection(path) || self.missing.iter().any(|it| it == path) {
            return None;
        }
        let of = |known: &&String| {
            let collection = known.rsplit_once('/').map_or("", |(collection, _)| collection);
            collection == path || everywhere(collection).as_deref() == Some(path)
        };
        let items: Vec<_> = self.objects.keys().filter(of).map(|path| self.objects[path].clone()).collect();
        Some(json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}))
    }
}

/// Whether a path is one of many objects: a plural, of one Namespace or of all.
fn is_collection(path: &str) -> bool {
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let rest = segments.get(if segments[0] == "api" { 2.. } else { 3.. }).unwrap_or_default();
    matches!(rest, [_] | ["namespaces", _, _])
}

/// The API group that a path is of.
fn group(path: &str) -> Option<&str> {
    path.strip_prefix("/apis/").map_or(Some(""), |rest| rest.split('/').next())
}

/// The collection of all Namespaces.
fn everywhere(collection: &str) -> Option<String> {
    let (before, rest) = collection.split_once("/namespaces/")?;
    Some(format!("{before}/{}", rest.split_once('/')?.1))
}

/// The part of a list that a query asks for.
fn page(list: &Value, query: &str) -> Value {
    let number = |key: &str| {
        let mut parts = query.split('&').filter_map(|part| part.split_once('='));
        parts.find(|(name, _)| *name == key).and_then(|(_, value)| value.parse::<usize>().ok())
    };
    let all = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let first = number("continue").unwrap_or_default().min(all.len());
    let end = number("limit").map_or(all.len(), |limit| all.len().min(first + limit));
    let metadata = Some(&list["metadata"]).filter(|it| it.is_object()).cloned().unwrap_or_else(|| json!({}));
    let mut list = json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": all[first..end]});
    if end < all.len() {
        list["metadata"]["continue"] = end.to_string().into();
    }
    list
}
