//! `novi assignments`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use novi::store::{AssignmentRow, AssignmentStore, SchemaStore, VariantAssignments};
use serde_json::json;

use crate::{
    commands::value_parser::natural,
    output::{Failure, confirm, count, print, print_json, print_table, timestamp},
    session::Session,
};

const RULES: &str = "\
An assignment is the first variant that a unit of an experiment had, such as a user. Programs record it with \
`Flags::expose`, and `novi serve` with [server] record_exposures. An experiment is named as its flag, unless its \
novi.split has an `experiment`.

Examples:
  novi assignments list \"New checkout\"
  novi assignments forget \"New checkout\" --unit user-7";

/// Which variants units of experiments had
#[derive(Debug, Subcommand)]
#[command(after_help = RULES)]
pub(crate) enum Assignments {
    /// List how many units had each variant, and the newest assignments
    List(List),
    /// Delete assignments, so that units are drawn again
    Forget(Forget),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Experiment: the name of the flag, or the `experiment` of its split
    #[arg(value_name = "FLAG")]
    experiment: String,

    /// Most assignments to list; 0 lists only the numbers
    #[arg(long, default_value_t = 20, value_parser = natural::<u32>)]
    limit: u32,
}

#[derive(Debug, Args)]
#[command(override_usage = "novi assignments forget [OPTIONS] <FLAG> <--unit <UNIT>|--all>")]
pub(crate) struct Forget {
    /// Experiment: the name of the flag, or the `experiment` of its split
    #[arg(value_name = "FLAG")]
    experiment: String,

    /// Unit to forget
    #[arg(long, required_unless_present = "all")]
    unit: Option<String>,

    /// Forget all units; asks, unless --yes is given
    #[arg(long, conflicts_with = "unit")]
    all: bool,

    /// Forget all units without asking
    #[arg(long)]
    yes: bool,
}

impl Assignments {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        match self {
            Self::List(command) => command.run(session, assignments(&*store)?).await,
            Self::Forget(command) => command.run(session, assignments(&*store)?).await,
        }
    }
}

fn assignments(store: &dyn SchemaStore) -> Result<&dyn AssignmentStore, Failure> {
    store.assignment_store().ok_or_else(|| Failure::usage("this database records no assignments"))
}

impl List {
    async fn run(self, session: &Session, store: &dyn AssignmentStore) -> Result<ExitCode, Failure> {
        let counts = store.assignment_counts(&self.experiment).await?;
        let newest = store.assignments(&self.experiment, self.limit).await?;
        if session.json {
            let experiment = &self.experiment;
            print_json(&json!({"experiment": experiment, "variants": counts, "assignments": newest}))?;
            return Ok(ExitCode::SUCCESS);
        }
        if counts.is_empty() {
            print(format_args!("No assignments of {:?}.", self.experiment))?;
            return Ok(ExitCode::SUCCESS);
        }
        let time = |time: Option<_>| time.map_or_else(String::new, timestamp);
        let row = |count: &VariantAssignments| {
            vec![count.variant.clone(), count.units.to_string(), time(count.first), time(count.last)]
        };
        print_table(&["variant", "units", "first", "last"], counts.iter().map(row))?;
        if !newest.is_empty() {
            print("")?;
            let row = |row: &AssignmentRow| {
                vec![row.unit.clone(), row.variant.clone(), row.revision.to_string(), time(row.assigned_at)]
            };
            let header = ["unit", "variant", "revision", "assigned"];
            print_table(&header, newest.iter().map(row))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Forget {
    async fn run(self, session: &Session, store: &dyn AssignmentStore) -> Result<ExitCode, Failure> {
        if self.all && !self.yes {
            let units: i64 =
                store.assignment_counts(&self.experiment).await?.iter().map(|count| count.units).sum();
            let question = format!(
                "This forgets {units} units of {:?}, who are drawn again. Continue?",
                self.experiment
            );
            match confirm(&question)? {
                Some(true) => (),
                Some(false) => {
                    print("Nothing was deleted.")?;
                    return Ok(ExitCode::SUCCESS);
                }
                None => return Err(Failure::usage("--all forgets every unit: add --yes")),
            }
        }
        let forgotten = store.forget_assignments(&self.experiment, self.unit.as_deref()).await?;
        if session.json {
            print_json(&json!({"experiment": self.experiment, "forgotten": forgotten}))?;
        } else {
            let units = count(usize::try_from(forgotten).unwrap_or(usize::MAX), "assignment");
            print(format_args!("Deleted {units} of {:?}.", self.experiment))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
