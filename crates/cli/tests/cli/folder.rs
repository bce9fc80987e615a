//! Script files as activation types, up to a server that follows their changes.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    serve::Server,
    support::{Folder, PATIENCE},
};

const SCRIPT: &str = r#"
INSERT INTO flags (id, name, status) VALUES (1, 'Call us', true), (2, 'Chat', true), (3, 'Always', true);
INSERT INTO activations (id, name, class_name, config) VALUES
    (1, 'Nine to five', 'novi_activations.office_hours', '{"from": 9, "to": 17}'),
    (2, 'Pro, on a new app', 'novi.expression', '{"expression": "plan == \"pro\" && semver(app) >= semver(\"2.1\")"}');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (1, 1), (2, 2);
"#;

const OFFICE_HOURS: &str = "// While the office is open.\nhour >= config.from && hour < config.to\n";

/// With a file, and flags that use it.
fn folder() -> Folder {
    let folder = Folder::migrated();
    std::fs::create_dir(folder.path("novi_activations")).unwrap();
    folder.write("novi_activations/office_hours.cel", OFFICE_HOURS);
    folder.pipe(&["seed", "-"], SCRIPT.as_bytes()).expect(0);
    folder
}

#[test]
fn script_file_is_a_type_in_every_command() {
    let folder = folder();
    let types = folder.run(&["types"]).expect(0).out;
    let listed = types.split("\n\n").find(|kind| kind.starts_with("novi_activations.office_hours")).unwrap();
    let eval = |hour| {
        folder
            .run(&["eval", "Call us", "--explain", "--context", &format!(r#"{{"hour": {hour}}}"#)])
            .transcript()
    };
    let old_app = r#"{"plan": "pro", "app": "2.0.9"}"#;
    let mut transcript = vec![
        listed.to_owned(),
        folder.run(&["check"]).transcript(),
        eval(9),
        eval(17),
        folder.run(&["eval", "Call us", "--explain"]).transcript(),
        folder.run(&["eval", "Chat", "--explain", "--context", old_app]).transcript(),
    ];
    folder.write("novi_activations/office_hours.cel", "// Broken.\nhour >= config.from &&\n");
    transcript.push(folder.transcript(&[&["check"], &["eval", "Call us"], &["eval", "Always"]]));
    let types = folder.run(&["--json", "types"]).expect(0).json();
    let kind =
        types.as_array().unwrap().iter().find(|kind| kind["class_name"] == "novi_activations.office_hours");
    assert_eq!(kind.unwrap()["description"], "Broken. (does not compile)");
    insta::assert_snapshot!(transcript.join("\n"));
}

#[test]
fn missing_script_folder_is_reported() {
    let folder = Folder::migrated();
    let run = folder.run(&["check", "--set", "activations.folder=rules"]).expect(4);
    assert_eq!(run.err, "error: could not read rules: No such file or directory (os error 2)\n");
}

#[tokio::test]
async fn server_follows_script_files() {
    let folder = folder();
    let server = Server::start(&folder, &["--set", "refresh.interval=50ms"]);
    let becomes = async |hour: u32, expected: bool| {
        let started = Instant::now();
        while server.is_on("Call us", &json!({"hour": hour})).await != expected {
            assert!(started.elapsed() < PATIENCE, "at {hour}: still {}", !expected);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    becomes(9, true).await;
    becomes(17, false).await;
    folder.write("novi_activations/office_hours.cel", "hour >= config.from && hour <= config.to");
    becomes(17, true).await;
    folder.write("novi_activations/office_hours.cel", "hour >=");
    becomes(17, false).await;
    folder.write("novi_activations/office_hours.cel", "true");
    becomes(3, true).await;
    std::fs::remove_file(folder.path("novi_activations/office_hours.cel")).unwrap();
    becomes(3, false).await;
    let (code, _, errors) = server.stop();
    assert_eq!(code, 0);
    assert!(errors.contains("unknown activation class"), "{errors}");
}
