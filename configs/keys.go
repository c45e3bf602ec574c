package configs

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Files in the data folder.
const (
	masterKeyFile = "master.key"
	adminKeyFile  = "admin.key"
)

// EnsureDataDir makes the data folder; only its owner may look into it. In one
// that exists already the keys are made the owner's alone.
func (c Config) EnsureDataDir() error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fault.Wrap(fault.Invalid, "make the data folder (data_dir)", err)
	}
	for _, name := range []string{masterKeyFile, adminKeyFile} {
		path := filepath.Join(c.DataDir, name)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			continue // whoever needs a key says what is wrong with its file
		}
		if err := os.Chmod(path, 0o600); err != nil {
			return fault.Wrap(fault.Invalid, "keep "+path+" from others' eyes (chmod 600)", err)
		}
	}
	return nil
}

// KeyPaths are where the data folder's keys are kept, as far as there are any.
func (c Config) KeyPaths() []string {
	return []string{filepath.Join(c.DataDir, masterKeyFile), c.AdminKeyPath()}
}

// AdminKeyPath is where the first administrator's key is kept.
func (c Config) AdminKeyPath() string { return filepath.Join(c.DataDir, adminKeyFile) }

// needMasterKey says what to do where processes share a store.
const needMasterKey = "must be set, the same for every process that shares the store: CARILLON_MASTER_KEY=$(openssl rand -base64 32), " +
	"or CARILLON_MASTER_KEY_FILE. Keep it: without it the channels' credentials can't be read"

// ResolveMasterKeys are the master keys, the present one first: those that are configured, or
// with the embedded store those in the data folder, of which one is made at the first start.
func (c Config) ResolveMasterKeys() ([]secret.String, error) {
	others := splitKeys(c.OtherMasterKeys.Reveal())
	if !c.MasterKey.Empty() {
		return append([]secret.String{c.MasterKey}, others...), nil
	}
	if c.Postgres() {
		return nil, fault.InvalidField("master_key", nil, "%s", needMasterKey)
	}
	if err := c.EnsureDataDir(); err != nil {
		return nil, err
	}
	path := c.MasterKeyPath()
	keys, err := readKeys(path)
	if errors.Is(err, fs.ErrNotExist) {
		made, makeErr := newMasterKey()
		if makeErr != nil {
			return nil, makeErr
		}
		if err := WriteKey(path, made); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		// Whoever was first, the file says what the key is.
		keys, err = readKeys(path)
	}
	if err != nil {
		return nil, err
	}
	return append(keys, others...), nil
}

// OwnMasterKey reports whether the program keeps the master key itself, in the data folder.
func (c Config) OwnMasterKey() bool { return c.MasterKey.Empty() && !c.Postgres() }

// AddMasterKey makes another master key and puts it into the data folder before those that are
// there, which stay: what they sealed is opened with them.
func (c Config) AddMasterKey() (secret.String, error) {
	keys, err := readKeys(c.MasterKeyPath())
	if err != nil {
		return secret.String{}, err
	}
	made, err := newMasterKey()
	if err != nil {
		return secret.String{}, err
	}
	lines := []string{made.Reveal()}
	for _, k := range keys {
		lines = append(lines, k.Reveal())
	}
	return made, writeKey(c.MasterKeyPath(), secret.New(strings.Join(lines, "\n")), os.Rename)
}

func newMasterKey() (secret.String, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return secret.String{}, fmt.Errorf("make master key: %w", err)
	}
	return secret.New(base64.StdEncoding.EncodeToString(raw)), nil
}

// splitKeys are keys that are given in one setting.
func splitKeys(text string) (keys []secret.String) {
	for _, key := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if key = strings.TrimSpace(key); key != "" {
			keys = append(keys, secret.New(key))
		}
	}
	return keys
}

// MasterKeyPath is the file of a master key that the program has made for itself.
func (c Config) MasterKeyPath() string { return filepath.Join(c.DataDir, masterKeyFile) }

// readKeys are the keys in a file, one a line, and at least one.
func readKeys(path string) (keys []secret.String, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		key := strings.TrimSpace(line)
		if len(key) < secret.MinMasterKey {
			return nil, fault.New(fault.Invalid, "the key in %s is damaged: it has fewer than %d characters", path, secret.MinMasterKey)
		}
		keys = append(keys, secret.New(key))
	}
	return keys, nil
}

// WriteKey writes a key into a new file that only its owner can read. The file
// appears whole or not at all; if there is one already it stays as it is and
// the error is fs.ErrExist.
func WriteKey(path string, key secret.String) error { return writeKey(path, key, os.Link) }

// writeKey writes a key into a file of another name and has place give it its own.
func writeKey(path string, key secret.String, place func(from, to string) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.WriteString(key.Reveal() + "\n")
	if err == nil {
		err = temporary.Sync()
	}
	if err := errors.Join(err, temporary.Close()); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if err := place(temporary.Name(), path); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir has a name in a folder outlast a loss of power: nothing is to be sealed with a key
// that is not kept.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}
