//! Flags: created, updated, linked and deleted; by two writers; with unusual names.

use std::{fmt::Write as _, sync::Arc};

use novi::store::{
    NewToken,
    token::{Role, Secret},
};
use novi_server::{Options, Tokens};
use serde_json::{Value, json};

use crate::{
    common::{Kind, database, databases},
    support::{Api, problems},
};

#[tokio::test]
async fn flag_is_created_updated_linked_and_deleted() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let body = json!({
            "name": "a/b/activations", "description": "what for", "owner": "ada", "tags": ["x"],
            "expires_at": "2030-01-31T12:00:00+01:00", "override_allowed": false, "exposed": true, "fail_mode": "last_known",
            "variants": {"big": 150, "small": 2, "A": 1, "B": 2, "C": 3}, "default_variant": "big", "activations": [1, 2],
        });
        let made = api.post("/api/flags", body).await;
        let flag = made.with(201);
        assert_eq!(made.headers["location"], "flags/5");
        assert_eq!((&flag["status"], &flag["activations"]), (&json!(false), &json!([1, 2])));
        assert_eq!(flag["expires_at"], "2030-01-31T11:00:00Z");
        assert_eq!((&flag["fail_mode"], &flag["override_allowed"]), (&json!("last_known"), &json!(false)));
        assert_eq!(flag["exposed"], true);
        assert_eq!(flag["variants"], json!({"big": 150, "small": 2, "A": 1, "B": 2, "C": 3}));
        // This server already uses the flag.
        assert!(api.flags.evaluate("a/b/activations", &novi::Context::new()).is_ok());
        assert_eq!(flag["revision"], api.flags.snapshot().revision().number());

        let named = api.get("/api/flags/named/a/b/activations").await;
        assert_eq!((named.with(200), named.tag()), (flag.clone(), made.tag()));
        let path = "/api/flags/5";
        assert_eq!(api.get(path).await.with(200), flag);

        let dated = api.patch(path, json!({"expires_at": "2027-01-31"})).await.with(200);
        assert_eq!(dated["expires_at"], "2027-01-31T00:00:00Z");
        let changed = api.patch(path, json!({"status": true, "owner": null, "tags": []})).await;
        let now = changed.with(200);
        assert_eq!((&now["status"], &now["owner"], &now["tags"]), (&json!(true), &Value::Null, &json!([])));
        assert_eq!(now["description"], "what for", "absent fields are unchanged");
        assert_eq!(format!("\"{}\"", now["version"]), changed.tag());
        assert!(now["version"].as_i64() > flag["version"].as_i64());

        let renamed =
            api.patch("/api/flags/named/a/b/activations", json!({"name": "c", "status": false})).await;
        assert_eq!(renamed.with(200)["name"], "c");
        api.get("/api/flags/named/a/b/activations").await.error(404, "flag_not_found");

        let unlinked = api.delete("/api/flags/5/activations/1").await.with(200);
        assert_eq!(unlinked["activations"], json!([2]));
        api.delete("/api/flags/5/activations/1").await.error(404, "link_not_found");
        for _ in 0..2 {
            let linked = api.send("PUT", "/api/flags/5/activations/4", &[], None).await.with(200);
            assert_eq!(linked["activations"], json!([2, 4]), "linking again changes nothing");
        }
        let all = api.patch(path, json!({"activations": [1, 4, 1]})).await.with(200);
        assert_eq!(all["activations"], json!([1, 4]));
        for path in ["/api/flags/5/activations/99", "/api/flags/99/activations/1"] {
            api.send("PUT", path, &[], None).await;
            assert_eq!(api.send("PUT", path, &[], None).await.status, 404);
        }

        let gone = api.delete(path).await.with(200);
        assert_eq!(gone["revision"], api.flags.snapshot().revision().number());
        api.get(path).await.error(404, "flag_not_found");
        api.delete(path).await.error(404, "flag_not_found");
        api.patch(path, json!({"status": true})).await.error(404, "flag_not_found");
    }
}

