package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"carillon/internal/clock"
)

// How long a server may take. Both are generous: a slow machine must not fail
// a test.
const (
	startPatience = 90 * time.Second
	stopPatience  = 30 * time.Second
	pollInterval  = 10 * time.Millisecond
)

// logTail is how much of a server's log an error shows, in bytes.
const logTail = 2000

// process is one run of a server's program.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	// err is why it ended; to be read after exited is closed.
	err error
}

// startProcess runs cmd until it ends or is signaled.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the program and waits for its end on one locked thread: the
// kernel's parent-death signal is sent when the starting thread ends, and
// threads of the Go runtime come and go.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
	close(p.exited)
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// daemon is a server that can be stopped and started again on the same port
// with the same data. It is safe for concurrent use.
type daemon struct {
	name string
	// logPath takes what the server prints, over all its runs.
	logPath string
	// command makes the command of the next run.
	command func() *exec.Cmd
	// ready is nil once the server that answers is the one with this pid.
	ready func(ctx context.Context, pid int) error

	mu   sync.Mutex
	proc *process
}

// start runs the server and returns when it answers. It does nothing if the
// server is running.
func (d *daemon) start() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc != nil && d.proc.running() {
		return nil
	}
	log, err := os.OpenFile(d.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	defer func() { _ = log.Close() }() // the server has its own descriptor
	cmd := d.command()
	cmd.Stdout, cmd.Stderr = log, log
	proc, err := startProcess(cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	d.proc = proc
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	err = poll(ctx, func() error {
		if !proc.running() {
			return final(fmt.Errorf("it ended: %w", proc.exitError()))
		}
		return d.ready(ctx, cmd.Process.Pid)
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start %s: %w; its log ends: %s", d.name, err, d.tail()), d.end(syscall.SIGKILL))
	}
	return nil
}

// stop sends the signals one after the other, each when the one before had no
// effect for stopPatience, and returns when the server is gone.
func (d *daemon) stop(signals ...syscall.Signal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end(signals...)
}

func (d *daemon) end(signals ...syscall.Signal) error {
	if d.proc == nil {
		return nil
	}
	ctx := context.Background()
	for _, signal := range signals {
		if err := d.proc.signal(signal); err != nil {
			return fmt.Errorf("stop %s: %w", d.name, err)
		}
		// A stopped process takes a signal only when it goes on.
		if err := d.proc.signal(syscall.SIGCONT); err != nil {
			return fmt.Errorf("stop %s: %w", d.name, err)
		}
		patience, cancel := context.WithTimeout(ctx, stopPatience)
		select {
		case <-d.proc.exited:
			cancel()
			d.proc = nil
			return nil
		case <-patience.Done():
			cancel()
		}
	}
	return fmt.Errorf("stop %s: process %d is still running after %v", d.name, d.proc.cmd.Process.Pid, signals)
}

// signal sends a signal to the running server.
func (d *daemon) signal(signal syscall.Signal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc == nil || !d.proc.running() {
		return fmt.Errorf("signal %s: it is not running", d.name)
	}
	return d.proc.signal(signal)
}

// pid is the process id of the running server; 0 if it is not running.
func (d *daemon) pid() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc == nil || !d.proc.running() {
		return 0
	}
	return d.proc.cmd.Process.Pid
}

func (d *daemon) running() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.proc != nil && d.proc.running()
}

// tail is the end of the server's log.
func (d *daemon) tail() string {
	text, err := os.ReadFile(d.logPath)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-logTail):]))
}

func (p *process) signal(signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to process %d: %w", signal, p.cmd.Process.Pid, err)
	}
	return nil
}

func (p *process) exitError() error {
	if p.err != nil {
		return p.err
	}
	return errors.New("exit status 0")
}

// finalError ends a poll.
type finalError struct{ error }

func final(err error) error { return finalError{err} }

// poll calls try until it returns nil or a final error, or until ctx ends; then
// the error is the last one of try.
func poll(ctx context.Context, try func() error) error {
	for {
		err := try()
		var last finalError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &last):
			return last.error
		}
		if ctxErr := (clock.System{}).Sleep(ctx, pollInterval); ctxErr != nil {
			return errors.Join(err, ctxErr)
		}
	}
}
