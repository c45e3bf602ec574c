package testenv

import "syscall"

// processAttributes makes the kernel send parentDeath to the server when the
// thread that starts it ends, so that a server never outlives a killed test
// binary; see process.run for the thread. The server gets a process group of
// its own, so that a Ctrl-C at the terminal reaches the test and not the server.
func processAttributes(owner *account, parentDeath syscall.Signal) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: parentDeath}
	if owner != nil {
		attributes.Credential = &syscall.Credential{Uid: owner.uid, Gid: owner.gid}
	}
	return attributes
}
