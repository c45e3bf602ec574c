package testenv

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPortIsKeptUntilItIsReleased(t *testing.T) {
	p, err := reservePort(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, p.number, firstPort)
	require.LessOrEqual(t, p.number, lastPort)
	require.NoError(t, refused(t, p.addr()), "the port is free for the server")

	_, err = tryPort(t.Context(), p.number)
	require.ErrorContains(t, err, "reserve port")

	require.NoError(t, p.release())
	require.NoError(t, p.release(), "a second release does nothing")
	again, err := tryPort(t.Context(), p.number)
	require.NoError(t, err)
	require.NoError(t, again.release())
}

func TestPortOfAnotherServerIsNotTaken(t *testing.T) {
	s := Redis(t)
	// The server's own reservation would already keep others away.
	require.NoError(t, s.port.release())
	_, err := tryPort(t.Context(), s.port.number)
	require.ErrorContains(t, err, "try port")
}
