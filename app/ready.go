package app

import (
	"context"
	"path/filepath"
	"syscall"

	"carillon/internal/fault"
)

// ready says for each part whether it works.
func (e *Engine) ready(ctx context.Context) map[string]error {
	parts := map[string]error{"store": e.writable(ctx), "redis": e.Queue.Ping(ctx)}
	// Of a store that does not answer there is nothing else to say.
	if parts["store"] == nil {
		parts["schema"] = checkSchema(ctx, e.Store)
	}
	return parts
}

// leastRoom is how much of the data folder's disk has to be free, in bytes: what the
// log of the embedded store grows by in a burst, several times over.
const leastRoom = 64 << 20

// writable says whether the store takes what is written, and will go on to. Every
// error names what to do.
func (e *Engine) writable(ctx context.Context) error {
	if err := e.Store.CheckWritable(ctx); err != nil || e.Store.Postgres() {
		return err
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(e.storePath), &disk); err != nil {
		return fault.Wrap(fault.Unavailable, "look at the data folder's disk", err)
	}
	return enoughRoom(disk.Bavail * uint64(disk.Bsize)) // a size of blocks is positive
}

func enoughRoom(free uint64) error {
	if free >= leastRoom {
		return nil
	}
	return fault.New(fault.Unavailable, "only %d MiB are free on the disk of the data folder, and %d are needed: make room before nothing can be recorded",
		free>>20, leastRoom>>20)
}
