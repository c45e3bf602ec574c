package bench

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"carillon/internal/testenv"
)

// TestMain plays the roles of the processes that a scenario starts, too: they are
// this test binary.
func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == "bench" && os.Args[2] == "--role" {
		if err := Child(context.Background(), os.Args[3], os.Args[5], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// What runs beside others waits most of its time. -parallel says otherwise.
	if err := flag.Set("test.parallel", "3"); err != nil {
		panic(err)
	}
	testenv.Main(m)
}
