//! Requests at the same time.

use std::sync::Barrier;

use super::*;

#[test]
fn of_many_that_race_from_one_size_one_wins_on_two_instances_of_one_state() {
    const RACERS: usize = 16;
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(200));
    let instances = [place.open(&log), place.open(&log)];
    let mut old = 0;
    for round in 0..8 {
        let start = Barrier::new(RACERS);
        let answers: Vec<(usize, Answer)> = std::thread::scope(|scope| {
            let racers = (0..RACERS).map(|racer| {
                // All of another size: were two to win, one would roll the other back.
                let size = old + 1 + (racer * 7 + round) % RACERS;
                let (witness, start, log) = (&instances[racer % 2], &start, &log);
                scope.spawn(move || {
                    let request = log.request(old, size);
                    start.wait();
                    (size, witness.add_checkpoint(&request))
                })
            });
            let racers: Vec<_> = racers.collect();
            racers.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let won: Vec<_> = answers
            .iter()
            .filter(|(_, answer)| answer.status == 200)
            .collect();
        assert_eq!(won.len(), 1, "round {round}: {answers:?}");
        let (size, _) = won[0];
        let lost = answers.iter().filter(|(other, _)| other != size);
        for (_, answer) in lost {
            assert_eq!((answer.status, &answer.body), (409, &format!("{size}\n")));
        }
        for witness in &instances {
            assert_eq!(shown(&place, &log, witness), Some((*size as u64, NOW)));
        }
        old = *size;
    }
}

#[test]
fn of_two_histories_that_race_one_is_cosigned() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(40));
    let fork = log.forked_at(10);
    let instances = [place.open(&log), place.open(&log)];
    assert_eq!(instances[0].add_checkpoint(&log.request(0, 10)).status, 200);
    let start = Barrier::new(2);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let shown = [(&log, &instances[0]), (&fork, &instances[1])];
        let racers = shown.map(|(history, witness)| {
            let start = &start;
            scope.spawn(move || {
                let request = history.request(10, 20);
                start.wait();
                witness.add_checkpoint(&request).status
            })
        });
        racers.map(|one| one.join().unwrap()).into()
    });
    assert!(
        statuses == [200, 409] || statuses == [409, 200],
        "{statuses:?}"
    );
}

#[test]
fn logs_do_not_wait_for_each_other() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(5));
    let witness = place.open(&log);
    let _other = witness.state.turn("another.example/log").unwrap();
    assert_eq!(witness.add_checkpoint(&log.request(0, 5)).status, 200);
}
