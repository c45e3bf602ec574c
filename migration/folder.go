package migration

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"carillon/internal/fault"
)

// The files of a folder.
const (
	placeFile       = "read.json"
	definitionsFile = "definitions.json"
	peopleFile      = "people.jsonl"
	// ContactsFile has everybody in the form that an import takes.
	ContactsFile = "contacts.csv"
	// SuppressionsFile has the addresses of those who opted out.
	SuppressionsFile = "suppressions.csv"
	takenFile        = "taken.json"
	lockFile         = "lock"
)

// maxPeople bounds how many lines about people are read.
const maxPeople = 20_000_000

// progress is how far a folder has been read. It is written after the people that it counts.
type progress struct {
	System string `json:"system"`
	URL    string `json:"url"`
	Scope  string `json:"scope,omitempty"`
	// Place is where the next page is, Bytes how long people.jsonl is up to there.
	Place  string    `json:"place"`
	Bytes  int64     `json:"bytes"`
	People int64     `json:"people"`
	Total  int64     `json:"total,omitempty"`
	Done   bool      `json:"done"`
	ReadAt time.Time `json:"read_at,omitzero"`
}

// Folder is where a system is read to. One process has it at a time.
type Folder struct {
	dir  string
	lock *os.File
	// Definitions and Report are there once everything has been read.
	Definitions Definitions
	Report      Report
	progress    progress
}

// Open makes a folder, or opens one that was begun, and keeps other processes out of it. With
// fresh what was read before is forgotten.
func Open(dir string, fresh bool) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.New(fault.Conflict, "another process works in the folder %s: wait for it, or name another with --folder", dir)
		}
		return nil, fmt.Errorf("lock folder: %w", err)
	}
	f := &Folder{dir: dir, lock: lock}
	if fresh {
		for _, name := range []string{placeFile, definitionsFile, peopleFile, ContactsFile, SuppressionsFile, takenFile} {
			if err := os.Remove(f.Path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, errors.Join(fmt.Errorf("forget what was read: %w", err), f.Close())
			}
		}
	}
	return f, nil
}

// Close lets others have the folder.
func (f *Folder) Close() error { return f.lock.Close() }

// Path is where a file of the folder is.
func (f *Folder) Path(name string) string { return filepath.Join(f.dir, name) }

// Read reads a system into the folder, from where it was left; tell is called with how many
// people have been read, of how many, as far as anybody knows. What was read whole before is
// not read again.
func (f *Folder) Read(ctx context.Context, o Options, tell func(n, total int64)) error {
	from, err := newSource(o)
	if err != nil {
		return err
	}
	if err := f.begin(o, from.scope()); err != nil {
		return err
	}
	if err := f.readDefinitions(ctx, from); err != nil {
		return err
	}
	if err := f.readPeople(ctx, from, o, tell); err != nil {
		return err
	}
	f.Report, err = f.build(o.Country)
	return err
}

// begin finds out how far the folder has been read, and that it is of the same source.
func (f *Folder) begin(o Options, scope string) error {
	f.progress = progress{System: o.System, URL: o.URL, Scope: scope}
	var was progress
	known, err := f.load(placeFile, &was)
	if err != nil || !known {
		return err
	}
	if was.System != o.System || was.URL != o.URL || was.Scope != scope {
		return fault.New(fault.Conflict, "the folder %s has what was read from %s at %s with other options: name another folder with --folder, "+
			"or forget what was read with --fresh", f.dir, was.System, was.URL)
	}
	f.progress = was
	return nil
}

func (f *Folder) readDefinitions(ctx context.Context, from source) error {
	known, err := f.load(definitionsFile, &f.Definitions)
	if err != nil || known {
		return err
	}
	if f.Definitions, err = from.definitions(ctx); err != nil {
		return err
	}
	f.Definitions.uniqueKeys()
	if err := f.save(definitionsFile, f.Definitions); err != nil {
		return err
	}
	return f.save(placeFile, f.progress)
}

