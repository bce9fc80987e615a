//! Flags that attributes declare.

use novi::Declaration;

struct Shop;

impl Shop {
    const SALE: &'static str = "declare: sale";

    #[novi::enabled(SALE, declare = true, status = true)]
    #[expect(clippy::unused_self, reason = "a method is guarded, too")]
    fn sale(&self) -> Option<u8> {
        Some(1)
    }
}

const SALE: &str = Shop::SALE;

#[expect(clippy::unused_async, reason = "an async function is guarded, too")]
#[novi::enabled("declare: generic", declare = true, owner = "shop")]
async fn generic<T: Default>() -> Option<T> {
    Some(T::default())
}

#[novi::enabled("declare: twice", declare = true, description = "First")]
fn first() {}

#[novi::enabled("declare: twice", declare = true, description = "Second", owner = "second", status = true)]
fn second() {}

#[novi::enabled("declare: not", declare = false)]
fn not_declared() {}

#[derive(novi::Feature)]
#[flag("declare: layout", declare, description = "List or grid")]
enum Layout {
    #[default]
    List,
    Grid,
}

#[tokio::test]
async fn flags_are_registered_once_with_what_they_say() {
    let mut declared = Declaration::registered();
    declared.retain(|flag| flag.name().starts_with("declare: "));
    let expected = [
        Declaration::new("declare: generic").owner("shop"),
        Declaration::new("declare: layout").description("List or grid"),
        Declaration::new("declare: sale").status(true),
        Declaration::new("declare: twice").status(true).description("First").owner("second"),
    ];
    assert_eq!(declared, expected);
    assert_eq!((Shop.sale(), generic::<u8>().await), (None, None));
    first();
    second();
    not_declared();
}
