package cli

import (
	"context"
	"os"
	"path/filepath"

	"carillon/internal/testenv"
)

// benchServers are the private servers, started when they are first needed.
type benchServers struct {
	f        benchFlags
	redis    *testenv.RedisServer
	postgres *testenv.PostgresServer
	dir      string
}

func (b *benchServers) folder(name string) (string, error) {
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "carillon-bench-servers-")
		if err != nil {
			return "", err
		}
		// PostgreSQL runs as another user if we are root.
		if err := os.Chmod(dir, 0o755); err != nil {
			return "", err
		}
		b.dir = dir
	}
	return filepath.Join(b.dir, name), nil
}

func (b *benchServers) redisURL(ctx context.Context) (string, error) {
	if b.f.redis != "" {
		return b.f.redis, nil
	}
	if b.redis == nil {
		dir, err := b.folder("redis")
		if err != nil {
			return "", err
		}
		if b.redis, err = testenv.StartRedis(dir); err != nil {
			return "", err
		}
	}
	return b.redis.URL(), b.redis.FlushAll()
}

func (b *benchServers) postgresDSN(ctx context.Context) (string, error) {
	if b.f.postgres != "" {
		return b.f.postgres, nil
	}
	if b.postgres == nil {
		dir, err := b.folder("postgres")
		if err != nil {
			return "", err
		}
		if b.postgres, err = testenv.StartPostgres(dir); err != nil {
			return "", err
		}
	}
	return b.postgres.CreateDatabase(ctx)
}

// redisPid and postgresPid are the private servers' processes; 0 if there is none.
func (b *benchServers) redisPid() int {
	if b.redis == nil {
		return 0
	}
	return b.redis.Pid()
}

func (b *benchServers) postgresPid() int {
	if b.postgres == nil {
		return 0
	}
	return b.postgres.Pid()
}

func (b *benchServers) close() error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	if b.redis != nil {
		keep(b.redis.Close())
	}
	if b.postgres != nil {
		keep(b.postgres.Close())
	}
	if b.dir != "" {
		keep(os.RemoveAll(b.dir))
	}
	return first
}
