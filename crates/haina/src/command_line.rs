//! The commands and what they are called.

use clap::{Parser, Subcommand};

use crate::connection::Connection;
use crate::{
    account, admin, agreement, demo, environments, job, jobs, login, node, organization, policy, print, quota, shares,
    shell, simulate, slurm, submit, template, token, top, up, user, voucher,
};

/// Haina: a computing center
#[derive(Parser, Debug)]
#[command(name = "haina", version, max_term_width = 100)]
struct CommandLine {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a center
    Up(up::Arguments),
    /// See a center at work: real jobs on a sample center, and a report
    Demo(demo::DemoArguments),
    /// Submit a job file, or one command
    Submit(Box<submit::Arguments>),
    /// Submit a batch script written for Slurm
    Sbatch(slurm::Arguments),
    /// Open a terminal inside a running job, or run a command there
    Shell(shell::Arguments),
    /// List jobs, newest first; those that have ended with --all
    Jobs(jobs::Arguments),
    /// Watch the center and your own jobs
    Top(top::Arguments),
    /// Show, follow, explain or cancel one job
    Job {
        #[command(subcommand)]
        command: job::Command,
    },
    /// List nodes
    Nodes(node::ListArguments),
    /// Show a node, take it out of service, or put it back; show what this machine has
    Node {
        #[command(subcommand)]
        command: node::Command,
    },
    /// List environments: of Python packages, and images
    Environments(environments::Arguments),
    /// Show how jobs are scheduled, or change it
    Policy(policy::Arguments),
    /// List quotas of cards, and what is held within each
    Quotas(quota::ListArguments),
    /// Set a quota
    Quota {
        #[command(subcommand)]
        command: quota::Command,
    },
    /// List or add projects
    Project {
        #[command(subcommand)]
        command: quota::ProjectCommand,
    },
    /// List who has which part of the center, used how much of late, and is where in line by that
    Shares(shares::Arguments),
    /// Show an account, pay into it, or adjust it
    Account(account::Arguments),
    /// List agreements; draft, amend, sign one; enter payments
    Agreement {
        #[command(subcommand)]
        command: agreement::Command,
    },
    /// List, claim, review or revoke vouchers, and the programmes under which they are given
    Voucher {
        #[command(subcommand)]
        command: voucher::Command,
    },
    /// List organizations, add one, or change what is given
    Organization {
        #[command(subcommand)]
        command: organization::Command,
    },
    /// List or add users
    User {
        #[command(subcommand)]
        command: user::Command,
    },
    /// Issue or revoke tokens
    Token {
        #[command(subcommand)]
        command: token::Command,
    },
    /// Keep a center's address and a token for later commands
    Login(login::Arguments),
    /// Check the books of a center's database
    Admin {
        #[command(subcommand)]
        command: admin::Command,
    },
    /// See what a policy would make of a trace, in virtual time
    Simulate(simulate::Arguments),
    /// List or print job templates
    Template {
        #[command(subcommand)]
        command: template::Command,
    },
    /// Print a published schema
    Schema {
        #[command(subcommand)]
        command: Schema,
    },
}

#[derive(Subcommand, Debug)]
enum Schema {
    /// The JSON schema of the job file
    Job,
}

/// Runs the command that was given; its exit code.
pub fn run() -> anyhow::Result<u8> {
    let CommandLine { connection, command } = CommandLine::parse();
    if !matches!(command, Command::Up(_)) {
        end_quietly_at_closed_pipes();
    }
    match command {
        Command::Up(arguments) => up::run(&arguments, connection.data),
        Command::Demo(arguments) => demo::run(&arguments).map(|()| 0),
        Command::Submit(arguments) => submit::run(*arguments, &connection.client()?),
        Command::Sbatch(arguments) => slurm::run(&arguments, &connection.client()?),
        Command::Shell(arguments) => shell::run(&arguments, &connection.client()?),
        Command::Jobs(arguments) => jobs::run(&arguments, &connection.client()?),
        Command::Top(arguments) => top::run(&arguments, connection.client()?),
        Command::Job { command } => job::run(command, &connection.client()?),
        Command::Nodes(arguments) => node::list(&arguments, &connection.client()?),
        Command::Node { command } => node::run(command, &connection),
        Command::Environments(arguments) => environments::list(&arguments, &connection.client()?),
        Command::Policy(arguments) => policy::run(&arguments, &connection.client()?),
        Command::Quotas(arguments) => quota::list(&arguments, &connection.client()?),
        Command::Quota { command } => quota::run(command, &connection.client()?),
        Command::Project { command } => quota::run_project(command, &connection.client()?),
        Command::Shares(arguments) => shares::list(&arguments, &connection.client()?),
        Command::Account(arguments) => account::run(arguments, &connection.client()?),
        Command::Agreement { command } => agreement::run(command, &connection.client()?),
        Command::Voucher { command } => voucher::run(command, &connection.client()?),
        Command::Organization { command } => organization::run(command, &connection.client()?),
        Command::User { command } => user::run(command, &connection.client()?),
        Command::Token { command } => token::run(command, &connection.client()?),
        Command::Login(arguments) => login::run(&arguments, &connection),
        Command::Admin { command } => admin::run(&command, connection.data),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Template { command } => template::run(&command),
        Command::Schema { command: Schema::Job } => {
            print::json(&haina_api::job_schema());
            Ok(0)
        }
    }
}

/// `haina jobs | head` ends as other programs do, instead of complaining.
#[allow(unsafe_code)]
fn end_quietly_at_closed_pipes() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: the default action is no handler, and nothing else runs in this process yet.
    _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
}
