package docstest

import "syscall"

// childAttributes make the kernel kill a child with the thread that started it,
// so that none outlives a killed test.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
