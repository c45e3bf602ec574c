package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/testenv"
)

// hangingChild, in the environment, makes the test binary a server of which
// something hangs: "handler" or "part".
const hangingChild = "CARILLON_TEST_HANGING_CHILD"

// childPatience is the child's shutdown_seconds.
const childPatience = 2

func hang(what string) error {
	folder, err := os.MkdirTemp("", "carillon-hangs")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	config := configs.Config{DataDir: folder, MasterKey: secret.New("a master key for this test"), Listen: "127.0.0.1:0", ShutdownSeconds: childPatience,
		LogLevel: slog.LevelError.String()}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := Start(ctx, config, AllRoles, Notices{Say: func(string) {}})
	if err != nil {
		return err
	}
	if what == "part" {
		s.stack.push("what hangs", func() error { select {} })
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.serve(listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		fmt.Println("asked")
		select {}
	}), slog.New(slog.DiscardHandler))
	fmt.Println("hangs at http://" + listener.Addr().String())
	<-ctx.Done()
	return s.Stop()
}

// Whatever hangs, a process that is told to stop is gone after shutdown_seconds.
func TestStopGivesUp(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]string{
		"handler": "stopped",
		"part":    "gave up after 2s: what hangs does not stop; what it was doing is settled at the next start",
	} {
		t.Run(what, func(t *testing.T) {
			cmd := exec.CommandContext(context.Background(), os.Args[0])
			cmd.Env = append(os.Environ(), hangingChild+"="+what)
			child, err := testenv.StartChild(cmd)
			require.NoError(t, err)
			t.Cleanup(child.Kill)
			at := regexp.MustCompile(`hangs at (\S+)`)
			require.Eventually(t, func() bool { return at.MatchString(child.Output()) }, time.Minute, time.Millisecond, child.Output)
			asking := make(chan struct{})
			go func() {
				defer close(asking)
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				if response, err := client.Get(at.FindStringSubmatch(child.Output())[1]); err == nil {
					_ = response.Body.Close()
				}
			}()
			require.Eventually(t, func() bool { return strings.Contains(child.Output(), "asked") }, time.Minute, time.Millisecond)
			began := clock.System{}.Now()
			require.NoError(t, child.Signal(syscall.SIGTERM))
			select {
			case <-child.Exited():
			case <-time.After(time.Minute):
				t.Fatal("it hangs on:", child.Output())
			}
			<-asking
			require.Contains(t, child.Output(), want)
			// The machine may be slow; a minute would be no giving up.
			require.Less(t, clock.System{}.Now().Sub(began), (childPatience+20)*time.Second)
		})
	}
}
