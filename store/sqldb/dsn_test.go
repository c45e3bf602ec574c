package sqldb

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

// However a DSN is mistyped, the error shows no part of the password.
func TestAWrongDSNDoesNotShowItsPassword(t *testing.T) {
	for _, password := range []string{"tOp/SeCrEt", "tOp?SeCrEt", "tOp#SeCrEt", "tOp%SeCrEt", "tOp@SeCrEt", "tOp:SeCrEt", "tOp SeCrEt", "tOp[SeCrEt",
		"0#SeCrEt", "0/SeCrEt"} {
		for _, rest := range []string{"@db.example.org:x/carillon", "@db.example.org/carillon?sslmode=never", "@db.example.org/carillon?sslrootcert=/nowhere",
			"@[db/carillon"} {
			_, err := postgresConfig("postgres://carillon:" + password + rest)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, "store_dsn")
			for _, part := range []string{"SeCrEt", "tOp"} {
				require.NotContains(t, err.Error(), part, password+rest)
			}
			_, err = Open(t.Context(), "postgres://carillon:"+password+rest, clock.System{})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "SeCrEt")
		}
	}
	for _, half := range []string{"postgres://carillon:1#SeCrEt@db/carillon", "postgres://carillon:1?SeCrEt@db/carillon",
		"postgres://carillon:1/SeCrEt@db/carillon"} {
		_, err := postgresConfig(half)
		require.ErrorContains(t, err, "%23", "it would be another host")
		require.NotContains(t, err.Error(), "SeCrEt")
	}
	_, err := postgresConfig("postgres://carillon:SeCrEt@db/carillon?sslmode=never")
	require.ErrorContains(t, err, "sslmode", "what can be said is said")
}
