"""Verifies one zone of an export, and needs nothing of Caracal: Python's standard library, and openssl.

    python3 check.py DIR/ZONE VERIFIER_KEY

VERIFIER_KEY is that of the zone's log: `caracal witness log --key ledger.vkey --of ZONE`.
"""

import base64
import hashlib
import pathlib
import subprocess
import sys
import tempfile


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def read_frontier(folder):
    """The tree before the first entry: its size, and the roots of its perfect subtrees, largest first."""
    file = folder / "frontier"
    if not file.exists():
        return 0, []
    size, *roots = file.read_text().splitlines()
    return int(size), [base64.b64decode(root, validate=True) for root in roots]


def append(size, roots, leaf):
    """RFC 6962: each trailing one of the size is a subtree that the leaf completes to a larger one."""
    node = leaf
    while size & 1:
        node = sha256(b"\x01", roots.pop(), node)
        size >>= 1
    roots.append(node)


def root_of(roots):
    node = roots[-1]
    for left in reversed(roots[:-1]):
        node = sha256(b"\x01", left, node)
    return node


def rebuild(folder):
    size, roots = read_frontier(folder)
    entries = 0
    with open(folder / "entries.jsonl", "rb") as lines:
        for line in lines:
            assert line.endswith(b"\n"), "entries: the last line has no end"
            append(size, roots, sha256(b"\x00", line[:-1]))
            size += 1
            entries += 1
    print("ok entries", entries)
    return size, root_of(roots)


def verify_signature(text, lines, key):
    """C2SP signed-note with Ed25519."""
    name, key_id, blob = key.split("+", 2)
    public = base64.b64decode(blob, validate=True)
    assert public[0] == 1, "signature: the key is not Ed25519"
    for line in lines:
        dash, by, blob = line.split(" ")
        signature = base64.b64decode(blob, validate=True)
        if dash == "\u2014" and by == name and signature[:4].hex() == key_id:
            break
    else:
        raise AssertionError("signature: there is none by " + name)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        # SubjectPublicKeyInfo of an Ed25519 key, RFC 8410.
        (scratch / "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + public[1:])
        (scratch / "text").write_text(text)
        (scratch / "signature").write_bytes(signature[4:])
        command = "openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey key -in text -sigfile signature"
        done = subprocess.run(command.split(), cwd=scratch, capture_output=True)
        assert done.returncode == 0, "signature: it does not verify"


def main(folder, key):
    folder = pathlib.Path(folder)
    note = (folder / "checkpoint").read_text()
    text, signatures = note.split("\n\n", 1)
    text += "\n"
    origin, size, root = text.splitlines()[:3]
    assert rebuild(folder) == (int(size), base64.b64decode(root)), "root: the entries lead to another one"
    print("ok root", size)
    assert origin == key.split("+")[0], "signature: the checkpoint is of the log " + origin
    verify_signature(text, signatures.splitlines(), key)
    print("ok signature")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except AssertionError as error:
        sys.exit("failed: " + str(error))
