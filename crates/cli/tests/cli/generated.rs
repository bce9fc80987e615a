//! Generated flags through a file, a database and a file again, byte for byte. `NOVI_TEST_LONG=1` takes 1,000 sets of
//! rows for each database.

use novi::{
    activation::Registry,
    rows::Rows,
    store::{self, Edit, SchemaStore, history::rollback},
};
use novi_files::{Document, Format};
use serde_json::{Map, Value, json};

use crate::common::databases;

/// Reproducible random numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.roll(list.len())]
    }

    fn one_of(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 16] =
            ["a", "Z", "ü", "é", "日本", " ", ": ", "#", "'", "\"", "\\", "\n", "yes", "1e3", "- ", "🎌"];
        let length = 1 + self.roll(5);
        let text: String = (0..length).map(|_| *self.pick(&PARTS)).collect();
        format!("x{text}x")
    }
}

/// An activation of a flag or for several, without its name.
fn activation(dice: &mut Dice, shared: &[String]) -> Map<String, Value> {
    let text = dice.text();
    let share = f64::from(u32::try_from(dice.roll(1001)).unwrap()) / 10.0;
    let (class, config) = match dice.roll(7) {
        0 => ("novi.percentage", json!({"percentage": share, "salt": text})),
        1 => ("novi.attribute", json!({"attribute": text, "in": [text, 7, 1.5, true, ""]})),
        2 => ("novi.split", json!({"variants": {text.as_str(): 3, "b": 1, "a": share + 1.0}})),
        3 => ("novi.members", json!({"allow": [text]})),
        4 => ("novi.static", json!({"variant": text})),
        5 if !shared.is_empty() => {
            let inline = json!({"class_name": "novi.not", "config": [{"$activation": dice.pick(shared)}]});
            ("novi.or", json!([{"$activation": dice.pick(shared)}, inline]))
        }
        5 | 6 => ("novi.rules", json!({"rules": [], "fallthrough": {"variant": text}})),
        _ => unreachable!(),
    };
    let mut fields = Map::from_iter([("class_name".to_owned(), class.into()), ("config".to_owned(), config)]);
    if class == "novi.members" {
        fields.insert("members".to_owned(), json!(["m1", format!("m {}", dice.text())]));
        if dice.one_of(2) {
            fields.insert("denied".to_owned(), json!(["d1"]));
        }
    }
    fields
}

fn document(dice: &mut Dice) -> Document {
    let shared: Vec<String> = (0..dice.roll(4)).map(|index| format!("{} {index}", dice.text())).collect();
    let mut activations = Map::new();
    for name in &shared {
        let mut fields = activation(dice, &[]);
        // Cases of their own are for one flag.
        if fields["class_name"] == "novi.split" {
            fields.remove("members");
        }
        activations.insert(name.clone(), fields.into());
    }
    let mut flags = Map::new();
    for index in 0..dice.roll(6) {
        let mut flag = json!({"status": dice.one_of(2)});
        let mut set = |dice: &mut Dice, field: &str, value: Value| {
            if dice.one_of(3) {
                flag[field] = value;
            }
        };
        let text = dice.text();
        set(dice, "description", text.clone().into());
        set(dice, "owner", format!("{text}@example.com").into());
        set(dice, "tags", json!([text, "b"]));
        set(dice, "expires_at", "2027-01-01T09:30:00Z".into());
        set(dice, "override_allowed", false.into());
        set(dice, "exposed", true.into());
        set(dice, "fail_mode", "on".into());
        set(dice, "variants", json!({"z": text, "a": [1, 2.5, {"b": "c"}]}));
        set(dice, "metadata", json!({"k": text, "n": 1}));
        let mut list: Vec<Value> = Vec::new();
        for number in 0..dice.roll(3) {
            let mut own =
                Map::from_iter([("name".to_owned(), format!("own {index} {number} {text}").into())]);
            own.append(&mut activation(dice, &shared));
            list.push(own.into());
        }
        if !shared.is_empty() && dice.one_of(2) {
            list.push(dice.pick(&shared).clone().into());
        }
        flag["activations"] = list.into();
        flags.insert(format!("{text} {index}"), flag);
    }
    Format::Json.read(&json!({"flags": flags, "activations": activations}).to_string()).unwrap()
}

/// Makes the rows those of a document.
async fn apply(store: &dyn SchemaStore, document: &Document, registry: &Registry) -> Rows {
    let rows = store.load().await.unwrap();
    let target = document.target(&rows, registry, true).unwrap();
    let changes = rollback(&rows, &target.rows, None).unwrap();
    if changes.is_empty() {
        return rows;
    }
    store.commit(Edit::new(changes)).await.unwrap();
    store.load().await.unwrap()
}

#[tokio::test]
async fn generated_rows_are_the_same_after_export_and_apply() {
    let is_long = std::env::var_os("NOVI_TEST_LONG").is_some_and(|value| value == "1");
    let sets = if is_long { 1_000 } else { 20 };
    let registry = Registry::global().unwrap();
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut dice = Dice(17);
        for set in 0..sets {
            let format = [Format::Yaml, Format::Toml, Format::Json][set % 3];
            let rows = apply(&*store, &document(&mut dice), &registry).await;
            let text = format.write(&Document::from_rows(&rows, &registry)).unwrap();
            let rows = apply(&*store, &Document::default(), &registry).await;
            assert!(rows.flags.is_empty() && rows.activations.is_empty(), "{set}");
            let read = format.read(&text).unwrap_or_else(|error| panic!("{set}: {error}\n{text}"));
            let rows = apply(&*store, &read, &registry).await;
            let again = format.write(&Document::from_rows(&rows, &registry)).unwrap();
            assert_eq!(again, text, "{:?}, set {set}", database.kind);
        }
    }
}
