package docstest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

// patience is how long one block, or the start or end of a program, may take. It
// is generous: a slow machine must not fail a test.
const patience = 90 * time.Second

// writtenAPI is where the pages say that the API listens; what the section
// started is put in its place.
const writtenAPI = "127.0.0.1:8080"

// stand is what a section stands on.
type stand struct {
	// program is the path of carillon.
	program string
	// database is what ./data has in it: a database that was migrated.
	database []byte
	// replace is what stands on the page and what is run in its place, in pairs.
	replace []string
	env     []string
	// files are what lies in the reader's folder, by name.
	files map[string]func(io.Writer) error
	// afterBlock, if set, sees each block when it has run.
	afterBlock func(block)
	// atEnd, if set, is called after the last block, before the servers stop.
	atEnd func()
}

// session runs the blocks of a section.
type session struct {
	t    *testing.T
	page string
	dir  string // the section's folder, where its commands run
	side string // the session's own files
	stand

	bash    *exec.Cmd
	in      io.WriteCloser
	says    chan string // bash's own lines
	n       int
	last    string // what the block before said
	api     string // where the API listens
	servers []*server
}

// runSection runs the blocks of a section in order.
func runSection(t *testing.T, page string, s section, with stand) {
	t.Helper()
	r := &session{t: t, page: page, dir: t.TempDir(), side: t.TempDir(), stand: with}
	r.replace = slices.Clone(with.replace)
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "bin"), 0o700))
	require.NoError(t, os.Symlink(with.program, filepath.Join(r.dir, "bin", "carillon")))
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "data"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "data", testenv.DatabaseFile), with.database, 0o600))
	for name, write := range with.files {
		file, err := os.Create(filepath.Join(r.dir, name))
		require.NoError(t, err)
		require.NoError(t, write(file))
		require.NoError(t, file.Close())
	}
	r.env = append([]string{
		"PATH=" + filepath.Join(r.dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + r.side, "LC_ALL=C.UTF-8",
		"CARILLON_LISTEN=127.0.0.1:0", // a free port
	}, with.env...)
	t.Cleanup(r.stop)
	r.start()
	for _, b := range s.blocks {
		r.run(b)
	}
	if with.atEnd != nil {
		with.atEnd()
	}
	r.stopServers()
}

func (r *session) start() {
	r.bash = exec.CommandContext(context.Background(), "bash", "--noprofile", "--norc", "-euo", "pipefail")
	r.bash.Dir, r.bash.Env = r.dir, r.env
	r.bash.Stderr = r.t.Output()
	r.bash.SysProcAttr = testenv.ChildAttributes()
	var err error
	r.in, err = r.bash.StdinPipe()
	require.NoError(r.t, err)
	out, err := r.bash.StdoutPipe()
	require.NoError(r.t, err)
	r.says = make(chan string, 1)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the child's life hangs on the thread that starts it
		defer runtime.UnlockOSThread()
		defer close(r.says)
		started <- r.bash.Start()
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.says <- lines.Text()
		}
		_ = r.bash.Wait() // how it ended is in ProcessState
	}()
	require.NoError(r.t, <-started)
}

// do runs a block's text in the session and returns what it says.
func (r *session) do(b block, text string) string {
	r.t.Helper()
	r.n++
	file := func(kind string) string { return filepath.Join(r.side, fmt.Sprintf("%d.%s", r.n, kind)) }
	require.NoError(r.t, os.WriteFile(file("sh"), []byte(text), 0o600))
	_, err := fmt.Fprintf(r.in, ". %s >%s 2>&1 </dev/null\nenv -0 >%s\npwd >%s\necho done\n", file("sh"), file("out"), file("env"), file("pwd"))
	require.NoError(r.t, err)
	var said string
	ok := true
	select {
	case said, ok = <-r.says:
	case <-time.After(patience):
		said = "it takes too long"
	}
	output, err := os.ReadFile(file("out"))
	require.NoError(r.t, err)
	require.True(r.t, ok && said == "done", "%s:%d: the block failed (%s):\n%s\nIt said:\n%s%s", r.page, b.line, said, text, output, r.serversSay())
	return string(output)
}

