package sandbox

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// ownerVar marks the processes of one server in their environment, as the kernel shows
// it in /proc; bubblewrap clears it for what runs inside.
const ownerVar = "ALCEDO_OWNER="

// Sweep kills what a crashed server of the same owner left behind, and returns how many
// processes that were. The caller is the only server of that owner.
//
// "Die with the parent" misses two cases. If a server is killed in the millisecond
// between bubblewrap's fork and its child's own request to die with it, that child waits
// for its dead parent for ever. And without a sandbox, a child's children live on.
func Sweep(owner string) int {
	mark := []byte(ownerVar + owner + "\x00")
	n := 0
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range environs {
		b, err := os.ReadFile(f) // of other users: refused, and not ours
		if err != nil || !bytes.HasPrefix(b, mark) && !bytes.Contains(b, append([]byte{0}, mark...)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil || pid <= 1 || pid == os.Getpid() {
			continue
		}
		if unix.Kill(pid, unix.SIGKILL) == nil {
			n++
		}
	}
	return n
}
