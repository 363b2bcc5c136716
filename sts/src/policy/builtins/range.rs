//! `numbers.range`. The interpreter's own allocates the whole range before its timer gets a look:
//! five million numbers took 0.3 s and 117 MB under a limit of 10 ms.

use regorus::Value;

use super::Mistake;

/// Most elements.
const MAX: i64 = 10_000;

const WRONG: Mistake =
    Mistake::Argument("numbers.range takes two whole numbers less than 10000 apart");

pub(super) fn range(args: &[Value]) -> Result<Value, Mistake> {
    let [from, to] = args else {
        return Err(WRONG);
    };
    let from = from.as_i64().map_err(|_| WRONG)?;
    let to = to.as_i64().map_err(|_| WRONG)?;
    let distance = from.checked_sub(to).and_then(i64::checked_abs);
    if distance.is_none_or(|distance| distance >= MAX) {
        return Err(WRONG);
    }
    let numbers: Vec<Value> = if from <= to {
        (from..=to).map(Value::from).collect()
    } else {
        (to..=from).rev().map(Value::from).collect()
    };
    Ok(Value::from(numbers))
}
