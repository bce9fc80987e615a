//! Buttons of a form that change its rows without saving: `add`, `remove`, `up`, `down` and `clear`.

use crate::forms::fields::{Fields, MOST_ROWS, row};

/// Does what a button says, such as `remove c/steps/2`. Other texts do nothing.
pub(super) fn step(fields: &mut Fields, action: &str) {
    let Some((verb, name)) = action.split_once(' ') else { return };
    match verb {
        "add" => {
            let count = fields.rows(name);
            if count < MOST_ROWS {
                let chosen = fields.part(name, "add").to_owned();
                choose(fields, &row(name, count), &chosen);
                fields.set_part(name, "add", "");
                fields.set_part(name, "n", (count + 1).to_string());
            }
        }
        "set" => {
            let chosen = fields.part(name, "add").to_owned();
            choose(fields, name, &chosen);
            fields.set_part(name, "add", "");
        }
        "clear" => {
            fields.take(name);
        }
        "remove" | "up" | "down" => {
            let Some((list, number)) = name.rsplit_once('/') else { return };
            let (Ok(number), count) = (number.parse::<usize>(), fields.rows(list)) else { return };
            if number >= count {
                return;
            }
            match verb {
                "remove" => {
                    fields.take(name);
                    for later in number + 1..count {
                        let taken = fields.take(&row(list, later));
                        fields.put(&row(list, later - 1), taken);
                    }
                    fields.set_part(list, "n", (count - 1).to_string());
                }
                "up" if number > 0 => swap(fields, list, number - 1),
                "down" if number + 1 < count => swap(fields, list, number),
                _ => {}
            }
        }
        _ => {}
    }
}

/// Makes a child of what was chosen: `id:7`, or `class:novi.attribute`.
fn choose(fields: &mut Fields, name: &str, chosen: &str) {
    if let Some(id) = chosen.strip_prefix("id:") {
        fields.set_part(name, "is", "id");
        fields.set(name, id);
    } else if let Some(class) = chosen.strip_prefix("class:") {
        fields.set_part(name, "is", "inline");
        fields.set_part(name, "class", class);
    }
}

fn swap(fields: &mut Fields, list: &str, number: usize) {
    let (one, other) = (row(list, number), row(list, number + 1));
    let (first, second) = (fields.take(&one), fields.take(&other));
    fields.put(&one, second);
    fields.put(&other, first);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(all: &[(&str, &str)]) -> Fields {
        let all: Vec<_> = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fields::sent(&all)
    }

    #[test]
    fn rows_move_with_all_that_is_in_them() {
        let mut list = fields(&[
            ("c@n", "3"),
            ("c/0", "a"),
            ("c/0@b", "0"),
            ("c/1/x", "b"),
            ("c/2", "c"),
            ("c/10", "z"),
        ]);
        step(&mut list, "up c/1");
        assert_eq!((list.get("c/0/x"), list.get("c/1"), list.get("c/1@b")), ("b", "a", "0"));
        step(&mut list, "down c/2");
        step(&mut list, "remove c/0");
        assert_eq!(
            (list.get("c@n"), list.get("c/0"), list.get("c/1"), list.get("c/10")),
            ("2", "a", "c", "z")
        );
        for ignored in ["up c/0", "remove c/9", "remove c", "jump c/1", "", "add"] {
            let before = list.clone();
            step(&mut list, ignored);
            assert_eq!(list, before, "{ignored}");
        }
    }

    #[test]
    fn children_are_added_by_id_or_type() {
        let mut list = fields(&[("c@n", "0"), ("c@add", "id:7")]);
        step(&mut list, "add c");
        list.set("c@add", "class:novi.host");
        step(&mut list, "add c");
        assert_eq!((list.get("c@n"), list.get("c/0"), list.get("c/0@is")), ("2", "7", "id"));
        assert_eq!((list.get("c/1@is"), list.get("c/1@class")), ("inline", "novi.host"));
        step(&mut list, "clear c/1");
        assert_eq!(list.all().iter().filter(|(name, _)| name.starts_with("c/1")).count(), 0);
    }
}
