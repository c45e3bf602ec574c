package access_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/clock"
)

// kept keeps entries in memory.
type kept struct {
	access.TrailStore
	entries []access.AuditEntry
}

func (k *kept) AddAudit(_ context.Context, e access.AuditEntry) error {
	k.entries = append(k.entries, e)
	return nil
}

// Who guesses keys fills no table: the first is written at once, the others are counted.
func TestRefusalsAreBounded(t *testing.T) {
	store, fake := &kept{}, clock.NewFake(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	refusals := access.NewRefusals(access.NewTrail(store), fake)
	guess := func(source string) {
		require.NoError(t, refusals.Refused(t.Context(), access.Refusal{
			Why: access.RefusedKey, From: access.From{Source: source, Route: "GET /v1/contacts", RequestID: "r"},
		}))
	}
	for range 1000 {
		guess("192.0.2.1")
	}
	require.Len(t, store.entries, 1)
	require.Equal(t, "nobody", store.entries[0].Actor)
	require.Equal(t, map[string]any{"route": "GET /v1/contacts"}, store.entries[0].Detail)
	require.NoError(t, refusals.Flush(t.Context(), false))
	require.Len(t, store.entries, 1, "the minute is not over")
	fake.Advance(time.Minute)
	require.NoError(t, refusals.Flush(t.Context(), false))
	require.Len(t, store.entries, 2)
	require.Equal(t, map[string]any{"more": 999}, store.entries[1].Detail)

	for i := range 5000 {
		guess(fmt.Sprintf("192.0.2.%d", i))
	}
	require.Len(t, store.entries, 2+200)
	require.NoError(t, refusals.Flush(t.Context(), true))
	require.Len(t, store.entries, 2+200+1)
	last := store.entries[len(store.entries)-1]
	require.Equal(t, "several", last.Actor)
	require.Equal(t, map[string]any{"more": 4800}, last.Detail)
	require.NoError(t, refusals.Flush(t.Context(), true))
	require.Len(t, store.entries, 203)

	caller := access.Caller{ID: 3, AccountID: 7, Name: "deploy"}
	require.NoError(t, refusals.Refused(t.Context(), access.Refusal{Caller: caller, Why: access.RefusedRole}))
	require.Equal(t, "key 3 (deploy)", store.entries[203].Actor)
	require.Equal(t, int64(7), store.entries[203].AccountID)
}
