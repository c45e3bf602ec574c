package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/internal/testenv"
)

// Whoever seals is done before the master key is another one: what is sealed with the one of
// before is found by the sealing anew that follows.
func TestNoKeyIsChangedWhileSomethingIsSealed(t *testing.T) {
	for name, dsn := range map[string]string{"SQLite": t.TempDir() + "/carillon.db", "PostgreSQL": testenv.SharedPostgres(t).NewDatabase(t)} {
		open := func(keys ...string) *Store {
			box, err := secret.NewBox(secret.New(keys[0]), secret.New(keys[1]))
			require.NoError(t, err)
			s, err := Open(t.Context(), Options{DSN: dsn, Box: box})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s
		}
		sealing, rotating := open("the master key of today", "the master key of tomorrow"), open("the master key of tomorrow", "the master key of today")
		tomorrow := rotating.box.Ring().Using()
		_, err := sealing.Migrate(t.Context())
		require.NoError(t, err)
		require.NoError(t, sealing.CheckMasterKey(t.Context()))
		require.NoError(t, rotating.CheckMasterKey(t.Context()))

		done := make(chan error, 1)
		err = sealing.inTx(t.Context(), func(tx conn) error {
			if _, err := tx.seal(t.Context(), ofChannel, []byte("{}")); err != nil {
				return err
			}
			go func() { done <- rotating.SetMasterKey(t.Context(), tomorrow) }()
			select {
			case err := <-done:
				require.FailNow(t, "the key was changed under what was being sealed", "%s: %v", name, err)
			case <-time.After(300 * time.Millisecond): // it waits
			}
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, <-done)
	}
}
