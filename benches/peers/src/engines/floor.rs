//! The reference floor.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::{
    definition::{COUNTRIES, Definition, END, Kind, NESTED, PLAN, START, VARIANTS, VERSION},
    engine::{Engine, Hashing, letter},
    floor,
    users::User,
};

/// The floor.
pub struct Floor(floor::Floor);

impl Floor {
    fn rules(kind: Kind) -> Json {
        match kind {
            Kind::On => json!([]),
            Kind::Rollout => json!([{"rollout": 50}]),
            Kind::Targeting => json!([
                {"one_of": ["country", COUNTRIES]}, {"equals": ["plan", PLAN]}, {"version_from": ["version", VERSION]}
            ]),
            Kind::Window => json!([{"window": [START.1, END.1]}]),
            Kind::Nested => json!([{"any": [5, 6, 7]}]),
            Kind::Split => json!([{"split": VARIANTS}]),
        }
    }

    /// The conditions of W5, and its conjunctions, which name them by index.
    fn shared() -> Json {
        let [(other_plan, _), (plan, other_version), (_, version)] = NESTED;
        json!([
            {"one_of": ["country", COUNTRIES]},
            {"equals": ["plan", other_plan]},
            {"equals": ["plan", plan]},
            {"version_from": ["version", other_version]},
            {"version_from": ["version", version]},
            {"all": [0, 1, 4]},
            {"all": [0, 2, 3]},
            {"all": [0, 2, 4]}
        ])
    }

    #[inline]
    fn attributes<'a, T>(
        user: &'a User,
        text: impl Fn(&'a str) -> T,
    ) -> [(&'static str, floor::Value<T>); 5] {
        let text = |value: &'a str| floor::Value::Text(text(value));
        [
            ("targetingKey", text(&user.key)),
            ("country", text(&user.country)),
            ("plan", text(&user.plan)),
            ("version", text(&user.version)),
            ("age", floor::Value::Number(user.age)),
        ]
    }
}

impl Engine for Floor {
    const NAME: &'static str = "(reference floor)";
    const HASHING: Hashing = Hashing::Murmur3;
    const ALL: &'static str = "native iteration, a list of answers";

    type Document = Arc<str>;
    type Flag = &'static str;
    type Context<'a> = [(&'static str, floor::Value<&'a str>); 5];

    fn document(definition: &Definition) -> Arc<str> {
        let flag =
            |flag: &crate::definition::Flag| json!({"name": flag.name, "rules": Self::rules(flag.kind)});
        let flags: Vec<_> = definition.flags.iter().map(flag).collect();
        let shared = if definition.has(Kind::Nested) { Self::shared() } else { json!([]) };
        json!({"shared": shared, "flags": flags}).to_string().into()
    }

    fn length(document: &Arc<str>) -> usize {
        document.len()
    }

    fn load(document: Arc<str>) -> Self {
        Self(floor::Floor::new(&document).expect("the text is written above"))
    }

    fn replace(&self, document: Arc<str>) {
        self.0.replace(&document).expect("the text is written above");
    }

    fn flag(&self, name: &'static str) -> &'static str {
        name
    }

    #[inline]
    fn context(user: &User) -> Self::Context<'_> {
        Self::attributes(user, |text| text)
    }

    #[inline]
    fn ask(&self, flag: &&'static str, ctx: &Self::Context<'_>) -> bool {
        self.0.with(|state| state.ask(flag, ctx).is_some_and(|answer| answer.on))
    }

    #[inline]
    fn variant(&self, flag: &&'static str, ctx: &Self::Context<'_>) -> Option<u8> {
        self.0.with(|state| letter(state.variant(state.ask(flag, ctx)?)?))
    }

    fn all(&self, ctx: &Self::Context<'_>) -> usize {
        self.0.with(|state| state.ask_all(ctx).iter().filter(|answer| answer.on).count())
    }

    /// A context that owns its text, in a list: what a simple program does.
    #[inline]
    fn ask_anew(&self, flag: &&'static str, user: &User) -> bool {
        let ctx = Vec::from(Self::attributes(user, str::to_owned));
        self.0.with(|state| state.ask(flag, &ctx).is_some_and(|answer| answer.on))
    }

    #[inline]
    fn variant_anew(&self, flag: &&'static str, user: &User) -> Option<u8> {
        let ctx = Vec::from(Self::attributes(user, str::to_owned));
        self.0.with(|state| letter(state.variant(state.ask(flag, &ctx)?)?))
    }
}
