package queue

import (
	"context"
	"net"
	"strings"
	"sync/atomic"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
)

// embedded is a Redis inside this process. It has no port: its clients talk to
// it through memory, so nobody else on the machine can.
type embedded struct {
	redis  *miniredis.Miniredis
	server *server.Server
	// commands and scripts count what Work tells; each script costs a Lua machine.
	commands, scripts atomic.Int64
}

func startEmbedded() (*embedded, error) {
	r := miniredis.NewMiniRedis()
	r.ClockTTL(true) // else keys would never expire
	first, err := r.Dial()
	if err != nil {
		return nil, err
	}
	if err := first.Close(); err != nil {
		return nil, err
	}
	e := &embedded{redis: r, server: r.Server()}
	e.server.SetPreHook(func(peer *server.Peer, cmd string, args ...string) bool {
		if !looks(cmd) {
			e.commands.Add(1)
		}
		if e.answerEmpty(peer, cmd, args...) {
			return true
		}
		if cmd == "EVAL" || cmd == "EVALSHA" {
			e.scripts.Add(1)
		}
		return false
	})
	return e, nil
}

// dial connects through a buffered pipe. net.Pipe, which miniredis offers, has
// no buffer: a pipeline would lock up, each side waiting for the other to read.
func (e *embedded) dial(context.Context, string, string) (net.Conn, error) {
	client, srv := newPipe()
	e.server.ServeConn(srv)
	return client, nil
}

func (e *embedded) client() redis.UniversalClient {
	o := &redis.Options{Addr: "embedded", Dialer: e.dial}
	tuneSingle(o)
	return redis.NewClient(o)
}

func (e *embedded) close() { e.redis.Close() }

// answerEmpty answers asynq's dequeue script without running it when the queue
// is empty: polling an idle queue would cost a new Lua machine each time. The
// script has four keys, the first of them the pending list, and returns nil
// then. Nothing else that runs here has such keys.
func (e *embedded) answerEmpty(peer *server.Peer, cmd string, args ...string) bool {
	if cmd != "EVALSHA" || len(args) != 8 || args[1] != "4" ||
		!strings.HasSuffix(args[2], ":pending") || !strings.HasSuffix(args[5], ":lease") || e.redis.Exists(args[2]) {
		return false
	}
	peer.WriteNull()
	return true
}

// memory sums up what the keys hold.
func (e *embedded) memory(ctx context.Context, client redis.UniversalClient) (int64, error) {
	return keyBytes(ctx, client, e.redis.Keys())
}
