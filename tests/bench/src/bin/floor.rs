//! One of the two floors, as a process of its own: says its port, and ends with the one that started it.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::Result;
use bench::floor::{self, Floor};
use clap::Parser;

/// A webhook that allows everything.
#[derive(Parser)]
#[command(name = "floor")]
struct Args {
    /// How little it does
    floor: Floor,
    /// Directory with a serving certificate
    #[arg(long)]
    certs_dir: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Args { floor, certs_dir } = Args::parse();
    // Whoever starts us holds the other end, however they end.
    std::thread::spawn(|| {
        let _read = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    floor::serve(floor::router(floor), listener, &certs_dir).await
}
