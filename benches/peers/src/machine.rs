//! Where and when it was measured, and what.

use std::{env, fs, process::Command, thread};

/// The packages that are measured, as in `Cargo.lock`.
const PACKAGES: [&str; 4] =
    ["unleash-yggdrasil", "eppo_core", "launchdarkly-server-sdk-evaluation", "datalogic-rs"];

/// The machine, the day and the compiler, as items of a Markdown list.
pub fn description() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let cpu = line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| env::consts::ARCH.to_owned());
    let os = fs::read_to_string("/etc/os-release").ok().and_then(|text| {
        let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(name.trim_matches('"').to_owned())
    });
    let os = os.unwrap_or_else(|| env::consts::OS.to_owned());
    format!(
        "- {} (UTC)\n- {cpu}, {cores} cores\n- {os}\n- {}, release, `lto = \"thin\"`, \
         `codegen-units = 1`, no `target-cpu`\n- {}\n",
        chrono::Utc::now().format("%Y-%m-%d"),
        rustc(),
        packages()
    )
}

/// What stands behind a name and a colon.
fn line_of(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn rustc() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    output.map_or_else(
        |_| "rustc of an unknown version".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The versions of the peers.
fn packages() -> String {
    let lock = include_str!("../Cargo.lock");
    let version = |package: &str| {
        let entry =
            lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")))?;
        let line = entry.lines().find_map(|line| line.strip_prefix("version = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    let all = PACKAGES.map(|package| format!("{package} {}", version(package).unwrap_or_default()));
    all.join(", ")
}
