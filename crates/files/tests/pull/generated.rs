//! Generated rows, and generated changes of them.

use super::*;

/// Rows that differ in everything that a file has.
fn rows() -> impl Strategy<Value = Rows> {
    let flag =
        (0..8_i64, any::<bool>(), any::<Option<String>>(), prop::collection::vec("[a-c\"' :#]{1,3}", 0..3));
    let configs = [
        r#"{"percentage": 5}"#,
        r#"{"percentage": 50, "by": ["a", "b"]}"#,
        r#"{"attribute": "plan", "in": ["x", "y", "z"]}"#,
        r#"{"rules": [{"when": 1, "name": "a"}, {"when": 2}], "n": {}}"#,
        "[1, 2]",
        "{\"no json",
    ];
    let activation =
        (0..8_i64, prop::sample::select(configs.to_vec()), prop::collection::vec("u[0-9]", 0..3));
    let links = prop::collection::btree_set((0..8_i64, 0..8_i64), 0..12);
    let flags = prop::collection::vec(flag, 0..8);
    (flags, prop::collection::vec(activation, 0..8), links).prop_map(|(flags, activations, links)| {
        let mut rows = Rows::default();
        for (id, status, description, tags) in flags {
            if rows.flags.iter().all(|row| row.id != id) {
                let mut row = FlagRow::new(id, format!("flag {id}: a"), status);
                row.metadata.description = description;
                row.metadata.tags = tags;
                rows.flags.push(row);
            }
        }
        for (id, config, members) in activations {
            if rows.activations.iter().all(|row| row.id != id) {
                let members: BTreeSet<String> = members.into_iter().collect();
                rows.members.extend(members.into_iter().map(|member| MemberRow::allowed(id, member)));
                let class = if config.starts_with('[') { "novi.or" } else { "novi.percentage" };
                rows.activations.push(ActivationRow::new(id, format!("Activation {id}"), class, config));
            }
        }
        let has = |flag: i64, activation: i64| {
            rows.flags.iter().any(|row| row.id == flag)
                && rows.activations.iter().any(|row| row.id == activation)
        };
        rows.links =
            links.into_iter().filter(|(a, b)| has(*a, *b)).map(|(a, b)| LinkRow::new(a, b)).collect();
        // References to rows that do not exist are no names.
        let ids: BTreeSet<i64> = rows.activations.iter().map(|row| row.id).collect();
        if !(ids.contains(&1) && ids.contains(&2)) {
            for row in rows.activations.iter_mut().filter(|row| row.class_name == "novi.or") {
                row.config = Some("[]".to_owned());
            }
        }
        rows.flags.sort_by_key(|row| row.id);
        rows.activations.sort_by_key(|row| row.id);
        rows.members.sort_by(|a, b| (a.activation_id, &a.member).cmp(&(b.activation_id, &b.member)));
        rows
    })
}

/// A text with a comment above each flag, which names it.
fn commented(text: &str, format: Format, rows: &Rows) -> String {
    rows.flags.iter().fold(text.to_owned(), |text, row| {
        let (line, key) = match format {
            Format::Yaml => ("  ", Tree::String(row.name.clone()).to_json().replace('"', "'")),
            _ => ("", format!("[flags.{}]", Tree::String(row.name.clone()).to_json())),
        };
        let line = format!("\n{line}{key}");
        text.replacen(
            &line,
            &format!("\n{}# about {}{line}", if format == Format::Yaml { "  " } else { "" }, row.id),
            1,
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn pulled_files_describe_the_rows_and_comments_stay(before in rows(), after in rows()) {
        for format in FORMATS {
            let text = format.write(&Document::from_rows(&before, &registry())).unwrap();
            let text = if format == Format::Json { text } else { commented(&text, format, &before) };
            let ids: BTreeSet<i64> = after.flags.iter().map(|row| row.id).collect();
            let found = pulled(&text, format, &after, Pull::new_in(0));
            for row in &before.flags {
                let comment = format!("# about {}", row.id);
                if text.contains(&comment) {
                    prop_assert_eq!(found.contains(&comment), ids.contains(&row.id), "{}\n---\n{}", &text, &found);
                }
            }
        }
    }

    #[test]
    fn hand_written_files_follow_any_change(edits in prop::collection::vec((0..8_u8, 0..8_usize, "[ a:#'\"]{0,4}"), 1..6)) {
        for (text, format) in [(YAML, Format::Yaml), (TOML, Format::Toml), (JSON, Format::Json)] {
            let mut rows = rows_of(text, format);
            for (kind, index, text) in &edits {
                edit(&mut rows, *kind, *index, text);
            }
            let found = pulled(text, format, &rows, Pull::new_in(0));
            let stays = |name: &str| rows.flags.iter().any(|row| row.name == name);
            if format != Format::Json {
                prop_assert!(found.contains("# Flags of the shop\n"), "{}", found);
                prop_assert_eq!(found.contains("# The checkout.\n"), stays("new-checkout"), "{}", &found);
                prop_assert_eq!(found.contains("# Search, soon.\n"), stays("search"), "{}", &found);
            }
        }
    }
}

/// One change of rows, of one of eight kinds.
fn edit(rows: &mut Rows, kind: u8, index: usize, text: &str) {
    let flags = rows.flags.len();
    let Some(row) = rows.flags.get_mut(index % flags.max(1)) else { return };
    let id = row.id;
    match kind {
        0 => row.status = !row.status,
        1 => row.metadata.description = Some(text.to_owned()).filter(|text| !text.is_empty()),
        2 => row.metadata.tags = text.split(' ').map(str::to_owned).collect(),
        3 => rows.links.retain(|link| link.flag_id != Some(id)),
        4 => {
            let name = row.name.clone();
            delete_flag(rows, &name);
        }
        5 => {
            let id = 100 + i64::try_from(rows.activations.len()).unwrap();
            let row =
                ActivationRow::new(id, format!("{text}{id}"), "novi.static", r#"{"a": [{"b": 1}, {}]}"#);
            rows.links.push(LinkRow::new(rows.flags[0].id, id));
            rows.activations.push(row);
        }
        6 => {
            let id = 100 + i64::try_from(rows.flags.len()).unwrap();
            if rows.flags.iter().all(|row| row.id != id) {
                rows.flags.push(FlagRow::new(id, format!("{text}{id}"), true));
            }
        }
        _ => {
            let count = rows.activations.len();
            let Some(row) = rows.activations.get_mut(index % count.max(1)) else { return };
            let fields =
                [r#""attribute": "plan""#, r#""in": ["pro"]"#, r#""percentage": 5"#, r#""x": {"y": []}"#];
            let chosen: Vec<&str> = fields
                .into_iter()
                .enumerate()
                .filter(|(n, _)| (index >> n) & 1 == 1)
                .map(|(_, f)| f)
                .collect();
            row.config = Some(format!("{{{}}}", chosen.join(", ")));
        }
    }
    rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
}
