//! `novi members`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{
    argument::read_list,
    change::{ChangeOptions, Current, Draft, Operation, perform},
};
use crate::{
    output::{Failure, print_json, write_lines},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi members add Testers user-7 user-8
  novi members add Testers @users.txt --deny
  psql -Atc \"select id from users where staff\" | novi members add Staff -

Files have a member on each line. Adding a member again, or removing an unknown one, changes nothing.";

#[derive(Debug, Subcommand)]
pub(crate) enum Members {
    /// Add members to an activation, to the allowed or the denied ones
    #[command(after_help = EXAMPLES)]
    Add(Add),
    /// Remove members from an activation
    Remove(Remove),
    /// List the members of an activation in the table activation_members, one on a line
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    list: MemberList,

    /// Deny the members, rather than allow them
    #[arg(long)]
    deny: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    list: MemberList,

    #[command(flatten)]
    options: ChangeOptions,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Activation by id or name
    activation: String,

    /// List the denied members, rather than the allowed ones
    #[arg(long)]
    denied: bool,
}

#[derive(Debug, Args)]
struct MemberList {
    /// Activation by id or name
    activation: String,

    /// Members; @FILE reads a file, and - standard input, with a member on each line
    #[arg(required = true, value_name = "MEMBER|@FILE|-")]
    members: Vec<String>,
}

impl Members {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(Add { list, deny, options }) => {
                let version = options.if_version;
                let members = read_list("MEMBER", &list.members)?;
                perform(session, options, |current| {
                    let id = current.activation(&list.activation)?.id;
                    Ok(Draft::new([Operation::add_members(id, &members, deny, version)]))
                })
                .await
            }
            Self::Remove(Remove { list, options }) => {
                let version = options.if_version;
                let members = read_list("MEMBER", &list.members)?;
                perform(session, options, |current| {
                    let id = current.activation(&list.activation)?.id;
                    Ok(Draft::new([Operation::remove_members(id, &members, version)]))
                })
                .await
            }
            Self::List(list) => list.run(session).await,
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let current = Current::of_session(session).await?;
        let id = current.activation(&self.activation)?.id;
        let members = current.rows.members_of(id).iter().filter(|row| row.denied == self.denied);
        let members: Vec<&str> = members.map(|row| row.member.as_str()).collect();
        if session.json {
            print_json(&members)?;
        } else {
            write_lines(&members)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
