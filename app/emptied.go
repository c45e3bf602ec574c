package app

import (
	"os"

	"carillon/configs"
	"carillon/internal/fault"
)

// refuseEmptied keeps a store that was emptied from starting as a fresh installation:
// a file of 0 bytes beside the keys of an earlier start is what a full disk, an
// interrupted copy or a broken restore leaves. What a start makes first is never 0
// bytes for longer than a moment.
func refuseEmptied(c configs.Config) error {
	if c.Postgres() {
		return nil
	}
	path := c.Store()
	if size(path) != 0 || size(path+"-wal") > 0 {
		return nil
	}
	for _, key := range c.KeyPaths() {
		if size(key) > 0 {
			return fault.New(fault.Conflict, "the store %s is an empty file, but %s beside it is of an earlier start: it has lost its data. "+
				"Put a backup of it (with carillon.db-wal, if there is one) in its place. If there never was any data, or a fresh installation is wanted, "+
				"remove the empty file", path, key)
		}
	}
	return nil
}

// size is of a file, in bytes; -1 if there is none.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}
