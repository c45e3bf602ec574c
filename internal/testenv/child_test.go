package testenv_test

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

func TestAChildIsReadWhileItRunsAndKilledWithWhatItStarted(t *testing.T) {
	child, err := testenv.StartChild(exec.CommandContext(t.Context(), "sh", "-c", "echo to stdout; echo to stderr >&2; sleep 60 & echo $!; wait"))
	require.NoError(t, err)
	t.Cleanup(child.Kill)
	require.Eventually(t, func() bool { return len(child.Output()) > len("to stdout\nto stderr\n") }, 30*time.Second, time.Millisecond)
	require.Contains(t, child.Output(), "to stderr")
	require.True(t, child.Running())
	require.False(t, child.KilledBy(syscall.SIGKILL))
	// The end of its outputs is waited for, which the sleep holds open.
	go child.Kill()
	select {
	case <-child.Exited():
	case <-time.After(30 * time.Second):
		require.Fail(t, "what it started lives on")
	}
	require.False(t, child.Running())
	require.True(t, child.KilledBy(syscall.SIGKILL))
	require.Error(t, child.Err())
	require.NoError(t, child.Signal(syscall.SIGTERM), "it is gone")
}

func TestAChildThatEndsWell(t *testing.T) {
	child, err := testenv.StartChild(exec.CommandContext(t.Context(), "true"))
	require.NoError(t, err)
	<-child.Exited()
	require.NoError(t, child.Err())
	_, err = testenv.StartChild(exec.CommandContext(t.Context(), "/no/such/program"))
	require.Error(t, err)
}
