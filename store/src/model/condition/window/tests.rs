#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow here fails its test"
)]

use proptest::prelude::*;

use super::*;

/// 1970-01-05, a Monday.
const MONDAY: u64 = 4 * DAY_S;
const WEEK_S: u64 = 7 * DAY_S;

/// The simple oracle: a week of minutes, painted day by day.
fn painted(window: &WeeklyWindow) -> Vec<bool> {
    let week = usize::from(MINUTES_OF_DAY) * 7;
    let mut minutes = vec![false; week];
    for day in &window.days {
        let midnight = usize::from(MINUTES_OF_DAY) * (*day as usize);
        let (from, mut to) = (usize::from(window.from.0), usize::from(window.to.0));
        if to <= from {
            to += usize::from(MINUTES_OF_DAY);
        }
        for minute in from..to {
            minutes[(midnight + minute) % week] = true;
        }
    }
    minutes
}

fn windows() -> impl Strategy<Value = WeeklyWindow> {
    let days = prop::collection::btree_set(prop::sample::select(&Weekday::ALL[..]), 1..=7);
    (days, 0..MINUTES_OF_DAY, 0..=MINUTES_OF_DAY).prop_filter_map("a span", |(days, from, to)| {
        let days = days.into_iter().collect();
        WeeklyWindow::new(days, TimeOfDay(from), TimeOfDay(to)).ok()
    })
}

proptest! {
    #[test]
    fn at_any_time_it_is_open_iff_the_minute_is_painted(window in windows(), after in 0..WEEK_S, weeks in 0_u64..5000) {
        let now_s = MONDAY + weeks * WEEK_S + after;
        let minutes = painted(&window);
        let minute = usize::try_from(after / 60).unwrap();
        prop_assert_eq!(window.closes_at(now_s).is_some(), minutes[minute]);
    }

    #[test]
    fn until_it_closes_it_is_open_and_then_it_is_not(window in windows(), after in 0..WEEK_S) {
        let minutes = painted(&window);
        let open = |second: u64| minutes[usize::try_from((second - MONDAY) / 60).unwrap() % minutes.len()];
        let now_s = MONDAY + after;
        let Some(end) = window.closes_at(now_s) else { return Ok(()); };
        prop_assert!(end > now_s);
        prop_assert!((now_s..end).step_by(60).all(open));
        prop_assert!(open(end - 1));
        let always = minutes.iter().all(|open| *open);
        prop_assert_eq!(open(end), always);
    }

    #[test]
    fn as_text_and_as_json_it_reads_back(window in windows()) {
        prop_assert_eq!(window.to_string().parse(), Ok(window.clone()));
        let json = serde_json::to_string(&window).unwrap();
        prop_assert_eq!(serde_json::from_str::<WeeklyWindow>(&json).unwrap(), window);
    }
}

#[test]
fn the_edges_are_where_they_are_written() {
    let office: WeeklyWindow = "mon-fri 08:00-18:00".parse().unwrap();
    let hour = |day: u64, hour: u64| MONDAY + day * DAY_S + hour * 3600;
    for (now_s, end) in [
        (hour(0, 8) - 1, None),
        (hour(0, 8), Some(hour(0, 18))),
        (hour(0, 18) - 1, Some(hour(0, 18))),
        (hour(0, 18), None),
        (hour(4, 17), Some(hour(4, 18))),
        (hour(5, 12), None),
    ] {
        assert_eq!(office.closes_at(now_s), end, "{now_s}");
    }
    let night: WeeklyWindow = "sun 22:00-06:00".parse().unwrap();
    assert_eq!(night.closes_at(hour(6, 23)), Some(hour(7, 6)));
    assert_eq!(night.closes_at(hour(7, 5)), Some(hour(7, 6)));
    assert_eq!(night.closes_at(hour(7, 23)), None, "Monday is not named");
    let weekend: WeeklyWindow = "sat,sun 00:00-24:00".parse().unwrap();
    assert_eq!(
        weekend.closes_at(hour(5, 1)),
        Some(hour(7, 0)),
        "no gap at midnight"
    );
}

#[test]
fn what_nobody_can_mean_is_refused() {
    for text in [
        "",
        "mon",
        "mon 08:00",
        "mon 08:00-08:00",
        "mon 24:00-08:00",
        "mon 8:00-18:00",
        "mon 08:00-18:60",
        "mon 08:00-24:01",
        "mon,mon 08:00-18:00",
        "mon-wed,tue 08:00-18:00",
        "Mon 08:00-18:00",
        "monday 08:00-18:00",
        "mon, 08:00-18:00",
        "mon 08:00-18:00-20:00",
    ] {
        assert!(text.parse::<WeeklyWindow>().is_err(), "{text:?}");
    }
    let unknown = r#"{"days":["mon"],"from":"08:00","to":"18:00","zone":"CET"}"#;
    assert!(serde_json::from_str::<WeeklyWindow>(unknown).is_err());
    assert!(
        serde_json::from_str::<WeeklyWindow>(r#"{"days":[],"from":"08:00","to":"18:00"}"#).is_err()
    );
}
