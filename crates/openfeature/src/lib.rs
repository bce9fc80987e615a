//! An [OpenFeature](https://openfeature.dev) provider for novi. Evaluations with the OpenFeature SDK run in
//! the process, from the rows in your own SQL database, without a network request.
//!
//! ```
//! use novi::{Flags, rows::Rows};
//! use novi_openfeature::NoviProvider;
//! use open_feature::{EvaluationContext, OpenFeature};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! // In a service: `Flags::connect("postgres://...").await?`.
//! let rows: Rows = serde_json::from_str(r#"{
//!     "flags": [{"id": 1, "name": "Page size", "status": true,
//!         "metadata": {"variants": "{\"small\": 10, \"large\": 50}"}}],
//!     "activations": [{"id": 1, "name": "By plan", "class_name": "novi.switch",
//!         "config": "{\"by\": \"plan\", \"cases\": {\"pro\": \"large\"}, \"fallback\": \"small\"}"}],
//!     "links": [{"flag_id": 1, "activation_id": 1}]
//! }"#)?;
//! let flags = Flags::from_rows(rows)?;
//!
//! let mut api = OpenFeature::singleton_mut().await;
//! api.set_provider(NoviProvider::new(flags)).await;
//! let client = api.create_client();
//!
//! let user = EvaluationContext::default().with_targeting_key("user-7").with_custom_field("plan", "pro");
//! let size = client.get_int_value("Page size", Some(&user), None).await.unwrap_or(20);
//! assert_eq!(size, 50);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Values
//! | requested type | flag whose metadata define variant values | any other flag |
//! |---|---|---|
//! | bool | the variant's value | whether the flag is on |
//! | string | the variant's value | the name of the assigned variant |
//! | int, float, struct | the variant's value; integers also convert to float | `TYPE_MISMATCH` |
//!
//! The values of a flag with versions are the version numbers. If a flag assigns no variant, the variant is
//! `on` or `off`. The metadata have the `revision` of the rows, for a flag with versions the `version`, and
//! what the team notes for clients (`flag_metadata.metadata`, and `[metadata]` in `novi.toml`). Reasons are
//! the same in novi and OpenFeature; the reason of a broken flag, which uses its fail mode, is `ERROR`.
//!
//! # Errors
//! The Rust SDK takes no default: an evaluation returns a value or an error, and the caller writes
//! `unwrap_or(default)`. A flag without a value is therefore an error, too: `ParseError` if a row is invalid,
//! else [`General`](open_feature::EvaluationErrorCode::General) with the reason as its text.
//!
//! | code | when |
//! |---|---|
//! | `General("DISABLED")` | no value, because the status is off and there is no off variant |
//! | `General("DEFAULT")` | no value, because the flag is off for this user, or on without a variant |
//! | `PARSE_ERROR` | no value, because the flag depends on an invalid row, or its variant has no value of the flag's type |
//! | `TARGETING_KEY_MISSING` | the flag draws by the targeting key, and would decide otherwise with one |
//! | `FLAG_NOT_FOUND` | the flag does not exist |
//! | `TYPE_MISMATCH` | the value has another type |
//! | `INVALID_CONTEXT` | the context has an attribute of an opaque type |
//! | `PROVIDER_NOT_READY` | no rows have been loaded yet, because the database has been unavailable since the start |
//!
//! # Context
//! The targeting key becomes the attribute `targetingKey`. Fields of every type are supported. The SDK does
//! not know the contents of a `Struct`; it may contain a [`novi::Value`], a [`serde_json::Value`], or the
//! SDK's [`Value`](open_feature::Value) or [`StructValue`](open_feature::StructValue):
//!
//! ```
//! use open_feature::{EvaluationContext, EvaluationContextFieldValue as Field};
//!
//! let company = serde_json::json!({"name": "Acme", "countries": ["CA", "US"]});
//! let user = EvaluationContext::default().with_custom_field("company", Field::new_struct(company));
//! ```
//!
//! # Features
//! `sqlite`, `postgres` and `mysql` each add a database, as in the crate `novi`. Without them, rows come from
//! memory. With one of them, the provider's status reports whether the database is available.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod context;
mod provider;
mod value;

pub use provider::NoviProvider;
