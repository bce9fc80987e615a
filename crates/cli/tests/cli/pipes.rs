//! Closed pipes and full disks.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use crate::support::Folder;

fn many_flags() -> Folder {
    let folder = Folder::migrated();
    // More than a pipe buffers.
    let sql =
        "insert into flags with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
        select i, 'flag number ' || i, true from n";
    folder.pipe(&["seed", "-"], sql.as_bytes()).expect(0);
    folder
}

#[test]
fn closed_stdout_is_not_an_error() {
    let folder = many_flags();
    let commands: [&[&str]; 5] =
        [&["list"], &["list", "--json"], &["types", "--json"], &["completions", "bash"], &["--help"]];
    for arguments in commands {
        let mut command = folder.command(arguments);
        let mut novi = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        // Dropped after one line, like `head -1`.
        BufReader::with_capacity(16, novi.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        let output = novi.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn closed_stderr_does_not_change_the_exit_code() {
    let folder = Folder::demo();
    for (arguments, code) in [(["show", "none"], 3), (["seed", "none.sql"], 4), (["eval", "Combo AND"], 0)] {
        let mut command = folder.command(&arguments);
        command.env("NOVI_LOG", "trace").stdout(Stdio::null()).stderr(Stdio::piped());
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = command.stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[tokio::test]
async fn log_that_nobody_reads_does_not_stop_the_server() {
    let folder = Folder::demo();
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut novi = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(novi.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let url = format!("{address}/nothing");
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_mins(1)).build().unwrap();
    // Each is a line of the log of more than 100 bytes, and a pipe has room for 64 KiB.
    for request in 0..2000 {
        let answered = client.get(&url).send().await;
        assert!(answered.is_ok_and(|answer| answer.status() == 404), "request {request} is not answered");
    }
    novi.kill().unwrap();
    novi.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn full_disk_is_reported() {
    let folder = Folder::demo();
    let commands: [&[&str]; 3] = [&["list"], &["list", "--json"], &["completions", "zsh"]];
    for arguments in commands {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = folder.command(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            error.contains("could not write the output: No space left on device (os error 28)"),
            "{error}"
        );
    }
}
