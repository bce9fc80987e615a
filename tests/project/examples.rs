//! The examples run and print what they should, and their assertions hold.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

/// The built example. `cargo test` builds all of them; if a single test was selected, it is built now.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let built: PathBuf = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    if !built.exists() {
        let status = Command::new(env!("CARGO")).args(["build", "--quiet", "--example", name]).status();
        assert!(status.unwrap().success(), "{name} does not build");
    }
    Command::new(built)
}

fn said(name: &str) -> String {
    let output = example(name).output().unwrap();
    let (said, complained) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {said}{complained}");
    said
}

#[test]
fn basic() {
    insta::assert_snapshot!(said("basic"));
}

#[test]
fn blocking() {
    insta::assert_snapshot!(said("blocking"));
}

#[test]
fn guard() {
    insta::assert_snapshot!(said("guard"));
}

#[test]
fn feature_enum() {
    insta::assert_snapshot!(said("feature_enum"));
}

#[test]
fn custom_activation() {
    insta::assert_snapshot!(said("custom_activation"));
}

#[tokio::test]
async fn axum_service() {
    let mut service = example("axum_service").arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    // Kept open: a program fails to print if its reader was closed.
    let mut stdout = BufReader::new(service.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    let ask = async |path: &str| reqwest::get(format!("http://{address}{path}")).await?.text().await;
    let (greeting, flags) = (ask("/greeting?user=ada").await, ask("/novi/flags").await);
    let toggled = reqwest::Client::new().get(format!("http://{address}/greeting?user=ada"));
    let toggled = toggled.header("X-Novi-Feature-Toggles", "Random Variant Feature=off").send().await;
    service.kill().unwrap();
    service.wait().unwrap();
    drop(stdout);
    assert_eq!(greeting.unwrap(), "Hello ada, you have variant A\n");
    let toggled = toggled.unwrap();
    assert_eq!(toggled.headers()["x-novi-feature-toggles-enabled"], "Combo OR");
    assert_eq!(toggled.text().await.unwrap(), "Hello ada\n");
    let flags = flags.unwrap();
    assert!(flags.contains("Combo AND"), "{flags}");
}
