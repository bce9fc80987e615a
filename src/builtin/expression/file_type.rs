//! Files whose expressions are types of their own.

use std::sync::Arc;

use schemars::{Schema, json_schema};

use crate::{
    activation::{
        Activation, Compile, Problem,
        registry::{Language, ReadScript, Script},
    },
    builtin::expression::{
        Expression, parser, resolve as link,
        syntax::{Expr, Wrong},
        told, wrong_outcomes,
    },
};

inventory::submit!(Language { extension: "cel", describe, read });

/// An expression that rows give a config.
struct File {
    name: Box<str>,
    source: Arc<str>,
    expr: Expr,
}

/// The comment with which a file begins.
fn describe(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.trim().strip_prefix("//"));
    lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn read(name: &str, source: &str) -> ReadScript {
    let problem = |wrong: Wrong| {
        let (line, column) = wrong.at.place(source);
        Problem { path: format!("line {line}, column {column}"), message: wrong.message }
    };
    let expr = parser::parse(source).map_err(|wrong| vec![problem(wrong)])?;
    // What is wrong whatever the config.
    let (root, mut wrong) = link::link(&expr, None);
    wrong.extend(wrong_outcomes(&root, None));
    if !wrong.is_empty() {
        return Err(wrong.into_iter().map(problem).collect());
    }
    Ok(Arc::new(File { name: name.into(), source: source.into(), expr }))
}

impl Script for File {
    fn schema(&self) -> Schema {
        json_schema!({
            "description": "What the expression finds in its variable config; `variants`, a list of names, are those that it can give",
        })
    }

    fn build(&self, config: &str, row: &mut Compile<'_>) -> Result<Option<Arc<dyn Activation>>, Problem> {
        let config: serde_json::Value = serde_json::from_str(config)
            .map_err(|error| Problem { path: "config".to_owned(), message: error.to_string() })?;
        let names = config.get("variants").and_then(|names| names.as_array());
        let names = names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
        let (names, config) = (names.collect::<Vec<_>>(), link::of_json(&config));
        let (root, mut wrong) = link::link(&self.expr, Some(&config));
        wrong.extend(wrong_outcomes(&root, Some(&names)));
        for wrong in &wrong {
            row.problem("", format!("{}, {}", self.name, told(wrong, &self.source)));
        }
        let built = Expression::new(root, Arc::clone(&self.source), &names, row);
        Ok(wrong.is_empty().then(|| Arc::new(built) as Arc<dyn Activation>))
    }
}