#[tokio::test]
async fn existing_name_or_id_is_a_conflict() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let error = api.post("/api/flags", json!({"name": "Combo AND"})).await.error(409, "already_exists");
    assert_eq!(problems(&error), [("/name".to_owned(), "flags#3 already has this name".to_owned())]);
    api.post("/api/flags", json!({"name": "new", "id": 3})).await.error(409, "already_exists");
    api.patch("/api/flags/1", json!({"name": "Combo AND"})).await.error(409, "already_exists");
    // Its own name is not taken.
    api.patch("/api/flags/3", json!({"name": "Combo AND"})).await.with(200);
}

#[tokio::test]
async fn second_writer_with_an_old_version_gets_a_conflict() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let other = api.second_server(&database).await;
        let seen = api.get("/api/flags/3").await;
        let tag = seen.tag().to_owned();
        let first =
            api.send("PATCH", "/api/flags/3", &[("if-match", &tag)], Some(&json!({"owner": "ada"}))).await;
        first.with(200);
        // The other server may not have loaded the first change yet.
        let body = json!({"owner": "bob"});
        let second = other.send("PATCH", "/api/flags/3", &[("if-match", &tag)], Some(&body)).await;
        let conflict = second.error(412, "conflict")["conflict"].clone();
        assert_eq!(conflict["theirs"]["owner"], "ada", "{conflict}");
        assert_eq!(conflict["yours"], body);
        assert_eq!(format!("\"{}\"", conflict["expected"]), tag);
        assert_eq!(format!("\"{}\"", conflict["found"]), first.tag());
        // The version may be in the body, and the ETag may be weak.
        let version = seen.json()["version"].clone();
        api.patch("/api/flags/3", json!({"owner": "bob", "version": version})).await.error(412, "conflict");
        let weak = format!("W/{}", first.tag());
        api.send("DELETE", "/api/flags/3", &[("if-match", &tag)], None).await.error(412, "conflict");
        other.send("PATCH", "/api/flags/3", &[("if-match", &weak)], Some(&body)).await.with(200);
        // A dry run checks the version, too.
        let dry = "/api/flags/3?dry_run=true";
        api.send("PATCH", dry, &[("if-match", &tag)], Some(&body)).await.error(412, "conflict");
        for wrong in ["4", "\"four\"", ""] {
            let reply = api.send("PATCH", "/api/flags/3", &[("if-match", wrong)], Some(&body)).await;
            reply.error(400, "invalid_header");
        }
        let both = json!({"owner": "x", "version": 1});
        api.send("PATCH", "/api/flags/3", &[("if-match", "\"2\"")], Some(&both))
            .await
            .error(400, "invalid_header");
    }
}

#[tokio::test]
async fn concurrent_writers_without_versions_lose_no_change() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let other = api.second_server(&database).await;
        // Each sets one field, but writes the whole row.
        for round in 0..5 {
            let (owner, text) =
                (json!({"owner": round.to_string()}), json!({"description": round.to_string()}));
            let (one, two) =
                tokio::join!(api.patch("/api/flags/3", owner), other.patch("/api/flags/3", text));
            one.with(200);
            two.with(200);
            api.flags.refresh().await.unwrap();
            let flag = api.get("/api/flags/3").await.with(200);
            assert_eq!(
                (&flag["owner"], &flag["description"]),
                (&json!(round.to_string()), &json!(round.to_string()))
            );
        }
        // If an id was taken in the meantime, the next one is chosen.
        let made = |api: &'_ Api, name: String| {
            let (base, body) = (api.base.clone(), json!({"name": name}).to_string());
            async move {
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                let request =
                    client.post(format!("{base}/api/flags")).header("content-type", "application/json");
                request.body(body).send().await.unwrap().status()
            }
        };
        for round in 0..5 {
            let (one, two) =
                tokio::join!(made(&api, format!("one {round}")), made(&other, format!("two {round}")));
            assert_eq!((one.as_u16(), two.as_u16()), (201, 201));
        }
        api.flags.refresh().await.unwrap();
        assert_eq!(api.get("/api/status").await.with(200)["counts"]["flags"], 14);
    }
}

