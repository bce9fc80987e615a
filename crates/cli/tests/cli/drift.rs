//! `novi apply` over rows that others have changed since.

use crate::{
    common::databases,
    support::{Folder, the_same},
};

const FLAGS: &str = "\
flags:
  beta: {status: true, owner: web}
  search:
    status: true
    activations:
    - name: Some
      class_name: novi.percentage
      config: {percentage: 5}
";

#[tokio::test]
async fn what_others_have_changed_is_not_overwritten_on_every_database() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.write("flags.yaml", FLAGS);
        folder.write("more.yaml", FLAGS.replace("owner: web", "owner: shop"));
        folder.run(&["apply", "flags.yaml", "--name", "shop", "--reason", "First"]).expect(0);
        folder.run(&["disable", "beta", "--actor", "grace", "--reason", "Errors"]).expect(0);
        // Another field of the same flag is no obstacle, but the status is.
        let refused = folder.run(&["apply", "more.yaml", "--name", "shop"]).expect(5);
        let refused = refused.err;
        assert!(refused.contains("flags#1 \"beta\" was changed by grace, 20"), "{refused}");
        assert!(refused.contains("(Errors): status true -> false"), "{refused}");
        let mut transcript = folder.transcript(&[
            // Another name has another last apply.
            &["apply", "more.yaml", "--dry-run"],
            &["apply", "flags.yaml", "--name", "SHOP", "--dry-run"],
        ]);
        let plan = folder.run(&["plan", "more.yaml", "--name", "shop"]).expect(0);
        assert!(plan.err.contains("was changed by grace"), "{plan:?}");
        let json = folder.run(&["plan", "more.yaml", "--name", "shop", "--json"]).expect(0).json();
        assert_eq!(json["overwritten"][0]["fields"][0]["field"], "status", "{json}");
        let markdown =
            folder.run(&["plan", "more.yaml", "--name", "shop", "--format", "markdown"]).expect(0).out;
        assert!(markdown.contains("- **Changed by others** since the last apply: flags#1"), "{markdown}");
        folder.write("taken.yaml", FLAGS.replace("status: true, owner: web", "status: false, owner: shop"));
        transcript += &folder.transcript(&[&["apply", "taken.yaml", "--name", "shop"]]);
        // A flag that was deleted is created again, a link that was removed is added again: both undo a change.
        folder.run(&["flag", "delete", "beta", "--actor", "ann"]).expect(0);
        folder.run(&["unlink", "search", "Some", "--actor", "bob"]).expect(0);
        let refused = folder.run(&["apply", "taken.yaml", "--name", "shop"]).expect(5).err;
        assert!(refused.contains("flags#1 \"beta\" was deleted by ann"), "{refused}");
        assert!(refused.contains("was deleted by bob"), "{refused}");
        let drift = folder.run(&["drift", "taken.yaml"]).expect(1).out;
        assert!(drift.contains("beta was deleted by ann"), "{drift}");
        let json = folder.run(&["apply", "taken.yaml", "--name", "shop", "--json"]).expect(5).err;
        assert!(json.contains("\"code\": \"drift\""), "{json}");
        folder.run(&["apply", "taken.yaml", "--name", "shop", "--force"]).expect(0);
        transcript += &folder.transcript(&[&["apply", "taken.yaml", "--name", "shop"]]);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn flags_that_were_pulled_and_changed_can_be_applied() {
    let folder = Folder::migrated();
    folder.write("flags.yaml", FLAGS);
    folder.run(&["apply", "flags.yaml"]).expect(0);
    folder.run(&["disable", "beta"]).expect(0);
    folder.run(&["apply", "flags.yaml"]).expect(5);
    folder.run(&["pull", "flags.yaml"]).expect(0);
    let text = std::fs::read_to_string(folder.path("flags.yaml")).unwrap();
    folder.write("flags.yaml", text.replace("owner: web", "owner: shop"));
    folder.run(&["apply", "flags.yaml"]).expect(0);
    folder.run(&["apply", "flags.yaml"]).expect(0);
}
