//! Evaluations as charts, the timeline, and recent callers.

use chrono::{TimeDelta, Utc};
use novi::{
    Context,
    store::{HourlyEvaluations, Usage},
};

use crate::site::{ROWS, Site};

fn count(flag: &str, hours_ago: i64, variant: &str, evaluations: i64) -> HourlyEvaluations {
    let hour = Utc::now() - TimeDelta::hours(hours_ago);
    let (flag, variant) = (flag.to_owned(), Some(variant.to_owned()));
    HourlyEvaluations { flag, hour, enabled: true, variant, evaluations }
}

#[tokio::test]
async fn evaluations_are_charts_on_the_list_and_on_the_page_of_a_flag() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    browser.get("/flags/2").await.has("No evaluation is recorded yet.");
    let usage = site.store.usage_store().unwrap();
    let hostile = "<script>window.attacked = 1</script>";
    let counts = vec![
        count("page-layout", 0, "grid", 1200),
        count("page-layout", 3, hostile, 800),
        count("page-layout", 50, "list", 1),
    ];
    usage.record_evaluations(counts).await.unwrap();
    let on = Usage { flag: "page-layout".to_owned(), on: 2001, off: 0 };
    usage.record_usage(vec![on]).await.unwrap();
    let list = browser.get("/flags").await;
    list.has("<title>2,000 evaluations in 24 hours, at most 1,200 in an hour</title>");
    list.has(">now</time>");
    let flag = browser.get("/flags/2").await;
    flag.has("2,001 in the last 7 days");
    flag.has("&lt;script&gt;window.attacked = 1&lt;/script&gt; 800");
    assert!(!flag.text.contains(hostile), "{}", flag.text);
    assert!(!flag.text.contains("style="), "the policy allows no inline styles: {}", flag.text);
    // The colors are those of the bar of shares.
    flag.has(r#"<span class="dot s0"></span>grid 60.0 %"#);
    flag.has(r#"<span class="dot s1"></span>list 0.0 %"#);
    browser.get("/flags/2?hours=24").await.has("2,000 in the last 24 hours");
    browser.get("/flags/2?hours=x").await.has("2,001 in the last 7 days");
}

#[tokio::test]
async fn pages_work_before_the_migration_that_records_evaluations() {
    let site = Site::open(ROWS).await;
    site.run("drop table novi_evaluations").await;
    let mut browser = site.browser();
    browser.get("/flags").await.has("5 flags");
    let flag = browser.get("/flags/2").await;
    flag.has("Evaluations on this server");
    assert!(!flag.text.contains("id=\"evaluations\""), "{}", flag.text);
}

#[tokio::test]
async fn timeline_shows_what_the_time_changes() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let day = |days| (Utc::now() + TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    let (start, end) = (day(3), day(6));
    site.run(&format!(
        r#"INSERT INTO flags (id, name, status) VALUES (50, 'sale', true), (51, 'gradual', true);
        INSERT INTO activations (id, name, class_name, config) VALUES
          (50, 'Three days', 'novi.date_time', '{{"startDateTime": "{start}", "endDateTime": "{end}"}}'),
          (51, 'Up', 'novi.ramp', '{{"linear": true, "steps": [{{"at": "{start}", "percentage": 0}}, {{"at": "{end}", "percentage": 50}}]}}');
        INSERT INTO flags_activations VALUES (50, 50), (51, 51);
        UPDATE flag_metadata SET expires_at = '{end}T00:00:00Z' WHERE flag_id = 50;"#
    ))
    .await;
    let page = browser.get("/timeline").await;
    page.has("Three days");
    page.has("On from <time");
    page.has("rising to 50 % <time");
    page.has("To be removed from <time");
    assert!(!page.text.contains("page-layout"), "{}", page.text);
    browser.get("/timeline?days=7").await.has(r#"days=7" aria-current="true""#);
    browser.get("/timeline?days=abc").await.has("it shows the next 30 days");
    assert_eq!(browser.get("/timeline?cursor=x").await.status, 400);
}

#[tokio::test]
async fn recent_callers_can_be_picked_in_the_playground() {
    let recent = vec![Context::new().with("country", "DE").with("targetingKey", "<b>user-7</b>")];
    let site = Site::with(ROWS, |options, _| options.sample_contexts(5).sample_start(recent)).await;
    let page = site.browser().get("/playground?flag=plain").await;
    page.has("Recent callers");
    page.has("&#60;b&#62;user-7&#60;/b&#62;, country DE");
    page.has("context=%7B%22country%22%3A%22DE%22");
}
