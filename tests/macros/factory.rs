//! `#[novi::feature]` on an impl block: `create` calls the function that a flag chooses.

use novi::{Context, Flags, ToContext, overrides, testing::TestFlags};
use serde_json::json;

/// By country: Canada gets `premium`, New Zealand `aperture-2`, all others no variant.
fn flags() -> Flags {
    let by_country = |country: &str, variant: &str| {
        let of =
            json!({"class_name": "novi.attribute", "config": {"attribute": "country", "equals": country}});
        let then = json!({"class_name": "novi.split", "config": {"variants": {variant: 1}, "by": "country"}});
        json!({"class_name": "novi.and", "config": [of, then]})
    };
    let either = json!([by_country("CA", "premium"), by_country("NZ", "aperture-2")]);
    TestFlags::new().flag("Payments", |flag| flag.activation("novi.or", either)).build()
}

#[derive(ToContext)]
struct User {
    country: &'static str,
}

struct Payments {
    fee: u32,
}

#[novi::feature(flags = flags(), ctx = user)]
impl Payments {
    const FEE: u32 = 2;

    #[default]
    fn acme(user: &User) -> Self {
        assert_eq!(user.country.len(), 2);
        Self { fee: Self::FEE }
    }

    fn premium(_user: &User) -> Self {
        Self { fee: 4 }
    }

    #[flag(rename = "aperture-2")]
    #[must_use]
    fn aperture(_: &User) -> Self {
        Self { fee: 1 }
    }
}

/// By the current context; with a receiver, generics, and async.
struct Greeter<T> {
    name: T,
}

#[novi::feature("Payments", flags = flags())]
impl<T: Clone> Greeter<T> {
    #[default]
    async fn plain<U>(&mut self, mut more: Vec<U>, last: U) -> (T, Vec<U>) {
        tokio::task::yield_now().await;
        more.push(last);
        (self.name.clone(), more)
    }

    async fn premium<U>(&mut self, more: Vec<U>, _last: U) -> (T, Vec<U>) {
        tokio::task::yield_now().await;
        (self.name.clone(), more)
    }
}

#[tokio::test]
async fn factory_calls_the_function_that_the_flag_chooses() {
    let fee = |country| Payments::create(&User { country }).fee;
    assert_eq!((fee("CA"), fee("NZ"), fee("DE")), (4, 1, 2));
    assert_eq!(overrides::sync_scope([("Payments", "premium")], || fee("DE")), 4);
    assert_eq!(Payments::premium(&User { country: "DE" }).fee, 4, "they are as they were");

    let mut greeter = Greeter { name: "Ada" };
    assert_eq!(greeter.create(vec![1], 2).await, ("Ada", vec![1, 2]));
    let canada = Context::new().with("country", "CA");
    assert_eq!(novi::context::scope(canada, greeter.create(vec![1], 2)).await, ("Ada", vec![1]));
}

#[test]
fn factories_are_features() {
    let manifest = novi::manifest();
    let known: Vec<_> = manifest
        .features
        .iter()
        .map(|feature| (&*feature.type_name, &*feature.flag))
        .filter(|(name, _)| name.starts_with("macros::factory::"))
        .collect();
    assert_eq!(known, [("macros::factory::Greeter", "Payments"), ("macros::factory::Payments", "Payments")]);
    let issues: Vec<_> = flags().issues().iter().map(ToString::to_string).collect();
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert!(
        issues[0].contains("the variants of macros::factory::Greeter (tests/macros/factory.rs:")
            && issues[0].contains("found \"aperture-2\"")
    );
}
