//! `cargo xtask up`: from a clean clone to a governed cluster that one can try by hand.
//!
//! Every step looks at what is there and does the rest, so the same command starts, repairs and updates.

use crate::paint::{good, heading, notable};
use crate::{build, tour};
use anyhow::{Context, Result};
use ground::{Found, Ground, Layout, real_node};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Return when everything runs, and leave it running
    #[arg(long)]
    detach: bool,
    /// Begin with an empty cluster instead of going on with the old one's data
    #[arg(long)]
    fresh: bool,
    /// Start the control plane alone, to install Sluice there as on a cluster of your own
    #[arg(long)]
    without_sluice: bool,
    /// Leave the real node out: simulated nodes alone
    #[arg(long)]
    no_real_node: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self { detach, fresh, without_sluice, no_real_node } = self;
        if !without_sluice {
            eprintln!("building sluice");
            build::sluice()?;
        }
        if fresh {
            Ground::open(Layout::up())?.stop_and_wipe()?;
        }
        let hindrance = real_node::hindrance();
        match hindrance {
            Some(hindrance) if !no_real_node => eprintln!("{hindrance}: all nodes are simulated"),
            _ => {}
        }
        eprintln!("starting the control plane");
        let layout = Layout::up().with_real_node(hindrance.is_none() && !no_real_node);
        let (mut ground, found) = Ground::ensure(layout)?;
        if ground.layout().has_real_node() {
            ground.import_workbench()?;
        }
        if without_sluice {
            ground.stop_sluice()?;
            ground.make_users()?;
            println!("{}", good("It is running, without Sluice."));
            println!("  export PATH={}:$PATH", ground.layout().bin("").display());
            println!("  export KUBECONFIG={}", ground.layout().admin_kubeconfig().display());
            return Ok(ExitCode::SUCCESS);
        }
        let before = ground.pid("sluice");
        ground.run_platform().context("the control plane runs, but Sluice on it does not")?;
        match (found, before, before == ground.pid("sluice")) {
            (Found::All, Some(_), true) => println!("{}", good("It is running already.")),
            (Found::All, Some(_), false) => {
                println!("{}", notable("It is running; sluice was restarted with the new code."))
            }
            (Found::Nothing, ..) => println!("{}", good("It is running.")),
            _ => println!("{}", notable("It is running again: what had ended was started.")),
        }
        let answers = tour::submit(&ground)?;
        tour::print(&answers);
        print_next_steps(&ground);
        if detach { Ok(ExitCode::SUCCESS) } else { foreground(ground) }
    }
}

fn print_next_steps(ground: &Ground) {
    let users = ground.layout().dir().join("users");
    println!("\n{}", heading("Go on by hand"));
    println!("  export PATH={}:$PATH", ground.layout().bin("").display());
    println!("  export KUBECONFIG={}", users.join("alice.kubeconfig").display());
    println!("  export SLUICE_DATABASE_URL={}", ground.layout().database_url());
    println!("  kubectl -n llm-finetune get pods -L platform-go/user-id,platform-go/queue-name");
    println!("  kubectl -n llm-finetune run mine --image=registry.example.com/team/app:1 --dry-run=server -o yaml");
    println!("  KUBECONFIG={} kubectl get sp,srp,spq", ground.layout().admin_kubeconfig().display());
    println!("  KUBECONFIG={} sluice usage", ground.layout().admin_kubeconfig().display());
    println!("  logs: {}", ground.layout().log("*").display());
    println!("  end it: cargo xtask down");
}

/// Shows sluice's log until Ctrl-C, then ends everything. Gives the directory's lock back meanwhile: `down` and a
/// second `up` in another terminal work.
fn foreground(ground: Ground) -> Result<ExitCode> {
    let (tell, interrupted) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _gone = tell.send(());
    })?;
    let path = ground.layout().log("sluice");
    drop(ground);
    println!("\n{} {} {}", heading("sluice's log"), path.display(), notable("(Ctrl-C ends everything)"));
    let mut log = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    log.seek(SeekFrom::End(0))?;
    let mut text = Vec::new();
    while let Err(mpsc::RecvTimeoutError::Timeout) = interrupted.recv_timeout(Duration::from_millis(200)) {
        text.clear();
        log.read_to_end(&mut text)?;
        std::io::stdout().write_all(&text)?;
    }
    let ended = Ground::open(Layout::up())?.stop()?;
    println!("\nended {}", ended.join(", "));
    Ok(ExitCode::SUCCESS)
}
