//! Guards without the option `flags` ask the installed flags. One test, for flags are installed once a process.

#![cfg(feature = "macros")]
#![allow(clippy::unwrap_used)]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use novi::{
    Flags,
    rows::{FlagRow, Rows},
};

#[novi::enabled("Banner")]
fn banner() -> Option<u8> {
    Some(1)
}

#[novi::enabled("Other")]
fn other() -> Option<u8> {
    Some(1)
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn without_flags_all_is_off_and_that_is_said_once() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();

    assert_eq!((banner(), other(), banner()), (None, None, None));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("ERROR") && text.contains("flag.name=\"Banner\""), "{text}");
    assert!(text.contains("call `install()` on the `Flags` when the program starts"), "{text}");

    let rows = Rows { flags: vec![FlagRow::new(1, "Banner", true)], ..Rows::default() };
    Flags::from_rows(rows).unwrap().install().unwrap();
    assert_eq!((banner(), other()), (Some(1), None));
}
