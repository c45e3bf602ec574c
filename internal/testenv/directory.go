package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is a user of the operating system.
type account struct {
	name     string
	uid, gid uint32
}

// directory is where a server keeps its data and its log.
type directory struct {
	path string
	// owned says that it was made here and is to be removed.
	owned bool
}

// openDirectory is path, made if it doesn't exist, or a new temporary directory
// if path is empty, in the place named: empty is the system's for temporary files.
func openDirectory(path, name, place string) (directory, error) {
	if path == "" {
		made, err := os.MkdirTemp(place, "carillon-"+name+"-")
		if err != nil {
			return directory{}, fmt.Errorf("make directory for %s: %w", name, err)
		}
		return directory{path: made, owned: true}, nil
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return directory{}, fmt.Errorf("find directory for %s: %w", name, err)
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return directory{}, fmt.Errorf("make directory for %s: %w", name, err)
	}
	return directory{path: absolute}, nil
}

// memory is a file system in memory.
const memory = "/dev/shm"

// muchMemory is how much of it has to be free, in bytes: a server's log of changes grows to a
// gigabyte, and some tests have databases as large.
const muchMemory = 4 << 30

// inMemory is a place for what need not outlive the machine: making and removing the
// hundreds of files of a database takes a disk's file system more time than most tests. It is
// empty where memory has no room for it.
func inMemory() string {
	var fs syscall.Statfs_t
	if syscall.Statfs(memory, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < muchMemory {
		return ""
	}
	return memory
}

func (d directory) join(name string) string { return filepath.Join(d.path, name) }

// remove deletes the directory if it was made here.
func (d directory) remove() error {
	if !d.owned {
		return nil
	}
	return os.RemoveAll(d.path)
}

// giveTo makes the owner of a directory that a server running as that user is
// to work in, and makes sure that the user can get there.
func (d directory) giveTo(owner *account) error {
	if owner == nil {
		return nil
	}
	if err := os.Chown(d.path, int(owner.uid), int(owner.gid)); err != nil {
		return fmt.Errorf("give %s to %s: %w", d.path, owner.name, err)
	}
	for parent := filepath.Dir(d.path); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil {
			return fmt.Errorf("look at %s: %w", parent, err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("the user %s can't reach %s, because %s is closed to others: choose a directory under /tmp (TMPDIR)",
				owner.name, d.path, parent)
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}

// serverAccount is the user that PostgreSQL is run as: nil for our own, and the
// package's user when we are root, as which PostgreSQL refuses to run.
func serverAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var errs []error
	for _, name := range []string{"postgres", "nobody"} {
		found, err := lookUpAccount(name)
		if err == nil {
			return found, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("find a user for PostgreSQL, which does not run as root: %w", errors.Join(errs...))
}

func lookUpAccount(name string) (*account, error) {
	entry, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("look up user: %w", err)
	}
	uid, err := strconv.ParseUint(entry.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", name, err)
	}
	gid, err := strconv.ParseUint(entry.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", name, err)
	}
	return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
}
