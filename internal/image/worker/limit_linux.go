//go:build cgo

package worker

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// limit caps the memory of this process and switches core dumps off.
//
// RLIMIT_DATA counts private writable memory, which is what images take. RLIMIT_AS also
// counts what is only reserved, and Go and malloc reserve gigabytes that they never
// touch, so it has room on top; it is the second fence, for kernels (gVisor) where the
// first counts less.
func limit(memory int64) error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switching core dumps off: %w", err)
	}
	if memory <= 0 {
		return nil
	}
	const reserved = 4 << 30
	for which, bytes := range map[int]uint64{unix.RLIMIT_DATA: uint64(memory), unix.RLIMIT_AS: uint64(memory) + reserved} {
		if err := unix.Setrlimit(which, &unix.Rlimit{Cur: bytes, Max: bytes}); err != nil {
			return fmt.Errorf("capping memory to %d bytes: %w", bytes, err)
		}
	}
	return nil
}
