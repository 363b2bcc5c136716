package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// inclusion checks a C2SP tlog-proof of an entry.
func inclusion(file, key, entry string) error {
	record, err := os.ReadFile(entry)
	if err != nil {
		return err
	}
	head, hashes, tree, err := proof(file, key)
	if err != nil {
		return err
	}
	if len(head) == 3 && strings.HasPrefix(head[1], "extra ") {
		head = append(head[:1], head[2])
	}
	if len(head) != 2 || head[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	index, err := labelled(head[1], "index ")
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(record)); err != nil {
		return fmt.Errorf("inclusion: %w", err)
	}
	ok("inclusion", index)
	return nil
}

// consistency checks that a checkpoint continues an older one; the proof is a request of C2SP tlog-witness.
func consistency(file, key, older string) error {
	head, hashes, tree, err := proof(file, key)
	if err != nil {
		return err
	}
	if len(head) != 1 {
		return errors.New("not a proof of consistency")
	}
	size, err := labelled(head[0], "old ")
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	before, err := checkpoint(older, verifier)
	if err != nil {
		return fmt.Errorf("older checkpoint: %w", err)
	}
	if before.N != size {
		return errors.New("the proof is from another checkpoint")
	}
	if err := tlog.CheckTree(hashes, tree.N, tree.Hash, before.N, before.Hash); err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	ok("consistency", size)
	return nil
}

// proof reads lines that say what it is, hashes, an empty line, and a checkpoint, which is verified.
func proof(file, key string) (head []string, hashes []tlog.Hash, tree tlog.Tree, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, tree, err
	}
	top, signed, found := strings.Cut(string(data), "\n\n")
	if !found {
		return nil, nil, tree, errors.New("there is no checkpoint")
	}
	for _, line := range strings.Split(top, "\n") {
		if hash, err := tlog.ParseHash(line); err == nil {
			hashes = append(hashes, hash)
		} else if len(hashes) == 0 {
			head = append(head, line)
		} else {
			return nil, nil, tree, err
		}
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, nil, tree, err
	}
	tree, err = opened([]byte(signed), verifier)
	return head, hashes, tree, err
}

func labelled(line, label string) (int64, error) {
	number, found := strings.CutPrefix(line, label)
	if !found {
		return 0, fmt.Errorf("no line begins with %q", label)
	}
	return strconv.ParseInt(number, 10, 64)
}
