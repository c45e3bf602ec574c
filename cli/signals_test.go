package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/app"
	"carillon/configs"
	"carillon/internal/testenv"
)

// hangingChild, in the environment, makes the test binary a program that hangs when
// it is told to stop.
const hangingChild = "CARILLON_TEST_HANGING_CHILD"

func hang() (code int) {
	ctx, stop := interruptible()
	defer stop()
	c := &cli{out: os.Stdout, err: os.Stderr, run: func(ctx context.Context, _ configs.Config, _ app.Roles) error {
		fmt.Println("works")
		<-ctx.Done()
		fmt.Println("hangs")
		select {}
	}}
	return c.execute(ctx, []string{"serve"})
}

// Whatever hangs while a process stops, a second signal ends it.
func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	for _, second := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		cmd := exec.CommandContext(context.Background(), os.Args[0])
		cmd.Env = append(os.Environ(), hangingChild+"=1")
		child, err := testenv.StartChild(cmd)
		require.NoError(t, err)
		t.Cleanup(child.Kill)
		says := func(words string) {
			require.Eventually(t, func() bool { return strings.Contains(child.Output(), words) }, time.Minute, time.Millisecond, child.Output)
		}
		says("works")
		require.NoError(t, child.Signal(syscall.SIGTERM))
		says("hangs")
		require.True(t, child.Running(), "one signal lets it stop in good order")
		require.NoError(t, child.Signal(second))
		select {
		case <-child.Exited():
		case <-time.After(10 * time.Second):
			t.Fatal("it hangs on")
		}
		var exit *exec.ExitError
		require.ErrorAs(t, child.Err(), &exit)
		require.Equal(t, exitFailed, exit.ExitCode())
		require.Contains(t, child.Output(), "Ending at once")
	}
}
