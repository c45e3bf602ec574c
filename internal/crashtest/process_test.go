package crashtest

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"carillon/internal/testenv"
)

// process is one run of the real binary.
type process struct {
	role string
	*testenv.Child
}

// startProcess runs the binary with nothing in its environment but what it is
// given.
func startProcess(role, dir string, env []string) (*process, error) {
	cmd := exec.CommandContext(context.Background(), program, role)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, env...)
	child, err := testenv.StartChild(cmd)
	return &process{role, child}, err
}

var answersOn = regexp.MustCompile(`answers on (http://\S+)`)

// url is where the API of the process answers; empty until it does.
func (p *process) url() string {
	if found := answersOn.FindStringSubmatch(p.Output()); found != nil {
		return found[1]
	}
	return ""
}

// says counts how often a text is in the process's log.
func (p *process) says(text string) int { return strings.Count(p.Output(), text) }

// leads reports whether the process holds the scheduler's lease, as it says.
func (p *process) leads() bool {
	return p.Running() && p.says("this scheduler leads now") > p.says("this scheduler leads no more")
}

// tail is the end of what the process says, for the report of a failed test.
func (p *process) tail() string {
	const most = 4000
	text := p.Output()
	return text[max(0, len(text)-most):]
}