#[tokio::test]
async fn dry_run_returns_the_plan_and_writes_nothing() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let plan = api.patch("/api/flags/3?dry_run=true", json!({"status": false})).await.with(200);
        let flag = &plan["plan"]["flags"][0];
        assert_eq!((&flag["name"], &flag["effect"]), (&json!("Combo AND"), &json!("changed")));
        assert_eq!(flag["fields"], json!([{"field": "status", "before": true, "after": false}]));
        assert_eq!((&plan["written"], &plan["problems"]), (&json!(false), &json!([])));
        // A rename draws the callers again if the salt is the name.
        let half =
            json!({"id": 30, "name": "half", "class_name": "novi.percentage", "config": {"percentage": 50}});
        let flag = json!({"name": "drawn", "id": 30, "status": true, "activations": [30]});
        let changes = json!({"changes": [{"create_activation": half}, {"create_flag": flag}]});
        api.post("/api/edits", changes).await.with(200);
        let before = api.store.revision().await.unwrap();
        let plan = api.patch("/api/flags/30?dry_run=true", json!({"name": "other"})).await.with(200);
        assert_eq!(plan["plan"]["flags"][0]["answer_may_change"], true, "{plan}");
        let plan = api.patch("/api/flags/3?dry_run=true", json!({"name": "other"})).await.with(200);
        assert_eq!(plan["plan"]["flags"][0]["answer_may_change"], false, "{plan}");
        api.delete("/api/flags/3?dry_run=true").await.with(200);
        api.post("/api/flags?dry_run=true", json!({"name": "new"})).await.with(200);
        let plan =
            api.patch("/api/activations/1?dry_run=true", json!({"class_name": "nope"})).await.with(200);
        assert_eq!(plan["problems"][0]["pointer"], "/class_name");
        assert_eq!(plan["plan"]["activations"][0]["id"], 1);
        api.send("PUT", "/api/flags/1/activations/3?dry_run=true", &[], None).await.with(200);
        api.post("/api/activations/1/members?dry_run=true", json!({"members": ["a"]})).await.with(200);
        let edit = json!({"changes": [{"delete_flag": {"row": "Combo OR"}}]});
        api.post("/api/edits?dry_run=true", edit).await.with(200);
        assert_eq!(api.store.revision().await.unwrap(), before);
        assert_eq!(api.store.load().await.unwrap().flags.len(), 5);
    }
}

/// Sends all requests at once, each over its own connection, and returns the statuses.
async fn at_once(api: &Api, method: &str, path: &str, bodies: Vec<Value>) -> Vec<u16> {
    let requests = bodies.into_iter().map(|body| {
        let (url, method) = (format!("{}{path}", api.base), method.parse().unwrap());
        tokio::spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = client.request(method, url).header("content-type", "application/json");
            request.body(body.to_string()).send().await.unwrap().status().as_u16()
        })
    });
    let mut statuses = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        statuses.push(request.await.unwrap());
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_without_a_version_never_conflict() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let other = api.second_server(&database).await;
        let fields = |number: usize| match number % 3 {
            0 => json!({"owner": number.to_string()}),
            1 => json!({"status": number.is_multiple_of(2)}),
            _ => json!({"activations": [number % 4 + 1]}),
        };
        let bodies: Vec<_> = (0..40).map(fields).collect();
        let (one, two) = tokio::join!(
            at_once(&api, "PATCH", "/api/flags/3", bodies.clone()),
            at_once(&other, "PATCH", "/api/flags/3", bodies),
        );
        assert_eq!((one, two), (vec![200; 40], vec![200; 40]), "{:?}", database.kind);
        let configs = (0..20).map(|number| json!({"name": number.to_string()})).collect();
        let changed = at_once(&api, "PATCH", "/api/activations/2", configs).await;
        assert_eq!(changed, [200; 20], "{:?}", database.kind);
        // An id that is chosen by the server may be taken as often.
        let names = (0..40).map(|number| json!({"name": format!("new {number}")})).collect();
        assert_eq!(at_once(&api, "POST", "/api/flags", names).await, [201; 40], "{:?}", database.kind);
    }
}

