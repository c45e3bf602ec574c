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

// ResolveMasterKey is the master key: the one that is configured, or with the
// embedded store the one in the data folder, which is made at the first start.
func (c Config) ResolveMasterKey() (secret.String, error) {
	if !c.MasterKey.Empty() {
		return c.MasterKey, nil
	}
	if c.Postgres() {
		return secret.String{}, fault.InvalidField("master_key", nil, "%s", needMasterKey)
	}
	if err := c.EnsureDataDir(); err != nil {
		return secret.String{}, err
	}
	path := c.MasterKeyPath()
	key, err := readKey(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return secret.String{}, fmt.Errorf("make master key: %w", err)
	}
	if err := WriteKey(path, secret.New(base64.StdEncoding.EncodeToString(raw))); err != nil && !errors.Is(err, fs.ErrExist) {
		return secret.String{}, err
	}
	// Whoever was first, the file says what the key is.
	return readKey(path)
}

// MasterKeyPath is the file of a master key that the program has made for itself.
func (c Config) MasterKeyPath() string { return filepath.Join(c.DataDir, masterKeyFile) }

func readKey(path string) (secret.String, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return secret.String{}, fmt.Errorf("read key: %w", err)
	}
	key := strings.TrimSpace(string(content))
	if len(key) < minMasterKey {
		return secret.String{}, fault.New(fault.Invalid, "the key in %s is damaged: it has fewer than %d characters", path, minMasterKey)
	}
	return secret.New(key), nil
}

// WriteKey writes a key into a new file that only its owner can read. The file
// appears whole or not at all; if there is one already it stays as it is and
// the error is fs.ErrExist.
func WriteKey(path string, key secret.String) error {
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
	if err := os.Link(temporary.Name(), path); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}
