package testenv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
)

// redisDatabases is how many numbered databases a server has.
const redisDatabases = 1024

// RedisServer is a private Redis server. It is safe for concurrent use.
type RedisServer struct {
	daemon    *daemon
	port      *port
	directory directory
	// busPort is the second port of a cluster's node; else nil.
	busPort *port
	// tlsPort is where it speaks TLS, and tlsArguments how; else nil.
	tlsPort      *port
	tlsArguments []string
	// databases counts the numbered databases that were given out.
	databases atomic.Int64
}

// RedisOption changes how a Redis server is started.
type RedisOption func(*redisSettings)

type redisSettings struct {
	appendOnly bool
	cluster    bool
	tls        *tls.Certificate
}

// WithAppendOnly makes the server keep every write on disk before it answers
// (appendonly yes, appendfsync always), so that data outlives Stop and Kill.
// Without it a stopped server forgets everything.
func WithAppendOnly() RedisOption { return func(s *redisSettings) { s.appendOnly = true } }

// WithRedisTLS makes the server speak TLS at SecureAddr, too, with a certificate of its own.
func WithRedisTLS(own tls.Certificate) RedisOption {
	return func(s *redisSettings) { s.tls = &own }
}

// withCluster makes the server a node of a cluster.
func withCluster() RedisOption { return func(s *redisSettings) { s.cluster = true } }

// StartRedis starts a Redis server that keeps its files in dir, or in a
// temporary directory of its own if dir is empty. Close ends it; so does the
// end of this process. A missing redis-server is an error that says how to
// install it.
func StartRedis(dir string, options ...RedisOption) (*RedisServer, error) {
	var settings redisSettings
	for _, option := range options {
		option(&settings)
	}
	program, err := redisProgram()
	if err != nil {
		return nil, err
	}
	s := &RedisServer{}
	if err := s.open(dir, settings); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.daemon = &daemon{
		name:    "redis-server",
		logPath: s.directory.join("redis.log"),
		command: func() *exec.Cmd {
			return redisCommandLine(program, s.directory, s.arguments(settings)...)
		},
		ready: s.ready,
	}
	if err := s.daemon.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open takes the directory and the ports.
func (s *RedisServer) open(dir string, settings redisSettings) error {
	var err error
	if s.directory, err = openDirectory(dir, "redis", ""); err != nil {
		return err
	}
	if s.port, err = reservePort(context.Background()); err != nil {
		return err
	}
	if settings.cluster {
		if s.busPort, err = reservePort(context.Background()); err != nil {
			return err
		}
	}
	if settings.tls == nil {
		return nil
	}
	if s.tlsPort, err = reservePort(context.Background()); err != nil {
		return err
	}
	cert, key, err := writeCertificate(*settings.tls, s.directory, nil)
	s.tlsArguments = []string{"--tls-port", s.tlsPort.String(), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no",
		"--tls-ca-cert-file", cert}
	return err
}

func (s *RedisServer) arguments(settings redisSettings) []string {
	arguments := []string{
		"--port", s.port.String(), "--bind", "127.0.0.1",
		"--save", "", "--databases", strconv.Itoa(redisDatabases),
	}
	if settings.appendOnly {
		arguments = append(arguments, "--appendonly", "yes", "--appendfsync", "always")
	}
	if settings.cluster {
		arguments = append(arguments,
			"--cluster-enabled", "yes", "--cluster-port", s.busPort.String(),
			"--cluster-announce-ip", "127.0.0.1", "--cluster-node-timeout", "5000")
	}
	return append(arguments, s.tlsArguments...)
}

func (s *RedisServer) ready(ctx context.Context, pid int) error {
	return checkRedis(ctx, s.port.addr(), pid)
}

// checkRedis is nil if the server at addr serves its data and is our process. A
// foreign one ends the wait: it must not be used.
func checkRedis(ctx context.Context, addr string, pid int) error {
	info, err := redisCommand(ctx, addr, "INFO")
	if err != nil {
		return err
	}
	if got := redisField(info, "process_id"); got != strconv.Itoa(pid) {
		return final(fmt.Errorf("another server (process %s) answers at %s", got, addr))
	}
	if redisField(info, "loading") == "1" {
		return fmt.Errorf("redis at %s is still loading its data", addr)
	}
	return nil
}

func redisProgram() (string, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("find redis-server: %w: install it with `apt-get install -y redis-server`", err)
	}
	return program, nil
}

func redisCommandLine(program string, dir directory, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), program, arguments...)
	cmd.Dir = dir.path
	cmd.SysProcAttr = processAttributes(nil, syscall.SIGKILL)
	return cmd
}

// Addr is the server's host:port.
func (s *RedisServer) Addr() string { return s.port.addr() }

// SecureAddr is the host:port at which a server WithRedisTLS speaks TLS.
func (s *RedisServer) SecureAddr() string { return s.tlsPort.addr() }

// Command sends one command as the server's all-powerful user and returns the reply as text.
func (s *RedisServer) Command(ctx context.Context, args ...string) (string, error) {
	return redisCommand(ctx, s.Addr(), args...)
}

// Pid is the server's process id; 0 if it is not running.
func (s *RedisServer) Pid() int { return s.daemon.pid() }

// URL is the address of the server's database 0.
func (s *RedisServer) URL() string { return s.databaseURL(0) }

func (s *RedisServer) databaseURL(number int64) string {
	return fmt.Sprintf("redis://%s/%d", s.Addr(), number)
}

// NextDatabaseURL is the address of a numbered database that was not given out
// before. A server has 1023 of them, besides database 0.
func (s *RedisServer) NextDatabaseURL() (string, error) {
	number := s.databases.Add(1)
	if number >= redisDatabases {
		return "", fmt.Errorf("take a redis database: all %d are in use", redisDatabases-1)
	}
	return s.databaseURL(number), nil
}

// Stop ends the server in good order; clients find the port closed. Start
// brings it back.
func (s *RedisServer) Stop() error { return s.daemon.stop(syscall.SIGTERM, syscall.SIGKILL) }

// Kill ends the server as a crash would.
func (s *RedisServer) Kill() error { return s.daemon.stop(syscall.SIGKILL) }

// Start brings a stopped server back on the same port. It does nothing if the
// server is running.
func (s *RedisServer) Start() error { return s.daemon.start() }

// Pause freezes the server: connections stay open and nothing is answered.
func (s *RedisServer) Pause() error { return s.daemon.signal(syscall.SIGSTOP) }

// Resume lets a frozen server go on.
func (s *RedisServer) Resume() error { return s.daemon.signal(syscall.SIGCONT) }

// FlushAll deletes every key of every database.
func (s *RedisServer) FlushAll() error {
	_, err := redisCommand(context.Background(), s.Addr(), "FLUSHALL")
	return err
}

// Close ends the server for good, frees its port and removes its temporary
// directory. It may be called again.
func (s *RedisServer) Close() error {
	var errs []error
	if s.daemon != nil {
		errs = append(errs, s.Stop())
	}
	for _, p := range []*port{s.port, s.busPort, s.tlsPort} {
		errs = append(errs, p.release())
	}
	errs = append(errs, s.directory.remove())
	return errors.Join(errs...)
}

func (s *RedisServer) log() string { return s.daemon.tail() }
