package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"carillon/access"
	"carillon/configs"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Notices go to the person who starts a process.
type Notices struct {
	Say func(string)
	// Private says that a person reads them, at a terminal, and nothing keeps them:
	// a secret may be shown.
	Private bool
}

// accountName is the name of the account that every installation has.
const accountName = "default"

// ensureAdminKey makes sure that somebody can sign in: with the configured key,
// or at the first start with one that is made, kept in the data folder and shown
// once, but not to a log. The file is written before the key is taken into the store, so that a
// process killed in between makes no key that nobody knows.
//
// What is configured is what holds: a key that was configured before and is not
// any more opens nothing.
func (e *Engine) ensureAdminKey(ctx context.Context, c configs.Config, notices Notices) error {
	account, _, err := e.Store.EnsureAccount(ctx, accountName)
	if err != nil {
		return err
	}
	replaced, err := e.Store.ConfigureAdminKey(ctx, account.ID, c.AdminKey)
	if err != nil {
		return err
	}
	for _, k := range replaced {
		notices.Say(fmt.Sprintf("Key %d (%q, …%s) is no longer valid: it was the configured admin key (CARILLON_ADMIN_KEY), and is not any more.",
			k.ID, k.Name, k.Hint))
	}
	if !c.AdminKey.Empty() {
		return nil
	}
	if has, err := e.Store.HasAdmin(ctx, account.ID); err != nil || has {
		return err
	}
	path := c.AdminKeyPath()
	made := access.NewSecret()
	if err := configs.WriteKey(path, made); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		return fault.Wrap(fault.Invalid, "read the admin key", err)
	}
	key := secret.New(strings.TrimSpace(string(kept)))
	if _, err := e.Store.AddKey(ctx, access.Key{AccountID: account.ID, Name: access.FirstKeyName, Role: access.Admin, Operator: true}, key); err != nil {
		return fault.Wrap(fault.CodeOf(err), "take the admin key in "+path+" (move the file away and a new one is made)", err)
	}
	if notices.Private {
		notices.Say(fmt.Sprintf("Admin key, kept in %s and shown this once:\n\n    %s\n", path, key.Reveal()))
	} else {
		notices.Say(fmt.Sprintf("Admin key, kept in %s and shown on a terminal only.", path))
	}
	return nil
}
