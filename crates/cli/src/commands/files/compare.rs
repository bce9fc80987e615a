//! What has to change for the rows to be as files describe them.

use novi::{
    rows::Rows,
    snapshot::{Effect, Plan},
    store::{Edit, SchemaStore},
};
use novi_files::{Document, Unmanaged};
use serde_json::{Value, json};

use super::load::Sources;
use crate::{
    commands::change::Current,
    output::{Failure, PlanReport, count, print, print_note},
    session::Session,
};

/// The rows, and the change that makes them what files describe.
pub(in crate::commands) struct Comparison {
    pub(in crate::commands) current: Current,
    pub(in crate::commands) edit: Edit,
    pub(in crate::commands) plan: Plan,
    pub(super) after: Rows,
    unmanaged: Unmanaged,
}

impl Comparison {
    pub(super) async fn new(
        session: &Session,
        store: &dyn SchemaStore,
        sources: &Sources,
    ) -> Result<Self, Failure> {
        Self::of(session, store, &sources.read()?, sources.prune).await
    }

    /// What has to change for the rows to be as a document describes them.
    pub(in crate::commands) async fn of(
        session: &Session,
        store: &dyn SchemaStore,
        document: &Document,
        prune: bool,
    ) -> Result<Self, Failure> {
        let current = Current::load(session, store).await?;
        let target = document.target(&current.rows, &current.registry, prune).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let json: Vec<Value> = problems
                .iter()
                .map(|problem| json!({"path": problem.path, "message": problem.message}))
                .collect();
            Failure::invalid(lines.join("\n"), &json)
        })?;
        let way = current.flags.plan_rollback(&current.rows, &target.rows, None)?;
        let edit = way.edit();
        let plan = current.flags.validator().plan(current.rows.clone(), &edit);
        Ok(Self { current, edit, plan, after: way.after, unmanaged: target.unmanaged })
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
        let Unmanaged { flags, activations, .. } = &self.unmanaged;
        if !flags.is_empty() || !activations.is_empty() {
            let (flags, activations) = (count(flags.len(), "flag"), count(activations.len(), "activation"));
            print_note(format_args!("note: {flags} and {activations} are in no file, and stay as they are"))?;
        }
        Ok(())
    }

    /// A line that says how much changes.
    pub(in crate::commands) fn print_summary(&self) -> Result<(), Failure> {
        if !self.is_change() {
            return print("No changes: the rows are as the files describe them.");
        }
        let (flags, activations) =
            (count(self.plan.flags.len(), "flag"), count(self.plan.activations.len(), "activation"));
        print(format_args!("{flags} and {activations} differ, at revision {}.", self.current.rows.revision))
    }
}
