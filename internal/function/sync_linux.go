package function

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncTree makes everything under dir durable: one syncfs, since packages hold
// thousands of small files and an fsync of each takes longer than unpacking them.
func syncTree(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
