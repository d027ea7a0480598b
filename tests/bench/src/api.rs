//! The API server, asked by many clients at once.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use hyper::Method;
use serde_json::Value;

use crate::objects;
use crate::wire::{Connection, Door, Identity};

/// So many clients create Pods at a time.
pub const CLIENTS: usize = 16;

/// The API server for somebody, by the kubeconfig that the ground wrote for them.
pub fn door(kubeconfig: &Path) -> Result<Door> {
    let config = parsed(&std::fs::read_to_string(kubeconfig)?)?;
    let text = |at: &str| config.pointer(at).and_then(Value::as_str).with_context(|| format!("no {at}"));
    let server = text("/clusters/0/cluster/server")?;
    let address: SocketAddr = server.strip_prefix("https://").context("not https")?.parse()?;
    let identity = Identity {
        certificate: Path::new(text("/users/0/user/client-certificate")?),
        key: Path::new(text("/users/0/user/client-key")?),
    };
    Door::new(address, Path::new(text("/clusters/0/cluster/certificate-authority")?), Some(identity))
}

/// Creates a Pod of [`objects::pod`].
pub async fn create(connection: &mut Connection, namespace: &str, name: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let (status, answer) = connection.send(Method::POST, &path, objects::pod(name).to_string().into()).await?;
    ensure!(status == 201, "Pod {name} was not created: {}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// Deletes the Pods with these labels, and returns when they are gone.
pub async fn delete_all(connection: &mut Connection, namespace: &str, selector: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={selector}");
    let (status, _) = connection.send(Method::DELETE, &format!("{path}&gracePeriodSeconds=0"), Bytes::new()).await?;
    ensure!(status == 200, "the Pods were not deleted: {status}");
    loop {
        let (_, list) = connection.send(Method::GET, &format!("{path}&limit=1"), Bytes::new()).await?;
        if parsed(std::str::from_utf8(&list)?)?["items"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Text of one HTTP GET without TLS on loopback.
pub fn get_plain(url: &str) -> Result<String> {
    use std::io::{Read as _, Write as _};
    let rest = url.strip_prefix("http://").context("not plain HTTP")?;
    let (address, path) = rest.split_once('/').context("no path")?;
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Reads what the API server or kubectl printed.
pub fn parsed(text: &str) -> Result<Value> {
    serde_json::from_str(text).context("not JSON")
}
