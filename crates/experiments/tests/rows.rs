//! Experiments as rows: new ones, and the steps of their life.

#![allow(clippy::unwrap_used, reason = "for tests")]

use chrono::{DateTime, Utc};
use novi::{
    builtin::{ExperimentState, Holdout},
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

use novi_experiments::{
    ExperimentStep, LayerShare, NewExperiment, PlanError, Weights, experiments, find_experiment,
};

fn now() -> DateTime<Utc> {
    "2026-12-01T08:00:00.25Z".parse().unwrap()
}

fn new(name: &str, flag: &str) -> NewExperiment {
    NewExperiment {
        name: name.to_owned(),
        flag: flag.to_owned(),
        variants: Weights(vec![("old".to_owned(), 50.0), ("new".to_owned(), 12.5)]),
        control: "old".to_owned(),
        ..NewExperiment::default()
    }
}

fn layer(name: &str, percentage: f64) -> LayerShare {
    LayerShare { name: name.to_owned(), percentage }
}

/// Rows with the flags `a` to `d`.
fn flags() -> Rows {
    Rows {
        flags: ["a", "b", "c", "d"]
            .into_iter()
            .zip(1..)
            .map(|(name, id)| FlagRow::new(id, name, true))
            .collect(),
        ..Rows::default()
    }
}

/// Adds the row of a new experiment.
fn add(rows: &mut Rows, new: &NewExperiment) -> i64 {
    let (flag, config) = new.plan(rows).unwrap_or_else(|error| panic!("{error}"));
    let (flag, id) = (flag.id, i64::try_from(rows.activations.len()).unwrap() + 1);
    rows.activations.push(ActivationRow::new(id, &*new.name, NewExperiment::CLASS, config));
    rows.links.push(LinkRow::new(flag, id));
    id
}

fn change(rows: &mut Rows, name: &str, step: &ExperimentStep) -> Result<String, String> {
    let (row, config) = step.plan(rows, name, now()).map_err(|error| error.to_string())?;
    let id = row.id;
    let row = rows.activations.iter_mut().find(|row| row.id == id).unwrap();
    row.config = Some(config.clone());
    Ok(config)
}

fn decide(variant: &str) -> ExperimentStep {
    ExperimentStep::decide(Some(variant.to_owned()), false, Some("it sells".to_owned())).unwrap()
}

#[test]
fn lifecycle_allows_its_steps_and_refuses_others() {
    let mut rows = flags();
    add(&mut rows, &new("E", "a"));
    let (start, stop) = (ExperimentStep::Start, ExperimentStep::Stop);
    let mut try_change = |wanted: &ExperimentStep| change(&mut rows, "E", wanted);
    let variants = r#""variants":{"old":50,"new":12.5},"control":"old""#;
    assert!(try_change(&stop).unwrap_err().contains("is a draft: it enrolls no units yet"));
    assert!(try_change(&decide("new")).unwrap_err().contains("is a draft: start it first"));
    assert_eq!(
        try_change(&start).unwrap(),
        format!(r#"{{"state":"running",{variants},"start":"2026-12-01T08:00:00Z"}}"#)
    );
    assert!(try_change(&start).unwrap_err().contains("is running: it needs no start"));
    assert_eq!(
        try_change(&stop).unwrap(),
        format!(
            r#"{{"state":"stopped",{variants},"start":"2026-12-01T08:00:00Z","stopped":"2026-12-01T08:00:01Z"}}"#
        )
    );
    assert!(try_change(&stop).unwrap_err().contains("is stopped"));
    assert_eq!(
        try_change(&start).unwrap(),
        format!(r#"{{"state":"running",{variants},"start":"2026-12-01T08:00:00Z"}}"#)
    );
    assert_eq!(
        try_change(&decide("newer")).unwrap_err(),
        r#"expected one of the variants old, new, or off, found "newer""#
    );
    let decided = try_change(&decide("new")).unwrap();
    let decision = r#""decision":{"variant":"new","reason":"it sells","at":"2026-12-01T08:00:01Z"}"#;
    assert!(
        decided.contains(r#""stopped":"2026-12-01T08:00:01Z""#) && decided.contains(decision),
        "{decided}"
    );
    for wanted in [&start, &stop, &decide("old")] {
        assert!(try_change(wanted).unwrap_err().contains("is decided"));
    }
    let found = experiments(&rows);
    let summary = found.first().unwrap().summary(Some(&[("new".to_owned(), 7)]));
    assert_eq!((summary.state, summary.units), (Some(ExperimentState::Decided), Some(7)));
    assert_eq!(summary.variants.iter().map(|variant| variant.units).collect::<Vec<_>>(), [Some(0), Some(7)]);
    assert_eq!(summary.flags, ["a"]);
}

#[test]
fn off_is_a_decision_and_needs_no_variant() {
    let mut rows = flags();
    add(&mut rows, &new("E", "a"));
    change(&mut rows, "E", &ExperimentStep::Start).unwrap();
    for reason in [None, Some(" ".to_owned())] {
        let off = ExperimentStep::decide(None, true, reason).unwrap();
        assert_eq!(change(&mut rows, "E", &off).unwrap_err(), "a decision needs a reason: state why");
    }
    let off = ExperimentStep::decide(None, true, Some("it does not sell".to_owned())).unwrap();
    let config = change(&mut rows, "E", &off).unwrap();
    let decision = r#""decision":{"off":true,"reason":"it does not sell","at":"2026-12-01T08:00:01Z"}"#;
    assert!(config.contains(decision), "{config}");
    for (variant, off) in [(None, false), (Some("new".to_owned()), true)] {
        assert!(matches!(ExperimentStep::decide(variant, off, None), Err(PlanError::Decision)));
    }
}

#[test]
fn experiments_of_a_layer_take_free_ranges() {
    let mut rows = flags();
    let in_layer = |name: &str, flag: &str, percentage| NewExperiment {
        layer: Some(layer("checkout", percentage)),
        ..new(name, flag)
    };
    let range = |rows: &Rows, name: &str| {
        let config = find_experiment(rows, name).unwrap().config.unwrap();
        config.layer().map(|layer| (layer.from, layer.to)).unwrap()
    };
    add(&mut rows, &in_layer("A", "a", 30.0));
    add(&mut rows, &in_layer("B", "b", 33.3));
    assert_eq!((range(&rows, "A"), range(&rows, "B")), ((0.0, 30.0), (30.0, 63.3)));
    let full = in_layer("C", "c", 40.0).plan(&rows).unwrap_err().to_string();
    assert!(
        full.starts_with(r#"the layer "checkout" has no free range of 40 %; the largest one has 36.7 %"#),
        "{full}"
    );
    add(&mut rows, &NewExperiment { layer: Some(layer("search", 100.0)), ..new("S", "d") });
    // A decision leaves the range.
    change(&mut rows, "A", &ExperimentStep::Start).unwrap();
    change(&mut rows, "A", &decide("new")).unwrap();
    add(&mut rows, &in_layer("C", "c", 20.0));
    assert_eq!(range(&rows, "C"), (0.0, 20.0));
    // Somebody has changed a range by hand.
    let row = rows.activations.iter_mut().find(|row| row.name == "B").unwrap();
    row.config = row.config.take().map(|config| config.replace(r#""from":30"#, r#""from":10"#));
    change(&mut rows, "C", &ExperimentStep::Start).unwrap();
    let refused = change(&mut rows, "B", &ExperimentStep::Start).unwrap_err();
    assert_eq!(
        refused,
        r#"the experiment "C" runs in the same range of the layer "checkout"; stop it first, or change a range"#
    );
}

#[test]
fn experiments_of_a_layer_or_holdout_need_one_hash() {
    let mut rows = flags();
    let shared = |name: &str, flag: &str, hash: Option<&str>| NewExperiment {
        layer: Some(layer("shop", 20.0)),
        holdout: Some(Holdout::new("2027", 5.0)),
        hash: hash.map(str::to_owned),
        ..new(name, flag)
    };
    add(&mut rows, &shared("one", "a", Some("sha256")));
    let error = shared("two", "b", None).plan(&rows).unwrap_err().to_string();
    assert_eq!(
        error,
        "the experiment \"one\" draws the layer \"shop\" by sha256, and this one would not, so that both enroll the same \
         units: take its `hash`, or another name"
    );
    let error = NewExperiment { layer: None, ..shared("two", "b", Some("murmur3")) }.plan(&rows).unwrap_err();
    assert!(error.to_string().contains("draws the holdout \"2027\" by sha256"), "{error}");
    // Hashes other than murmur3 share the draw of layers.
    add(&mut rows, &shared("two", "b", Some("md5")));
    // The row of a draft may have been changed since.
    let row = rows.activations.iter_mut().find(|row| row.name == "two").unwrap();
    row.config = row.config.as_ref().map(|config| config.replace("md5", "murmur3"));
    let error = change(&mut rows, "two", &ExperimentStep::Start).unwrap_err();
    assert!(error.contains("draws the layer \"shop\" by sha256"), "{error}");
}

#[test]
fn experiments_that_would_mislead_are_not_created() {
    let mut rows = flags();
    add(&mut rows, &new("E", "a"));
    rows.activations.push(ActivationRow::new(9, "split", "novi.split", r#"{"variants": {"x": 1}}"#));
    rows.links.push(LinkRow::new(2, 9));
    let refused = |new: NewExperiment| new.plan(&rows).unwrap_err().to_string();
    assert!(refused(new("E", "c")).contains("is named \"E\" already"));
    assert!(refused(new("F", "a")).contains("from the activation 1 \"E\" (novi.experiment)"));
    assert!(refused(new("F", "b")).contains("from the activation 9 \"split\" (novi.split)"));
    assert!(refused(new("F", "nothing")).contains("no flag is named \"nothing\""));
    assert!(refused(new(" ", "c")).contains("expected a name"));
    assert!(
        refused(NewExperiment { control: "x".to_owned(), ..new("F", "c") })
            .contains("expected one of the variants old, new")
    );
    assert!(refused(NewExperiment { traffic: Some(0.0), ..new("F", "c") }).starts_with("traffic: expected"));
    assert!(
        refused(NewExperiment { layer: Some(layer("l", 101.0)), ..new("F", "c") })
            .starts_with("layer: expected")
    );
}

#[test]
fn all_fields_arrive_in_the_config() {
    let rows = flags();
    let text = r#"{"name": "E", "flag": "a", "variants": {"z": 1, "a": 2}, "control": "z", "hypothesis": "h", "owner": "o",
        "unit": "account", "hash": "md5", "traffic": 20, "layer": {"name": "l", "percentage": 10}, "holdout": {"name": "h", "percentage": 5},
        "metrics": {"primary": ["m"], "guardrails": ["g"]}, "start": "2026-12-01", "end": "2027-01-01", "timezone": "Europe/Berlin"}"#;
    let new: NewExperiment = serde_json::from_str(text).unwrap();
    let (_, config) = new.plan(&rows).unwrap();
    assert_eq!(
        config,
        r#"{"state":"draft","hypothesis":"h","owner":"o","variants":{"z":1,"a":2},"control":"z","unit":"account","hash":"md5","traffic":20,"#.to_owned()
            + r#""layer":{"name":"l","from":0,"to":10},"holdout":{"name":"h","percentage":5},"start":"2026-12-01","#
            + r#""end":"2027-01-01","timezone":"Europe/Berlin","metrics":{"primary":["m"],"guardrails":["g"]}}"#
    );
    assert_eq!(new.holdout, Some(Holdout::new("h", 5.0)));
}

#[test]
fn names_that_two_rows_have_are_ambiguous() {
    let mut rows = flags();
    add(&mut rows, &new("Checkout", "a"));
    rows.activations.push(ActivationRow::new(7, "Checkout", "novi.experiment", "{}"));
    assert!(
        change(&mut rows, "Checkout", &ExperimentStep::Start).unwrap_err().contains("several experiments")
    );
    let error = ExperimentStep::Start.plan(&rows, "check", now()).unwrap_err().to_string();
    assert_eq!(error, r#"no experiment is named "check"; did you mean "Checkout"?"#);
    rows.activations.remove(0);
    let broken = change(&mut rows, "Checkout", &ExperimentStep::Start).unwrap_err();
    assert!(broken.contains("is invalid: missing field `variants`"), "{broken}");
    assert!(experiments(&rows)[0].summary(None).problem.is_some());
}
