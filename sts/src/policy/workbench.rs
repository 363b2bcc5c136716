//! Rego of any package, under the bounds of a policy and with a policy's functions. It is what the
//! language is tested with; a zone's policy is never evaluated this way.

use regorus::{Engine, Value};

use super::EVALUATION_LIMIT;
use super::diagnostic::Diagnostic;
use super::engine::{add, bounded};
use super::lint::{self, Purpose};
use super::suite::SourceFile;

/// Modules that were taken.
pub struct Workbench(Engine);

impl Workbench {
    /// Takes modules. An error names the first construct that a policy may not use.
    pub fn load(files: &[SourceFile], data: Option<&str>) -> Result<Self, Diagnostic> {
        let mut engine = bounded(EVALUATION_LIMIT)?;
        let wrong = |error: &dyn std::fmt::Display| Diagnostic::from_compiler(&error.to_string());
        for file in files {
            let module = add(&mut engine, &file.name, &file.source)?;
            let found = lint::check(&module, &file.source, Purpose::Library);
            if let Some(error) = found.into_iter().find(Diagnostic::is_error) {
                return Err(error);
            }
        }
        if let Some(data) = data {
            engine.add_data_json(data).map_err(|error| wrong(&error))?;
        }
        Ok(Self(engine))
    }

    /// The value at a path such as `data.example.rule` in JSON; `None` if it is undefined.
    pub fn value(&self, path: &str, input: Option<&str>) -> Result<Option<String>, String> {
        let mut engine = self.0.clone();
        if let Some(input) = input {
            let input = Value::from_json_str(input).map_err(|error| error.to_string())?;
            engine.set_input(input);
        }
        let wrong = |error: anyhow::Error| Diagnostic::from_compiler(&error.to_string()).message;
        let value = match engine.eval_rule(path.to_owned()) {
            Ok(value) => value,
            // The path of a package, or into a rule.
            Err(error) if error.to_string().contains("not a valid rule path") => {
                let results = engine.eval_query(path.to_owned(), false).map_err(wrong)?;
                let result = results.result.into_iter().next();
                let value = result.and_then(|result| result.expressions.into_iter().next());
                value.map_or(Value::Undefined, |expression| expression.value)
            }
            Err(error) => return Err(wrong(error)),
        };
        match value {
            Value::Undefined => Ok(None),
            value => value
                .to_json_str()
                .map(Some)
                .map_err(|error| error.to_string()),
        }
    }
}
