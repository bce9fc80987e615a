//! Files whose expressions are activation types.

use std::sync::Arc;

use novi_cel::{Expression, Span};
use schemars::{Schema, json_schema};

use crate::{
    activation::{
        Activation, CompileContext, Problem,
        registry::{Language, ParsedScript, Script},
    },
    builtin::expression::{
        EXTENSION,
        condition::{Condition, check, compile},
    },
};

inventory::submit!(Language { extension: EXTENSION, describe, parse });

/// An expression, to which rows add a config.
struct File {
    name: Box<str>,
    expression: Expression,
}

/// The comment at the start of a file.
fn describe(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.trim().strip_prefix("//"));
    lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn parse(name: &str, source: &str) -> ParsedScript {
    let problem = |(span, message): (Span, String)| {
        let (line, column) = span.line_column(source);
        Problem { path: format!("line {line}, column {column}"), message }
    };
    let expression = Expression::parse(source)
        .map_err(|error| vec![problem((error.span(), error.message().to_owned()))])?;
    let problems = check(&expression);
    if !problems.is_empty() {
        return Err(problems.into_iter().map(problem).collect());
    }
    Ok(Arc::new(File { name: name.into(), expression }))
}

impl Script for File {
    fn schema(&self) -> Schema {
        json_schema!({
            "description": "The variable config of the expression; `variants` is the list of the variants that it may return",
        })
    }

    fn build(
        &self,
        config: &str,
        row: &mut CompileContext<'_>,
    ) -> Result<Option<Arc<dyn Activation>>, Problem> {
        let config: serde_json::Value = serde_json::from_str(config)
            .map_err(|error| Problem { path: "config".to_owned(), message: error.to_string() })?;
        let names = config.get("variants").and_then(|names| names.as_array());
        let names: Vec<_> =
            names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let (program, problems) = compile(&self.expression, &config, &names);
        for problem in &problems {
            row.problem("", format!("{}, {problem}", self.name));
        }
        let condition = Condition::new(program, &names, row);
        Ok(problems.is_empty().then(|| Arc::new(condition) as Arc<dyn Activation>))
    }
}
