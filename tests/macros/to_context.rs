//! Contexts from structs, from JSON, and from anything that serde serializes.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt::{self, Display},
    sync::Arc,
};

use allocation_counter::measure;
use chrono::{DateTime, FixedOffset, Utc};
use novi::{
    Context, Flags, ToContext, Value,
    context::{ContextError, ToValue},
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use proptest::{collection::vec, prelude::*};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::json;

#[derive(ToContext)]
struct Caller<'a> {
    #[context(key)]
    id: String,
    plan: &'a str,
    language: Cow<'a, str>,
    seats: u32,
    score: f64,
    admin: bool,
    seen: DateTime<Utc>,
    tier: Tier,
}

#[derive(ToContext, Serialize, Clone, Copy)]
#[context(rename_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
enum Tier {
    FreeForever,
    #[context(rename = "paid")]
    #[serde(rename = "paid")]
    ProPlus,
}

fn caller(id: &str) -> Caller<'_> {
    Caller {
        id: id.to_owned(),
        plan: "pro",
        language: "de".into(),
        seats: 40,
        score: 0.5,
        admin: true,
        seen: DateTime::UNIX_EPOCH,
        tier: Tier::FreeForever,
    }
}

#[test]
fn fields_become_attributes() {
    let expected = Context::new()
        .with("targetingKey", "user-7")
        .with("plan", "pro")
        .with("language", "de")
        .with("seats", 40)
        .with("score", 0.5)
        .with("admin", true)
        .with("seen", DateTime::UNIX_EPOCH)
        .with("tier", "free-forever");
    assert_eq!(caller("user-7").to_context(), expected);
}

#[test]
fn struct_of_strings_and_numbers_allocates_once() {
    let caller = caller("user-7");
    let counted = measure(|| {
        let ctx = caller.to_context();
        assert_eq!(ctx.targeting_key(), Some("user-7"));
        assert!(std::hint::black_box(&ctx).get("tier").is_some());
    });
    assert_eq!(counted.count_total, 1);
    // Its own attributes take precedence over the others.
    let mut ctx = Context::new().with("seats", 1).with("path", "/");
    caller.add_to(&mut ctx);
    assert_eq!((ctx.get("seats"), ctx.len()), (Some(&Value::Int(40)), 9));
    // A nested struct allocates once more, its strings do not.
    let request = Request { path: "/", company: &company(), reseller: None };
    assert_eq!(measure(|| drop(std::hint::black_box(request.to_context()))).count_total, 2);
}

#[derive(ToContext)]
#[context(rename_all = "camelCase")]
struct Company {
    legal_name: String,
    #[context(rename = "country")]
    country_code: &'static str,
    founded_in: Option<u16>,
}

#[derive(ToContext)]
struct Request<'a> {
    path: &'a str,
    company: &'a Company,
    reseller: Option<Box<Company>>,
}

fn company() -> Company {
    Company { legal_name: "Acme".to_owned(), country_code: "NZ", founded_in: None }
}

#[test]
fn nested_structs_are_objects() {
    let company = company();
    let request = Request { path: "/", company: &company, reseller: None };
    let object = Value::Object(vec![("legalName".into(), "Acme".into()), ("country".into(), "NZ".into())]);
    assert_eq!(request.to_context(), Context::new().with("path", "/").with("company", object.clone()));
    let reseller = Company { founded_in: Some(1999), ..self::company() };
    let request = Request { path: "/", company: &company, reseller: Some(Box::new(reseller)) };
    let ctx = request.to_context();
    assert_eq!(ctx.get("reseller").and_then(|reseller| reseller.field("foundedIn")), Some(&Value::Int(1999)));
    assert_eq!(ctx.get("company"), Some(&object));
}

/// Like ids that are not strings.
#[derive(Clone, Copy)]
struct Id(u32);

impl Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "id-{}", self.0)
    }
}

