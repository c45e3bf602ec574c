//go:build !linux

package docstest

import "syscall"

// childAttributes keep the terminal's Ctrl-C for the test; only Linux ties a
// child's life to its parent's.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
