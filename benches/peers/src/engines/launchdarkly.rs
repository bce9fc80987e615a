//! launchdarkly-server-sdk-evaluation: the engine inside LaunchDarkly's Rust SDK.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use launchdarkly_server_sdk_evaluation::{
    Context, ContextBuilder, Flag, FlagValue, Segment, Store, evaluate,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{
    definition::{COUNTRIES, Definition, END, Kind, NESTED, PLAN, START, VARIANTS, VERSION},
    engine::{Engine, Hashing, letter},
    users::User,
};

/// LaunchDarkly's engine. The SDK around it clones a flag for every question; here flags are borrowed from behind an
/// `ArcSwap`, which is kinder. It has no clock: the time is an attribute.
pub struct LaunchDarkly(ArcSwap<All>);

/// The SDK's text of all flags and segments.
#[derive(Deserialize)]
struct All {
    flags: HashMap<String, Flag>,
    segments: HashMap<String, Segment>,
}

impl Store for All {
    fn flag(&self, flag_key: &str) -> Option<Flag> {
        self.flags.get(flag_key).cloned()
    }

    /// The trait asks for an owned one.
    fn segment(&self, segment_key: &str) -> Option<Segment> {
        self.segments.get(segment_key).cloned()
    }
}

impl All {
    #[inline]
    fn value<'a>(&'a self, name: &str, ctx: &'a Context) -> Option<&'a FlagValue> {
        evaluate(self, self.flags.get(name)?, ctx, None).value
    }

    #[inline]
    fn is_on(&self, name: &str, ctx: &Context) -> bool {
        matches!(self.value(name, ctx), Some(FlagValue::Bool(true)))
    }
}

fn clause(attribute: &str, op: &str, values: &Json) -> Json {
    json!({"attribute": attribute, "op": op, "values": values, "negate": false})
}

/// There is an operator for later versions and one for equal ones: not earlier it is.
fn targeting(plan: &str, version: &str) -> Json {
    let mut least = clause("version", "semVerLessThan", &json!([version]));
    least["negate"] = true.into();
    json!([clause("country", "in", &json!(COUNTRIES)), clause("plan", "in", &json!([plan])), least])
}

fn flag(name: &str, kind: Kind) -> Json {
    let clauses = match kind {
        Kind::On | Kind::Rollout | Kind::Split => None,
        Kind::Targeting => Some(targeting(PLAN, VERSION)),
        Kind::Window => {
            Some(json!([clause("now", "after", &json!([START.0])), clause("now", "before", &json!([END.0]))]))
        }
        Kind::Nested => Some(json!([clause("", "segmentMatch", &json!(["0", "1", "2"]))])),
    };
    let rules: Vec<_> = clauses
        .into_iter()
        .map(|clauses| json!({"id": "rule", "variation": 1, "clauses": clauses, "trackEvents": false}))
        .collect();
    let share = |(index, share): (usize, u32)| json!({"variation": index, "weight": share * 1000});
    let fallthrough = match kind {
        Kind::On => json!({"variation": 1}),
        Kind::Targeting | Kind::Window | Kind::Nested => json!({"variation": 0}),
        Kind::Rollout => json!({"rollout": {"variations": [share((0, 50)), share((1, 50))]}}),
        Kind::Split => {
            let shares: Vec<_> = VARIANTS.iter().map(|(_, share)| *share).enumerate().map(share).collect();
            json!({"rollout": {"variations": shares}})
        }
    };
    let variations =
        if kind == Kind::Split { json!(VARIANTS.map(|(name, _)| name)) } else { json!([false, true]) };
    json!({
        "key": name, "version": 1, "on": true, "targets": [], "prerequisites": [], "rules": rules,
        "fallthrough": fallthrough, "offVariation": 0, "variations": variations, "salt": name,
        "clientSide": false, "trackEvents": false, "trackEventsFallthrough": false
    })
}

fn segment(key: &str, (plan, version): (&str, &str)) -> Json {
    json!({
        "key": key, "version": 1, "included": [], "excluded": [], "salt": key,
        "rules": [{"id": "rule", "clauses": targeting(plan, version)}]
    })
}

impl Engine for LaunchDarkly {
    const NAME: &'static str = "launchdarkly-eval";
    const HASHING: Hashing = Hashing::Own;
    const ALL: &'static str = "loop inside one load";

    type Document = Arc<str>;
    type Flag = &'static str;
    type Context<'a> = Context;

    fn document(definition: &Definition) -> Arc<str> {
        let flags = definition.flags.iter().map(|one| (one.name.clone(), flag(&one.name, one.kind)));
        let segments =
            NESTED.iter().enumerate().map(|(id, rule)| (id.to_string(), segment(&id.to_string(), *rule)));
        let segments: Map<_, _> = segments.filter(|_| definition.has(Kind::Nested)).collect();
        json!({"flags": flags.collect::<Map<_, _>>(), "segments": segments}).to_string().into()
    }

    fn length(document: &Arc<str>) -> usize {
        document.len()
    }

    fn load(document: Arc<str>) -> Self {
        Self(ArcSwap::from_pointee(serde_json::from_str(&document).expect("the text is written above")))
    }

    fn replace(&self, document: Arc<str>) {
        self.0.store(Arc::new(serde_json::from_str(&document).expect("the text is written above")));
    }

    fn flag(&self, name: &'static str) -> &'static str {
        name
    }

    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds and ages are far below 2^53")]
    fn context(user: &User) -> Context {
        ContextBuilder::new(user.key.as_str())
            .set_string("country", user.country.as_str())
            .set_string("plan", user.plan.as_str())
            .set_string("version", user.version.as_str())
            .set_float("age", user.age as f64)
            .set_float("now", user.now as f64)
            .build()
            .expect("keys are not empty")
    }

    #[inline]
    fn ask(&self, flag: &&'static str, ctx: &Context) -> bool {
        self.0.load().is_on(flag, ctx)
    }

    #[inline]
    fn variant(&self, flag: &&'static str, ctx: &Context) -> Option<u8> {
        match self.0.load().value(flag, ctx)? {
            FlagValue::Str(name) => letter(name),
            _ => None,
        }
    }

    fn all(&self, ctx: &Context) -> usize {
        let all = self.0.load();
        all.flags.keys().filter(|name| all.is_on(name, ctx)).count()
    }
}