#[derive(ToContext)]
struct Session<K, V: ?Sized + 'static, const N: usize>
where
    V: Sync,
{
    #[context(flatten)]
    company: Option<Company>,
    #[context(flatten)]
    more: HashMap<String, K>,
    #[context(key, display)]
    id: Option<Id>,
    #[context(display)]
    device: Id,
    country: &'static V,
    roles: [K; N],
    r#type: Arc<str>,
    #[context(skip)]
    _secret: fn(K),
}

fn session(id: Option<Id>) -> Session<i128, str, 2> {
    Session {
        company: Some(company()),
        more: [("country".to_owned(), 1), ("more".to_owned(), i128::MAX)].into(),
        id,
        device: Id(3),
        country: "AU",
        roles: [1, u64::MAX.into()],
        r#type: "web".into(),
        _secret: |_| (),
    }
}

#[test]
fn options_of_fields() {
    let session = session(Some(Id(7)));
    let ctx = session.to_context();
    assert_eq!(ctx.targeting_key(), Some("id-7"));
    assert_eq!(ctx.get("legalName"), Some(&"Acme".into()));
    assert_eq!(ctx.get("device"), Some(&"id-3".into()));
    assert_eq!(ctx.get("country"), Some(&"AU".into()), "the struct's own attribute wins");
    assert_eq!(ctx.get("more"), Some(&Value::BigInt(i128::MAX.to_string().into())));
    assert_eq!(ctx.get("roles"), Some(&Value::List(vec![Value::Int(1), Value::UInt(u64::MAX)])));
    assert_eq!(ctx.get("type"), Some(&"web".into()));
    assert_eq!(ctx.len(), 7);
    assert_eq!(self::session(None).to_context().targeting_key(), None);
}

#[derive(ToContext)]
struct Keyed<K> {
    #[context(key)]
    id: Option<K>,
}

#[test]
fn arbitrary_strings_are_keys() {
    let key = |ctx: &Context<'_>| ctx.targeting_key().map(str::to_owned);
    assert_eq!(key(&Keyed { id: Some("a") }.to_context()), Some("a".to_owned()));
    assert_eq!(key(&Keyed { id: Some(Arc::<str>::from("b")) }.to_context()), Some("b".to_owned()));
    assert_eq!(key(&Keyed { id: Some(&Cow::Borrowed("c")) }.to_context()), Some("c".to_owned()));
    assert_eq!(key(&Keyed::<String> { id: None }.to_context()), None);
}

#[test]
fn integer_keys_become_text() {
    #[derive(ToContext)]
    struct Numbered {
        #[context(key)]
        id: u64,
    }
    #[derive(ToContext)]
    struct Optional {
        #[context(key)]
        id: Option<i32>,
    }
    assert_eq!(Numbered { id: 7 }.to_context(), Context::new().with("targetingKey", "7"));
    assert_eq!(Optional { id: Some(-7) }.to_context(), Context::new().with("targetingKey", "-7"));
    assert_eq!(Optional { id: None }.to_context(), Context::new());
}

#[derive(ToContext)]
struct Node<T> {
    value: T,
    next: Option<Box<Node<T>>>,
}

mod private {
    #[derive(novi::ToContext)]
    pub(super) struct Hidden {
        pub(super) value: u8,
    }
}

/// A public type can have private fields.
#[derive(ToContext)]
#[context(crate = novi)]
pub struct Shown<T> {
    hidden: private::Hidden,
    pair: Vec<(T, private::Hidden)>,
    nothing: (),
}

impl<T: ToValue> ToValue for Pair<T> {
    fn to_value(&self) -> Value<'_> {
        self.0.to_value()
    }
}

struct Pair<T>(T);

#[derive(ToContext)]
struct Own<T> {
    pair: Pair<T>,
}

#[derive(ToContext)]
struct Empty {}

macro_rules! written_by_a_macro {
    ($name:ident, $field:ident: $kind:ty) => {
        #[derive(ToContext)]
        struct $name {
            ctx: $kind,
            $field: $kind,
        }
    };
}
written_by_a_macro!(Written, field: Option<u8>);

