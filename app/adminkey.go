package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"carillon/configs"
	"carillon/internal/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// accountName is the name of the one account that there is until there are
// more.
const accountName = "default"

// ensureAdminKey makes sure that somebody can sign in: with the configured key,
// or at the first start with one that is made, said once and kept in the data
// folder. The file is written before the key is taken into the store, so that a
// process killed in between makes no key that nobody knows.
func (e *Engine) ensureAdminKey(ctx context.Context, c configs.Config, notice func(string)) error {
	account, _, err := e.Store.EnsureAccount(ctx, accountName)
	if err != nil {
		return err
	}
	if !c.AdminKey.Empty() {
		_, err := e.Store.AddKey(ctx, account.ID, "configured admin key", access.Admin, c.AdminKey)
		return err
	}
	keys, err := e.Store.ListKeys(ctx, account.ID, 0, 1)
	if err != nil || len(keys) > 0 {
		return err
	}
	path := c.AdminKeyPath()
	made := secret.New("car_" + rand.Text() + rand.Text())
	if err := configs.WriteKey(path, made); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		return fault.Wrap(fault.Invalid, "read the admin key", err)
	}
	key := secret.New(strings.TrimSpace(string(kept)))
	if _, err := e.Store.AddKey(ctx, account.ID, "first admin key", access.Admin, key); err != nil {
		return err
	}
	notice(fmt.Sprintf("Admin key, shown this once and kept in %s:\n\n    %s\n", path, key.Reveal()))
	return nil
}

// ready says for each part whether it works.
func (e *Engine) ready(ctx context.Context) map[string]error {
	return map[string]error{
		"store": e.Store.Ping(ctx), "redis": e.Queue.Ping(ctx), "schema": checkSchema(ctx, e.Store),
	}
}
