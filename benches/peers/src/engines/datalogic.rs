//! datalogic-rs: JSONLogic, the rule language of flagd, compiled. It is no feature-flag engine: the names and the swap around
//! it are this file's.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use datalogic_rs::{DataValue, Engine as Logics, Logic, bumpalo::Bump};
use serde_json::{Value as Json, json, value::RawValue};

use crate::{
    definition::{COUNTRIES, Definition, END, Kind, NESTED, PLAN, START, VARIANTS, VERSION},
    engine::{Engine, Hashing, letter},
    users::User,
};

/// datalogic-rs with the operators of flagd. It has no clock: the time is an attribute.
pub struct DataLogic {
    engine: Logics,
    logics: ArcSwap<HashMap<String, Logic, foldhash::fast::RandomState>>,
}

thread_local! {
    /// Where results live until the next question.
    static ARENA: RefCell<Bump> = RefCell::new(Bump::new());
}

fn targeting(plan: &str, version: &str) -> Json {
    json!({"and": [
        {"in": [{"var": "country"}, COUNTRIES]},
        {"==": [{"var": "plan"}, plan]},
        {"sem_ver": [{"var": "version"}, ">=", version]}
    ]})
}

/// A share for each name, by the hash of the flag and the caller.
fn fractional(flag: &str, shares: &[(&str, u32)]) -> Json {
    let mut arguments = vec![json!({"cat": [flag, {"var": "targetingKey"}]})];
    arguments.extend(shares.iter().map(|share| json!(share)));
    json!({"fractional": arguments})
}

fn rule(flag: &str, kind: Kind) -> Json {
    match kind {
        Kind::On => json!(true),
        Kind::Rollout => json!({"==": [fractional(flag, &[("on", 50), ("off", 50)]), "on"]}),
        Kind::Targeting => targeting(PLAN, VERSION),
        Kind::Window => json!({"and": [
            {">=": [{"var": "now"}, START.1 * 1000]}, {"<": [{"var": "now"}, END.1 * 1000]}
        ]}),
        Kind::Nested => json!({"or": NESTED.map(|(plan, version)| targeting(plan, version))}),
        Kind::Split => fractional(flag, &VARIANTS),
    }
}

impl DataLogic {
    fn compiled(engine: &Logics, document: &str) -> HashMap<String, Logic, foldhash::fast::RandomState> {
        let rules: HashMap<String, &RawValue> =
            serde_json::from_str(document).expect("the text is written above");
        let compiled = |(name, rule): (String, &RawValue)| {
            (name, engine.compile(rule.get()).expect("the rule is written above"))
        };
        rules.into_iter().map(compiled).collect()
    }

    #[inline]
    fn read<R>(
        &self,
        logic: &Logic,
        ctx: &Attributes<'_>,
        read: impl FnOnce(&DataValue<'_>) -> R,
    ) -> Option<R> {
        ARENA.with_borrow_mut(|arena| {
            let value = self.engine.evaluate(logic, DataValue::Object(ctx), arena).ok().map(read);
            arena.reset();
            value
        })
    }

    #[inline]
    fn is_on(&self, logic: &Logic, ctx: &Attributes<'_>) -> bool {
        self.read(logic, ctx, |value| value.as_bool() == Some(true)) == Some(true)
    }
}

type Attributes<'a> = [(&'a str, DataValue<'a>); 6];

impl Engine for DataLogic {
    const NAME: &'static str = "datalogic-rs";
    const HASHING: Hashing = Hashing::Own;
    const ALL: &'static str = "loop inside one load";

    type Document = Arc<str>;
    type Flag = &'static str;
    type Context<'a> = Attributes<'a>;

    fn document(definition: &Definition) -> Arc<str> {
        let rules = definition.flags.iter().map(|flag| (flag.name.clone(), rule(&flag.name, flag.kind)));
        Json::Object(rules.collect()).to_string().into()
    }

    fn length(document: &Arc<str>) -> usize {
        document.len()
    }

    fn load(document: Arc<str>) -> Self {
        let engine = Logics::new();
        let logics = ArcSwap::from_pointee(Self::compiled(&engine, &document));
        Self { engine, logics }
    }

    fn replace(&self, document: Arc<str>) {
        self.logics.store(Arc::new(Self::compiled(&self.engine, &document)));
    }

    fn flag(&self, name: &'static str) -> &'static str {
        name
    }

    #[inline]
    fn context(user: &User) -> Attributes<'_> {
        [
            ("targetingKey", DataValue::String(&user.key)),
            ("country", DataValue::String(&user.country)),
            ("plan", DataValue::String(&user.plan)),
            ("version", DataValue::String(&user.version)),
            ("age", DataValue::from_i64(user.age)),
            ("now", DataValue::from_i64(user.now)),
        ]
    }

    #[inline]
    fn ask(&self, flag: &&'static str, ctx: &Attributes<'_>) -> bool {
        self.logics.load().get(*flag).is_some_and(|logic| self.is_on(logic, ctx))
    }

    #[inline]
    fn variant(&self, flag: &&'static str, ctx: &Attributes<'_>) -> Option<u8> {
        self.read(self.logics.load().get(*flag)?, ctx, |value| letter(value.as_str()?))?
    }

    fn all(&self, ctx: &Attributes<'_>) -> usize {
        self.logics.load().values().filter(|logic| self.is_on(logic, ctx)).count()
    }
}
