package bench

import (
	"context"
	"os"
	"path/filepath"

	"carillon/internal/testenv"
)

// servers are the servers of a benchmark: those that are named, and private ones in
// place of the others, started when they are first needed.
type servers struct {
	named    Servers
	redis    *testenv.RedisServer
	postgres *testenv.PostgresServer
	dir      string
}

func (s *servers) folder(name string) (string, error) {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "carillon-bench-servers-")
		if err != nil {
			return "", err
		}
		// PostgreSQL runs as another user if we are root.
		if err := os.Chmod(dir, 0o755); err != nil {
			return "", err
		}
		s.dir = dir
	}
	return filepath.Join(s.dir, name), nil
}

func (s *servers) redisURL(ctx context.Context) (string, error) {
	if s.named.RedisURL != "" {
		return s.named.RedisURL, nil
	}
	if s.redis == nil {
		dir, err := s.folder("redis")
		if err != nil {
			return "", err
		}
		if s.redis, err = testenv.StartRedis(dir); err != nil {
			return "", err
		}
	}
	return s.redis.URL(), s.redis.FlushAll()
}

func (s *servers) postgresDSN(ctx context.Context) (string, error) {
	if s.named.PostgresDSN != "" {
		return s.named.PostgresDSN, nil
	}
	if s.postgres == nil {
		dir, err := s.folder("postgres")
		if err != nil {
			return "", err
		}
		if s.postgres, err = testenv.StartPostgres(dir); err != nil {
			return "", err
		}
	}
	return s.postgres.CreateDatabase(ctx)
}

// serve gives a scenario a folder, which its user removes, and the servers of its store.
func (s *servers) serve(ctx context.Context, scenario *Scenario) (err error) {
	if scenario.Dir, err = os.MkdirTemp("", "carillon-bench-"); err != nil {
		return err
	}
	if scenario.Store != "sqlite" {
		if scenario.RedisURL, err = s.redisURL(ctx); err != nil {
			return err
		}
		scenario.RedisPid = s.redisPid()
	}
	if scenario.Store == "postgres" {
		if scenario.StoreDSN, err = s.postgresDSN(ctx); err != nil {
			return err
		}
		scenario.StorePid = s.postgresPid()
	}
	return nil
}

// redisPid and postgresPid are the private servers' processes; 0 if there is none.
func (s *servers) redisPid() int {
	if s.redis == nil {
		return 0
	}
	return s.redis.Pid()
}

func (s *servers) postgresPid() int {
	if s.postgres == nil {
		return 0
	}
	return s.postgres.Pid()
}

func (s *servers) close() error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	if s.redis != nil {
		keep(s.redis.Close())
	}
	if s.postgres != nil {
		keep(s.postgres.Close())
	}
	if s.dir != "" {
		keep(os.RemoveAll(s.dir))
	}
	return first
}
