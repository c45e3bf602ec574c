package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/redis/go-redis/v9"
)

// silence keeps go-redis from writing to standard error itself. Its logger is
// one for the process, so this one speaks through slog's default, at debug: what
// matters comes back as an error, too.
var silence = sync.OnceFunc(func() { redis.SetLogger(goRedisLog{}) })

type goRedisLog struct{}

// Printf is called by go-redis.
func (goRedisLog) Printf(ctx context.Context, format string, args ...any) {
	if slog.Default().Enabled(ctx, slog.LevelDebug) {
		slog.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, args...))
	}
}
