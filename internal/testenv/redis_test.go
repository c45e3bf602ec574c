package testenv

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestRedisAnswersAtItsURL(t *testing.T) {
	s := Redis(t)
	require.Equal(t, "redis://"+s.Addr()+"/0", s.URL())
	options, err := redis.ParseURL(s.NewDatabase(t))
	require.NoError(t, err)
	require.Equal(t, 1, options.DB)
	client := redis.NewClient(options)
	defer func() { require.NoError(t, client.Close()) }()
	require.NoError(t, client.Set(t.Context(), "key", "value", 0).Err())

	require.NoError(t, s.FlushAll())
	require.ErrorIs(t, client.Get(t.Context(), "key").Err(), redis.Nil)
}

func TestRedisOutages(t *testing.T) {
	for _, test := range []struct {
		name    string
		options []RedisOption
		stop    func(*RedisServer) error
		kept    bool
	}{
		{"stop forgets", nil, (*RedisServer).Stop, false},
		{"kill forgets", nil, (*RedisServer).Kill, false},
		{"stop keeps what was appended", []RedisOption{WithAppendOnly()}, (*RedisServer).Stop, true},
		{"kill keeps what was appended", []RedisOption{WithAppendOnly()}, (*RedisServer).Kill, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Redis(t, test.options...)
			addr := s.Addr()
			ask(t, addr, "SET", "key", "value")

			require.NoError(t, test.stop(s))
			require.NoError(t, test.stop(s), "a second stop does nothing")
			require.NoError(t, refused(t, addr))
			require.ErrorContains(t, s.Pause(), "not running")

			require.NoError(t, s.Start())
			require.NoError(t, s.Start(), "a second start does nothing")
			require.Equal(t, addr, s.Addr())
			require.Equal(t, map[bool]string{true: "1", false: "0"}[test.kept], ask(t, addr, "EXISTS", "key"))
		})
	}
}

func TestRedisPause(t *testing.T) {
	s := Redis(t)
	ask(t, s.Addr(), "SET", "key", "value")
	require.NoError(t, s.Pause())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := redisCommand(ctx, s.Addr(), "PING")
	require.Error(t, err, "a frozen server does not answer")
	require.NoError(t, s.Resume())
	require.Equal(t, "value", ask(t, s.Addr(), "GET", "key"))

	require.NoError(t, s.Pause())
	require.NoError(t, s.Close(), "a frozen server can be ended")
	require.NoError(t, refused(t, s.Addr()))
}

func TestRedisCloseRemovesItsDirectory(t *testing.T) {
	s, err := StartRedis("")
	require.NoError(t, err)
	require.DirExists(t, s.directory.path)
	require.NoError(t, s.Close())
	require.NoDirExists(t, s.directory.path)
	require.NoError(t, s.Close(), "a second close does nothing")

	dir := t.TempDir()
	s, err = StartRedis(dir)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.DirExists(t, dir, "a directory that was given is not ours to remove")
}

func TestRedisForeignServerIsNotUsed(t *testing.T) {
	s := Redis(t)
	err := checkRedis(t.Context(), s.Addr(), os.Getpid())
	require.ErrorContains(t, err, "another server")
	require.ErrorAs(t, err, &finalError{})
}

func TestRedisMissingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := StartRedis("")
	require.ErrorContains(t, err, "apt-get install -y redis-server")
	_, err = StartRedisCluster("")
	require.ErrorContains(t, err, "apt-get install -y redis-server")
	_, err = StartSentinel("")
	require.ErrorContains(t, err, "apt-get install -y redis-server")
}

func TestRedisThatEndsAtOnceShowsItsLog(t *testing.T) {
	s := Redis(t)
	require.NoError(t, s.Stop())
	require.NoError(t, os.WriteFile(s.directory.join("redis.conf"), []byte("no-such-setting 1\n"), 0o600))
	program, err := redisProgram()
	require.NoError(t, err)
	broken := &daemon{
		name: "redis-server", logPath: s.directory.join("broken.log"), ready: s.ready,
		command: func() *exec.Cmd { return redisCommandLine(program, s.directory, s.directory.join("redis.conf")) },
	}
	require.ErrorContains(t, broken.start(), "no-such-setting")
	require.False(t, broken.running())
}

func TestRedisClusterServesAllSlots(t *testing.T) {
	addrs := RedisCluster(t)
	require.Len(t, addrs, clusterNodes)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	defer func() { require.NoError(t, client.Close()) }()
	for i := range 100 {
		key := strconv.Itoa(i)
		require.NoError(t, client.Set(t.Context(), key, key, 0).Err())
		require.Equal(t, key, client.Get(t.Context(), key).Val())
	}
	masters := 0
	for _, addr := range addrs {
		if ask(t, addr, "DBSIZE") != "0" {
			masters++
		}
	}
	require.Equal(t, clusterNodes, masters, "every node holds some of the keys")
}

func TestSentinelLeadsToTheMaster(t *testing.T) {
	name, addr := Sentinel(t)
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: name, SentinelAddrs: []string{addr}})
	defer func() { require.NoError(t, client.Close()) }()
	require.NoError(t, client.Set(t.Context(), "key", "value", 0).Err())

	host, port, found := strings.Cut(ask(t, addr, "SENTINEL", "get-master-addr-by-name", name), "\n")
	require.True(t, found)
	require.Equal(t, "value", ask(t, host+":"+port, "GET", "key"))
}

func TestReadReply(t *testing.T) {
	for _, test := range []struct{ in, want, err string }{
		{in: "+OK\r\n", want: "OK"},
		{in: ":12\r\n", want: "12"},
		{in: "$5\r\na\r\nbc\r\n", want: "a\r\nbc"},
		{in: "*2\r\n$1\r\na\r\n:1\r\n", want: "a\n1"},
		{in: "-ERR no\r\n", err: "ERR no"},
		{in: "$-1\r\n", err: "nil"},
		{in: "$x\r\n", err: "length"},
		{in: "?\r\n", err: "unknown kind"},
		{in: "\r\n", err: "empty"},
		{in: "$5\r\nab", err: io.ErrUnexpectedEOF.Error()},
		{in: "*1\r\n", err: io.EOF.Error()},
		{in: "", err: io.EOF.Error()},
	} {
		t.Run(fmt.Sprintf("%q", test.in), func(t *testing.T) {
			got, err := readReply(bufio.NewReader(strings.NewReader(test.in)))
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func ask(t *testing.T, addr string, args ...string) string {
	t.Helper()
	reply, err := redisCommand(t.Context(), addr, args...)
	require.NoError(t, err)
	return reply
}
