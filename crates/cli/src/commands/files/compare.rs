//! What has to change for the rows to be as files describe them.

use novi::{
    rows::Rows,
    snapshot::{Effect, Plan, PlannedRow},
    store::{Edit, SchemaStore},
};
use novi_files::{Document, Unmanaged};
use serde_json::{Value, json};

use super::load::{Sources, are, invalid};
use crate::{
    commands::change::Current,
    output::{Failure, PlanReport, Progress, count, print, print_note},
    session::Session,
};

/// Printed if nothing changes.
pub(super) const NO_CHANGES: &str = "No changes: the rows are as the files describe them.";

/// The rows, and the change that makes them what files describe.
pub(in crate::commands) struct Comparison {
    pub(in crate::commands) current: Current,
    pub(in crate::commands) edit: Edit,
    pub(in crate::commands) plan: Plan,
    pub(super) after: Rows,
    unmanaged: Unmanaged,
    /// Flags that are off, since what they have in place of ignored fields would turn them on for every caller.
    pub(super) kept_off: Vec<String>,
}

impl Comparison {
    pub(super) async fn new(
        session: &Session,
        store: &dyn SchemaStore,
        sources: &Sources,
    ) -> Result<Self, Failure> {
        let _progress = Progress::start("comparing the files with the rows");
        let current = Current::load(session, store).await?;
        Self::of(current, &sources.read()?, sources.prune)
    }

    /// Compares rows with a description.
    pub(in crate::commands) fn of(
        current: Current,
        document: &Document,
        prune: bool,
    ) -> Result<Self, Failure> {
        let target = document
            .target(&current.rows, &current.registry, prune)
            .map_err(|problems| invalid(&problems))?;
        let way = current.flags.plan_rollback(&current.rows, &target.rows, None)?;
        let edit = way.edit();
        let plan = current.flags.validator().plan(current.rows.clone(), &edit);
        Ok(Self {
            current,
            edit,
            plan,
            after: way.after,
            unmanaged: target.unmanaged,
            kept_off: target.kept_off,
        })
    }

    /// The revision that was compared.
    pub(in crate::commands) fn revision(&self) -> i64 {
        self.current.rows.revision.number()
    }

    pub(in crate::commands) fn is_change(&self) -> bool {
        !(self.plan.flags.is_empty() && self.plan.activations.is_empty())
    }

    pub(in crate::commands) fn report(&self) -> PlanReport<'_> {
        PlanReport::new(&self.current.registry, &self.plan, &self.current.rows, &self.after)
    }

    pub(in crate::commands) fn json(&self) -> Value {
        json!({
            "revision": self.current.rows.revision,
            "changes": self.is_change(),
            "plan": self.plan,
            "rules": self.report().rules(),
            "unmanaged": {"flags": self.unmanaged.flags, "activations": self.unmanaged.activations},
        })
    }

    /// Prints what changes, and a note about what no file describes.
    pub(in crate::commands) fn print(&self) -> Result<(), Failure> {
        self.print_plan()?;
        let Unmanaged { flags, activations, .. } = &self.unmanaged;
        if !flags.is_empty() || !activations.is_empty() {
            let (are, stay) = (are(flags.len(), activations.len()), flags.len() + activations.len() > 1);
            let stay = if stay { "stay as they are" } else { "stays as it is" };
            print_note(format_args!("note: {are} in no file, and {stay}"))?;
        }
        Ok(())
    }

    /// Prints what changes.
    pub(in crate::commands) fn print_plan(&self) -> Result<(), Failure> {
        let report = self.report();
        if !report.is_empty() {
            report.print()?;
        }
        for row in self.plan.activations.iter().filter(|row| row.effect == Effect::Removed) {
            let members = self.current.rows.members_of(row.id).len();
            if members > 0 {
                let (name, members) = (&row.name, count(members, "member"));
                print_note(format_args!(
                    "note: {members} of {name:?} are deleted with it; files go by names"
                ))?;
            }
        }
        for name in &self.kept_off {
            print_note(format_args!(
                "note: {name:?} is off: activations or members that it needs are ignored, and without them it could be on \
                 for every caller; add them, and turn it on with `novi enable`"
            ))?;
        }
        Ok(())
    }

    /// Prints a line that says how much changes, or that nothing does.
    pub(in crate::commands) fn print_summary(&self, nothing: &str) -> Result<(), Failure> {
        if !self.is_change() {
            return print(nothing);
        }
        print(format_args!("{}, at revision {}.", summary(&self.plan), self.current.rows.revision))
    }
}

/// `2 flags and 1 activation differ, 1 flag is affected`
fn summary(plan: &Plan) -> String {
    let differ = |rows: &[PlannedRow]| rows.iter().filter(|row| row.effect != Effect::Affected).count();
    let (flags, activations) = (differ(&plan.flags), differ(&plan.activations));
    let named = [(flags, "flag"), (activations, "activation")];
    let named: Vec<String> =
        named.iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(*number, noun)).collect();
    let verb = if flags + activations == 1 { "differs" } else { "differ" };
    let text = format!("{} {verb}", named.join(" and "));
    match plan.flags.len() - flags {
        0 => text,
        1 => format!("{text}, 1 flag is affected"),
        affected => format!("{text}, {affected} flags are affected"),
    }
}
