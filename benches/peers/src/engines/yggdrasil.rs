//! unleash-yggdrasil: the engine inside Unleash's SDKs and Edge.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value as Json, json};
use unleash_types::client_features::Context;
use unleash_yggdrasil::{EngineState, UpdateMessage};

use crate::{
    definition::{COUNTRIES, Definition, END, Kind, NESTED, PLAN, START, VARIANTS, VERSION},
    engine::{Engine, Hashing, letter},
    users::User,
};

/// unleash-yggdrasil. It reads the clock itself.
pub struct Yggdrasil(EngineState);

fn targeting(plan: &str, version: &str) -> Json {
    json!([
        {"contextName": "country", "operator": "IN", "values": COUNTRIES},
        {"contextName": "plan", "operator": "IN", "values": [plan]},
        {"contextName": "version", "operator": "SEMVER_GTE", "value": version}
    ])
}

/// A strategy for a share of the callers.
fn flexible(percentage: u32, flag: &str) -> Json {
    json!({
        "name": "flexibleRollout",
        "parameters": {"rollout": percentage.to_string(), "stickiness": "userId", "groupId": flag}
    })
}

/// A strategy for those who meet all conditions.
fn constrained(constraints: &Json) -> Json {
    json!({"name": "default", "parameters": {}, "constraints": constraints})
}

fn strategies(kind: Kind, flag: &str) -> Json {
    match kind {
        Kind::On | Kind::Split => json!([{"name": "default", "parameters": {}}]),
        Kind::Rollout => json!([flexible(50, flag)]),
        Kind::Targeting => json!([constrained(&targeting(PLAN, VERSION))]),
        Kind::Window => json!([constrained(&json!([
            {"contextName": "currentTime", "operator": "DATE_AFTER", "value": START.0},
            {"contextName": "currentTime", "operator": "DATE_BEFORE", "value": END.0}
        ]))]),
        // One of several strategies is enough; each names a segment, whose conditions must all be met.
        Kind::Nested => (0..NESTED.len())
            .map(|segment| json!({"name": "default", "parameters": {}, "segments": [segment]}))
            .collect(),
    }
}

fn features(definition: &Definition) -> Json {
    let flags = definition.flags.iter().map(|flag| {
        let mut json = json!({
            "name": flag.name, "type": "release", "enabled": true, "strategies": strategies(flag.kind, &flag.name)
        });
        if flag.kind == Kind::Split {
            let variant = |(name, share): (&str, u32)| {
                json!({"name": name, "weight": share * 10, "weightType": "fix", "stickiness": "userId"})
            };
            json["variants"] = VARIANTS.map(variant).to_vec().into();
        }
        json
    });
    let segments = NESTED.iter().enumerate().map(|(id, (plan, version))| {
        json!({"id": id, "name": format!("segment {id}"), "constraints": targeting(plan, version)})
    });
    let segments: Vec<_> = segments.filter(|_| definition.has(Kind::Nested)).collect();
    json!({"version": 2, "features": flags.collect::<Vec<_>>(), "segments": segments})
}

impl Engine for Yggdrasil {
    const NAME: &'static str = "unleash-yggdrasil";
    const HASHING: Hashing = Hashing::Own;
    const ALL: &'static str = "native resolve_all (also resolves variants)";

    type Document = Arc<str>;
    type Flag = &'static str;
    type Context<'a> = Context;

    fn document(definition: &Definition) -> Arc<str> {
        features(definition).to_string().into()
    }

    fn length(document: &Arc<str>) -> usize {
        document.len()
    }

    fn load(document: Arc<str>) -> Self {
        let engine = Self(EngineState::default());
        engine.replace(document);
        engine
    }

    fn replace(&self, document: Arc<str>) {
        let features = serde_json::from_str(&document).expect("the text is written above");
        let warnings = self.0.take_state(UpdateMessage::FullResponse(features)).unwrap_or_default();
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    fn flag(&self, name: &'static str) -> &'static str {
        name
    }

    #[inline]
    fn context(user: &User) -> Context {
        let properties = HashMap::from([
            ("country".to_owned(), user.country.clone()),
            ("plan".to_owned(), user.plan.clone()),
            ("version".to_owned(), user.version.clone()),
            ("age".to_owned(), user.age.to_string()),
        ]);
        Context { user_id: Some(user.key.clone()), properties: Some(properties), ..Context::default() }
    }

    #[inline]
    fn ask(&self, flag: &&'static str, ctx: &Context) -> bool {
        self.0.is_enabled(flag, ctx, &None)
    }

    #[inline]
    fn variant(&self, flag: &&'static str, ctx: &Context) -> Option<u8> {
        letter(&self.0.get_variant(flag, ctx, &None).name)
    }

    fn all(&self, ctx: &Context) -> usize {
        self.0.resolve_all(ctx, &None).map_or(0, |all| all.values().filter(|flag| flag.enabled).count())
    }
}
