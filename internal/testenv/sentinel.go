package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// sentinelMaster is the name under which the Sentinel knows its master.
const sentinelMaster = "carillon"

// SentinelServer is a private Redis Sentinel that watches one master.
type SentinelServer struct {
	// Master is the server that it watches.
	Master    *RedisServer
	daemon    *daemon
	port      *port
	directory directory
}

// StartSentinel starts a Redis server and a Sentinel that watches it, with
// their files in dir, or in temporary directories if dir is empty. It returns
// when the Sentinel knows the master and sees it alive.
func StartSentinel(dir string) (*SentinelServer, error) {
	program, err := redisProgram()
	if err != nil {
		return nil, err
	}
	s := &SentinelServer{}
	if err := s.open(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("start sentinel: %w", err), s.Close())
	}
	s.daemon = &daemon{
		name:    "redis-sentinel",
		logPath: s.directory.join("sentinel.log"),
		command: func() *exec.Cmd {
			return redisCommandLine(program, s.directory, s.directory.join("sentinel.conf"), "--sentinel")
		},
		ready: s.ready,
	}
	if err := s.daemon.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open starts the master, takes directory and port, and writes the file that a
// Sentinel keeps its state in.
func (s *SentinelServer) open(dir string) error {
	masterDir, sentinelDir := "", ""
	if dir != "" {
		masterDir, sentinelDir = filepath.Join(dir, "master"), filepath.Join(dir, "sentinel")
	}
	var err error
	if s.Master, err = StartRedis(masterDir); err != nil {
		return err
	}
	if s.directory, err = openDirectory(sentinelDir, "sentinel", ""); err != nil {
		return err
	}
	if s.port, err = reservePort(context.Background()); err != nil {
		return err
	}
	config := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor %s 127.0.0.1 %s 1\nsentinel down-after-milliseconds %s 5000\n",
		s.port, sentinelMaster, s.Master.port, sentinelMaster)
	return os.WriteFile(s.directory.join("sentinel.conf"), []byte(config), 0o600)
}

func (s *SentinelServer) ready(ctx context.Context, pid int) error {
	if err := checkRedis(ctx, s.Addr(), pid); err != nil {
		return err
	}
	info, err := redisCommand(ctx, s.Addr(), "INFO", "sentinel")
	if err != nil {
		return err
	}
	master := redisField(info, "master0")
	if !strings.Contains(master, "name="+sentinelMaster+",status=ok,address="+s.Master.Addr()) {
		return fmt.Errorf("the sentinel at %s says of its master: %q", s.Addr(), master)
	}
	return nil
}

// Addr is the Sentinel's host:port.
func (s *SentinelServer) Addr() string { return s.port.addr() }

// MasterName is what clients ask the Sentinel for.
func (s *SentinelServer) MasterName() string { return sentinelMaster }

// Close ends the Sentinel and its master for good. It may be called again.
func (s *SentinelServer) Close() error {
	var errs []error
	if s.daemon != nil {
		errs = append(errs, s.daemon.stop(syscall.SIGTERM, syscall.SIGKILL))
	}
	errs = append(errs, s.port.release(), s.directory.remove())
	if s.Master != nil {
		errs = append(errs, s.Master.Close())
	}
	return errors.Join(errs...)
}

func (s *SentinelServer) log() string { return s.daemon.tail() }