func (r *session) run(b block) {
	r.t.Helper()
	switch {
	case b.notRun != "":
		r.last = ""
		return
	case b.language == "text":
		r.requireText(b)
		return
	case b.language == "json":
		require.NoError(r.t, containsJSON(b.text, r.last), "%s:%d", r.page, b.line)
		return
	case b.language != "shell":
		return
	}
	text := strings.NewReplacer(r.replace...).Replace(b.text)
	if b.server {
		r.serve(text)
	} else {
		r.last = r.do(b, text)
	}
	if r.afterBlock != nil {
		r.afterBlock(b)
	}
}

// requireText checks that each line of a text block occurs in what was said, in
// order.
func (r *session) requireText(b block) {
	r.t.Helper()
	said := r.last
	if r.api != "" {
		said = strings.ReplaceAll(said, r.api, writtenAPI)
	}
	rest := strings.Split(said, "\n")
	for want := range strings.Lines(b.text) {
		want = spaces(want)
		found := false
		for !found && len(rest) > 0 {
			found = strings.Contains(spaces(rest[0]), want)
			rest = rest[1:]
		}
		require.True(r.t, found, "%s:%d: the page promises the line %q; the commands said:\n%s", r.page, b.line, want, said)
	}
}

// spaces joins the words of a line with one space each.
func spaces(line string) string { return strings.Join(strings.Fields(line), " ") }

// server is a program that runs on.
type server struct {
	command string
	*testenv.Child
}

var startedUp = regexp.MustCompile(`(?m)^(?:Carillon \S+ (?:answers on (https?://)(\S+) |works\.)|\S+ is played at )`)

// serve starts a program for each line, with the session's folder and
// environment, and waits until all of them work.
func (r *session) serve(text string) {
	r.t.Helper()
	r.do(block{}, "")
	environ, err := os.ReadFile(filepath.Join(r.side, fmt.Sprintf("%d.env", r.n)))
	require.NoError(r.t, err)
	dir, err := os.ReadFile(filepath.Join(r.side, fmt.Sprintf("%d.pwd", r.n)))
	require.NoError(r.t, err)
	first := len(r.servers)
	for line := range strings.Lines(text) {
		command := strings.TrimSpace(line)
		cmd := exec.CommandContext(context.Background(), "bash", "-c", "exec "+command)
		cmd.Dir, cmd.Env = strings.TrimSpace(string(dir)), strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00")
		child, err := testenv.StartChild(cmd)
		require.NoError(r.t, err)
		r.servers = append(r.servers, &server{command, child})
	}
	r.last = ""
	for _, s := range r.servers[first:] {
		require.Eventually(r.t, func() bool {
			return !s.Running() || startedUp.MatchString(s.Output())
		}, patience, 10*time.Millisecond, "%s does not start", s.command)
		up := startedUp.FindStringSubmatch(s.Output())
		require.NotNil(r.t, up, "%s ended: %s", s.command, s.Output())
		if up[2] != "" {
			r.api = up[2]
			r.replace = append(r.replace, writtenAPI, r.api)
			r.do(block{}, "export CARILLON_SERVER="+up[1]+up[2])
		}
		r.last += s.Output()
	}
}

func (r *session) serversSay() string {
	said := ""
	for _, s := range r.servers {
		said += "\n" + s.command + " said:\n" + s.Output()
	}
	return said
}

// stopServers ends the programs as Ctrl-C does, and expects them to end well.
func (r *session) stopServers() {
	r.t.Helper()
	for _, s := range r.servers {
		require.NoError(r.t, s.Signal(syscall.SIGINT))
	}
	for _, s := range r.servers {
		select {
		case <-s.Exited():
			require.NoError(r.t, s.Err(), "%s: %s", s.command, s.Output())
		case <-time.After(patience):
			require.Fail(r.t, "it does not stop", "%s: %s", s.command, s.Output())
		}
	}
}

// stop ends whatever still runs, with all that it started.
func (r *session) stop() {
	for _, s := range r.servers {
		s.Kill()
	}
	if r.in != nil {
		_ = r.in.Close()
	}
	if r.bash != nil && r.bash.Process != nil {
		_ = syscall.Kill(-r.bash.Process.Pid, syscall.SIGKILL) // it may be gone already
	}
	for range r.says { // until bash is gone
		continue
	}
}

// buildProgram builds the real binary.
func buildProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "carillon")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s", "-o", program, "carillon/cmd/carillon").CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}
