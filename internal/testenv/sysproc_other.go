//go:build unix && !linux

package testenv

import "syscall"

// processAttributes gives the server a process group and a user of its own.
// Only Linux can end it with its parent: elsewhere a server outlives a test
// binary that is killed.
func processAttributes(owner *account, _ syscall.Signal) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if owner != nil {
		attributes.Credential = &syscall.Credential{Uid: owner.uid, Gid: owner.gid}
	}
	return attributes
}
