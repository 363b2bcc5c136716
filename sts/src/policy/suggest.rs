//! What a misspelt name was probably meant to be.

/// The nearest of the names, if it is near enough to be meant: two edits, one for short names.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let reach = if name.chars().count() < 4 { 1 } else { 2 };
    names
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= reach)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance. Names come from a source of bounded length; the other side is one of
/// ours, so a row is short.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut before = i;
        let mut last = i.saturating_add(1);
        let mut next = Vec::with_capacity(row.len());
        next.push(last);
        for (b, above) in right.iter().zip(row.iter().skip(1)) {
            let replaced = before.saturating_add(usize::from(a != *b));
            let moved = last.min(*above).saturating_add(1);
            before = *above;
            last = replaced.min(moved);
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        for (left, right, edits) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("allow", "allow", 0),
            ("alow", "allow", 1),
        ] {
            assert_eq!(distance(left, right), edits, "{left} {right}");
        }
        let names = ["allow", "deny"];
        assert_eq!(nearest("alow", names.into_iter()), Some("allow"));
        assert_eq!(nearest("denny", names.into_iter()), Some("deny"));
        assert_eq!(nearest("helper", names.into_iter()), None);
    }
}
