package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// DatabaseFile is the name of the embedded database in the program's data folder.
const DatabaseFile = "carillon.db"

// NewestDatabase is the content of an embedded database in the newest schema, as the program
// makes it. A test lays it into the data folder of its own: all the migrations take a third of a
// second, which is longer than many a test.
func NewestDatabase(program string) (content []byte, err error) {
	dir, err := os.MkdirTemp("", "carillon-newest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cmd := exec.CommandContext(context.Background(), program, "migrate")
	cmd.Env = append(os.Environ(), "CARILLON_DATA_DIR="+dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("migrate: %w\n%s", err, said)
	}
	return os.ReadFile(filepath.Join(dir, DatabaseFile))
}
