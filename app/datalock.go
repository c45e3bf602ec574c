package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"carillon/internal/fault"
)

// lockDataDir makes sure that no other process uses the embedded store. The
// lock is the kernel's: it ends with the process, however that dies.
func lockDataDir(dir string) (release func() error, err error) {
	path := filepath.Join(dir, "carillon.lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.New(fault.Conflict,
				"another Carillon uses the data folder %s: stop it, or give this one a folder of its own with --data-dir. "+
					"Several processes share a PostgreSQL store (CARILLON_STORE_DSN), not a folder", dir)
		}
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	return file.Close, nil
}
