//! eppo_core: the engine inside Eppo's SDKs.

use std::sync::Arc;

use eppo_core::{
    Attributes, Configuration, SdkMetadata, Str,
    configuration_store::ConfigurationStore,
    eval::{Evaluator, EvaluatorConfig},
    ufc::{Assignment, AssignmentValue, UniversalFlagConfig},
};
use serde_json::{Map, Value as Json, json};

use crate::{
    definition::{COUNTRIES, Definition, END, Kind, NESTED, PLAN, START, VARIANTS, VERSION},
    engine::{Engine, Hashing, letter},
    users::User,
};

/// eppo_core. It reads the clock itself, on every call.
pub struct Eppo {
    evaluator: Evaluator,
    store: Arc<ConfigurationStore>,
    names: Vec<String>,
}

const METADATA: SdkMetadata = SdkMetadata { name: "peers", version: "0" };
const SHARDS: u32 = 10_000;

fn rule(plan: &str, version: &str) -> Json {
    json!({"conditions": [
        {"attribute": "country", "operator": "ONE_OF", "value": COUNTRIES},
        {"attribute": "plan", "operator": "ONE_OF", "value": [plan]},
        {"attribute": "version", "operator": "GTE", "value": version}
    ]})
}

/// Callers whose shard lies in a range get a variation.
fn split(flag: &str, variation: &str, start: u32, end: u32) -> Json {
    json!({"variationKey": variation, "shards": [{"salt": flag, "ranges": [{"start": start, "end": end}]}]})
}

fn flag(name: &str, kind: Kind) -> Json {
    let percent = SHARDS / 100;
    let everybody = json!([{"variationKey": "on", "shards": []}]);
    let mut allocation = json!({"key": "all", "rules": [], "splits": everybody, "doLog": false});
    match kind {
        Kind::On => {}
        Kind::Rollout => allocation["splits"] = json!([split(name, "on", 0, 50 * percent)]),
        Kind::Targeting => allocation["rules"] = json!([rule(PLAN, VERSION)]),
        Kind::Window => {
            allocation["startAt"] = START.0.into();
            allocation["endAt"] = END.0.into();
        }
        // One of several rules is enough; each asks for all of its conditions. There is no way to share them.
        Kind::Nested => {
            let rules = NESTED.map(|(plan, version)| rule(plan, version));
            allocation["rules"] = json!(rules);
        }
        Kind::Split => {
            let mut end = 0;
            let split = |(variant, share): (&str, u32)| {
                let start = end;
                end += share * percent;
                split(name, variant, start, end)
            };
            allocation["splits"] = VARIANTS.map(split).to_vec().into();
        }
    }
    let (kind, variations) = if kind == Kind::Split {
        let variation = |(name, _): (&str, u32)| (name.to_owned(), json!({"key": name, "value": name}));
        ("STRING", VARIANTS.into_iter().map(variation).collect())
    } else {
        ("BOOLEAN", Map::from_iter([("on".to_owned(), json!({"key": "on", "value": true}))]))
    };
    json!({
        "key": name, "enabled": true, "variationType": kind, "variations": variations,
        "allocations": [allocation], "totalShards": SHARDS
    })
}

impl Eppo {
    #[inline]
    fn assignment(&self, flag: &str, (key, attributes): &(Str, Arc<Attributes>)) -> Option<Assignment> {
        self.evaluator.get_assignment(flag, key, attributes, None).ok()?
    }

    fn configuration(document: &str) -> Configuration {
        let flags = UniversalFlagConfig::from_json(METADATA, document.as_bytes().to_vec())
            .expect("the text is written above");
        Configuration::from_server_response(flags, None)
    }
}

impl Engine for Eppo {
    const NAME: &'static str = "eppo_core";
    const HASHING: Hashing = Hashing::Own;
    const ALL: &'static str = "loop over the names";

    type Document = Arc<str>;
    type Flag = &'static str;
    type Context<'a> = (Str, Arc<Attributes>);

    fn document(definition: &Definition) -> Arc<str> {
        let flags = definition.flags.iter().map(|one| (one.name.clone(), flag(&one.name, one.kind)));
        json!({
            "createdAt": "2026-01-01T00:00:00Z", "format": "SERVER", "environment": {"name": "peers"},
            "flags": flags.collect::<Map<_, _>>()
        })
        .to_string()
        .into()
    }

    fn length(document: &Arc<str>) -> usize {
        document.len()
    }

    fn load(document: Arc<str>) -> Self {
        let configuration = Self::configuration(&document);
        let names = configuration.flag_keys().map(|name| name.as_str().to_owned()).collect();
        let store = Arc::new(ConfigurationStore::new());
        store.set_configuration(Arc::new(configuration));
        let config = EvaluatorConfig { configuration_store: Arc::clone(&store), sdk_metadata: METADATA };
        Self { evaluator: Evaluator::new(config), store, names }
    }

    fn replace(&self, document: Arc<str>) {
        self.store.set_configuration(Arc::new(Self::configuration(&document)));
    }

    fn flag(&self, name: &'static str) -> &'static str {
        name
    }

    #[inline]
    fn context(user: &User) -> (Str, Arc<Attributes>) {
        let text = |text: &String| text.as_str().into();
        #[expect(clippy::cast_precision_loss, reason = "ages are small")]
        let age = user.age as f64;
        let attributes = Attributes::from_iter([
            ("country".into(), text(&user.country)),
            ("plan".into(), text(&user.plan)),
            ("version".into(), text(&user.version)),
            ("age".into(), age.into()),
        ]);
        (user.key.as_str().into(), Arc::new(attributes))
    }

    #[inline]
    fn ask(&self, flag: &&'static str, ctx: &Self::Context<'_>) -> bool {
        matches!(self.assignment(flag, ctx), Some(Assignment { value: AssignmentValue::Boolean(true), .. }))
    }

    #[inline]
    fn variant(&self, flag: &&'static str, ctx: &Self::Context<'_>) -> Option<u8> {
        match self.assignment(flag, ctx)?.value {
            AssignmentValue::String(name) => letter(name.as_str()),
            _ => None,
        }
    }

    fn all(&self, ctx: &Self::Context<'_>) -> usize {
        let on = |name: &&String| {
            let assignment = self.assignment(name, ctx);
            matches!(assignment, Some(Assignment { value: AssignmentValue::Boolean(true), .. }))
        };
        self.names.iter().filter(on).count()
    }
}