func (f *Folder) readPeople(ctx context.Context, from source, o Options, tell func(n, total int64)) error {
	if f.progress.Done {
		return nil
	}
	file, err := os.OpenFile(f.Path(peopleFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open people: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("look at people: %w", err)
	}
	if info.Size() < f.progress.Bytes {
		return fault.New(fault.Conflict, "%s is shorter than it was: read anew with --fresh", f.Path(peopleFile))
	}
	// What stands behind is of a page that was not read to its end.
	if err := file.Truncate(f.progress.Bytes); err != nil {
		return fmt.Errorf("cut people: %w", err)
	}
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("go on with people: %w", err)
	}
	for !f.progress.Done {
		tell(f.progress.People, f.progress.Total)
		p, err := from.people(ctx, f.progress.Place)
		if err != nil {
			return err
		}
		if err := f.append(file, p.people); err != nil {
			return err
		}
		f.progress.Place, f.progress.Done = p.next, p.next == ""
		f.progress.Total = max(f.progress.Total, p.total)
		if f.progress.Done {
			f.progress.ReadAt = o.Clock.Now()
		}
		if f.progress.People > maxPeople {
			return fault.New(fault.TooLarge, "the source has more than %d people", maxPeople)
		}
		if err := f.save(placeFile, f.progress); err != nil {
			return err
		}
	}
	tell(f.progress.People, f.progress.Total)
	return nil
}

// append writes people behind those who are there, and returns when they are on the disk.
func (f *Folder) append(file *os.File, people []Person) error {
	var text []byte
	for _, p := range people {
		line, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("write person: %w", err)
		}
		text = append(append(text, line...), '\n')
	}
	if _, err := file.Write(text); err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	f.progress.Bytes += int64(len(text))
	f.progress.People += int64(len(people))
	return nil
}

// each goes through the people of the folder.
func (f *Folder) each(do func(Person) error) error {
	file, err := os.Open(f.Path(peopleFile))
	if err != nil {
		return fmt.Errorf("read people: %w", err)
	}
	defer func() { _ = file.Close() }()
	lines := json.NewDecoder(bufio.NewReaderSize(file, 1<<16))
	for {
		var p Person
		switch err := lines.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fault.New(fault.Invalid, "%s is damaged (%s): read anew with --fresh", f.Path(peopleFile), err)
		}
		if err := do(p); err != nil {
			return err
		}
	}
}

// load reads a file of the folder; known is false where there is none.
func (f *Folder) load(name string, into any) (known bool, err error) {
	text, err := os.ReadFile(f.Path(name))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read folder: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, fault.New(fault.Invalid, "%s is damaged (%s): read anew with --fresh", f.Path(name), err)
	}
	return true, nil
}

// save writes a file of the folder: it is there as it was, or as it is to be.
func (f *Folder) save(name string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return fmt.Errorf("write folder: %w", err)
	}
	return f.replace(name, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// replace writes a file beside the one that there is, and puts it in its place.
func (f *Folder) replace(name string, write func(w io.Writer) error) (err error) {
	aside := f.Path(name + ".new")
	file, err := os.OpenFile(aside, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write folder: %w", err)
	}
	buffered := bufio.NewWriterSize(file, 1<<16)
	if err = write(buffered); err == nil {
		err = errors.Join(buffered.Flush(), file.Sync())
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(aside, f.Path(name)); err != nil {
		return fmt.Errorf("write folder: %w", err)
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return fmt.Errorf("write folder: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Taken is what became of a folder at a server.
type Taken struct {
	// Upload is the import of contacts.csv; Done says that it has ended.
	Upload int64     `json:"upload"`
	Done   bool      `json:"done"`
	At     time.Time `json:"at,omitzero"`
}

// Taken is what the folder knows of a server.
func (f *Folder) Taken(server string) (Taken, error) {
	all := map[string]Taken{}
	_, err := f.load(takenFile, &all)
	return all[server], err
}

// SetTaken notes what became of the folder at a server.
func (f *Folder) SetTaken(server string, t Taken) error {
	all := map[string]Taken{}
	if _, err := f.load(takenFile, &all); err != nil {
		return err
	}
	all[server] = t
	return f.save(takenFile, all)
}
