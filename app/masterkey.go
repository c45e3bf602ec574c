package app

import (
	"context"
	"time"

	"carillon/access"
	"carillon/configs"
	"carillon/internal/fault"
)

// masterKeyEvery is how soon a process signs with another master key after it was rotated.
// What others sign with it is recognized before.
const masterKeyEvery = 2 * time.Second

// followMasterKey has this process seal and sign with the key that the store says.
func (e *Engine) followMasterKey() {
	e.follow("the master key that holds", masterKeyEvery, e.Store.FollowMasterKey)
}

// rotation changes the master key of an installation while it works.
type rotation struct {
	engine *Engine
	config configs.Config
}

// Present is the id of the key that this process is configured with, and all that it knows.
func (r rotation) Present() (id string, known []string) {
	known = r.engine.masterKeys.IDs()
	if r.made() != "" {
		return r.made(), known
	}
	return known[0], known
}

// made is the newest key that this process made itself; empty where it made none.
func (r rotation) made() string {
	if id := r.engine.madeKey.Load(); id != nil {
		return *id
	}
	return ""
}

// Sealing is what hangs on which key.
func (r rotation) Sealing(ctx context.Context) (access.Sealing, error) {
	return r.engine.Store.Sealing(ctx)
}

// Begin has all processes seal with the key that is configured first, or where the program keeps
// the key itself, with another that it makes. Where a rotation is under way it goes on.
func (r rotation) Begin(ctx context.Context) error {
	r.engine.rotating.Lock() // two keys would be made
	defer r.engine.rotating.Unlock()
	sealing, err := r.Sealing(ctx)
	if err != nil {
		return err
	}
	present, _ := r.Present()
	if sealing.Using != present {
		return r.engine.Store.SetMasterKey(ctx, present)
	}
	if sealing.Left() > 0 {
		return nil
	}
	if !r.config.OwnMasterKey() {
		return fault.New(fault.Conflict, "all is sealed with the key %s, which is the one that is configured: give all processes a new one as "+
			"CARILLON_MASTER_KEY and the present one in CARILLON_OTHER_MASTER_KEYS, start them again one after the other, then rotate", present)
	}
	made, err := r.config.AddMasterKey()
	if err != nil {
		return err
	}
	id := r.engine.masterKeys.Add(made)
	r.engine.madeKey.Store(&id)
	return r.engine.Store.SetMasterKey(ctx, id)
}

// Step seals some of what is left anew, and returns how much.
func (r rotation) Step(ctx context.Context) (int, error) { return r.engine.Store.Reseal(ctx) }
