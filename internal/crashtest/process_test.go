package crashtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// process is one run of the real binary.
type process struct {
	role   string
	cmd    *exec.Cmd
	output buffer
	exited chan struct{}
}

// startProcess runs the binary with nothing in its environment but what it is
// given.
func startProcess(role, dir string, env []string) (*process, error) {
	p := &process{role: role, exited: make(chan struct{})}
	p.cmd = exec.CommandContext(context.Background(), program, role)
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = childAttributes()
	started := make(chan error, 1)
	go func() {
		// The child's life hangs on the thread that starts it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is in ProcessState
			close(p.exited)
		}
	}()
	return p, <-started
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the process as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.exited
}

func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// killed reports whether the process ended by SIGKILL; it must have ended.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

var answersOn = regexp.MustCompile(`answers on (http://\S+)`)

// url is where the API of the process answers; empty until it does.
func (p *process) url() string {
	if found := answersOn.FindStringSubmatch(p.output.String()); found != nil {
		return found[1]
	}
	return ""
}

// says counts how often a text is in the process's log.
func (p *process) says(text string) int { return strings.Count(p.output.String(), text) }

// leads reports whether the process holds the scheduler's lease, as it says.
func (p *process) leads() bool {
	return p.running() && p.says("this scheduler leads now") > p.says("this scheduler leads no more")
}

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// tail is the end of the text, for the report of a failed test.
func (b *buffer) tail() string {
	const most = 4000
	text := b.String()
	return text[max(0, len(text)-most):]
}
