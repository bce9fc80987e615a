//! An [OpenFeature](https://openfeature.dev) provider over novi: code that asks the OpenFeature SDK is answered in the process,
//! from the rows of its own SQL database, without a request to anybody.
//!
//! ```
//! use novi::{Flags, rows::Rows};
//! use novi_openfeature::NoviProvider;
//! use open_feature::{EvaluationContext, OpenFeature};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! // A service says `Flags::connect("postgres://...").await?` here.
//! let rows: Rows = serde_json::from_str(r#"{
//!     "flags": [{"id": 1, "name": "Page size", "status": true, "metadata": {"variants": "{\"small\": 10, \"large\": 50}"}}],
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
//! let caller = EvaluationContext::default().with_targeting_key("user-7").with_custom_field("plan", "pro");
//! let size = client.get_int_value("Page size", Some(&caller), None).await.unwrap_or(20);
//! assert_eq!(size, 50);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a flag gives
//! | asked for | a flag whose metadata give its variants values | any other flag |
//! |---|---|---|
//! | bool | the variant's value | whether it is on |
//! | string | the variant's value | the name of the variant that it assigns |
//! | int, float, struct | the variant's value; as a float whole numbers, too | `TYPE_MISMATCH` |
//!
//! A flag that has versions has their numbers for values. The variant of a flag that assigns none is `on` or `off`. Metadata are `revision`, that of the rows, and for a flag that has versions
//! `version`. Reasons are novi's own, which are OpenFeature's; an answer by the fail mode of a flag that is broken has the reason `ERROR`.
//!
//! # When there is no value
//! The SDK of Rust takes no default: an evaluation gives a value or an error, and code says `unwrap_or(default)`. So a flag that has no
//! value to give is an error as well: [`General`](open_feature::EvaluationErrorCode::General), whose text is the reason:
//!
//! | code | when |
//! |---|---|
//! | `General("DISABLED")` | the flag has no value, since its status is off |
//! | `General("DEFAULT")` | the flag has no value, since it is off for this caller, or on without a variant |
//! | `General("ERROR")` | the flag has no value, since a row that it needs does not compile |
//! | `FLAG_NOT_FOUND` | no flag has the name |
//! | `TYPE_MISMATCH` | the value is of another type |
//! | `INVALID_CONTEXT` | the context has an attribute that novi can not see into |
//! | `PROVIDER_NOT_READY` | there are no rows yet, since the database has not answered since the start |
//!
//! # The context
//! The targeting key is the attribute `targetingKey`. Fields of any type count; those of `Struct` are opaque to the SDK, and are seen into if
//! they are a [`novi::Value`], a [`serde_json::Value`], or a [`Value`](open_feature::Value) or [`StructValue`](open_feature::StructValue) of
//! the SDK:
//!
//! ```
//! use open_feature::{EvaluationContext, EvaluationContextFieldValue as Field};
//!
//! let company = serde_json::json!({"name": "Acme", "countries": ["CA", "US"]});
//! let caller = EvaluationContext::default().with_custom_field("company", Field::new_struct(company));
//! ```
//!
//! # Features
//! `sqlite`, `postgres` and `mysql` bring a database each, as in the crate `novi`; without any, rows come from memory. With one of them the
//! provider's status tells whether the database answers.

mod context;
mod provider;
mod value;

pub use provider::NoviProvider;
