//! `sluice`: the front door. The long-running processes, and the admin's commands, one file each.

mod audit;
mod certs;
mod check;
mod cluster_args;
mod completions;
mod crds;
mod database;
mod dry_run;
mod ending;
mod explain_preemption;
mod instant;
mod me;
mod output;
mod plan;
mod policy_source;
mod question;
mod rules;
mod run;
mod status;
mod switch_queue;
mod table;
#[cfg(test)]
mod tests;
mod usage;
mod why;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use ending::{Ending, Failure};

/// Reading a review is a thousand small allocations: they are a third of the time that one takes with glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Governs GPU clusters through Kubernetes admission webhooks.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, max_term_width = 100, after_long_help = ending::codes())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run webhook and daemons in one process
    Run(run::RunArgs),
    /// Run the webhook alone
    Webhook(run::WebhookCommand),
    /// Run the daemons alone
    Reapers(run::ReapersCommand),
    Status(status::StatusArgs),
    DryRun(dry_run::DryRun),
    Check(check::Check),
    Audit(audit::Audit),
    Certs(certs::Certs),
    Me(me::Mine),
    Why(why::WhyArgs),
    ExplainPreemption(explain_preemption::Explain),
    Plan(plan::Plan),
    Workspace(workspace::WorkspaceArgs),
    SwitchQueue(switch_queue::SwitchQueue),
    Usage(usage::Usage),
    Rules(rules::Rules),
    Crds(crds::Crds),
    Completions(completions::Completions),
}

#[tokio::main]
async fn main() -> ExitCode {
    let ending = match Cli::try_parse() {
        Ok(cli) => cli.command.run().await,
        Err(usage) => Ok(ending::explain(&usage)),
    };
    ending.unwrap_or_else(|failure| failure.report()).into()
}

impl Command {
    async fn run(self) -> Result<Ending, Failure> {
        match self {
            Self::Run(args) => run::run(args).await.map_err(Failure::Ended).map(|()| Ending::Fine),
            Self::Webhook(args) => run::webhook(args).await.map_err(Failure::Ended).map(|()| Ending::Fine),
            Self::Reapers(args) => run::reapers(args).await.map_err(Failure::Ended).map(|()| Ending::Fine),
            Self::Status(status) => status.run().await,
            Self::DryRun(dry_run) => dry_run.run().await,
            Self::Check(check) => check.run(),
            Self::Audit(audit) => audit.run().await,
            Self::Certs(certs) => certs.run().await,
            Self::Me(me) => me.run().await,
            Self::Why(why) => why.run().await,
            Self::ExplainPreemption(explain) => explain.run().await,
            Self::Plan(plan) => plan.run().await,
            Self::Workspace(workspace) => workspace.run().await,
            Self::SwitchQueue(switch) => switch.run().await,
            Self::Usage(usage) => usage.run().await,
            Self::Rules(rules) => rules.run(),
            Self::Crds(crds) => crds.run(),
            Self::Completions(completions) => completions.run(),
        }
    }
}

/// The command line, for those who describe it.
fn command_line() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}
