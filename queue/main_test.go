package queue

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// quiet drops the log, which speaks of the faults that tests provoke.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// open opens a queue that the test closes.
func open(t testing.TB, o Options) *Queue {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet()
	}
	q, err := Open(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

// context0 is for code that rapid runs many times within one test.
var context0 = context.Background()
