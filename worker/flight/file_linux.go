package flight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// suffix is what names of finished files end with.
const suffix = ".flight"

// file is a file of this process, locked as long as the process lives.
type file struct {
	path   string
	handle *os.File
	memory []byte
}

// bootID names this boot of the machine.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Create makes the file of a worker and channel in a folder, with room for so many
// messages. All of its blocks are allocated now: to run out of disk while memory is
// written would end the process.
func Create(dir string, owner Owner, slots int) (*Log, error) {
	boot := bootID()
	if boot == "" {
		return nil, errors.New("the system does not say which boot this is")
	}
	encoded, err := header{Owner: owner, Boot: boot, Slots: slots}.encode()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of the flight recorder: %w", err)
	}
	handle, err := os.CreateTemp(dir, fmt.Sprintf("w%d-ch%d-*", owner.WorkerID, owner.ChannelID))
	if err != nil {
		return nil, fmt.Errorf("make flight recorder: %w", err)
	}
	f := file{path: handle.Name() + suffix, handle: handle}
	if err := f.prepare(encoded, headerSize+slots*recordSize); err != nil {
		return nil, errors.Join(err, os.Remove(handle.Name()), handle.Close())
	}
	return newLog(f, slots), nil
}

// prepare has the file whole and locked before it has the name by which others
// find it.
func (f *file) prepare(header []byte, size int) (err error) {
	fd := int(f.handle.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock flight recorder: %w", err)
	}
	if err := syscall.Fallocate(fd, 0, 0, int64(size)); err != nil {
		return fmt.Errorf("allocate flight recorder: %w", err)
	}
	if _, err := f.handle.Write(header); err != nil {
		return fmt.Errorf("write flight recorder: %w", err)
	}
	if f.memory, err = syscall.Mmap(fd, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED); err != nil {
		return fmt.Errorf("map flight recorder: %w", err)
	}
	if err := os.Rename(f.handle.Name(), f.path); err != nil {
		return errors.Join(fmt.Errorf("name flight recorder: %w", err), syscall.Munmap(f.memory))
	}
	return nil
}

// Close removes the file. While it still holds messages it is left as it is, for
// whoever comes after this process.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if (len(l.file.memory)-headerSize)/recordSize != len(l.slots) {
		return nil
	}
	l.slots = nil
	err := errors.Join(os.Remove(l.file.path), syscall.Munmap(l.file.memory), l.file.handle.Close())
	if err != nil {
		return fmt.Errorf("close flight recorder: %w", err)
	}
	return nil
}

// Find opens the files in a folder whose workers are dead, in the order of their
// names. Files that are not to be believed are removed if they are of another boot,
// else left alone; either is told to tell.
func Find(dir, installation string, tell func(path string, err error)) ([]Wreck, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for flight recorders: %w", err)
	}
	boot := bootID()
	var found []Wreck
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), suffix) || !entry.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		w, err := open(path, installation, boot)
		switch {
		case err != nil:
			tell(path, err)
		case w != nil:
			found = append(found, *w)
		}
	}
	return found, nil
}

// maxFile is above the largest file that is made: a worker has at most some
// thousand messages in flight.
const maxFile = 64 << 20

// open is nil for a file whose worker lives, or that is gone.
func open(path, installation, boot string) (*Wreck, error) {
	handle, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // its worker has ended well meanwhile
	}
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(handle.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, handle.Close()
	}
	info, err := handle.Stat()
	if err != nil || info.Size() > maxFile {
		return nil, errors.Join(ErrForeign, err, handle.Close())
	}
	content := make([]byte, info.Size())
	if _, err := handle.ReadAt(content, 0); err != nil {
		return nil, errors.Join(err, handle.Close())
	}
	owner, left, err := decode(content, installation, boot)
	if err != nil {
		if h, headerErr := decodeHeader(content[:min(headerSize, len(content))]); headerErr == nil && h.Boot != boot && h.Installation == installation {
			err = errors.Join(err, os.Remove(path))
		}
		return nil, errors.Join(err, handle.Close())
	}
	return &Wreck{Owner: owner, Path: path, Left: left, handle: handle}, nil
}
