// Command carillon is the one binary: the server in all its roles, and the
// command line that works on a running server through its API. It parses and
// exits; what it runs is in app, what it talks to in api.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // for machines without a zone database: schedules must not depend on them

	"golang.org/x/term"

	"carillon/app"
	"carillon/internal/clock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), clock: clock.System{},
		terminal: term.IsTerminal(int(os.Stderr.Fd())) && term.IsTerminal(int(os.Stdin.Fd())),
		run:      app.Run, migrate: app.Migrate,
	}
	code := c.execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
