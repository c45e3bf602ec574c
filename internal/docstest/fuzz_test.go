package docstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeGo stands for the go command: four targets in three packages, of which each
// behaves as it is called.
const fakeGo = `#!/bin/sh
case "$*" in
  list*) for p in one two three; do echo "$PWD/$p m/$p"; done ;;
  *-list*one) echo FuzzGood; echo FuzzBad ;;
  *-list*two) echo FuzzFlake ;;
  *-list*three) echo FuzzHangs ;;
  *FuzzGood*) echo good >>ran ;;
  *FuzzBad*) echo bad >>ran; echo 'Failing input written to testdata/fuzz/FuzzBad/1'; exit 1 ;;
  *FuzzFlake*) echo flake >>ran; [ "$(grep -c flake ran)" = 2 ] || { echo 'context deadline exceeded'; exit 1; } ;;
  *FuzzHangs*) echo hangs >>ran; echo 'fuzzing process hung or terminated unexpectedly'; echo 'Failing input written to x'; exit 1 ;;
esac
`

// A target that fails keeps no other from being tried, and one that fails for no
// reason of its own has a second try.
func TestFuzzGoesOnAndReportsAtTheEnd(t *testing.T) {
	script, err := filepath.Abs("../../scripts/fuzz.sh")
	require.NoError(t, err)
	dir, bin := t.TempDir(), t.TempDir()
	for _, p := range []string{"one", "two", "three"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, p), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, p, "x_test.go"), []byte("func FuzzX"), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(fakeGo), 0o700)) // it is run
	cmd := exec.CommandContext(t.Context(), "bash", script, "1s")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	output, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(output), "2 of 4 fuzz targets failed:\n  m/one FuzzBad\n  m/three FuzzHangs (twice)\n")
	ran, err := os.ReadFile(filepath.Join(dir, "ran"))
	require.NoError(t, err)
	require.Equal(t, "good\nbad\nflake\nflake\nhangs\nhangs\n", string(ran))
}
