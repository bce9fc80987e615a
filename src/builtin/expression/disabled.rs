//! Problems of rows and files that need the feature.

use crate::{
    activation::{
        Problem,
        registry::{DisabledType, Language},
    },
    builtin::expression::{CLASS, EXTENSION},
};

const FEATURE: &str = "expression";

inventory::submit!(DisabledType { class: CLASS, feature: FEATURE });

inventory::submit!(Language {
    extension: EXTENSION,
    describe: |_| String::new(),
    parse: |_, _| {
        let message = format!("files of expressions need the crate feature `{FEATURE}` of novi");
        Err(vec![Problem { path: "file".to_owned(), message }])
    },
});
