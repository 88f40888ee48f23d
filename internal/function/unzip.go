package function

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// limits bound what a code package may unpack to.
type limits struct {
	unpacked int64 // bytes
	entries  int
}

const (
	// maxDirectory bounds the bytes of a zip's central directory, which archive/zip
	// reads into memory whole: 100,000 entries with long names.
	maxDirectory = 64 << 20

	// A package that unpacks to more than maxRatio times its size, past ratioFree
	// bytes, is a bomb: source code compresses 3 to 10 times, deflate at most 1,032.
	maxRatio  = 200
	ratioFree = 64 << 20

	maxSymlink = 1024 // bytes of a symbolic link's target
)

// errBudget ends the reading of a central directory that is too long.
var errBudget = errors.New("central directory too long")

// unzip checks a code package whole and writes its files under dir, which must be
// empty. Files become readable by all and writable by their owner, executable for all
// where they are for anyone; directories 0755. Names that lead out of dir, absolute
// ones, special files, links that point out of it and encrypted entries are refused.
// After an error, dir holds nothing of use.
func unzip(r io.ReaderAt, size int64, dir string, lim limits) error {
	src := &budget{r: r, left: maxDirectory}
	zr, err := zip.NewReader(src, size)
	switch {
	case errors.Is(err, errBudget):
		return badZip("its central directory is longer than %d bytes", maxDirectory)
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // names are checked below, with a better message
		return badZip("it cannot be read as a zip archive (%s)", strings.TrimPrefix(err.Error(), "zip: "))
	}
	src.left = -1
	if err := checkEntries(zr, size, lim); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacking{root: root, lim: lim, left: lim.unpacked, dirs: map[string]bool{".": true}}

	// Links come last, so that no file is written through one.
	var links []*zip.File
	for _, f := range zr.File {
		name := path.Clean(f.Name)
		var err error
		switch mode := f.Mode(); {
		case mode.IsDir() || strings.HasSuffix(f.Name, "/"):
			err = u.mkdir(name)
		case mode&fs.ModeSymlink != 0:
			links = append(links, f)
		default:
			err = u.extract(name, f)
		}
		if err != nil {
			return err
		}
	}
	for _, f := range links {
		if err := u.link(f); err != nil {
			return err
		}
	}
	for _, f := range links {
		// A chain of links may lead out though each looks harmless.
		if _, err := root.Stat(path.Clean(f.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return badZip("the symbolic link '%s' leads nowhere inside the package", shown(f.Name))
		}
	}
	return nil
}

// unpacking is one unzip under way.
type unpacking struct {
	root *os.Root
	lim  limits
	left int64           // bytes that may still be written
	dirs map[string]bool // made already
}

// checkEntries checks everything that can be known without unpacking.
func checkEntries(zr *zip.Reader, size int64, lim limits) error {
	if len(zr.File) == 0 {
		return badZip("it holds no files")
	}
	if len(zr.File) > lim.entries {
		return badZip("it holds %d entries; at most %d are allowed", len(zr.File), lim.entries)
	}
	var total uint64
	for _, f := range zr.File {
		if err := checkEntry(f); err != nil {
			return err
		}
		if f.UncompressedSize64 > uint64(lim.unpacked) {
			return tooLarge(lim.unpacked)
		}
		total += f.UncompressedSize64 // cannot overflow: entries × unpacked is far below 2⁶⁴
		if total > uint64(lim.unpacked) {
			return tooLarge(lim.unpacked)
		}
	}
	if total > ratioFree && total/maxRatio > uint64(size) {
		return badZip("it unpacks to %d times its size, as decompression bombs do; at most %d times is allowed", total/uint64(max(size, 1)), maxRatio)
	}
	return nil
}

func checkEntry(f *zip.File) error {
	name := f.Name
	switch {
	case name == "" || len(name) > 4096 || strings.IndexByte(name, 0) >= 0:
		return badZip("it holds an entry whose name is empty, longer than 4,096 bytes or has a zero byte")
	case strings.ContainsRune(name, '\\'):
		return badZip("the name '%s' has a backslash; names in a zip use '/'", shown(name))
	case strings.HasPrefix(name, "/"):
		return badZip("the name '%s' is absolute", shown(name))
	case f.Flags&1 != 0:
		return badZip("the entry '%s' is encrypted", shown(name))
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return badZip("the entry '%s' uses compression method %d; only stored (0) and deflated (8) are supported", shown(name), f.Method)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return badZip("the name '%s' leads out of the package", shown(name))
		}
		if len(part) > 255 {
			return badZip("the name '%s' has a part longer than 255 bytes", shown(name))
		}
	}
	if t := f.Mode().Type(); t != 0 && t != fs.ModeDir && t != fs.ModeSymlink {
		return badZip("the entry '%s' is a special file (%v)", shown(name), t)
	}
	return nil
}

