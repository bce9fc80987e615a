//! novi: by name, by handle, and with activations that flags share.

use novi::{Context, FlagHandle, Flags, rows::{ActivationRow, FlagRow, LinkRow, Rows}};
use serde_json::{Value as Json, json};

use crate::{
    definition::{COUNTRIES, Definition, END, Kind, NESTED, PLAN, START, VARIANTS, VERSION},
    engine::{Engine, Hashing, letter},
    users::User,
};

/// novi, asked by name. `SHARED`: the conditions of W3 are three rows for all flags; else each flag has rows of its own, as
/// in the engines that know no others. The conditions of W5 are shared among its conjunctions in any case.
pub struct Novi<const SHARED: bool>(Flags);

/// novi, asked by handles.
pub struct ByHandle(Novi<false>);

const ONE: &str = "the types are registered once, and the rows are written here";

/// Rows that grow.
#[derive(Default)]
struct Table {
    rows: Rows,
    /// The rows of W3, where flags share them.
    targeting: Vec<i64>,
    share: bool,
}

impl Table {
    fn rows(definition: &Definition, share: bool) -> Rows {
        let mut table = Self { share, ..Self::default() };
        for (id, flag) in (1..).zip(&definition.flags) {
            table.rows.flags.push(FlagRow::new(id, flag.name.clone(), true));
            let activations = table.activations(flag.kind);
            table.rows.links.extend(activations.into_iter().map(|activation| LinkRow::new(id, activation)));
        }
        table.rows
    }

    fn row(&mut self, class: &str, config: &Json) -> i64 {
        let id = i64::try_from(self.rows.activations.len() + 1).unwrap_or_default();
        let row = ActivationRow::new(id, format!("row {id}"), class, config.to_string());
        self.rows.activations.push(row);
        id
    }

    fn attribute(&mut self, config: &Json) -> i64 {
        self.row("novi.attribute", config)
    }

    fn country(&mut self) -> i64 {
        self.attribute(&json!({"attribute": "country", "in": COUNTRIES}))
    }

    fn plan(&mut self, plan: &str) -> i64 {
        self.attribute(&json!({"attribute": "plan", "equals": plan}))
    }

    fn version(&mut self, least: &str) -> i64 {
        self.attribute(&json!({"attribute": "version", "semver": format!(">={least}")}))
    }

    fn activations(&mut self, kind: Kind) -> Vec<i64> {
        match kind {
            Kind::On => Vec::new(),
            Kind::Rollout => vec![self.row("novi.percentage", &json!({"percentage": 50}))],
            Kind::Targeting if self.share && !self.targeting.is_empty() => self.targeting.clone(),
            Kind::Targeting => {
                self.targeting = vec![self.country(), self.plan(PLAN), self.version(VERSION)];
                self.targeting.clone()
            }
            Kind::Window => {
                let config = json!({"startDateTime": START.0, "endDateTime": END.0});
                vec![self.row("novi.date_time", &config)]
            }
            Kind::Nested => vec![self.nested()],
            Kind::Split => {
                let variants: serde_json::Map<_, _> =
                    VARIANTS.iter().map(|(name, share)| ((*name).to_owned(), json!(share))).collect();
                vec![self.row("novi.split", &json!({"variants": variants}))]
            }
        }
    }

    fn nested(&mut self) -> i64 {
        let [(other_plan, _), (plan, other_version), (_, version)] = NESTED;
        let country = self.country();
        let (other_plan, plan) = (self.plan(other_plan), self.plan(plan));
        let (other_version, version) = (self.version(other_version), self.version(version));
        let ands = [[country, other_plan, version], [country, plan, other_version], [country, plan, version]]
            .map(|leaves| self.row("novi.and", &json!(leaves)));
        self.row("novi.or", &json!(ands))
    }
}

impl<const SHARED: bool> Engine for Novi<SHARED> {
    const NAME: &'static str = if SHARED { "novi, shared activations" } else { "novi" };
    const HASHING: Hashing = Hashing::Murmur3;
    const ALL: &'static str = if SHARED {
        "native evaluate_all; the flags of W3 share three rows"
    } else {
        "native evaluate_all, a list of decisions; rows of its own for each flag"
    };

    const IN_CALLS: bool = !SHARED;

    /// novi reads rows: names, class names and the JSON text of each config.
    type Document = Rows;
    type Flag = &'static str;
    type Context<'a> = Context<'a>;

    fn document(definition: &Definition) -> Rows {
        Table::rows(definition, SHARED)
    }

    fn length(rows: &Rows) -> usize {
        let flags = rows.flags.iter().map(|row| row.name.len());
        let activations = rows
            .activations
            .iter()
            .map(|row| row.name.len() + row.class_name.len() + row.config.as_ref().map_or(0, String::len));
        flags.chain(activations).sum()
    }

    fn load(rows: Rows) -> Self {
        let flags = Flags::from_rows(rows).expect(ONE);
        assert!(flags.issues().is_empty(), "{:?}", flags.issues());
        Self(flags)
    }

    fn replace(&self, rows: Rows) {
        self.0.replace_rows(rows);
    }

    fn flag(&self, name: &'static str) -> &'static str {
        name
    }

    #[inline]
    fn context(user: &User) -> Context<'_> {
        Context::new()
            .with("targetingKey", user.key.as_str())
            .with("country", user.country.as_str())
            .with("plan", user.plan.as_str())
            .with("version", user.version.as_str())
            .with("age", user.age)
    }

    #[inline]
    fn ask(&self, flag: &&'static str, ctx: &Context<'_>) -> bool {
        self.0.is_enabled(flag, ctx)
    }

    #[inline]
    fn variant(&self, flag: &&'static str, ctx: &Context<'_>) -> Option<u8> {
        letter(self.0.evaluate(flag, ctx).ok()?.variant()?)
    }

    fn all(&self, ctx: &Context<'_>) -> usize {
        self.0.snapshot().evaluate_all(ctx).iter().filter(|decision| decision.enabled()).count()
    }
}

impl Engine for ByHandle {
    const NAME: &'static str = "novi, by handle";
    const HASHING: Hashing = Hashing::Murmur3;
    const ALL: &'static str = Novi::<false>::ALL;
    const IN_BULK: bool = false;

    type Document = Rows;
    type Flag = FlagHandle;
    type Context<'a> = Context<'a>;

    fn document(definition: &Definition) -> Rows {
        Novi::<false>::document(definition)
    }

    fn length(rows: &Rows) -> usize {
        Novi::<false>::length(rows)
    }

    fn load(rows: Rows) -> Self {
        Self(Novi::<false>::load(rows))
    }

    fn replace(&self, rows: Rows) {
        self.0.replace(rows);
    }

    fn flag(&self, name: &'static str) -> FlagHandle {
        self.0.0.flag(name)
    }

    #[inline]
    fn context(user: &User) -> Context<'_> {
        Novi::<false>::context(user)
    }

    #[inline]
    fn ask(&self, flag: &FlagHandle, ctx: &Context<'_>) -> bool {
        flag.is_enabled(ctx)
    }

    #[inline]
    fn variant(&self, flag: &FlagHandle, ctx: &Context<'_>) -> Option<u8> {
        letter(flag.evaluate(ctx).ok()?.variant()?)
    }

    fn all(&self, ctx: &Context<'_>) -> usize {
        self.0.all(ctx)
    }
}
