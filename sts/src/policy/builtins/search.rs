//! `strings.count`. The interpreter's own panics on an empty search text.

use regorus::Value;

use super::{Mistake, text};

pub(super) fn strings_count(args: &[Value]) -> Result<Value, Mistake> {
    let [value, search] = args else {
        return Err(Mistake::Argument("strings.count takes two strings"));
    };
    let value = text(value, "the text of strings.count is no string")?;
    let search = text(search, "the search text of strings.count is no string")?;
    let count = if search.is_empty() {
        // Before each character and at the end, as Go counts.
        value.chars().count().saturating_add(1)
    } else {
        value.matches(&*search).count()
    };
    Ok(Value::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_search_text_is_no_panic() {
        let count = |value: &str, search: &str| {
            let args = [Value::from(value), Value::from(search)];
            strings_count(&args).unwrap().as_u64().unwrap()
        };
        assert_eq!(count("cheese", "e"), 3);
        assert_eq!(count("üü", ""), 3);
        assert_eq!(count("aaa", "aa"), 1);
        assert!(strings_count(&[Value::Null, Value::from("a")]).is_err());
    }
}
