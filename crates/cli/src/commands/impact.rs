//! `novi impact`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use novi::{
    rows::Rows,
    store::{Change, Edit},
};
use serde_json::json;

use super::{callers::Callers, change::find_flag};
use crate::{
    output::{Failure, WOULD_BE_REJECTED, print, print_json, print_note, sanitize, write},
    session::{Session, read_input},
};

const EXAMPLES: &str = "\
Examples:
  novi impact --enable \"Combo AND\" --contexts users.jsonl
  novi impact --enable \"Combo AND\" --audience users
  novi impact change.json --contexts users.jsonl
  psql -Atc \"select json_build_object('targetingKey', id, 'country', country) from users\" \\
    | novi impact change.json --contexts -

CHANGE has the JSON of POST /api/edits:
  {\"changes\": [{\"update_activation\": {\"row\": 3, \"set\": {\"config\": {\"percentage\": 50}}}}]}
Nothing is written. The exit code is 5 if the change would be rejected.";

/// Show whom a change would affect, without making it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Impact {
    /// File with the change in JSON; - reads standard input
    #[arg(value_name = "CHANGE", required_unless_present_any = ["enable", "disable"])]
    change: Option<PathBuf>,

    /// Flag to turn on
    #[arg(long, value_name = "FLAG", conflicts_with = "change")]
    enable: Vec<String>,

    /// Flag to turn off
    #[arg(long, value_name = "FLAG", conflicts_with = "change")]
    disable: Vec<String>,

    #[command(flatten)]
    callers: Callers,
}

impl Impact {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        if !self.callers.are_given() {
            return Err(Failure::usage("expected the callers: --contexts FILE or --audience NAME"));
        }
        if self.callers.contexts.as_ref().is_some_and(|file| file.as_os_str() == "-")
            && self.change.as_ref().is_some_and(|file| file.as_os_str() == "-")
        {
            return Err(Failure::usage(
                "expected standard input for either CHANGE or --contexts, found both",
            ));
        }
        let flags = session.flags().await?;
        let rows = session.store().await?.load().await?;
        let edit = self.edit(&rows)?;
        let (plan, mut comparison) = flags.comparison(rows, &edit);
        self.callers.compare(session, &mut comparison).await?;
        let impact = comparison.finish();
        if session.json {
            print_json(&json!({"plan": plan, "impact": impact}))?;
        } else {
            write(&sanitize(&impact.to_string()))?;
            let warn_above = session.config.server.impact_warning;
            for flag in &impact.flags {
                let changed = flag.on + flag.off + flag.other;
                if 100 * changed > usize::from(warn_above) * impact.contexts {
                    print_note(format_args!(
                        "warning: {:?} decides otherwise for more than {warn_above} % of the callers ([server] impact_warning)",
                        flag.flag
                    ))?;
                }
            }
            for problem in &plan.problems {
                print(format_args!("problem: {problem}"))?;
            }
        }
        if plan.problems.is_empty() {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(Failure::rejected(WOULD_BE_REJECTED))
        }
    }

    fn edit(&self, rows: &Rows) -> Result<Edit, Failure> {
        if let Some(file) = &self.change {
            let name = file.display().to_string();
            let text = read_input(file).map_err(|error| Failure::file(&name, &error))?;
            return novi_server::read_edit(text.trim_start_matches('\u{feff}'), rows)
                .map_err(|error| Failure::usage(format!("{name}: {error}")));
        }
        let set = |status: bool| move |flag: &String| Change::SetStatus { flag: flag.clone(), status };
        let name_of = |wanted: &String| Ok(find_flag(rows, wanted)?.name.clone());
        let names = |list: &[String]| list.iter().map(name_of).collect::<Result<Vec<String>, Failure>>();
        let (enable, disable) = (names(&self.enable)?, names(&self.disable)?);
        Ok(Edit::new(enable.iter().map(set(true)).chain(disable.iter().map(set(false)))))
    }
}
