//! Two people edit one row.

use crate::{
    databases::databases,
    form::{borrowed, fields, set},
    site::{ROWS, Site},
};

#[tokio::test]
async fn changes_of_different_fields_of_a_flag_are_merged() {
    for database in databases().await {
        let site = Site::over(&database, ROWS).await;
        let (mut ada, mut bob) = (site.browser(), site.browser());
        let page = "/flags/1/edit";
        let mut first = fields(&ada.get(page).await.text, page);
        let mut second = fields(&bob.get(page).await.text, page);
        set(&mut first, "description", "Ada's page");
        set(&mut first, "owner", "ada");
        assert_eq!(ada.post(page, page, &borrowed(&first)).await.status, 303);
        set(&mut second, "description", "Bob's page");
        set(&mut second, "tags", "bob");
        let merge = bob.post(page, page, &borrowed(&second)).await;
        assert_eq!(merge.status, 412);
        merge.has("Somebody else has changed new-checkout");
        merge.has("both changed it");
        assert_eq!(merge.text.matches("both changed it").count(), 1);
        let chosen = |name: &str, side: &str| {
            let radio = format!("name=\"pick.{name}\" value=\"{side}\" checked");
            assert!(merge.text.contains(&radio), "{radio} in {}", merge.text);
        };
        chosen("owner", "theirs");
        chosen("tags", "mine");
        let mut sent = fields(&merge.text, page);
        sent.retain(|(name, _)| !name.starts_with("pick."));
        for (name, side) in [("description", "theirs"), ("owner", "theirs"), ("tags", "mine")] {
            set(&mut sent, &format!("pick.{name}"), side);
        }
        // A third change in between is merged again.
        site.run("UPDATE flag_metadata SET owner = 'carol' WHERE flag_id = 1;").await;
        let again = bob.post(page, page, &borrowed(&sent)).await;
        assert_eq!(again.status, 412);
        again.has("carol");
        let mut sent = fields(&again.text, page);
        sent.retain(|(name, _)| !name.starts_with("pick."));
        set(&mut sent, "pick.owner", "theirs");
        set(&mut sent, "pick.tags", "mine");
        assert_eq!(bob.post(page, page, &borrowed(&sent)).await.status, 303);
        let row = site.store.load().await.unwrap().flags.remove(0).metadata;
        assert_eq!(row.description.as_deref(), Some("Ada's page"));
        assert_eq!((row.owner.as_deref(), row.tags), (Some("carol"), vec!["bob".to_owned()]));
    }
}

