//go:build !failpoint

package failpoint

// enabled says that this binary is for tests.
const enabled = false
