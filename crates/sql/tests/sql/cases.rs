//! Single conditions, and what is refused.

use novi::{
    Flags, FlagsBuilder,
    activation::{
        Activation, ActivationType, Evaluation, RegisteredActivation, Registry, Verdict,
        sql::{Condition, Expression, Refusal, SqlContext, Test},
    },
    context::Context,
    overrides::Override,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_sql::{Dialect, FunctionSpec, Options, Output, Rendered, Source, ViewSpec, render, statement};
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// The flag `x` with these activations: class names and configs.
fn rows(activations: &[(&str, &str)]) -> Rows {
    let mut rows = Rows { flags: vec![FlagRow::new(1, "x", true)], ..Rows::default() };
    for (id, (class, config)) in (1..).zip(activations) {
        rows.activations.push(ActivationRow::new(id, format!("row {id}"), *class, *config));
        rows.links.push(LinkRow::new(1, id));
    }
    rows
}

fn written(builder: FlagsBuilder, rows: Rows, options: &Options) -> Result<Rendered, Vec<Refusal>> {
    let flags = builder.keep_rows().from_rows(rows).unwrap();
    let stated = flags.snapshot().to_sql("x", &flags.registry()).unwrap();
    stated.and_then(|stated| render(&stated, options))
}

fn postgres(columns: &str) -> Options {
    let mut options = Options::new(Dialect::Postgres);
    options.columns = columns.parse().unwrap();
    options
}

/// The condition on PostgreSQL, or what is refused.
fn on(builder: FlagsBuilder, activations: &[(&str, &str)], columns: &str) -> String {
    match written(builder, rows(activations), &postgres(columns)) {
        Ok(rendered) => rendered.on,
        Err(refusals) => refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

const PRO: (&str, &str) = ("novi.attribute", r#"{"attribute": "plan", "equals": "pro"}"#);

#[test]
fn static_context_is_part_of_the_condition() {
    let context =
        || Flags::builder().context(Context::new().with("environment", "test").with("plan", "it's"));
    let test = ("novi.environment", r#"{"environments": ["test"]}"#);
    assert_eq!(on(context(), &[test], ""), "true");
    assert_eq!(on(Flags::builder(), &[test], ""), "false");
    assert_eq!(on(context(), &[PRO], ""), "coalesce(cast('it''s' as text) collate \"C\" = 'pro', false)");
    assert_eq!(
        on(context(), &[PRO], "plan"),
        "activation 1 \"row 1\" (novi.attribute): \"plan\" is an attribute of [context] as well; write it into the \
         column, and delete it there"
    );
    let host = on(Flags::builder(), &[("novi.host", r#"{"hosts": "web-1"}"#)], "");
    assert!(host.starts_with("activation 1 \"row 1\" (novi.host), config.hosts: "), "{host}");
}

#[test]
fn overrides_decide_and_broken_flags_are_refused() {
    let overridden = Flags::builder().overrides([("x".to_owned(), Override::variant("b"))].into());
    let mut options = postgres("");
    options.variant = true;
    let rendered = written(overridden, rows(&[PRO]), &options).unwrap();
    assert_eq!((rendered.on.as_str(), rendered.variant.as_deref()), ("true", Some("'b'")));
    let broken = on(Flags::builder(), &[PRO, ("novi.none", "{}")], "");
    assert_eq!(broken, "flag \"x\": the flag is broken; correct its rows first, see `novi check`");
}

#[test]
fn types_that_are_unclear_are_refused() {
    let mixed = ("novi.attribute", r#"{"attribute": "a", "in": ["7", 7]}"#);
    assert_eq!(
        on(Flags::builder(), &[mixed], ""),
        "activation 1 \"row 1\" (novi.attribute): \"a\" is compared with strings and numbers; declare the type of its \
         column, as in --columns a:text"
    );
    assert_eq!(on(Flags::builder(), &[mixed], "a:integer"), "coalesce(\"a\" in (7), false)");
    let time = ("novi.attribute", r#"{"attribute": "seen", "before": "2026-01-01"}"#);
    assert!(on(Flags::builder(), &[time], "").ends_with("as in --columns seen:instant"));
    assert!(on(Flags::builder(), &[time], "seen:text").contains("databases do not read times as novi does"));
    let key = ("novi.members", r#"{"by": "score", "allow": [7]}"#);
    assert!(on(Flags::builder(), &[key], "score:number").ends_with("expected text or integer"));
    assert_eq!(on(Flags::builder(), &[time], "seen:boolean"), "false", "a Boolean is before no time");
}

/// Each level uses the one below twice: written out, it would take 2^40 conditions.
#[test]
fn conditions_that_are_too_long_or_too_deep_are_refused() {
    let mut doubled = rows(&[("novi.attribute", r#"{"attribute": "plan", "equals": "pro"}"#)]);
    for id in 2..40 {
        let config = format!("[{0}, {{\"class_name\": \"novi.not\", \"config\": {0}}}]", id - 1);
        doubled.activations.push(ActivationRow::new(id, "twice", "novi.or", config));
    }
    doubled.links = vec![LinkRow::new(1, 39)];
    let refusals = written(Flags::builder(), doubled, &postgres("")).unwrap_err();
    assert!(refusals[0].message.starts_with("too long for SQL"), "{refusals:?}");
    let mut deep = rows(&[PRO]);
    for id in 2..500 {
        deep.activations.push(ActivationRow::new(id, "not", "novi.not", (id - 1).to_string()));
    }
    deep.links = vec![LinkRow::new(1, 499)];
    let refusals = written(Flags::builder(), deep, &postgres("")).unwrap_err();
    assert!(refusals[0].message.starts_with("nested too deeply"), "{refusals:?}");
}

/// Refuses by default.
#[derive(Deserialize, JsonSchema)]
struct Plain {}

impl Activation for Plain {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }
}

/// On for the callers of a region.
#[derive(Deserialize, JsonSchema)]
struct Region {
    region: String,
}

impl Activation for Region {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        (evaluation.get("region").and_then(|value| value.as_str()) == Some(&self.region)).into()
    }

    fn to_sql(&self, _: &mut SqlContext<'_>) -> Condition {
        Expression::attribute("region", Test::OneOf(vec![self.region.clone().into()], false)).into()
    }
}

impl RegisteredActivation for Plain {
    const TYPE: ActivationType = ActivationType::new::<Self>("acme.plain", &[], "Plain", "cases.rs");
}

impl RegisteredActivation for Region {
    const TYPE: ActivationType = ActivationType::new::<Self>("acme.region", &[], "Region", "cases.rs");
}

#[test]
fn types_of_a_service_are_refused_unless_they_have_sql() {
    let own =
        || Registry::global().and_then(Registry::with::<Plain>).and_then(Registry::with::<Region>).unwrap();
    let builder = || Flags::builder().registry(own());
    assert_eq!(
        on(builder(), &[("acme.plain", "{}")], ""),
        "activation 1 \"row 1\" (acme.plain): this type has no SQL of its own; evaluate the flag with `novi audience`, \
         or use other types"
    );
    let region = on(builder(), &[("acme.region", r#"{"region": "e\u0027u"}"#)], "");
    assert_eq!(region, "coalesce(cast(\"region\" as text) collate \"C\" = 'e''u', false)");
}

#[test]
fn views_note_what_they_were_made_of() {
    let source = Source { view: "v".to_owned(), from: "users".to_owned() };
    let columns = r#"{"a'b\\c":"d%:text"}"#.parse().unwrap();
    let at = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let flag = "it's `\\%?$ \"ü\"\n*/ --".to_owned();
    let spec = ViewSpec { flag, revision: 7, source, columns, at, variant: true };
    let rendered = written(Flags::builder(), rows(&[PRO]), &postgres("")).unwrap();
    for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite, Dialect::DuckDb] {
        let sql = statement(&rendered, &Output::View(spec.clone()), dialect).unwrap();
        assert_eq!(ViewSpec::read("v", &sql), Some(spec.clone()), "{sql}");
        assert_eq!(sql.lines().filter(|line| line.starts_with("--")).count(), 1, "{sql}");
    }
    assert_eq!(ViewSpec::read("v", "select 1"), None);
    assert_eq!(ViewSpec::read("v", "select 'novi:view {'"), None);
}

fn url(name: &str) -> Option<String> {
    let without = std::env::var("NOVI_TEST_WITHOUT_SERVERS").is_ok_and(|value| value == "1");
    (!without)
        .then(|| std::env::var(name).unwrap_or_else(|_| panic!("set {name}, or NOVI_TEST_WITHOUT_SERVERS=1")))
}

/// NaN is above all numbers for PostgreSQL, and nowhere for novi.
#[tokio::test]
async fn nan_is_within_no_bound() {
    let Some(url) = url("NOVI_TEST_POSTGRES") else { return };
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    for (operator, expected) in
        [("greater", [false, true]), ("less", [false, false]), ("equals", [false, false])]
    {
        let config = format!(r#"{{"attribute": "score", "{operator}": 4.5}}"#);
        let on = on(Flags::builder(), &[("novi.attribute", config.as_str())], "");
        let statement = format!("select {on} from (values ('NaN'::float8), (5)) as t(score)");
        let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(&mut connection).await.unwrap();
        let found: Vec<bool> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(found, expected, "{operator}");
    }
}

/// Windows around the present, as the clock of a database sees them.
#[tokio::test]
async fn clock_of_the_database_decides() {
    let windows = [
        (r#"{"startDateTime": "2000-01-01", "endDateTime": "2100-01-01"}"#, "1"),
        (r#"{"startDateTime": "2100-01-01"}"#, "0"),
        (r#"{"endDateTime": "2000-01-01"}"#, "0"),
    ];
    for (window, expected) in windows {
        let written = |dialect| {
            let window = ("novi.date_time", window);
            written(Flags::builder(), rows(&[window]), &Options::new(dialect)).unwrap().on
        };
        let mut sqlite = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let statement = format!("select cast(({}) as text)", written(Dialect::Sqlite));
        let row = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(&mut sqlite).await.unwrap();
        assert_eq!(row.get::<String, _>(0), expected, "{window}");
        if let Some(url) = url("NOVI_TEST_POSTGRES") {
            let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
            let statement = format!("select ({})::int::text", written(Dialect::Postgres));
            let row = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(&mut connection).await.unwrap();
            assert_eq!(row.get::<String, _>(0), expected, "{window}");
        }
        if let Some(url) = url("NOVI_TEST_MYSQL") {
            let mut connection = sqlx::MySqlConnection::connect(&url).await.unwrap();
            let statement = format!("select cast(({}) as char)", written(Dialect::MySql));
            let row = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(&mut connection).await.unwrap();
            assert_eq!(row.try_get_unchecked::<Vec<u8>, _>(0).unwrap(), expected.as_bytes(), "{window}");
        }
    }
}

/// Flags that are on, or off, for all, and the words around them that would take a part of the condition.
#[tokio::test]
async fn conditions_stay_whole_inside_of_others() {
    let any = (
        "novi.or",
        r#"[{"class_name": "novi.attribute", "config": {"attribute": "plan", "equals": "pro"}},
        {"class_name": "novi.attribute", "config": {"attribute": "age", "less": 30}}]"#,
    );
    let adults = ("novi.attribute", r#"{"attribute": "age", "greater_or_equal": 18}"#);
    let here = ("novi.attribute", r#"{"attribute": "age", "exists": true}"#);
    let window = ("novi.date_time", r#"{"startDateTime": "2000-01-01"}"#);
    let negated =
        ("novi.not", r#"{"class_name": "novi.attribute", "config": {"attribute": "age", "less": 30}}"#);
    for flag in [&[any][..], &[adults, any], &[PRO, adults], &[here], &[window], &[negated], &[here, window]]
    {
        let flags = Flags::builder().keep_rows().from_rows(rows(flag)).unwrap();
        let is_on =
            |plan: &str, age: i64| flags.is_enabled("x", &Context::new().with("plan", plan).with("age", age));
        let users = [("pro", 40), ("pro", 17), ("free", 20), ("free", 40)];
        let mut expected = String::new();
        for (plan, age) in users {
            let on = is_on(plan, age);
            for value in [!on, age < 30 && on, on && age < 30, (age < 30) == on] {
                expected.push(if value { '1' } else { '0' });
            }
        }
        let asked = |dialect| {
            let on = written(Flags::builder(), rows(flag), &Options::new(dialect)).unwrap();
            let on = statement(&on, &Output::Where, dialect).unwrap();
            let on = on.trim_end();
            let row = |(plan, age): &(&str, i64)| format!("select '{plan}' as plan, {age} as age");
            let users: Vec<String> = users.iter().map(row).collect();
            let case = |test: String| format!("case when {test} then '1' else '0' end");
            let tests = [
                format!("not {on}"),
                format!("age < 30 and {on}"),
                format!("{on} and age < 30"),
                format!("(age < 30) = {on}"),
            ];
            let columns: Vec<String> = tests.into_iter().map(case).collect();
            format!("select {} from ({}) as users", columns.join(", "), users.join(" union all "))
        };
        macro_rules! compare {
            ($connection:ty, $url:expr, $dialect:expr) => {
                let mut connection = <$connection>::connect($url).await.unwrap();
                let statement = asked($dialect);
                let query = sqlx::raw_sql(AssertSqlSafe(statement.clone()));
                let rows = query.fetch_all(&mut connection).await.unwrap();
                let found: String =
                    rows.iter().flat_map(|row| (0..4).map(|at| row.get::<String, _>(at))).collect();
                assert_eq!(found, expected, "{statement}");
            };
        }
        compare!(sqlx::SqliteConnection, "sqlite::memory:", Dialect::Sqlite);
        if let Some(url) = url("NOVI_TEST_POSTGRES") {
            compare!(sqlx::PgConnection, &url, Dialect::Postgres);
        }
        if let Some(url) = url("NOVI_TEST_MYSQL") {
            compare!(sqlx::MySqlConnection, &url, Dialect::MySql);
        }
    }
}

fn function(name: &str) -> Output {
    Output::Function(FunctionSpec { name: name.to_owned(), flag: "x's".to_owned(), revision: 7 })
}

/// PostgreSQL would keep the function with the parameters of the earlier rule. That of another flag stays.
#[tokio::test]
async fn functions_of_earlier_rules_are_dropped() {
    let Some(url) = url("NOVI_TEST_POSTGRES") else { return };
    // Everything is rolled back when the connection ends.
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let schema = format!("novi_sql_{}", std::process::id());
    let by = |attribute: &str, test: &str| {
        let config = format!(r#"{{"attribute": "{attribute}", {test}}}"#);
        written(Flags::builder(), rows(&[("novi.attribute", config.as_str())]), &postgres("")).unwrap()
    };
    let setup = format!(
        "begin; create schema {schema}; set search_path to {schema}; create function has_it(boolean) returns int language sql \
         as 'select 1'; comment on function has_it(boolean) is 'flag x at revision 1, made by novi sql'"
    );
    sqlx::raw_sql(AssertSqlSafe(setup)).execute(&mut connection).await.unwrap();
    let constant = written(Flags::builder(), rows(&[]), &postgres("")).unwrap();
    let mut variant = by("age", "\"less\": 18");
    variant.variant = Some("'a'".to_owned());
    let named = format!("{schema}.has_it");
    for (rendered, name, expected) in [
        (by("plan", r#""equals": "pro""#), "has_it", "has_it(boolean) has_it(plan text)"),
        (by("pl\\\"'an", r#""equals": "pro""#), "has_it", "has_it(\"pl\"\"'an\" text) has_it(boolean)"),
        (by("age", "\"less\": 18"), &named, "has_it(age double precision) has_it(boolean)"),
        (variant, "has_it", "has_it(age double precision) has_it(boolean)"),
        (constant, &named, "has_it() has_it(boolean)"),
    ] {
        for _again in 0..2 {
            let create = statement(&rendered, &function(name), Dialect::Postgres).unwrap();
            let ran = sqlx::raw_sql(AssertSqlSafe(create.clone())).execute(&mut connection).await;
            ran.unwrap_or_else(|error| panic!("{error}: {create}"));
        }
        let list = "select string_agg(f, ' ' order by f collate \"C\") from (select proname || '(' || \
                    pg_get_function_arguments(oid) || ')' as f from pg_proc where pronamespace = \
                    current_schema()::regnamespace) as all_functions";
        let found: String = sqlx::query_scalar(list).fetch_one(&mut connection).await.unwrap();
        assert_eq!(found, expected);
    }
    let comment = "select obj_description('has_it()'::regprocedure, 'pg_proc')";
    let comment: String = sqlx::query_scalar(comment).fetch_one(&mut connection).await.unwrap();
    assert_eq!(comment, "flag x's at revision 7, made by novi sql");
}

#[tokio::test]
async fn functions_decide_by_their_arguments() {
    let draw = r#"{"percentage": 50, "hash": "sha256", "salt": "it's $novi$ \\"}"#;
    let flag = rows(&[PRO, ("novi.percentage", draw)]);
    let flags = Flags::builder().keep_rows().from_rows(flag.clone()).unwrap();
    let expected: Vec<bool> = (0..50)
        .map(|user| {
            let context = Context::new().with("plan", "pro").with("targetingKey", format!("user-{user}"));
            flags.is_enabled("x", &context)
        })
        .collect();
    assert!(expected.contains(&true) && expected.contains(&false));
    let written = |dialect, name: &str| {
        let rendered = written(Flags::builder(), flag.clone(), &Options::new(dialect)).unwrap();
        statement(&rendered, &function(name), dialect).unwrap()
    };
    let call = |name: &str, user: usize| format!("select cast({name}('pro', 'user-{user}') as char(5))");
    if let Some(url) = url("NOVI_TEST_POSTGRES") {
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        let create = written(Dialect::Postgres, "pg_temp.has_it");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        for (user, expected) in expected.iter().enumerate() {
            let row =
                sqlx::raw_sql(AssertSqlSafe(call("pg_temp.has_it", user))).fetch_one(&mut connection).await;
            assert_eq!(row.unwrap().get::<String, _>(0).trim(), expected.to_string(), "{user}");
        }
    }
    if let Some(url) = url("NOVI_TEST_MYSQL") {
        let mut connection = sqlx::MySqlConnection::connect(&url).await.unwrap();
        let name = format!("novi_sql_test_{}", std::process::id());
        sqlx::raw_sql(AssertSqlSafe(written(Dialect::MySql, &name))).execute(&mut connection).await.unwrap();
        for (user, expected) in expected.iter().enumerate() {
            let row =
                sqlx::raw_sql(AssertSqlSafe(call(&name, user))).fetch_one(&mut connection).await.unwrap();
            let found: Vec<u8> = row.try_get_unchecked(0).unwrap();
            assert_eq!(found, if *expected { b"1" } else { b"0" }, "{user}");
        }
        sqlx::raw_sql(AssertSqlSafe(format!("drop function {name}"))).execute(&mut connection).await.unwrap();
    }
}
