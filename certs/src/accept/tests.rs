use std::net::Ipv4Addr;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket};

use super::*;
use crate::issue_all;
use crate::serve::{ServingCertificate, server_config};
use crate::testing::{NAME, names, now};

async fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let connect = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(connect, listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}

fn acceptor() -> Acceptor {
    let material = issue_all(&names(&[NAME]), now(), &[]).unwrap();
    let certificate = Arc::new(ServingCertificate::new(&material.leaf));
    Acceptor::new(server_config(certificate, None).unwrap(), Metrics::default())
}

#[tokio::test]
async fn a_crowd_that_says_nothing_loses_its_oldest_and_makes_room() {
    let acceptor = acceptor();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (mut clients, mut handshakes) = (Vec::new(), Vec::new());
    for _ in 0..=MAX_HANDSHAKES {
        let (client, server) = pair(&listener).await;
        clients.push(client);
        handshakes.push(tokio::spawn(acceptor.accept(server, ())));
    }
    let error = handshakes.remove(0).await.unwrap().err().unwrap();
    assert_eq!(explain(&error).0, "crowded");
    assert_eq!(clients[0].read(&mut [0; 1]).await.unwrap(), 0, "its connection is closed");
    assert_eq!(lock(&acceptor.places).taken.len(), MAX_HANDSHAKES);
    assert!(handshakes.iter().all(|handshake| !handshake.is_finished()), "nobody else is ended");

    drop(clients);
    for handshake in handshakes {
        assert_eq!(explain(&handshake.await.unwrap().err().unwrap()).0, CLOSED);
    }
    assert!(lock(&acceptor.places).taken.is_empty());
}

#[tokio::test]
async fn a_crowd_of_one_source_ends_nobody_elses_handshake() {
    let acceptor = acceptor();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (_alone, server) = pair(&listener).await;
    let alone = tokio::spawn(acceptor.accept(server, ()));
    let (mut clients, mut crowd) = (Vec::new(), Vec::new());
    for _ in 0..MAX_HANDSHAKES {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).unwrap();
        let (client, accepted) = tokio::join!(socket.connect(listener.local_addr().unwrap()), listener.accept());
        clients.push(client.unwrap());
        crowd.push(tokio::spawn(acceptor.accept(accepted.unwrap().0, ())));
    }
    assert_eq!(explain(&crowd.remove(0).await.unwrap().err().unwrap()).0, "crowded");
    assert!(!alone.is_finished() && crowd.iter().all(|it| !it.is_finished()));
}

#[tokio::test]
async fn who_says_nothing_is_left_after_the_timeout() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (_client, server) = pair(&listener).await;
    let mut acceptor = acceptor();
    acceptor.inner = acceptor.inner.handshake_timeout(Duration::from_millis(1));
    let error = acceptor.accept(server, ()).await.err().unwrap();
    let (cause, says) = explain(&error);
    assert_eq!((cause, says.as_str()), ("timeout", "it took longer than 5 s"));
}
