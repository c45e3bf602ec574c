// Package docstest holds what is written for people to what the program does.
// Its tests run the shell blocks of README.md and docs in order, with the real
// binary against a real mail server, Redis and PostgreSQL on loopback, and
// compare what the pages say comes out with what does; and they compare the
// tables with the code that they describe. It drives the binary from outside
// and wires nothing of its own.
//
// A page is read like this:
//
//   - ```shell is run by bash with -euo pipefail, one session for each section
//     (heading of the second level), each in a folder of its own.
//   - ```text after it must occur in the output, line by line and in order;
//     spaces don't count. ```json must be contained in the last line of the
//     output that is JSON.
//   - <!-- server --> before a ```shell block: each line is a program that runs
//     on until the end of the section.
//   - <!-- not run: why --> before a ```shell block keeps it from being run.
package docstest
