package messages

import (
	"maps"
	"strings"
	"sync/atomic"
)

// Hosts say where the recipients of an account reach this server: at an address of its own, or at
// the installation's. They are safe for concurrent use.
type Hosts struct {
	installation string
	own          atomic.Pointer[map[int64]string]
}

// NewHosts makes them; installation is the address of accounts that have none, empty for nowhere.
func NewHosts(installation string) *Hosts {
	h := &Hosts{installation: strings.TrimRight(installation, "/")}
	h.own.Store(&map[int64]string{})
	return h
}

// Of is an account's address, without a slash at its end; empty if there is none.
func (h *Hosts) Of(accountID int64) string {
	if own, has := (*h.own.Load())[accountID]; has {
		return own
	}
	return h.installation
}

// Learn replaces the accounts' own addresses.
func (h *Hosts) Learn(own map[int64]string) { h.own.Store(&own) }

// Set says the address of one account; empty is the installation's.
func (h *Hosts) Set(accountID int64, address string) {
	for {
		before := h.own.Load()
		own := maps.Clone(*before)
		if own[accountID] = address; address == "" {
			delete(own, accountID)
		}
		if h.own.CompareAndSwap(before, &own) {
			return
		}
	}
}
