//! `enable` and `disable`.

use std::process::ExitCode;

use novi::{Error, store::Change};
use serde_json::json;

use super::{Session, author};
use crate::{
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn set(session: &Session, flag: String, status: bool) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let change = Change::SetStatus { flag: flag.clone(), status };
    let revision = match store.apply_by(&author(None), vec![change]).await {
        Ok(revision) => revision,
        // The store knows the names that there are, but not which of them is meant.
        Err(Error::FlagNotFound { name, .. }) => {
            session
                .flags()
                .await?
                .snapshot()
                .evaluate(&name, &novi::Context::new())
                .map_err(Failure::from)?;
            return Err(Error::FlagNotFound { name, similar: None }.into());
        }
        Err(error) => return Err(error.into()),
    };
    let overridden = session.config.overrides.contains_key(&flag);
    if session.json {
        let done = json!({"flag": flag, "status": status, "revision": revision, "overridden": overridden});
        print_json(&done)?;
    } else {
        let state = if status { "enabled" } else { "disabled" };
        print(format_args!("{flag} is {state}, at revision {revision}"))?;
        if overridden {
            print(
                "note: the configuration overrides this flag ([overrides]), so its answer does not change",
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
