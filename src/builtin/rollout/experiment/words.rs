//! An experiment in words.

use crate::{
    activation::{Phrase, Share, value_text},
    builtin::{
        audience::attribute_names::by_words,
        rollout::{
            experiment::config::{Config, ExperimentState},
            shares::{variant_shares, variants_words},
        },
        time::words,
    },
};

pub(super) fn phrase(config: &Config) -> Phrase {
    match (config.state, &config.decision) {
        (ExperimentState::Draft, _) => for_all(&config.control, "a draft"),
        (ExperimentState::Stopped, _) => for_all(&config.control, "stopped"),
        (ExperimentState::Running, _) => running(config),
        (ExperimentState::Decided, Some(decision)) => match &decision.variant {
            Some(variant) => for_all(variant, "decided"),
            None => Phrase::period("never, since the experiment is decided"),
        },
        (ExperimentState::Decided, None) => {
            Phrase::period("never, since the decision of the experiment is missing")
        }
    }
}

fn for_all(variant: &str, state: &str) -> Phrase {
    Phrase::variant(format!("variant {}, since the experiment is {state}", value_text(variant)))
        .with_shares([Share { variant: Some(variant.to_owned()), percent: 100.0 }])
}

fn running(config: &Config) -> Phrase {
    let shares: Vec<(&str, f64)> =
        config.variants.0.iter().map(|(name, weight)| (&**name, *weight)).collect();
    let total = shares.iter().map(|(_, weight)| weight).sum();
    let mut part = config.traffic.unwrap_or(100.0) / 100.0;
    let mut text = variants_words(shares.iter().copied(), total);
    if let Some(traffic) = config.traffic.filter(|traffic| *traffic < 100.0) {
        text.push_str(&format!(" of {traffic} % of callers"));
    }
    text.push(' ');
    text.push_str(&by_words(config.unit.as_ref()));
    if let Some(layer) = &config.layer {
        part *= (layer.to - layer.from) / 100.0;
        let name = value_text(&layer.name);
        text.push_str(&format!(" in {} to {} % of the layer {name}", layer.from, layer.to));
    }
    if let Some(holdout) = &config.holdout {
        part *= 1.0 - holdout.percentage / 100.0;
        let name = value_text(&holdout.name);
        text.push_str(&format!(" except {} % in the holdout {name}", holdout.percentage));
    }
    match config.window() {
        None => text.push_str(" at a time that is invalid"),
        Some((None, None, _)) => (),
        Some((start, end, zone)) => {
            text.push(' ');
            text.push_str(&words::window(start, end, zone));
        }
    }
    let mut covered = variant_shares(&shares, total, part * 100.0);
    if config.start.is_some() || config.end.is_some() || part < 1.0 {
        text.push_str(&format!("; otherwise variant {}", value_text(&config.control)));
        let control = covered.iter_mut().find(|share| share.variant.as_deref() == Some(&*config.control));
        if let Some(control) = control {
            control.percent += (1.0 - part) * 100.0;
        }
    }
    Phrase::variant(text).with_shares(covered)
}
