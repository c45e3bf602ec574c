package testenv

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// childVariable names the directory of the servers that a child process of
// TestServersDieWithTheirProcess starts.
const childVariable = "CARILLON_TESTENV_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		os.Exit(child(dir))
	}
	Main(m)
}

// child starts servers, says where they are, and waits to be killed.
func child(dir string) int {
	redis, err := StartRedis(filepath.Join(dir, "redis"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	postgres, err := StartPostgres(filepath.Join(dir, "postgres"), WithFsync(false))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Printf("%s %s\n", redis.Addr(), postgres.Addr())
	select {}
}

func TestServersDieWithTheirProcess(t *testing.T) {
	dir, err := os.MkdirTemp("", "carillon-child-") //nolint:usetesting // the user postgres can't get through t.TempDir
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, stderr.String())
	addrs := strings.Fields(line)
	require.Len(t, addrs, 2)
	for _, addr := range addrs {
		require.NoError(t, dial(t, addr))
	}

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	for _, addr := range addrs {
		require.NoError(t, eventually(t, func() error { return refused(t, addr) }))
	}
	// A server that still writes would make the removal fail.
	require.NoError(t, eventually(t, func() error { return os.RemoveAll(dir) }))
}

func TestMainEndsSharedServers(t *testing.T) {
	var s sharedServers
	_, err := s.startedRedis()
	require.ErrorIs(t, err, errNoMain)
	_, err = s.startedPostgres()
	require.ErrorIs(t, err, errNoMain)

	var addrs []string
	tests := func() int {
		redis, err := s.startedRedis()
		require.NoError(t, err)
		again, err := s.startedRedis()
		require.NoError(t, err)
		require.Same(t, redis, again)
		postgres, err := s.startedPostgres()
		require.NoError(t, err)
		addrs = append(addrs, redis.Addr(), postgres.Addr())
		return 0
	}
	var said strings.Builder
	code := s.run(tests, said.WriteString, goleak.IgnoreCurrent())
	require.Zero(t, code, said.String())
	for _, addr := range addrs {
		require.NoError(t, refused(t, addr))
	}
	_, err = s.startedRedis()
	require.ErrorIs(t, err, errNoMain)
}

func TestMainFails(t *testing.T) {
	t.Run("with the tests", func(t *testing.T) {
		var s sharedServers
		var said strings.Builder
		require.Equal(t, 3, s.run(func() int { return 3 }, said.WriteString))
		require.Empty(t, said.String())
	})
	t.Run("when a goroutine is left", func(t *testing.T) {
		release, done := make(chan struct{}), make(chan struct{})
		ignore := goleak.IgnoreCurrent()
		leak := func() int {
			go func() {
				defer close(done)
				<-release
			}()
			return 0
		}
		var s sharedServers
		var said strings.Builder
		require.Equal(t, 1, s.run(leak, said.WriteString, ignore))
		require.Contains(t, said.String(), "TestMainFails")
		close(release)
		<-done
	})
}

func TestSharedServersAreShared(t *testing.T) {
	redis, postgres := SharedRedis(t), SharedPostgres(t)
	require.Same(t, redis, SharedRedis(t))
	require.Same(t, postgres, SharedPostgres(t))
	first, second := redis.NewDatabase(t), redis.NewDatabase(t)
	require.NotEqual(t, first, second)
	first, second = postgres.NewDatabase(t), postgres.NewDatabase(t)
	require.NotEqual(t, first, second)
	goleak.VerifyNone(t, IgnoreServers())
}

// dial is nil if something listens at addr.
func dial(t *testing.T, addr string) error {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// refused is nil if nothing listens at addr.
func refused(t *testing.T, addr string) error {
	t.Helper()
	if dial(t, addr) == nil {
		return fmt.Errorf("%s still answers", addr)
	}
	return nil
}

func eventually(t *testing.T, try func() error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stopPatience)
	defer cancel()
	return poll(ctx, try)
}
