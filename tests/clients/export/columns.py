"""Reads entries.parquet of one zone with DuckDB, and rebuilds the tree from its leaves.

    run DIR/ZONE
"""

import json
import pathlib
import sys

import duckdb

import check


def main(folder):
    folder = pathlib.Path(folder)
    table = duckdb.read_parquet(str(folder / "entries.parquet"))
    print("types", ", ".join(f"{name} {kind}" for name, kind in zip(table.columns, table.types)))
    size, roots = check.read_frontier(folder)
    rows = 0
    # As numbers: DuckDB's times with a zone need a further package in Python.
    rows_of = table.project("* REPLACE (epoch_ms(recorded) AS recorded, epoch_ms(time) AS time)")
    for row in rows_of.order("index").fetchall():
        row = dict(zip(table.columns, row))
        leaf = row["leaf"].encode()
        assert row["index"] == size, "columns: index"
        assert row["leaf_hash"] == check.sha256(b"\x00", leaf), "columns: leaf_hash"
        record = json.loads(leaf)
        event = record["event"]
        for name in set(event) & set(row) - {"emitter"}:
            assert row[name] == event[name], f"columns: {name}"
        for name in set(table.columns) & {"reason", "application", "detail", "epoch"} - set(event):
            assert row[name] is None, f"columns: {name}"
        assert row["recorded"] == record["recorded_ms"], "columns: recorded"
        assert row["time"] == event["time_ms"], "columns: time"
        emitter = event["emitter"]
        stated = {"name": row["emitter"], "boot": row["boot"], "seq": row["seq"]}
        assert stated == emitter, "columns: emitter"
        check.append(size, roots, row["leaf_hash"])
        size += 1
        rows += 1
    print("ok columns", rows)
    _, signed, root = (folder / "checkpoint").read_text().splitlines()[:3]
    assert (size, check.base64.b64encode(check.root_of(roots)).decode()) == (int(signed), root), "root"
    print("ok root", size)
    for row in table.filter("outcome = 'deny'").aggregate("application, reason, count(*)").fetchall():
        print(*row)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except AssertionError as error:
        sys.exit("failed: " + str(error))
