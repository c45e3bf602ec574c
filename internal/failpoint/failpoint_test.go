package failpoint

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// childVariable makes this test binary pass points instead of testing.
const childVariable = "CARILLON_TEST_PASSES"

// releaseVariable makes it pass them as this build does.
const releaseVariable = "CARILLON_TEST_RELEASE"

func TestMain(m *testing.M) {
	if names := os.Getenv(childVariable); names != "" {
		pass := Hit
		if os.Getenv(releaseVariable) == "" { // as a build for tests does
			armed, pass = parse(os.Getenv(Variable)), hit
		}
		for i, name := range strings.Split(names, ",") {
			pass(name)
			fmt.Println(i + 1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestParse(t *testing.T) {
	require.Nil(t, parse(""))
	for spec, want := range map[string]struct {
		name string
		n    int64
	}{
		"after-claim": {AfterClaim, 1}, "after-claim:1": {AfterClaim, 1}, "after-claim:25": {AfterClaim, 25},
		// A count that is none is the first time: a crash test must not wait for ever.
		"after-claim:0": {AfterClaim, 1}, "after-claim:-3": {AfterClaim, 1}, "after-claim:x": {AfterClaim, 1}, "after-claim:": {AfterClaim, 1},
	} {
		p := parse(spec)
		require.Equal(t, want.name, p.name, spec)
		require.Equal(t, want.n, p.left.Load(), spec)
	}
}

func TestNamesAreDifferent(t *testing.T) {
	names := slices.Sorted(slices.Values(Names()))
	require.Equal(t, names, slices.Compact(slices.Clone(names)))
	require.Len(t, names, 16)
}

// The child really dies by SIGKILL, at the Nth time and not before: nothing
// after the point runs.
func TestHitKillsTheProcess(t *testing.T) {
	for _, c := range []struct {
		spec, passes string
		lived        string // how many points it passed, the last line of its output
		killed       bool
	}{
		{"", "after-claim,after-record", "2", false},
		{"after-claim", "after-claim,after-record", "", true},
		{"after-record", "after-claim,after-record,after-record", "1", true},
		{"after-claim:3", "after-claim,after-record,after-claim,after-claim,after-claim", "3", true},
		{"after-claim:3", "after-claim,after-claim", "2", false},
	} {
		t.Run(c.spec+" of "+c.passes, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), childVariable+"="+c.passes, "CARILLON_FAILPOINT="+c.spec)
			output, err := cmd.Output()
			lines := strings.Fields(string(output))
			last := ""
			if len(lines) > 0 {
				last = lines[len(lines)-1]
			}
			require.Equal(t, c.lived, last)
			if !c.killed {
				require.NoError(t, err)
				return
			}
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			status, ok := exit.Sys().(syscall.WaitStatus)
			require.True(t, ok)
			require.True(t, status.Signaled())
			require.Equal(t, syscall.SIGKILL, status.Signal())
		})
	}
}

// A misspelt name would let a crash test pass that kills nothing.
func TestAnUnknownNameIsRefused(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=after-claim", "CARILLON_FAILPOINT=after-clai")
	output, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), `CARILLON_FAILPOINT names "after-clai"; there are after-fire`)
}

// What is released can't be killed by its environment, and says that it was tried.
func TestAReleaseHasNoFailpoints(t *testing.T) {
	if enabled {
		require.False(t, Ignored())
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=after-claim,after-record", releaseVariable+"=yes", Variable+"=after-claim")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "1\n2\n", string(output))
	require.False(t, Ignored())
	t.Setenv(Variable, "after-claim")
	require.True(t, Ignored())
}