#[tokio::test]
async fn enabling_a_flag_that_would_close_a_cycle_is_rejected() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let depends = |id, on: &str| json!({"create_activation": {"id": id, "name": on, "class_name": "novi.flag", "config": {"flag": on}}});
        let changes = json!({"changes": [
            {"create_flag": {"name": "hen", "id": 20}}, {"create_flag": {"name": "egg", "id": 21, "status": true}},
            depends(20, "egg"), depends(21, "hen"),
            {"link": {"flag": "hen", "activation": 20}}, {"link": {"flag": "egg", "activation": 21}},
        ]});
        api.post("/api/edits", changes).await.with(200);
        let on = json!({"status": true});
        let planned = api.patch("/api/flags/20?dry_run=true", on.clone()).await.with(200)["problems"].clone();
        assert_eq!(planned[0]["flags"], json!(["egg", "hen"]), "{planned}");
        let error = api.patch("/api/flags/20", on.clone()).await.error(422, "invalid");
        assert_eq!(error["problems"], planned);
        api.patch("/api/flags/21", json!({"status": false})).await.with(200);
        api.patch("/api/flags/20", on).await.with(200);
    }
}

#[tokio::test]
async fn innocent_changes_pass_next_to_a_broken_flag() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let script = "insert into flags (id, name, status) values (20, 'child', true);
            insert into activations (id, name, class_name, config) values (20, 'c', 'novi.flag', '{\"flag\": \"checkout\"}');
            insert into flags_activations (flag_id, activation_id) values (20, 20);";
        api.store.run_script(script).await.unwrap();
        api.flags.refresh_to(api.store.revision().await.unwrap()).await.unwrap();
        // The issue of `child` then suggests this name.
        let made = api.post("/api/flags", json!({"name": "checkout2"})).await.with(201);
        api.patch("/api/flags/named/child", json!({"name": "child2", "owner": "ada"})).await.with(200);
        api.delete(&format!("/api/flags/{}", made["id"])).await.with(200);
        let config = json!({"config": {"flag": "nobody"}});
        api.patch("/api/activations/20", config).await.error(422, "invalid");
    }
}

/// Percent-encodes every byte, which is correct for any name.
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").unwrap();
        text
    })
}

#[tokio::test]
async fn unusual_names_are_stored_exactly_or_rejected() {
    let kept = [
        "🚀",
        "שלום",
        "/?#%00",
        "a/b",
        "named/x",
        "7",
        "e\u{301}",
        "é",
        "x'); drop table flags; --",
        "\" or 1=1",
        "%",
        "_",
        "<img onerror=alert(1)>",
        "{*name}",
        "\\",
        "tab\tand\nline",
        &"ä".repeat(255),
    ];
    for database in databases().await {
        let api = Api::start(&database).await;
        for name in kept {
            let made = api.post("/api/flags", json!({"name": name})).await;
            if database.kind == Kind::MySql && made.status == 409 {
                // Its collation may consider two names equal.
                continue;
            }
            let flag = made.with(201);
            assert_eq!(flag["name"], name);
            let path = format!("/api/flags/named/{}", escaped(name));
            assert_eq!(api.get(&path).await.with(200)["id"], flag["id"]);
            let found = api.get(&format!("/api/flags?name={}", escaped(name))).await.with(200);
            assert_eq!(
                (&found["items"][0]["id"], found["items"].as_array().unwrap().len()),
                (&flag["id"], 1)
            );
            let history = api.get(&format!("/api/history?flag={}", escaped(name))).await.with(200);
            assert!(!history["items"].as_array().unwrap().is_empty());
            assert_eq!(api.patch(&path, json!({"status": true})).await.with(200)["status"], true);
        }
        for (name, message) in [
            ("", "expected a name that is not empty"),
            ("a\0b", "expected text without NUL characters"),
            (&"x".repeat(10_000), "expected at most 255 characters, found 10000"),
        ] {
            let error = api.post("/api/flags", json!({"name": name})).await.error(422, "invalid");
            assert_eq!(problems(&error), [("/name".to_owned(), message.to_owned())], "{name:?}");
        }
        api.get("/api/history?flag=%00").await.error(404, "flag_not_found");
        api.get(&format!("/api/history?flag={}", "x".repeat(10_000))).await.error(404, "flag_not_found");
        assert_eq!(
            api.get("/api/flags?q=drop%20table&sort=name").await.with(200)["items"][0]["name"],
            kept[8]
        );
        let error = api.get("/api/flags?sort=name;drop").await.error(400, "invalid_query");
        let message = "query: sort: unknown value `name;drop`; did you mean `name`?";
        assert_eq!(error["message"], message);
    }
}