#[tokio::test]
async fn configs_are_merged_by_their_members() {
    let site = Site::open(ROWS).await;
    let (mut ada, mut bob) = (site.browser(), site.browser());
    let page = "/activations/1/edit";
    let mut first = fields(&ada.get(page).await.text, page);
    let mut second = fields(&bob.get(page).await.text, page);
    set(&mut first, "c/salt", "ada");
    assert_eq!(ada.post(page, page, &borrowed(&first)).await.status, 303);
    set(&mut second, "c/percentage", "50.0");
    set(&mut second, "name", "Half");
    let merge = bob.post(page, page, &borrowed(&second)).await;
    assert_eq!(merge.status, 412);
    assert_eq!(merge.text.matches("both changed it").count(), 0);
    let mut sent = fields(&merge.text, page);
    sent.retain(|(name, _)| !name.starts_with("pick."));
    for (name, side) in [("config/salt", "theirs"), ("config/percentage", "mine"), ("name", "mine")] {
        set(&mut sent, &format!("pick.{name}"), side);
    }
    assert_eq!(bob.post(page, page, &borrowed(&sent)).await.status, 303);
    let row = site.store.load().await.unwrap().activations.remove(0);
    assert_eq!(row.config.as_deref(), Some(r#"{"percentage": 50.0, "salt": "ada"}"#));
    assert_eq!(row.name, "Half");
}

#[tokio::test]
async fn variants_of_a_split_are_merged_one_by_one() {
    const CONFIG: &str = r#"{"variants": {"grid": 50, "a/b": 25, "map": 25}, "salt": "s"}"#;
    let site = Site::open(ROWS).await;
    site.run(&format!("UPDATE activations SET class_name = 'novi.split', config = '{CONFIG}' WHERE id = 1;"))
        .await;
    let (mut ada, mut bob) = (site.browser(), site.browser());
    let page = "/activations/1/edit";
    let mut first = fields(&ada.get(page).await.text, page);
    let mut second = fields(&bob.get(page).await.text, page);
    set(&mut first, "c/variants/0", "40");
    set(&mut first, "c/variants/1", "35");
    assert_eq!(ada.post(page, page, &borrowed(&first)).await.status, 303);
    set(&mut second, "c/variants/0", "60");
    set(&mut second, "c/variants/3@key", "new");
    set(&mut second, "c/variants/3", "5");
    let merge = bob.post(page, page, &borrowed(&second)).await;
    assert_eq!(merge.status, 412);
    for label in ["Variants: grid", "Variants: a/b", "Variants: new"] {
        merge.has(label);
    }
    assert!(!merge.text.contains("Variants: map"), "the same on both sides");
    assert_eq!(merge.text.matches("both changed it").count(), 1);
    let mut sent = fields(&merge.text, page);
    sent.retain(|(name, _)| !name.starts_with("pick."));
    for (name, side) in [("grid", "mine"), ("a~1b", "theirs"), ("new", "mine")] {
        set(&mut sent, &format!("pick.config/variants/{name}"), side);
    }
    assert_eq!(bob.post(page, page, &borrowed(&sent)).await.status, 303);
    let row = site.store.load().await.unwrap().activations.remove(0);
    let merged = r#"{"variants": {"grid": 60, "a/b": 35, "map": 25, "new": 5}, "salt": "s"}"#;
    assert_eq!(row.config.as_deref(), Some(merged));
}

#[tokio::test]
async fn variants_in_another_order_are_merged_as_a_whole() {
    let site = Site::open(ROWS).await;
    site.run(r#"UPDATE activations SET class_name = 'novi.split', config = '{"variants": {"a": 1, "b": 2}}' WHERE id = 1;"#)
        .await;
    let mut bob = site.browser();
    let page = "/activations/1/edit";
    let mut second = fields(&bob.get(page).await.text, page);
    site.run(r#"UPDATE activations SET config = '{"variants": {"b": 2, "a": 1}}' WHERE id = 1;"#).await;
    set(&mut second, "c/variants/0", "5");
    let merge = bob.post(page, page, &borrowed(&second)).await;
    assert_eq!(merge.status, 412);
    merge.has("pick.config/variants\"");
}

#[tokio::test]
async fn switched_flag_is_no_conflict() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = "/flags/1/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    site.run("UPDATE flags SET status = false WHERE id = 1;").await;
    set(&mut sent, "owner", "ada");
    assert_eq!(browser.post(page, page, &borrowed(&sent)).await.status, 303);
    let row = site.store.load().await.unwrap().flags.remove(0);
    assert_eq!((row.status, row.metadata.owner.as_deref()), (false, Some("ada")));
}

#[tokio::test]
async fn variants_are_rows_and_the_effect_is_shown_before_saving() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = "/flags/2/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    for (name, value) in [
        ("c/0@key", "grid"),
        ("c/0", "3"),
        ("c/1@key", "list"),
        ("c/1", "1.50"),
        ("value_type", "number"),
        ("actor", "ada"),
    ] {
        set(&mut sent, name, value);
    }
    let mut previewed = sent.clone();
    set(&mut previewed, "preview", "1");
    let preview = browser.post(page, page, &borrowed(&previewed)).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    preview.has("nothing is saved yet");
    preview.has("<h2>Effect</h2>");
    preview.has("get another variant or value");
    let mut bad = sent.clone();
    set(&mut bad, "c/1", "one");
    let reply = browser.post(page, page, &borrowed(&bad)).await;
    assert_eq!(reply.status, 422, "{}", reply.text);
    reply.has("aria-invalid=\"true\"");
    assert_eq!(browser.post(page, page, &borrowed(&sent)).await.status, 303);
    let row = site.store.load().await.unwrap().flags.remove(1).metadata;
    assert_eq!(row.variants.as_deref(), Some(r#"{"grid": 3, "list": 1.50}"#));
    assert_eq!(row.value_type.map(novi::rows::ValueType::as_str), Some("number"));
    // The browser remembers who that was.
    let form = browser.get(page).await;
    form.has("name=\"actor\" value=\"ada\"");
}

#[tokio::test]
async fn flag_that_others_refer_to_cannot_be_deleted() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = browser.get("/flags/1/delete").await;
    page.has("Other flags refer to it:");
    page.has("<a href=\"/admin/flags/3\">express</a>.");
    assert!(!page.text.contains("<button class=\"danger\">"), "{}", page.text);
    let page = "/flags/1/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "name", "newer-checkout");
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    assert!(reply.status == 409 || reply.status == 422, "{}", reply.status);
    reply.has("<h1>Edit new-checkout</h1>");
    reply.has("value=\"newer-checkout\"");
    reply.has("flags that depend on it:");
    reply.has("<a href=\"/admin/flags/3\">express</a>.");
}
