// A published log, verified with Go's own libraries: see tests/clients/README.md.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

const usage = `usage: run FOLDER VERIFIER_KEY [OLDER_CHECKPOINT]
       run inclusion PROOF VERIFIER_KEY ENTRY
       run consistency PROOF VERIFIER_KEY OLDER_CHECKPOINT`

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 4 && args[0] == "inclusion":
		err = inclusion(args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "consistency":
		err = consistency(args[1], args[2], args[3])
	case len(args) == 2 || len(args) == 3:
		err = run(args[0], args[1], args[2:])
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func run(folder, key string, older []string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	tree, err := checkpoint(filepath.Join(folder, "checkpoint"), verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	ok("checkpoint", tree.N)

	log := &tiles{folder: folder, tree: tree, data: make(map[tlog.Tile][]byte)}
	root, err := tlog.TreeHash(tree.N, tlog.TileHashReader(tree, log))
	if err != nil {
		return fmt.Errorf("tree: %w", err)
	}
	if root != tree.Hash {
		return errors.New("tree: the tiles have another root")
	}
	all := tlog.NewTiles(height, 0, tree.N)
	for _, tile := range all {
		if err := log.verify(tile); err != nil {
			return fmt.Errorf("%s: %w", path(tile), err)
		}
	}
	ok("tiles", int64(len(all)))

	for n := int64(0); n*width < tree.N; n++ {
		if err := log.entries(n); err != nil {
			return fmt.Errorf("entry bundle %d: %w", n, err)
		}
	}
	ok("entries", tree.N)

	for _, file := range older {
		before, err := checkpoint(file, verifier)
		if err != nil {
			return fmt.Errorf("older checkpoint: %w", err)
		}
		proof, err := tlog.ProveTree(tree.N, before.N, log)
		if err != nil {
			return fmt.Errorf("consistency: %w", err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash); err != nil {
			return fmt.Errorf("consistency: %w", err)
		}
		ok("consistency", before.N)
	}
	return nil
}

// checkpoint opens a signed note, and reads origin, size and root: C2SP tlog-checkpoint.
func checkpoint(file string, verifier note.Verifier) (tree tlog.Tree, err error) {
	signed, err := os.ReadFile(file)
	if err != nil {
		return tree, err
	}
	return opened(signed, verifier)
}

func opened(signed []byte, verifier note.Verifier) (tree tlog.Tree, err error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// tiles are read from a folder. As a hash reader, it knows those that were verified, and no others.
type tiles struct {
	folder string
	tree   tlog.Tree
	data   map[tlog.Tile][]byte
}

// path is that of C2SP tlog-tiles, where the height is not told.
func path(tile tlog.Tile) string {
	path, _ := strings.CutPrefix(tile.Path(), "tile/8/")
	return "tile/" + path
}

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		read, err := os.ReadFile(filepath.Join(t.folder, path(tile)))
		if err != nil {
			return nil, err
		}
		data = append(data, read)
	}
	return data, nil
}

func (t *tiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		t.data[tile] = data[i]
	}
}

// verify reads every hash of a tile through tlog's own reader, which proves the tile by those above.
func (t *tiles) verify(tile tlog.Tile) error {
	var indexes []int64
	for i := range int64(tile.W) {
		indexes = append(indexes, tlog.StoredHashIndex(tile.L*height, tile.N*width+i))
	}
	_, err := tlog.TileHashReader(t.tree, t).ReadHashes(indexes)
	return err
}

func (t *tiles) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		tile := t.widest(tlog.TileForIndex(height, index))
		hash, err := tlog.HashFromTile(tile, t.data[tile], index)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// widest is the tile as the tree has it: full, or as wide as its right edge.
func (t *tiles) widest(tile tlog.Tile) tlog.Tile {
	tile.W = int(min(width, t.tree.N>>(height*tile.L)-tile.N*width))
	return tile
}

// entries proves each entry of a bundle to be in the tree, at its place.
func (t *tiles) entries(n int64) error {
	// Bundles are cut as the tiles of leaves.
	tile := t.widest(tlog.Tile{H: height, L: 0, N: n})
	name := strings.Replace(path(tile), "tile/0/", "tile/entries/", 1)
	bundle, err := os.ReadFile(filepath.Join(t.folder, name))
	if err != nil {
		return err
	}
	for i := range int64(tile.W) {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return errors.New("it ends too early")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entry := bundle[2:end]
		bundle = bundle[end:]
		index := n*width + i
		proof, err := tlog.ProveRecord(t.tree.N, index, t)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, t.tree.N, t.tree.Hash, index, tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	if len(bundle) != 0 {
		return errors.New("it goes on after its last entry")
	}
	return nil
}

func ok(step string, count int64) { fmt.Println("ok", step, count) }