#[test]
fn derive_supports_all_kinds_of_types() {
    let list = Node { value: 1, next: Some(Box::new(Node { value: 2, next: None })) };
    assert_eq!(list.to_value().to_string(), r#"{"value":1,"next":{"value":2}}"#);
    assert_eq!(Own { pair: Pair("x") }.to_value().to_string(), r#"{"pair":"x"}"#);
    assert!(Empty {}.to_context().is_empty());
    assert_eq!(Written { ctx: None, field: Some(1) }.to_value().to_string(), r#"{"field":1}"#);
}

#[test]
fn derive_supports_all_kinds_of_values() {
    let zoned: DateTime<FixedOffset> = "2026-01-01T02:00:00+02:00".parse().unwrap();
    assert_eq!(zoned.to_value().to_string(), r#""2026-01-01T00:00:00Z""#);
    assert_eq!([Some('a'), None].to_value().to_string(), r#"["a",null]"#);
    let map = BTreeMap::from([("a", vec![1_u8]), ("b", vec![])]);
    assert_eq!(map.to_value().to_string(), r#"{"a":[1],"b":[]}"#);
    assert_eq!(map.to_context().into_owned(), Context::from_json(r#"{"a": [1], "b": []}"#).unwrap());
    assert_eq!((-1_isize).to_value(), Value::Int(-1));
    assert_eq!((-1_i128).to_value(), Value::Int(-1));
    assert_eq!(i128::from(u64::MAX).to_value(), Value::UInt(u64::MAX));
    assert_eq!(1_u128.to_value(), Value::Int(1));
    assert_eq!(().to_value(), Value::Null);
}

#[test]
fn contexts_can_borrow_from_contexts() {
    let ctx = Context::from_json(r#"{"a": "x", "b": [1, {"c": null}], "d": 1e3, "e": 18446744073709551616}"#);
    let ctx = ctx.unwrap().with("now", DateTime::UNIX_EPOCH);
    assert_eq!(ctx.to_context(), ctx);
    assert!(matches!(ctx.to_context().get("a"), Some(Value::Str(Cow::Borrowed("x")))));
    assert!(matches!((&&ctx).as_context(), Cow::Borrowed(_)));
    assert!(matches!(caller("x").as_context(), Cow::Owned(_)));
    assert_eq!(Context::new().to_value(), Value::Object(Vec::new()));
    // It takes precedence over attributes that exist.
    let mut other = Context::new().with("a", 1).with("z", 2);
    ctx.add_to(&mut other);
    assert_eq!((other.get("a"), other.len()), (Some(&"x".into()), 6));
}

macro_rules! cases {
    ($($module:ident $case:literal;)*) => {$(
        mod $module {
            #[derive(novi::ToContext, serde::Serialize, Default)]
            #[context(rename_all = $case)]
            #[serde(rename_all = $case)]
            #[allow(non_snake_case, reason = "to see what becomes of it")]
            pub(super) struct Fields {
                plain: u8,
                two_words: u8,
                word_2_and__more: u8,
                _led: u8,
                r#type: u8,
            }

            #[derive(novi::ToContext, serde::Serialize, Clone, Copy)]
            #[context(rename_all = $case)]
            #[serde(rename_all = $case)]
            #[allow(non_camel_case_types, reason = "to see what becomes of it")]
            pub(super) enum Variants {
                Plain,
                TwoWords,
                HTTPServer2,
                Snake_Case,
            }

            impl Variants {
                pub(super) const ALL: [Self; 4] =
                    [Self::Plain, Self::TwoWords, Self::HTTPServer2, Self::Snake_Case];
            }
        }
    )*

        #[test]
        fn field_names_follow_serde() {
            $(
                let (fields, variants) = ($module::Fields::default(), $module::Variants::ALL);
                assert_eq!(fields.to_value(), Value::from_serialize(&fields).unwrap(), $case);
                assert_eq!(variants.to_value(), Value::from_serialize(&variants).unwrap(), $case);
            )*
            assert_eq!(Tier::ProPlus.to_value(), Value::from_serialize(&Tier::ProPlus).unwrap());
        }
    };
}
cases! {
    lower "lowercase";
    upper "UPPERCASE";
    pascal "PascalCase";
    camel "camelCase";
    snake "snake_case";
    screaming_snake "SCREAMING_SNAKE_CASE";
    kebab "kebab-case";
    screaming_kebab "SCREAMING-KEBAB-CASE";
}

#[novi::enabled("Sticky", flags = flags, ctx = caller, otherwise = "off")]
fn guarded(flags: &Flags, caller: &Caller<'_>) -> &'static str {
    "on"
}

#[novi::enabled("Sticky", flags = flags, ctx = caller, otherwise = caller.id)]
fn moved(flags: &Flags, caller: Caller<'_>) -> String {
    String::new()
}

#[test]
fn guards_accept_any_to_context() {
    let split = r#"{"splits": [50, 50], "variations": ["A", "B"]}"#;
    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "Sticky", true)],
        activations: vec![
            ActivationRow::new(1, "draw", "novi.weighted_random", split),
            ActivationRow::new(2, "not", "novi.not", "[3]"),
            ActivationRow::new(3, "never", "novi.date_time", r#"{"endDateTime": "2000-01-01T00:00:00Z"}"#),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(1, 2)],
        ..Rows::default()
    })
    .unwrap();
    // The draw is on for every caller with a key, so `on` proves that the key was found.
    assert!(!flags.is_enabled("Sticky", &Context::new()));
    assert_eq!(guarded(&flags, &caller("user-7")), "on");
    assert_eq!(moved(&flags, caller("user-7")), "");
    let nobody = Flags::from_rows(Rows::default()).unwrap();
    assert_eq!(moved(&nobody, caller("user-7")), "user-7");
}

#[test]
fn contexts_from_json() {
    let json = json!({"targetingKey": "user-7", "seed": 90, "roles": ["a", {"b": null}], "rate": 0.5});
    let expected = Context::from_json(&json.to_string()).unwrap();
    let borrowed = Context::try_from(&json).unwrap();
    assert_eq!(borrowed, expected);
    assert!(matches!(borrowed.get("targetingKey"), Some(Value::Str(Cow::Borrowed(_)))));
    assert_eq!(Context::from(json.as_object().unwrap()), expected);
    assert_eq!(json.as_object().unwrap().to_context(), expected);
    assert_eq!(Context::from(json.as_object().unwrap().clone()), expected);
    assert_eq!(Context::try_from(json.clone()).unwrap(), expected);

    for (json, kind) in [(json!([]), "list"), (json!(null), "null"), (json!(1), "integer")] {
        let expected = format!(
            "expected a map or a struct with named fields, found {kind}; to use it as one attribute, write \
             `Context::new().with(name, value)`"
        );
        assert_eq!(Context::try_from(&json).unwrap_err().to_string(), expected);
        assert_eq!(Context::from_serialize(&json).unwrap_err().to_string(), expected);
        assert_eq!(Context::try_from(json).unwrap_err().to_string(), expected);
    }
}

#[derive(Serialize)]
struct Everything<'a> {
    unit: (),
    option: Option<u8>,
    text: &'a str,
    letter: char,
    tuple: (i8, f32),
    wrapped: Wrapped,
    variants: [Shape; 4],
    numbers: BTreeMap<i32, bool>,
    switches: BTreeMap<bool, u8>,
    tiers: HashMap<Letter, u8>,
    #[serde(serialize_with = "bytes")]
    bytes: &'a [u8],
    large: (u128, i128, u128),
}

#[derive(Serialize)]
struct Wrapped(u64);

#[derive(Serialize, PartialEq, Eq, Hash)]
enum Letter {
    A,
}

#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, u8),
    Struct { a: u8 },
}

fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

#[test]
fn all_serde_types_become_values() {
    let everything = Everything {
        unit: (),
        option: Some(1),
        text: "x",
        letter: 'y',
        tuple: (-1, 0.5),
        wrapped: Wrapped(u64::MAX),
        variants: [Shape::Unit, Shape::Newtype(1), Shape::Tuple(1, 2), Shape::Struct { a: 3 }],
        numbers: [(-1, true)].into(),
        switches: [(true, 1)].into(),
        tiers: [(Letter::A, 1)].into(),
        bytes: &[0, 255],
        large: (1 << 64, -(1 << 64), 5),
    };
    let ctx = Context::from_serialize(&everything).unwrap();
    let text = serde_json::to_string(&everything).unwrap();
    let json = Context::from_json(&text).unwrap();
    for (name, value) in ctx.iter().filter(|(name, _)| *name != "large") {
        assert_eq!(
            Some(value),
            json.iter().find(|(other, _)| *other == name).map(|(_, value)| value),
            "{name}"
        );
    }
    assert_eq!(ctx.len(), json.len());
    let digits = |digits: &'static str| Value::BigInt(digits.into());
    let large = vec![digits("18446744073709551616"), digits("-18446744073709551616"), Value::Int(5)];
    assert_eq!(ctx.get("large"), Some(&Value::List(large)));
    assert!(matches!(ctx.get("variants"), Some(Value::List(values)) if values[0] == Value::from("Unit")));
}

#[test]
fn serde_errors_name_the_path() {
    #[derive(Serialize)]
    struct Outer<T> {
        list: Vec<T>,
    }
    #[derive(Serialize)]
    enum Tagged<T> {
        Newtype(T),
        Tuple((), T),
        Struct { field: T },
    }
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the lock is poisoned"))
        }
    }
    let told = |error: Result<Context<'static>, ContextError>| error.unwrap_err().to_string();
    let keys = BTreeMap::from([((1, 2), 3)]);
    let expected = "expected a string, an integer or a boolean as a key, found list";
    assert_eq!(told(Context::from_serialize(&keys)), expected);
    assert_eq!(
        told(Context::from_serialize(&Outer { list: vec![BTreeMap::new(), keys] })),
        format!("list[1]: {expected}")
    );
    let outer = |tagged| told(Context::from_serialize(&Outer { list: vec![tagged] }));
    assert_eq!(outer(Tagged::Newtype(Failing)), "list[0].Newtype: the lock is poisoned");
    assert_eq!(outer(Tagged::Tuple((), Failing)), "list[0].Tuple[1]: the lock is poisoned");
    assert_eq!(outer(Tagged::Struct { field: Failing }), "list[0].Struct.field: the lock is poisoned");
    assert_eq!(told(Context::from_serialize(&Failing)), "the lock is poisoned");
}

#[test]
fn recursive_types_terminate() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(usize::MAX))?;
            map.serialize_entry("me", &Some(Endless))?;
            map.end()
        }
    }
    let error = Context::from_serialize(&Endless).unwrap_err();
    assert!(error.to_string().ends_with(".me: nested more than 128 levels deep"), "{error}");
}

