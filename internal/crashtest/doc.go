// Package crashtest owns the proof that the promises hold when things die: its
// tests run the real binary as child processes, kill them, take Redis and
// PostgreSQL away from under them, make the network between all of these bad (a
// soak), and compare what arrived at the far end with what Carillon says became of
// everybody. It must not know how the product works inside: it steers through the
// HTTP API and looks at what comes out.
//
// CARILLON_TEST_LONG=1 runs the long form (`make test/crash`), CARILLON_TEST_SEED
// repeats the random kills of an earlier run, and what was bad when in a soak. CARILLON_TEST_MINUTES
// is how long a soak lasts in its long form (`make test/soak`).
package crashtest
