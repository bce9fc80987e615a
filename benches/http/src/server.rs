//! A server on its own core.

use std::{
    fs,
    io::BufReader,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

/// The core that servers run on; the load comes from another one.
const CORE: &str = "0";

/// The kernel counts the time of processes in so many ticks a second, on every system that Linux runs on.
const TICKS: f64 = 100.0;

/// A server, which is stopped when this is dropped.
pub(crate) struct Server {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program that tells its address as the member `listening` of a JSON object.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Self {
        let process = Command::new("taskset")
            .args(["-c", CORE])
            .arg(program)
            .args(arguments)
            .env("NOVI_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset is there, and the program is built");
        // From here on it is stopped whatever happens.
        let mut server = Self { process, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let output = server.process.stdout.take().expect("it is piped");
        let mut told = serde_json::Deserializer::from_reader(BufReader::new(output)).into_iter();
        let told: serde_json::Value =
            told.next().and_then(Result::ok).expect("the server tells its address as JSON");
        server.address = told["listening"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        server
    }

    /// The seconds that it has taken of its core: in its own code, and in the kernel on its behalf.
    pub(crate) fn cpu_time(&self) -> [f64; 2] {
        let text = self.read("stat");
        // The second field is a name, which may have spaces; utime and stime are the 14th and 15th.
        let mut fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace().skip(11);
        [(); 2].map(|()| {
            let ticks: Option<f64> = fields.next().and_then(|field| field.parse().ok());
            ticks.expect("a number of ticks") / TICKS
        })
    }

    /// The memory that it has in use, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let text = self.read("status");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has some");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    }

    fn read(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.process.id());
        fs::read_to_string(path).expect("the server lives")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait().map(drop)) {
            eprintln!("could not stop the server: {error}");
        }
    }
}
