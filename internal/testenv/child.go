package testenv

import (
	"bytes"
	"os/exec"
	"sync"
	"syscall"
)

// Child is a program that a test runs: it ends with the test binary, however
// that ends, and what it prints can be read while it runs. Its methods are safe
// for concurrent use.
type Child struct {
	process *process
	output  Buffer
}

// StartChild runs cmd, with both of its outputs taken, in a process group of
// its own.
func StartChild(cmd *exec.Cmd) (*Child, error) {
	c := &Child{}
	cmd.Stdout, cmd.Stderr = &c.output, &c.output
	cmd.SysProcAttr = ChildAttributes()
	var err error
	c.process, err = startProcess(cmd)
	return c, err
}

// ChildAttributes are for a test that must start a program itself: they end it
// with the thread that starts it, so lock that, and give it a process group.
func ChildAttributes() *syscall.SysProcAttr { return processAttributes(nil, syscall.SIGKILL) }

// Pid is the child's process id.
func (c *Child) Pid() int { return c.process.cmd.Process.Pid }

// Output is what the child has printed.
func (c *Child) Output() string { return c.output.String() }

// Exited is closed when the child is gone.
func (c *Child) Exited() <-chan struct{} { return c.process.exited }

// Running reports whether the child has not ended yet.
func (c *Child) Running() bool { return c.process.running() }

// Err is how the child ended, nil for exit status 0; to be asked after Exited.
func (c *Child) Err() error { return c.process.err }

// Signal sends a signal; a child that is gone is no error.
func (c *Child) Signal(signal syscall.Signal) error { return c.process.signal(signal) }

// Kill ends the child, and all that it started, as kill -9 does, and returns
// when it is gone.
func (c *Child) Kill() {
	_ = syscall.Kill(-c.Pid(), syscall.SIGKILL) // it may be gone already
	<-c.process.exited
}

// KilledBy reports whether the child ended by the signal.
func (c *Child) KilledBy(signal syscall.Signal) bool {
	if c.Running() {
		return false
	}
	status, ok := c.process.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == signal
}

// Buffer is a bytes.Buffer for several goroutines.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
