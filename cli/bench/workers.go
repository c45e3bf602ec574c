package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"carillon/app"
)

// workerProcess is a process that only sends.
type workerProcess struct {
	child *exec.Cmd
	input io.WriteCloser
}

// startWorkers starts the scenario's worker processes and returns when they work.
func (b *bench) startWorkers(ctx context.Context, progress io.Writer) error {
	for n := range b.s.Workers {
		s := b.s
		s.Dir = filepath.Join(b.s.Dir, "worker-"+strconv.Itoa(n))
		if err := os.MkdirAll(s.Dir, 0o700); err != nil {
			return err
		}
		w, err := startWorker(ctx, s, progress)
		if err != nil {
			return fmt.Errorf("start a worker: %w", err)
		}
		b.workers = append(b.workers, w)
	}
	return nil
}

func startWorker(ctx context.Context, s Scenario, progress io.Writer) (*workerProcess, error) {
	child, err := childOf(ctx, "worker", s, progress)
	if err != nil {
		return nil, err
	}
	w := &workerProcess{child: child}
	if w.input, err = child.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	var ready struct{}
	if err := json.NewDecoder(output).Decode(&ready); err != nil {
		return nil, errors.Join(err, w.stop())
	}
	return w, nil
}

// Pid is the process's id.
func (w *workerProcess) Pid() int { return w.child.Process.Pid }

// stop has the process finish and returns when it is gone.
func (w *workerProcess) stop() error { return errors.Join(w.input.Close(), w.child.Wait()) }

func (b *bench) stopWorkers() error {
	var errs []error
	for _, w := range b.workers {
		errs = append(errs, w.stop())
	}
	return errors.Join(errs...)
}

// serveWorker is a worker's process: it sends until its input ends.
func serveWorker(ctx context.Context, s Scenario, in io.Reader, out io.Writer) error {
	engine, err := app.StartEngine(ctx, app.Options{Config: s.config(), Roles: app.Roles{Worker: true}})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(struct{}{}); err != nil {
		return errors.Join(err, engine.Stop())
	}
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, engine.Stop())
}
