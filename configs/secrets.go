package configs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"carillon/internal/fault"
)

// Bounds of what a secret's command may take.
const (
	commandTime  = 30 * time.Second
	commandBytes = 64 << 10
	saidBytes    = 300
)

// ways are how a secret is given without standing in the configuration: its name with the
// suffix says where it is.
var ways = []struct {
	suffix string
	read   func(where string) (held string, err error)
	// advice is what to do where it can't be read.
	advice string
}{
	{"_file", readSecretFile, "name a file that this user may read"},
	{"_command", runSecretCommand, "try it in a shell as the user that Carillon runs as"},
}

func readSecretFile(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", errors.Unwrap(err) // the path is named by the fault
	}
	return string(content), nil
}

// runSecretCommand runs what fetches a secret from a vault, with a shell, because people write
// pipes there. What it says of a failure is shown; what it prints never is.
func runSecretCommand(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	printed, said := &atMost{left: commandBytes}, &atMost{left: saidBytes}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Stdout, cmd.Stderr = printed, said
	cmd.WaitDelay = time.Second // for what it has left behind with our pipes
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("it did not end within %v", commandTime)
	case err != nil && said.kept.Len() > 0:
		return "", fmt.Errorf("%w: %q", err, strings.TrimSpace(said.kept.String()))
	case err != nil:
		return "", err
	case printed.more:
		return "", fmt.Errorf("it prints more than %d bytes, which is no secret", commandBytes)
	case strings.TrimRight(printed.kept.String(), "\r\n") == "":
		return "", errors.New("it prints nothing")
	}
	return printed.kept.String(), nil
}

// atMost keeps the beginning of what is written.
type atMost struct {
	kept bytes.Buffer
	left int
	more bool
}

func (b *atMost) Write(p []byte) (int, error) {
	n, _ := b.kept.Write(p[:min(len(p), b.left)])
	b.left -= n
	b.more = b.more || n < len(p)
	return len(p), nil
}

// readSecrets replaces each name with a way's suffix by the secret itself, and names those
// that can't be read.
func readSecrets(layer map[string]value) (out map[string]value, wrong []fault.Field) {
	out = make(map[string]value, len(layer))
	for name, v := range layer {
		out[name] = v
	}
	for _, s := range Settings() {
		if !s.Secret {
			continue
		}
		for _, w := range ways {
			v, ok := layer[s.Name+w.suffix]
			if !ok {
				continue
			}
			delete(out, s.Name+w.suffix)
			if other, twice := out[s.Name]; twice && other.text != "" {
				wrong = append(wrong, fault.Field{Location: s.Name, Message: fmt.Sprintf("is given twice: as %s and as %s", other.origin, v.origin)})
				continue
			}
			held, err := w.read(v.text)
			if err != nil {
				wrong = append(wrong, fault.Field{Location: s.Name + w.suffix, Value: v.text,
					Message: fmt.Sprintf("can't be read: %v; %s", err, w.advice), Source: v.origin.String()})
				continue
			}
			out[s.Name] = value{strings.TrimRight(held, "\r\n"), Origin{v.origin.Layer, v.origin.Detail + " → " + v.text}}
		}
	}
	return out, wrong
}
