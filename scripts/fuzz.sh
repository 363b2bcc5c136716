#!/usr/bin/env bash
# Builds the fuzz targets with coverage and runs each of them for a while; docs/fuzzing.md.
#
#   FUZZ_SECONDS   how long each runs (600)
#   FUZZ_TARGETS   which, by name ("token chain"); all, if it is not set
#   FUZZ_JOBS      how many at the same time (one for each core)
#   FUZZ_INPUT     a file: run the one target of FUZZ_TARGETS on it and nothing else
. "$(dirname "$0")/lib.sh"
rust_ready || die "no Rust >= $RUST_MIN" "run: make setup"

FUZZ=$ROOT/tests/fuzz
SEEDS=$FUZZ/seeds
PLACE=$CACHE/fuzz
CORPUS=$PLACE/corpus     # what the fuzzer found worth keeping; it goes on from there
FINDINGS=$PLACE/findings # inputs that broke a law, and slow ones
TARGET_DIR=${FUZZ_TARGET_DIR:-$PLACE/target}
TRIPLE=$(rustc -vV | sed -n 's/^host: //p')
SECONDS_EACH=${FUZZ_SECONDS:-600}
JOBS=${FUZZ_JOBS:-$(nproc)}

all_targets() { basename -s .rs -a "$FUZZ"/*/src/bin/*.rs; }
read -r -a TARGETS <<<"${FUZZ_TARGETS:-$(all_targets | tr '\n' ' ')}"
for target in "${TARGETS[@]}"; do
  compgen -G "$FUZZ/*/src/bin/$target.rs" >/dev/null ||
    die "there is no fuzz target $target" "There are: $(all_targets | tr '\n' ' ')"
done

if ! have c++; then
  HELP=("The engine, libFuzzer, is C++; g++ comes from apt.")
  step "installing g++" apt_install g++
fi

# The coverage that libFuzzer follows is LLVM's own pass, which the stable compiler has. There is no
# AddressSanitizer, which it has not: the crates forbid unsafe code, and what it would find in the C
# of AWS-LC and SQLite is for their own fuzzers. `--target` keeps build scripts and macros without
# coverage, which could not be linked.
# shellcheck disable=SC2317  # `step` calls it
build_targets() {
  local flags=(--cfg fuzzing -Cpasses=sancov-module)
  local llvm
  for llvm in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=("-Cllvm-args=-sanitizer-coverage-$llvm")
  done
  cd "$FUZZ"
  RUSTFLAGS="${flags[*]}" CARGO_TARGET_DIR=$TARGET_DIR \
    cargo_locked build --release --target "$TRIPLE" "${TARGETS[@]/#/--bin=}"
}

# Longest input that is tried. A parser's own bound on the length is not what is looked for, and
# shorter inputs are tried more often.
longest() {
  case $1 in
    feed | policy | decision) echo 2048 ;;
    certificate | proof) echo 1536 ;;
    tile) echo 8200 ;;
    words | address | peer_message) echo 512 ;;
    *) echo 4096 ;;
  esac
}

dictionary() {
  case $1 in
    token | chain | config | jwt | json | record | management) echo json ;;
    path | words | head | check_request) echo http ;;
    settings | address) echo settings ;;
    form | policy) echo "$1" ;;
  esac
}

# run TARGET: one target until its time is over or a law is broken. Prints nothing.
run() {
  local target=$1 words
  words=$(dictionary "$target")
  mkdir -p "$CORPUS/$target" "$FINDINGS/$target"
  # An input that takes 5 s is a finding like one that breaks a law; over 1 s it is kept to look at.
  "$TARGET_DIR/$TRIPLE/release/$target" \
    -max_total_time="$SECONDS_EACH" -max_len="$(longest "$target")" \
    -timeout=5 -report_slow_units=1 -rss_limit_mb=2048 -malloc_limit_mb=256 \
    -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$FINDINGS/$target/" \
    ${words:+-dict="$FUZZ/dictionaries/$words.dict"} \
    "$CORPUS/$target" "$SEEDS/$target" >"$LOGS/fuzz-$target.log" 2>&1
}

# final NAME LOG: a number of libFuzzer's last account.
final() { sed -n "s/^stat::$1: *//p" "$2" | tail -n 1; }

report() {
  local target log edges
  printf '\n%-14s %12s %8s %8s %8s %8s  %s\n' target executions per-s edges corpus slowest result
  for target in "${TARGETS[@]}"; do
    log=$LOGS/fuzz-$target.log
    edges=$(grep -oE ' cov: [0-9]+' "$log" | tail -n 1 | tr -dc 0-9) || true
    printf '%-14s %12s %8s %8s %8s %7ss  %s\n' "$target" \
      "$(final number_of_executed_units "$log")" "$(final average_exec_per_sec "$log")" \
      "${edges:-0}" "$(find "$CORPUS/$target" -type f | wc -l)" \
      "$(final slowest_unit_time_sec "$log")" "$(cat "$LOGS/fuzz-$target.result")"
  done
}

HELP=("Rust's part needs rustc >= $RUST_MIN, the engine's a C++ compiler.")
step "building the fuzz targets with coverage" build_targets

if [ -n "${FUZZ_INPUT:-}" ]; then
  [ ${#TARGETS[@]} -eq 1 ] || die "FUZZ_INPUT is for one target" "say which: FUZZ_TARGETS=token"
  exec "$TARGET_DIR/$TRIPLE/release/${TARGETS[0]}" -timeout=5 -rss_limit_mb=2048 "$FUZZ_INPUT"
fi

# fuzz TARGET: runs it and leaves a word about how it went.
fuzz() {
  local target=$1 result=passed code=0
  run "$target" || code=$?
  case $code in
    0) ;;
    70) result="TOO SLOW" ;;
    71) result="TOO MUCH MEMORY" ;;
    *) result=BROKEN ;;
  esac
  echo "$result" >"$LOGS/fuzz-$target.result"
  say "$target: $result after $(final number_of_executed_units "$LOGS/fuzz-$target.log") executions"
}

say "fuzzing ${#TARGETS[@]} targets for $SECONDS_EACH s each, $JOBS at a time; logs in $LOGS"
running=0
for target in "${TARGETS[@]}"; do
  if [ "$running" -ge "$JOBS" ]; then
    wait -n
  else
    running=$((running + 1))
  fi
  fuzz "$target" &
done
wait
report

broken=()
for target in "${TARGETS[@]}"; do
  [ "$(cat "$LOGS/fuzz-$target.result")" = passed ] || broken+=("$target")
done
[ ${#broken[@]} -gt 0 ] || { say "make fuzz: passed"; exit 0; }
for target in "${broken[@]}"; do
  input=$(sed -n 's/.*Test unit written to //p' "$LOGS/fuzz-$target.log" | tail -n 1)
  warn "$target: the log is $LOGS/fuzz-$target.log"
  warn "again: FUZZ_TARGETS=$target FUZZ_INPUT=${input:-?} make fuzz"
done
die "a law is broken" "docs/fuzzing.md says what to do with a finding"
