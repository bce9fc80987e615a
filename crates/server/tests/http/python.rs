//! The server on a database of the Python original. The fixture has the decisions of Python novi 0.4.2 for
//! contexts with the time, the seed and the variant; without one of them, novi deliberately decides
//! differently.

use std::collections::BTreeMap;

use novi::{Flags, store};
use novi_server::Options;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::common::Server;

#[derive(Deserialize)]
struct Recorded<'a> {
    #[serde(borrow)]
    context: &'a RawValue,
    statuses: BTreeMap<String, bool>,
}

#[tokio::test]
async fn server_has_the_decisions_of_the_python_original() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("novi.db");
    std::fs::write(&file, include_bytes!("../../../../tests/fixtures/novi-0.4.2.db")).unwrap();
    let url = format!("sqlite://{}", file.display());
    let database = store::connect(&url).await.unwrap();
    database.migrate().await.unwrap();
    database.run_script(include_str!("../../../../tests/fixtures/python-more-rows.sql")).await.unwrap();
    let server =
        Server::start_with(Flags::builder().keep_rows().connect(&url).await.unwrap(), Options::default())
            .await;

    let rows = server.get("/flags").await.ok();
    let flags = rows.as_array().unwrap();
    assert_eq!(flags.len(), 10);
    let recorded: Vec<Recorded<'_>> =
        serde_json::from_str(include_str!("../../../../tests/fixtures/python-answers.json")).unwrap();
    assert!(recorded.len() >= 400);
    for Recorded { context, statuses } in recorded {
        let all = server.post("/evaluatedFlags", context.get().to_owned()).await.ok();
        assert_eq!(all.as_array().unwrap().len(), flags.len());
        for (row, answered) in flags.iter().zip(all.as_array().unwrap()) {
            let name = row["name"].as_str().unwrap();
            let Some(status) = statuses.get(name) else { continue };
            // Only the status differs from the row.
            let mut expected = row.clone();
            expected["status"] = Value::Bool(*status);
            assert_eq!(*answered, expected, "with {context}");
            let path = format!("/evaluatedFlags/{}", name.replace(' ', "%20"));
            assert_eq!(
                server.post(&path, context.get().to_owned()).await.ok(),
                expected,
                "{path} with {context}"
            );
        }
    }
}
