package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store"
	"carillon/store/storetest"
)

func TestAStandbyIsNotWritable(t *testing.T) {
	dsn := storetest.Postgres(t)
	storetest.Open(t, dsn)
	s, err := store.Open(t.Context(), store.Options{DSN: dsn + "&default_transaction_read_only=on"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.ErrorContains(t, s.CheckWritable(t.Context()), "takes no writes")
}
