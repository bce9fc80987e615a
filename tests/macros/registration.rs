//! Activation types register themselves, from this crate and from others.

use novi::activation::{Activation, ActivationType, Evaluation, RegisteredActivation, Registry, Verdict};
use novi_test_plugin::{LINES, Plan, Switch};
use serde::Deserialize;
use serde_json::{Value, json};

macro_rules! always_on {
    ($($type:ident),*) => {$(
        impl Activation for $type {
            fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
                Verdict::On
            }
        }
    )*};
}

fn schema<T: RegisteredActivation>() -> Value {
    T::TYPE.schema().to_value()
}

#[test]
fn types_of_another_crate_are_found() {
    let registry = Registry::global().unwrap();
    let plan = registry.find("plugin.plan").unwrap();
    assert_eq!(plan.class(), "plugin.plan");
    assert_eq!(plan.aliases(), ["plugin.tariff", "Plan"]);
    assert_eq!(registry.find("Plan").unwrap().location(), plan.location());
    assert_eq!(plan.description(), "On for callers of one plan.");
    let switch = registry.find("plugin.switch").unwrap();
    assert_eq!((switch.aliases(), switch.description()), (&[][..], "On or off, and that is all"));
}

#[test]
fn location_is_the_line_of_the_attribute() {
    for (location, line) in [Plan::TYPE.location(), Switch::TYPE.location()].into_iter().zip(LINES) {
        assert!(location.ends_with(&format!("plugin/src/lib.rs:{line}")), "{location}, line {line}");
    }
}

#[test]
fn types_can_be_registered_by_hand() {
    let registry =
        Registry::empty().with::<Plan>().unwrap().with::<Switch>().unwrap().with::<Plan>().unwrap();
    let classes: Vec<_> = registry.iter().map(ActivationType::class).collect();
    assert_eq!(classes, ["plugin.plan", "plugin.switch"]);
    assert!(registry.find("plugin.tariff").is_some());
}

mod unknown_fields {
    use schemars::JsonSchema;

    use super::*;

    #[novi::activation("registration.plain")]
    #[derive(Deserialize)]
    struct Plain {
        #[serde(default)]
        _size: u8,
    }

    #[novi::activation("registration.refusing")]
    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Refusing {
        _size_of_it: u8,
    }

    #[novi::activation("registration.flattened")]
    #[derive(Deserialize)]
    struct Flattened {
        #[serde(flatten)]
        _plain: std::collections::BTreeMap<String, u8>,
    }

    #[novi::activation("registration.transparent")]
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Transparent {
        _list: Vec<u8>,
    }

    #[novi::activation("registration.converted")]
    #[derive(Deserialize)]
    #[serde(try_from = "u8")]
    struct Converted {
        _size: u8,
    }

    impl TryFrom<u8> for Converted {
        type Error = String;

        fn try_from(size: u8) -> Result<Self, String> {
            if size > 0 { Ok(Self { _size: size }) } else { Err("expected a size above 0".to_owned()) }
        }
    }

    /// The attribute does not see what is derived above it.
    #[derive(Deserialize)]
    #[novi::activation("registration.derived_above")]
    struct DerivedAbove {
        _size: u8,
    }

    #[novi::activation("registration.tuple")]
    #[derive(Deserialize)]
    struct Tuple(#[allow(dead_code)] u8, #[allow(dead_code)] u8);

    #[novi::activation("registration.unit")]
    #[derive(Deserialize)]
    struct Unit;

    always_on!(Plain, Refusing, Flattened, Transparent, Converted, DerivedAbove, Tuple, Unit);

    fn reads<T: serde::de::DeserializeOwned>(config: Value) -> Result<(), String> {
        serde_json::from_value::<T>(config).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn are_rejected_by_structs_with_named_fields() {
        assert!(reads::<Plain>(json!({"_size": 1})).is_ok());
        assert_eq!(reads::<Plain>(json!({"size": 1})).unwrap_err(), "unknown field `size`, expected `_size`");
        assert_eq!(schema::<Plain>()["additionalProperties"], json!(false));
        reads::<Refusing>(json!({"SizeOfIt": 1, "more": 2})).unwrap_err();
    }

    #[test]
    fn are_accepted_by_types_with_their_own_rules() {
        assert!(reads::<Flattened>(json!({"a": 1, "b": 2})).is_ok());
        assert!(reads::<Transparent>(json!([1, 2])).is_ok());
        assert!(reads::<Converted>(json!(1)).is_ok());
        assert_eq!(reads::<Converted>(json!(0)).unwrap_err(), "expected a size above 0");
        assert!(reads::<Tuple>(json!([1, 2])).is_ok());
        assert!(reads::<Unit>(json!(null)).is_ok());
    }

    #[test]
    fn are_ignored_if_the_derive_comes_first() {
        assert!(reads::<DerivedAbove>(json!({"_size": 1, "more": 2})).is_ok());
        assert_eq!(schema::<DerivedAbove>().get("additionalProperties"), None);
    }
}

#[test]
fn schemas_come_with_the_registration() {
    assert_eq!(
        schema::<Plan>()["properties"]["plan"],
        json!({"description": "The plan's name", "type": "string"})
    );
    assert_eq!(schema::<Switch>()["oneOf"][0]["const"], json!("on"));
}

mod ours {
    pub(crate) use novi::*;
}

#[test]
fn novi_can_be_renamed() {
    #[ours::activation("registration.renamed", crate = crate::registration::ours)]
    #[derive(Deserialize)]
    struct Renamed {
        _size: u8,
    }

    always_on!(Renamed);
    assert!(Registry::global().unwrap().find("registration.renamed").is_some());
    assert_eq!(schema::<Renamed>()["additionalProperties"], json!(false));
}

#[test]
fn descriptions_are_the_first_paragraph() {
    /**
     Written as
     a block.

     More.
    */
    #[novi::activation("registration.block_comment")]
    #[derive(Deserialize)]
    struct BlockComment {}

    #[novi::activation("registration.no_comment")]
    #[derive(Deserialize)]
    struct NoComment {}

    always_on!(BlockComment, NoComment);
    assert_eq!(BlockComment::TYPE.description(), "Written as a block.");
    assert_eq!(NoComment::TYPE.description(), "");
}