// extract writes one file.
func (u *unpacking) extract(name string, f *zip.File) error {
	if name == "." {
		return badZip("the name '%s' is not that of a file", shown(f.Name))
	}
	if err := u.mkdir(path.Dir(name)); err != nil {
		return err
	}
	perm := fs.FileMode(0o644)
	if f.Mode()&0o111 != 0 {
		perm = 0o755
	}
	in, err := f.Open()
	if err != nil {
		return badZip("the entry '%s' cannot be read (%s)", shown(f.Name), strings.TrimPrefix(err.Error(), "zip: "))
	}
	defer in.Close()
	// A name that stands twice in a zip means its last entry, as unzip has it.
	out, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return clash(f.Name, err)
	}
	if err := out.Chmod(perm); err != nil { // whatever the umask
		out.Close()
		return err
	}
	src := &source{r: in}
	n, err := io.Copy(out, io.LimitReader(src, u.left+1))
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	switch {
	case src.err != nil:
		return badZip("the entry '%s' is damaged (%s)", shown(f.Name), strings.TrimPrefix(src.err.Error(), "zip: "))
	case err != nil:
		return err
	case n > u.left:
		return tooLarge(u.lim.unpacked)
	}
	u.left -= n
	return nil
}

func (u *unpacking) link(f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return badZip("the entry '%s' cannot be read", shown(f.Name))
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxSymlink+1))
	if err != nil {
		return badZip("the entry '%s' is damaged", shown(f.Name))
	}
	name, target := path.Clean(f.Name), string(b)
	inside := path.Join(path.Dir(name), target)
	if target == "" || len(b) > maxSymlink || strings.IndexByte(target, 0) >= 0 || path.IsAbs(target) || inside == ".." || strings.HasPrefix(inside, "../") {
		return badZip("the symbolic link '%s' points to '%s', which is not inside the package", shown(f.Name), shown(target))
	}
	if err := u.mkdir(path.Dir(name)); err != nil {
		return err
	}
	if err := u.root.Symlink(target, name); err != nil {
		return clash(f.Name, err)
	}
	return nil
}

// mkdir makes a directory and those above it, readable by all whatever the umask.
func (u *unpacking) mkdir(name string) error {
	if u.dirs[name] {
		return nil
	}
	if err := u.mkdir(path.Dir(name)); err != nil {
		return err
	}
	if err := u.root.Mkdir(name, 0o755); err != nil {
		return clash(name, err)
	}
	u.dirs[name] = true
	return u.root.Chmod(name, 0o755)
}

// clash explains an error that comes of two entries in each other's way; others stay.
func clash(name string, err error) error {
	if diskFault(err) != err || errors.Is(err, fs.ErrPermission) {
		return err
	}
	return badZip("the entry '%s' is in the way of another one of its name, or leads out of the package", shown(name))
}

func badZip(format string, args ...any) error {
	return fault.New(fault.Invalid, "InvalidArgument", "The code package is not valid: %s.", fault.Say(format, args...)).
		WithHint("Make a zip whose top level holds the handler's file, for example with: zip -r code.zip .")
}

func tooLarge(n int64) error {
	return fault.New(fault.Invalid, "InvalidArgument", "The code package unpacks to more than %d bytes.", n).
		WithHint("Leave out of it what the function does not need.")
}

// budget is a ReaderAt that fails once more than left bytes were asked of it; negative
// means no bound.
type budget struct {
	r    io.ReaderAt
	left int64
}

func (b *budget) ReadAt(p []byte, off int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			b.left = 0
			return 0, errBudget
		}
	}
	return b.r.ReadAt(p, off)
}

// source remembers that reading failed, to tell it from a failed write.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
