//! Requests of a log that is written in Go.

use super::*;
use crate::note::CheckpointSigner;
use crate::testing::pkcs8;

// Made with Go's golang.org/x/mod/sumdb/tlog and note: tree, proof and signature.
const FIRST: &str = "old 0\n\n\
audit.example/prod\n\
6\n\
fg81EfFibOoJIugCA3pnx/oHYeRw9E38RHHcNTE1+KQ=\n\n\
\u{2014} audit.example/prod gBqkQo2yOfoyyQkjnHJd5LYupV1xe3LCT1fPb2Q470PlBHRq61BwVOYaQOn+/I01YJC1DkMYG+7n4bDErnpYK1k4MwE=\n";
const GROWN: &str = "old 6\n\
X9iS7OlIqZHO6F/sNJspMX1GcRmTwX5sGSGaklzgKFs=\n\
aNgN+YgKj0GMw5Ig+I/AwZYU4zLb5ZQJ49SMlBSH3WU=\n\
sV0rGwetramxO1VcCAYrGueK0bC36Z2X2ULJNqYkRDk=\n\
PpYxLB6rJAas6ObVM/Bp6CDO5blvZ4ilZNpfAMLDOl0=\n\n\
audit.example/prod\n\
11\n\
E08iDjqdAEQ3oA1UfAa7zTzmXrb98wr7U63qrpDBMzU=\n\n\
\u{2014} audit.example/prod gBqkQnkEhhYqB78xQ7r4Qc1qakr9fWivKcur6ceLCq/pAbhhhhZdsOgoG3ty2Bh+gJl6bqRU4Cly4xJVrAeTIuh4Kg8=\n";

#[test]
fn a_log_of_go_is_cosigned_and_asks_with_the_same_bytes_as_ours() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(11));
    let log = SignedLog {
        signer: CheckpointSigner::from_pkcs8("audit.example", &pkcs8(7)).unwrap(),
        ..log
    };
    let witness = place.open(&log);
    for (request, old, size) in [(FIRST, 0, 6), (GROWN, 6, 11)] {
        assert_eq!(log.request(old, size), request.as_bytes());
        assert_eq!(witness.add_checkpoint(request.as_bytes()).status, 200);
    }
    assert_eq!(shown(&place, &log, &witness), Some((11, NOW)));
}
