//! An activation whose evaluation takes as long as a test wants.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use novi::{
    Flags,
    activation::{Activation, ActivationType, Evaluation, Registry, Verdict},
    rows::{ActivationRow, LinkRow, Rows},
};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{sync::watch, time::timeout};

use crate::common::PATIENCE;

/// A gate for each test, since tests run side by side.
static GATES: LazyLock<[Gate; 2]> = LazyLock::new(Default::default);

/// Evaluations wait here while it is closed.
#[derive(Default)]
pub(crate) struct Gate {
    reached: watch::Sender<bool>,
    is_open: AtomicBool,
}

#[derive(Deserialize, JsonSchema)]
struct Gated {
    gate: usize,
}

impl Activation for Gated {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        let gate = &GATES[self.gate];
        gate.reached.send_replace(true);
        while !gate.is_open.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
        Verdict::On
    }
}

impl Gate {
    pub(crate) fn close(&self) {
        self.is_open.store(false, Ordering::Release);
        self.reached.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }

    /// Waits until an evaluation waits.
    pub(crate) async fn reached(&self) {
        timeout(PATIENCE, self.reached.subscribe().wait_for(|reached| *reached)).await.unwrap().unwrap();
    }
}

/// Flags of which the first waits at a gate.
pub(crate) fn gated(number: usize, mut rows: Rows) -> (Flags, &'static Gate) {
    let mut registry = Registry::global().unwrap();
    registry.add(ActivationType::new::<Gated>("test.gated", &[], "Waits at a gate", "here")).unwrap();
    rows.activations.push(ActivationRow::new(1, "gated", "test.gated", format!("{{\"gate\": {number}}}")));
    rows.links.push(LinkRow::new(1, 1));
    let flags = Flags::builder().keep_rows().registry(registry).from_rows(rows).unwrap();
    (flags, &GATES[number])
}