#[test]
fn last_of_two_equal_fields_counts() {
    struct Twins;
    impl Serialize for Twins {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([("a", 1), ("b", 2), ("a", 3)])
        }
    }
    let expected = Context::from_json(&serde_json::to_string(&Twins).unwrap()).unwrap();
    assert_eq!(Context::from_serialize(&Twins).unwrap(), expected);
    assert_eq!(expected.get("a"), Some(&Value::Int(3)));
}

/// Arbitrary JSON.
fn data() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,9}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map(".{0,4}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn serde_and_json_give_equal_contexts(data in prop::collection::btree_map(".{0,4}", data(), 0..12)) {
        let text = serde_json::to_string(&data).unwrap();
        let expected = Context::from_json(&text).unwrap();
        prop_assert_eq!(Context::from_serialize(&data).unwrap(), expected.clone());
        prop_assert_eq!(data.to_context(), expected.clone());
        // And back.
        prop_assert_eq!(Context::from_serialize(&expected).unwrap(), expected);
    }

    #[test]
    fn large_integers_keep_their_digits(number: i128) {
        let data = BTreeMap::from([("number", number)]);
        let expected = Context::from_json(&format!(r#"{{"number": {number}}}"#)).unwrap();
        prop_assert_eq!(Context::from_serialize(&data).unwrap(), expected.clone());
        prop_assert_eq!(data.to_context(), expected);
    }
}
