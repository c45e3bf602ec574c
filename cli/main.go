// Package cli owns the command line: a file of commands for each resource, which
// work on a running server through its API, and those that run the server
// itself. It decides nothing of what the API decides, and must not know the
// store, the queue or the domain's services.
package cli

import (
	"os"

	"golang.org/x/term"

	"carillon/app"
	"carillon/internal/clock"
)

// Main runs the command that the process was started with, on its standard
// streams, and returns the exit code.
func Main() int {
	ctx, stop := interruptible()
	defer stop()
	c := &cli{
		program: os.Args[0], in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), clock: clock.System{},
		terminal: term.IsTerminal(int(os.Stderr.Fd())) && term.IsTerminal(int(os.Stdin.Fd())),
		run:      app.Run, migrate: app.Migrate,
	}
	return c.execute(ctx, os.Args[1:])
}
