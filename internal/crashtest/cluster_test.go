package crashtest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const adminKey = "the-administrators-key-in-tests"

// patience bounds every wait. It is generous: a slow machine must not fail a
// test.
const patience = 2 * time.Minute

// pollInterval is how often a condition is looked at, which costs the processes
// a request or two.
const pollInterval = 40 * time.Millisecond

// cluster is the processes of one test and the client that steers them.
type cluster struct {
	t    *testing.T
	dir  string
	env  []string
	http http.Client

	// A test may talk to the API while it starts processes.
	mu        sync.Mutex
	processes []*process
}

// newCluster is a cluster whose schema is the newest.
func newCluster(t *testing.T, s stack) *cluster {
	t.Helper()
	c := prepareCluster(t, s)
	if s.empty {
		c.migrate()
	}
	return c
}

// prepareCluster is a cluster on the store that the stack makes, which may be empty.
func prepareCluster(t *testing.T, s stack) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir()}
	transport := &http.Transport{}
	c.http.Transport = transport
	c.http.Timeout = patience
	c.env = slices.Concat([]string{
		"CARILLON_ADMIN_KEY=" + adminKey, "CARILLON_DATA_DIR=" + c.dir, "CARILLON_LISTEN=127.0.0.1:0",
		"CARILLON_ALLOW_PRIVATE_ADDRESSES=true", "CARILLON_API_RATE_PER_SECOND=0",
	}, s.env(t, c.dir))
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		for _, p := range c.started() {
			p.Kill()
			if t.Failed() {
				t.Logf("the log of %s %d ends:\n%s", p.role, p.Pid(), p.tail())
			}
		}
	})
	return c
}

// migrate runs `carillon migrate`.
func (c *cluster) migrate() {
	c.t.Helper()
	p := c.start("migrate")
	c.awaitExit(p)
	require.NoError(c.t, p.Err(), "%s", p.tail())
}

// start runs the binary in a role, with more variables than the others.
func (c *cluster) start(role string, env ...string) *process {
	c.t.Helper()
	p, err := startProcess(role, c.dir, slices.Concat(c.env, env))
	require.NoError(c.t, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes = append(c.processes, p)
	return p
}

// started are all processes so far, the oldest first.
func (c *cluster) started() []*process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.processes)
}

// serve starts a process with an API and returns when it is ready.
func (c *cluster) serve(role string, env ...string) *process {
	c.t.Helper()
	p := c.start(role, env...)
	c.await("the API answers", func() error {
		if !p.Running() {
			return final{fmt.Errorf("%s ended: %w", p.role, p.Err())}
		}
		if p.url() == "" {
			return errors.New("it has not said where")
		}
		return c.get("/readyz", nil)
	})
	return p
}

// working starts a process without an API and returns when it said that it works: how long
// it takes to start is the machine's matter.
func (c *cluster) working(role string) (since time.Time) {
	c.t.Helper()
	p := c.start(role)
	c.await("the "+role+" works", func() error {
		switch {
		case !p.Running():
			return final{fmt.Errorf("%s ended: %w", p.role, p.Err())}
		case p.says(" works. Stop it") == 0:
			return errors.New("it does not say so")
		}
		return nil
	})
	return time.Now()
}

// stop ends a process in good order.
func (c *cluster) stop(p *process) {
	c.t.Helper()
	require.NoError(c.t, p.Signal(syscall.SIGTERM))
	c.awaitExit(p)
	require.NoError(c.t, p.Err(), "%s ends well after SIGTERM", p.role)
}

// awaitExit waits until a process has ended.
func (c *cluster) awaitExit(p *process) {
	c.t.Helper()
	select {
	case <-p.Exited():
	case <-time.After(patience):
		require.FailNow(c.t, p.role+" does not end")
	}
}

// awaitDeath waits until a process has died at its failpoint.
func (c *cluster) awaitDeath(p *process) {
	c.t.Helper()
	c.awaitExit(p)
	require.True(c.t, p.KilledBy(syscall.SIGKILL), "%s died at its failpoint: %s", p.role, p.Err())
}

// api is the URL of the process that answers; the latest started one.
func (c *cluster) api() string {
	for _, p := range slices.Backward(c.started()) {
		if url := p.url(); url != "" && p.Running() {
			return url
		}
	}
	return ""
}

// final is an error that waiting can't mend.
type final struct{ error }

// await polls until is returns nil. The error that it gave last is what a
// failure shows.
func (c *cluster) await(what string, is func() error) {
	c.t.Helper()
	c.awaitFor(patience, what, is)
}

// awaitFor is await for what may take longer or must not.
func (c *cluster) awaitFor(most time.Duration, what string, is func() error) {
	c.t.Helper()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	late := time.After(most)
	for {
		err := is()
		if err == nil {
			return
		}
		if _, ends := err.(final); ends { //nolint:errorlint // it is never wrapped
			require.FailNow(c.t, "waited in vain until "+what, "%v", err)
		}
		select {
		case <-ticker.C:
		case <-late:
			require.FailNow(c.t, "waited in vain until "+what, "%v", err)
		}
	}
}