#[tokio::test]
async fn history_has_the_reason() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let reason = [("x-novi-reason", "der Laden ist voll: äöü")];
        api.send("PATCH", "/api/flags/3", &reason, Some(&json!({"status": false}))).await.with(200);
        api.delete("/api/flags/4?reason=unused").await.with(200);
        api.settled().await;
        let history = api.get("/api/history?flag=Combo%20AND&limit=1").await.with(200);
        assert_eq!(history["items"][0]["reason"], "der Laden ist voll: äöü");
        assert_eq!(
            history["items"][0]["fields"][0],
            json!({"field": "status", "before": true, "after": false})
        );
        let history = api.get("/api/history?flag=Combo%20OR&limit=1").await.with(200);
        assert_eq!(history["items"][0]["reason"], "unused");
        let long = "x".repeat(1001);
        let reply = api.send("DELETE", "/api/flags/3", &[("x-novi-reason", &long)], None).await;
        reply.error(400, "invalid_query");
    }
}

#[tokio::test]
async fn history_has_the_token_name_as_actor() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let store = Arc::clone(&api.store);
        let (admin, server) =
            (Secret::generate(Role::Admin).unwrap(), Secret::generate(Role::Server).unwrap());
        for (secret, name) in [(&admin, "deploy-bot"), (&server, "shop")] {
            store.token_store().unwrap().create_token(NewToken::of(secret).name(name)).await.unwrap();
        }
        let mut options = Options::default();
        options.tokens = Tokens::follow(Arc::clone(&store) as _, Tokens::INTERVAL).await;
        let api = Api::over_with(store, options).await;
        let body = json!({"status": false});
        let bearer = |secret: &Secret| format!("Bearer {}", secret.reveal());
        let (admin, server) = (bearer(&admin), bearer(&server));
        let as_admin = [("authorization", admin.as_str())];
        api.send("PATCH", "/api/flags/3", &as_admin, Some(&body)).await.with(200);
        let changes = json!({"changes": [{"update_flag": {"row": 3, "set": {"owner": "ada"}}}]});
        api.send("POST", "/api/edits", &as_admin, Some(&changes)).await.with(200);
        let to = json!({"to": "2", "flag": "Combo AND"});
        api.send("POST", "/api/rollback?dry_run=true", &as_admin, Some(&to)).await;
        let actors = async || {
            let reply = api.send("GET", "/api/history?flag=Combo%20AND", &as_admin, None).await.with(200);
            let items = reply["items"].as_array().unwrap().clone();
            items
                .into_iter()
                .filter(|item| item["operation"] == "update")
                .map(|item| item["actor"].clone())
                .collect::<Vec<_>>()
        };
        let found = actors().await;
        assert!(found.len() >= 2 && found.iter().all(|actor| actor == "deploy-bot"), "{found:?}");
        // Other roles may read, but not write.
        let as_server = [("authorization", server.as_str())];
        api.send("PATCH", "/api/flags/3", &as_server, Some(&body)).await.error(403, "forbidden");
        api.send("GET", "/api/flags", &as_server, None).await.with(200);
        api.send("GET", "/api/tokens", &as_server, None).await.error(403, "forbidden");
        api.send("GET", "/api/types", &as_server, None).await.with(200);
        api.send("POST", "/api/evaluate/Combo%20AND", &as_server, Some(&json!({}))).await.with(200);
        api.post("/api/edits", changes).await.error(401, "unauthorized");
    }
}
