//! Real servers that are killed, stopped, restarted and restored while threads evaluate. Takes minutes: only
//! with `NOVI_TEST_LONG=1`, and on Linux, where a process can be restarted with its own command line.

#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use novi::{
    Context, Flags,
    rows::FlagRow,
    store::{self, Change, SchemaStore},
};

use crate::common::{
    askers::Askers,
    until::{PATIENCE, until},
};

/// Servers for this test.
struct Servers {
    folder: tempfile::TempDir,
}

impl Servers {
    fn start() -> Self {
        let servers = Self { folder: tempfile::tempdir().unwrap() };
        servers.script("start");
        servers
    }

    fn script(&self, verb: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test-servers");
        let status = Command::new(script).arg(verb).arg(self.folder.path()).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "{verb}");
    }

    fn url(&self, variable: &str) -> String {
        let text = fs::read_to_string(self.folder.path().join("env")).unwrap();
        text.split(variable).nth(1).unwrap().split('\'').nth(1).unwrap().to_owned()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.script("stop");
    }
}

/// A server's process, and its command line.
struct Server {
    pid_file: PathBuf,
    data: PathBuf,
    command: Vec<String>,
    owner: (u32, u32),
    /// The statement that writes all commits to its log.
    flush: &'static str,
    /// The process, if this test has restarted it.
    started: Mutex<Option<Child>>,
}

impl Server {
    fn of(data: PathBuf, pid_file: PathBuf, flush: &'static str) -> Self {
        let (command, started) = (Vec::new(), Mutex::default());
        let mut server = Self { pid_file, data, command, owner: (0, 0), flush, started };
        let process = PathBuf::from(format!("/proc/{}", server.pid()));
        let command = fs::read_to_string(process.join("cmdline")).unwrap();
        server.command = command.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let metadata = fs::metadata(&server.data).unwrap();
        server.owner = (metadata.uid(), metadata.gid());
        server
    }

    fn pid(&self) -> u32 {
        fs::read_to_string(&self.pid_file).unwrap().lines().next().unwrap().trim().parse().unwrap()
    }

    /// The process and its children.
    fn processes(&self) -> Vec<u32> {
        let pid = self.pid();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        std::iter::once(pid).chain(children.split_whitespace().map(|pid| pid.parse().unwrap())).collect()
    }

    fn signal(&self, signal: &str) {
        for pid in self.processes() {
            // A child may have ended meanwhile.
            Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
        }
    }

    async fn kill(&self, store: &dyn SchemaStore) {
        // Servers of tests do not write commits to their logs at once.
        store.run_script(self.flush).await.unwrap();
        let processes = self.processes();
        self.signal("-KILL");
        if let Some(mut started) = self.started.lock().unwrap().take() {
            // Reaps the process; otherwise it exists until the test ends.
            started.wait().unwrap();
        }
        let is_there = |pid: &u32| {
            // A zombie has ended as well.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim().starts_with('Z'))
        };
        until("the end of the processes", || !processes.iter().any(is_there)).await;
        // The pid file would prevent the restart.
        fs::remove_file(&self.pid_file).unwrap();
    }

    /// Restarts the server. A process that has not ended yet may delay that.
    async fn start_again(&self) {
        for _ in 0..60 {
            let mut started = self.spawn();
            for _ in 0..50 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if started.try_wait().unwrap().is_some() {
                    break;
                }
                if self.pid_file.exists() {
                    *self.started.lock().unwrap() = Some(started);
                    return;
                }
            }
        }
        panic!("{:?} does not start: {:?}", self.command, fs::read_to_string(self.log()));
    }

    fn spawn(&self) -> Child {
        let (user, group) = self.owner;
        let mut command = Command::new("setpriv");
        // PostgreSQL does not run as root.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
        }
        let log = fs::File::create(self.log()).unwrap();
        command.args(&self.command).current_dir("/").stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    fn copy(from: &Path, to: &Path) {
        if to.exists() {
            fs::remove_dir_all(to).unwrap();
        }
        assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    }
}

async fn set(store: &dyn SchemaStore, log: &Path, flag: &str, status: bool) {
    // The server may not accept connections yet.
    let deadline = Instant::now() + PATIENCE;
    loop {
        match store.apply(vec![Change::SetStatus { flag: flag.to_owned(), status }]).await {
            Ok(_) => return,
            Err(error) => assert!(Instant::now() < deadline, "{error}; {:?}", fs::read_to_string(log)),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn outlive(url: &str, server: Server) {
    let made = store::create(url).await.unwrap();
    made.migrate().await.unwrap();
    let changes = [(1, "on", true), (2, "off", false)]
        .map(|(id, name, status)| Change::InsertFlag(FlagRow::new(id, name, status)));
    made.apply(changes.to_vec()).await.unwrap();
    let store: Arc<dyn SchemaStore> = made;

    let flags = Flags::builder().refresh(Duration::from_millis(20)).connect(url).await.unwrap();
    let off_is_on = || flags.is_enabled("off", &Context::new());
    let askers = Askers::start(&flags);
    let fails = || flags.status().failure.is_some();

    // Killed and restarted.
    server.kill(&*store).await;
    until("a failure", fails).await;
    server.start_again().await;
    set(&*store, &server.log(), "off", true).await;
    until("the change after a restart", off_is_on).await;

    // Stopped: it accepts connections and never responds.
    server.signal("-STOP");
    until("a failure", fails).await;
    server.signal("-CONT");
    set(&*store, &server.log(), "off", false).await;
    until("the change after a stop", || !off_is_on()).await;

    // Restored to a state before some changes.
    server.kill(&*store).await;
    let backup = server.data.with_extension("backup");
    Server::copy(&server.data, &backup);
    server.start_again().await;
    set(&*store, &server.log(), "off", true).await;
    until("the change that will be lost", off_is_on).await;
    let revision = flags.snapshot().revision().number();
    server.kill(&*store).await;
    Server::copy(&backup, &server.data);
    server.start_again().await;
    until("the restored state", || !off_is_on()).await;
    assert!(flags.snapshot().revision().number() < revision);
    until("the end of the outage", || !fails()).await;
    askers.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_change_no_decision() {
    if std::env::var_os("NOVI_TEST_LONG").is_none_or(|value| value != "1") {
        return;
    }
    let servers = Servers::start();
    let folder = servers.folder.path();
    let data = folder.join("pg/data");
    let postgres = Server::of(data.clone(), data.join("postmaster.pid"), "checkpoint");
    outlive(&servers.url("NOVI_TEST_POSTGRES"), postgres).await;
    // Without the setting, InnoDB ignores the second statement.
    let flush = "set global innodb_flush_log_at_trx_commit = 1; flush engine logs";
    let mariadb = Server::of(folder.join("my/data"), folder.join("my/pid"), flush);
    let url = servers.url("NOVI_TEST_MYSQL");
    let server = url.rsplit_once('/').unwrap().0;
    let root = store::create(&url).await.unwrap();
    root.run_script("create database novi_servers").await.unwrap();
    outlive(&format!("{server}/novi_servers"), mariadb).await;
}
