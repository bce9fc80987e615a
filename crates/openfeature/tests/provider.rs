//! The provider in the SDK: contexts, errors, hooks, status.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use novi::{
    Flags,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Revision, Rows},
};
use novi_openfeature::NoviProvider;
use open_feature::{
    Client, EvaluationContext, EvaluationContextFieldValue as Field, EvaluationDetails, EvaluationError,
    EvaluationErrorCode, EvaluationReason, FlagMetadataValue, Hook, HookContext, HookHints, OpenFeature,
    StructValue, Value,
    provider::{FeatureProvider, ProviderMetadata},
};
use serde_json::json;

/// One flag that is on if the expression is true.
fn flags(expression: &str) -> Flags {
    let config = json!({"expression": expression}).to_string();
    Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "it", true)],
        activations: vec![ActivationRow::new(1, "if so", "novi.expression", config)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    })
    .unwrap()
}

#[tokio::test]
async fn metadata_of_the_flag_and_of_all_flags_reach_the_client() {
    let metadata = FlagMetadata {
        variants: Some(r#"{"a": 1, "b": 2}"#.to_owned()),
        off_variant: Some("b".to_owned()),
        metadata: Some(r#"{"team": "shop", "tier": 2, "share": 0.5, "old": true, "revision": 1}"#.to_owned()),
        ..FlagMetadata::default()
    };
    let rows = Rows {
        revision: Revision::new(7),
        flags: vec![FlagRow { metadata, ..FlagRow::new(1, "it", false) }],
        ..Rows::default()
    };
    let common = serde_json::from_value(json!({"set": "all", "tier": 1})).unwrap();
    let client = client(Flags::builder().metadata(common).from_rows(rows).unwrap()).await;
    let details = client.get_int_details("it", None, None).await.unwrap();
    assert_eq!((details.value, details.variant.as_deref()), (2, Some("b")));
    assert_eq!(details.reason, Some(EvaluationReason::Disabled));
    let found = details.flag_metadata.values;
    let expected = [
        ("old", FlagMetadataValue::Bool(true)),
        ("revision", FlagMetadataValue::Int(7)),
        ("set", FlagMetadataValue::String("all".to_owned())),
        ("share", FlagMetadataValue::Float(0.5)),
        ("team", FlagMetadataValue::String("shop".to_owned())),
        ("tier", FlagMetadataValue::Int(2)),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

async fn client(flags: Flags) -> Client {
    let mut api = OpenFeature::default();
    api.set_provider(NoviProvider::new(flags)).await;
    api.create_client()
}

async fn is_on(expression: &str, caller: EvaluationContext) -> Result<bool, EvaluationError> {
    let flags = flags(expression);
    assert_eq!(flags.issues(), [], "{expression}");
    client(flags).await.get_bool_value("it", Some(&caller), None).await
}

#[tokio::test]
async fn context_fields_of_every_type_reach_the_flag() {
    let noon = time::OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let object = StructValue::default()
        .with_field("name", "Acme")
        .with_field("countries", vec!["CA", "US"])
        .with_field("size", StructValue::default().with_field("staff", 12).with_field("growth", 0.5));
    let json = json!({"name": "Acme", "countries": ["CA", "US"], "size": {"staff": 12, "growth": 0.5}});
    let inside = "company.name == 'Acme' && 'US' in company.countries && company.size.staff == 12 && \
                  company.size.growth == 0.5";
    let novi_value = novi::Value::from(json.clone());
    let list = Value::Array(vec![Value::Int(3), Value::Bool(true)]);
    let empty = EvaluationContext::default;
    for (expression, caller) in [
        ("targetingKey == 'user-7'", empty().with_targeting_key("user-7")),
        ("targetingKey == 'user-7'", empty().with_custom_field("targetingKey", "user-7")),
        (
            "targetingKey == 'user-7'",
            empty().with_targeting_key("user-7").with_custom_field("targetingKey", "user-8"),
        ),
        ("staff", empty().with_custom_field("staff", true)),
        ("age == 42", empty().with_custom_field("age", 42)),
        ("load == 0.25", empty().with_custom_field("load", 0.25)),
        ("plan == 'pro'", empty().with_custom_field("plan", "pro")),
        ("since == timestamp('2023-11-14T22:13:20Z')", empty().with_custom_field("since", noon)),
        (inside, empty().with_custom_field("company", Field::new_struct(object.clone()))),
        (inside, empty().with_custom_field("company", Field::new_struct(Value::Struct(object)))),
        (inside, empty().with_custom_field("company", Field::new_struct(json))),
        (inside, empty().with_custom_field("company", Field::new_struct(novi_value))),
        ("rest[0] == 3 && rest[1]", empty().with_custom_field("rest", Field::new_struct(list))),
    ] {
        assert_eq!(is_on(expression, caller.clone()).await, Ok(true), "{expression} {caller:?}");
        assert_eq!(is_on(expression, empty()).await, Ok(false), "{expression} of nobody");
    }
}

#[tokio::test]
async fn opaque_context_field_is_an_error() {
    struct Opaque;
    for (name, value, expected) in [
        ("account", Field::new_struct(Opaque), "serde_json::Value"),
        ("targetingKey", Field::Int(7), "expected a string, found integer"),
        ("targetingKey", Field::new_struct(json!({"id": 7})), "expected a string, found object"),
    ] {
        let error =
            is_on("true", EvaluationContext::default().with_custom_field(name, value)).await.unwrap_err();
        assert_eq!(error.code, EvaluationErrorCode::InvalidContext);
        let message = error.message.unwrap();
        assert!(message.contains(name) && message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn contexts_of_api_client_and_call_are_merged() {
    let mut api = OpenFeature::default();
    api.set_evaluation_context(
        EvaluationContext::default().with_custom_field("a", 1).with_custom_field("c", 0),
    )
    .await;
    let flags = flags("a == 1 && b == 2 && c == 3");
    api.set_provider(NoviProvider::new(flags)).await;
    let mut client = api.create_client();
    client.set_evaluation_context(
        EvaluationContext::default().with_custom_field("b", 2).with_custom_field("c", 0),
    );
    let call = EvaluationContext::default().with_custom_field("c", 3);
    assert_eq!(client.get_bool_value("it", Some(&call), None).await, Ok(true));
    assert_eq!(client.get_bool_value("it", None, None).await, Ok(false));
}

#[tokio::test]
async fn next_evaluation_uses_changed_rows() {
    let flags = flags("true");
    let client = client(flags.clone()).await;
    assert_eq!(client.get_bool_value("it", None, None).await, Ok(true));
    flags.replace_rows(Rows { flags: vec![FlagRow::new(1, "it", false)], ..Rows::default() });
    assert_eq!(client.get_bool_value("it", None, None).await, Ok(false));
}

#[tokio::test]
async fn scoped_overrides_apply() {
    let client = client(flags("false")).await;
    let overrides = [("it", novi::overrides::On)];
    assert_eq!(novi::overrides::scope(overrides, client.get_bool_value("it", None, None)).await, Ok(true));
    assert_eq!(client.get_bool_value("it", None, None).await, Ok(false));
}

#[tokio::test]
async fn unknown_flag_suggests_similar_name() {
    let error = client(flags("true")).await.get_bool_value("its", None, None).await.unwrap_err();
    assert_eq!(error.code, EvaluationErrorCode::FlagNotFound);
    assert_eq!(error.message.unwrap(), "flag \"its\" was not found; did you mean \"it\"?");
}

/// Records the calls of its stages with their arguments.
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

#[async_trait]
impl Hook for Notes {
    async fn before<'a>(
        &self,
        context: &HookContext<'a>,
        _: Option<&'a HookHints>,
    ) -> Result<Option<EvaluationContext>, EvaluationError> {
        self.note(format!("before {} of {}", context.flag_key, context.provider_metadata.name));
        Ok(Some(EvaluationContext::default().with_custom_field("hooked", true)))
    }

    async fn after<'a>(
        &self,
        _: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) -> Result<(), EvaluationError> {
        let reason = details.reason.clone().unwrap();
        self.note(format!("after {:?} {:?} {reason}", details.value, details.variant));
        Ok(())
    }

    async fn error<'a>(&self, _: &HookContext<'a>, error: &EvaluationError, _: Option<&'a HookHints>) {
        self.note(format!("error {}", error.code));
    }

    async fn finally<'a>(
        &self,
        _: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) {
        self.note(format!("finally {} {}", details.flag_key, details.reason.clone().unwrap()));
    }
}

#[tokio::test]
async fn hooks_receive_the_decision_and_extend_the_context() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let client = client(flags("hooked")).await.with_hook(Notes(notes.clone()));
    assert_eq!(client.get_bool_value("it", None, None).await, Ok(true));
    let heard: Vec<_> = std::mem::take(&mut notes.lock().unwrap());
    assert_eq!(
        heard,
        ["before it of novi", "after Bool(true) Some(\"on\") TARGETING_MATCH", "finally it TARGETING_MATCH"]
    );
    client.get_string_value("missing", None, None).await.unwrap_err();
    assert_eq!(
        notes.lock().unwrap()[..],
        ["before missing of novi", "error FLAG_NOT_FOUND", "finally missing ERROR"]
    );
    notes.lock().unwrap().clear();
    client.get_int_value("it", None, None).await.unwrap_err();
    assert_eq!(notes.lock().unwrap()[1..], ["error TYPE_MISMATCH", "finally it ERROR"]);
}

#[test]
fn provider_name_is_novi() {
    assert_eq!(NoviProvider::new(flags("true")).metadata(), &ProviderMetadata::new("novi"));
}

mod status {
    use std::time::Duration;

    use novi::store;
    use open_feature::provider::ProviderStatus;

    use super::*;

    #[tokio::test]
    async fn status_is_stale_while_the_database_is_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("novi.db");
        let url = format!("sqlite://{}", file.display());
        let database = store::create(&url).await.unwrap();
        database.migrate().await.unwrap();
        database.run_script(store::DEMO_ROWS).await.unwrap();
        let flags = Flags::builder().refresh(Duration::from_millis(20)).connect(&url).await.unwrap();
        let provider = NoviProvider::new(flags.clone());
        assert_eq!(provider.status(), ProviderStatus::Ready);

        database.run_script("ALTER TABLE novi_revision RENAME TO novi_away").await.unwrap();
        flags.refresh().await.unwrap_err();
        assert_eq!(provider.status(), ProviderStatus::STALE);
        let caller = EvaluationContext::default();
        provider.resolve_bool_value("Combo AND", &caller).await.unwrap();

        database.run_script("ALTER TABLE novi_away RENAME TO novi_revision").await.unwrap();
        flags.refresh().await.unwrap();
        assert_eq!(provider.status(), ProviderStatus::Ready);
    }

    #[tokio::test]
    async fn status_is_not_ready_before_rows_are_loaded() {
        // Nothing listens on a port that was just free.
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        drop(taken);
        let url = format!("postgres://novi@{address}/novi");
        let flags = Flags::builder().start_without_database().connect(&url).await.unwrap();
        let provider = NoviProvider::new(flags);
        assert_eq!(provider.status(), ProviderStatus::NotReady);
        let error = provider.resolve_bool_value("it", &EvaluationContext::default()).await.unwrap_err();
        assert_eq!(error.code, EvaluationErrorCode::ProviderNotReady);
    }
}

#[tokio::test]
async fn exposures_are_recorded_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/flags.db?mode=rwc", folder.path().display());
    let store = novi::store::create(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.run_script("insert into flags (id, name, status) values (1, 'it', true)").await.unwrap();
    let flags = Flags::connect(&url).await.unwrap();
    for (provider, unit) in [
        (NoviProvider::new(flags.clone()), "looks"),
        (NoviProvider::new(flags.clone()).record_exposures(), "sees"),
    ] {
        let caller = EvaluationContext::default().with_targeting_key(unit);
        assert!(provider.resolve_bool_value("it", &caller).await.unwrap().value);
        provider.resolve_int_value("it", &caller).await.unwrap_err();
    }
    flags.close().await.unwrap();
    let rows = store.assignment_store().unwrap().assignments("it", 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.unit.as_str()).collect::<Vec<_>>(), ["sees"]);
}
