//! A transaction that changes two flags changes them together for every reader, in each database.
//!
//! With `NOVI_TEST_LONG=1`, each of eight readers evaluates a million times.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use novi::{Context, Flags, store};

use crate::common::databases::{Raw, databases};

const READERS: usize = 8;

/// The minimum number of evaluations of each reader.
fn decisions() -> u64 {
    let long = std::env::var_os("NOVI_TEST_LONG").is_some_and(|value| value == "1");
    if long { 1_000_000 } else { 20_000 }
}

/// The minimum number of changes that readers must see.
const FLIPS: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_sees_half_of_a_transaction() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name, status) values (1, 'one', true), (2, 'two', true)")
            .await
            .unwrap();
        let flags = Flags::builder().refresh(Duration::from_millis(5)).connect(&database.url).await.unwrap();
        let (done, turns) = (AtomicBool::new(false), AtomicU64::new(0));
        let read = || {
            let (mut asked, mut last, mut seen) = (0, true, 0);
            let context = Context::new();
            while asked < decisions() || turns.load(Ordering::Relaxed) < FLIPS {
                let snapshot = flags.snapshot();
                let (one, two) = (snapshot.is_enabled("one", &context), snapshot.is_enabled("two", &context));
                assert_eq!(one, two, "at revision {}", snapshot.revision());
                // The value of a decision belongs to its revision.
                let decision = flags.evaluate("one", &context).unwrap();
                assert_eq!(decision.enabled(), decision.value() == Some(&true.into()));
                if one != last {
                    (last, seen) = (one, seen + 1);
                    turns.fetch_max(seen, Ordering::Relaxed);
                }
                asked += 3;
            }
            done.store(true, Ordering::Relaxed);
        };
        let flip = async {
            let mut status = false;
            while !done.load(Ordering::Relaxed) {
                // One after the other in an open transaction, which is rolled back; then both in one that is
                // committed.
                raw.run(&format!("begin; update flags set status = {status} where id = 1")).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
                raw.run("update flags set status = not status where id = 2; rollback").await.unwrap();
                let both = "begin; update flags set status = {} where id = 1; update flags set status = {} where id = 2; commit";
                raw.run(&both.replace("{}", &status.to_string())).await.unwrap();
                status = !status;
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        };
        tokio::task::block_in_place(|| {
            thread::scope(|scope| {
                let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
                tokio::runtime::Handle::current().block_on(flip);
                for reader in readers {
                    reader.join().unwrap();
                }
            });
        });
        assert!(turns.load(Ordering::Relaxed) >= FLIPS, "{:?}", database.kind);
    }
}
