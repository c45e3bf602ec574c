// Command generate writes the sample contacts of package demo. It always writes
// the same ones.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	out := flag.String("o", "demo/contacts.csv", "the file to write")
	flag.Parse()
	if err := os.WriteFile(*out, generate(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "write sample:", err)
		os.Exit(1)
	}
}
