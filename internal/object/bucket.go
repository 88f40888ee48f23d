package object

import (
	"context"
	"strings"
	"sync"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// MaxBuckets is how many buckets an account may have (OSS: 100 per region).
const MaxBuckets = 100

// CheckBucketName checks a bucket's name: 3 to 63 lower-case letters, digits and hyphens,
// with a letter or digit at both ends (OSS bucket naming).
func CheckBucketName(name string) error {
	ok := len(name) >= 3 && len(name) <= 63 && name[0] != '-' && name[len(name)-1] != '-'
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
	}
	if ok {
		return nil
	}
	return fault.New(fault.Invalid, InvalidBucketName, "The specified bucket is not valid.").
		WithHint("A bucket name has 3 to 63 lower-case letters, digits and hyphens, and neither starts nor ends with a hyphen.").
		With("BucketName", name)
}

func checkACL(acl ACL, object bool) error {
	switch acl {
	case "private", "public-read", "public-read-write":
		return nil
	case "", "default":
		if object {
			return nil
		}
	}
	f := fault.New(fault.Invalid, InvalidArgument, "%q is no ACL.", acl).With("ArgumentName", "x-oss-acl").With("ArgumentValue", acl)
	if object {
		return f.WithHint("Known are default, private, public-read and public-read-write.")
	}
	return f.WithHint("Known are private, public-read and public-read-write.")
}

func checkStorageClass(c string) error {
	switch c {
	case "", "Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive":
		return nil
	}
	return fault.New(fault.Invalid, InvalidArgument, "%q is no storage class.", c).
		WithHint("Known are Standard, IA, Archive, ColdArchive and DeepColdArchive; here all of them are stored alike.")
}

// CreateBucket makes a bucket. One that the owner has already only gets the ACL, if b
// names one; that is no error. Region, Created and defaults are filled in.
func (s *Store) CreateBucket(ctx context.Context, o event.Origin, b Bucket) (*Bucket, error) {
	if err := CheckBucketName(b.Name); err != nil {
		return nil, err
	}
	if b.ACL != "" {
		if err := checkACL(b.ACL, false); err != nil {
			return nil, err
		}
	}
	if err := checkStorageClass(b.StorageClass); err != nil {
		return nil, err
	}
	var made *Bucket
	err := s.kv.Update(ctx, func(tx kv.Txn) error {
		old, err := bucketIn(tx, b.Name)
		if err == nil {
			if old.Owner != b.Owner {
				return fault.New(fault.Exists, BucketAlreadyExists, "The requested bucket name is not available.").
					WithHint("Another account has it; choose another name.").With("BucketName", b.Name)
			}
			made = old
			if b.ACL == "" || b.ACL == old.ACL {
				return nil
			}
			made.ACL = b.ACL
			s.putBucket(tx, made)
			return nil
		}
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		n := 0
		err = tx.Scan(kv.Prefix([]byte(tBucket)), func(_, v []byte) error {
			var other Bucket
			if err := row.Decode(v, &other); err != nil {
				return err
			}
			if other.Owner == b.Owner {
				n++
			}
			return nil
		})
		if err != nil {
			return err
		}
		if n >= MaxBuckets {
			return fault.New(fault.Conflict, TooManyBuckets, "You have attempted to create more buckets than allowed: an account may have %d.", MaxBuckets)
		}
		nb := b
		nb.Created = s.stamp()
		if nb.Region == "" {
			nb.Region = s.region
		}
		if nb.ACL == "" {
			nb.ACL = "private"
		}
		if nb.StorageClass == "" {
			nb.StorageClass = "Standard"
		}
		made = &nb
		s.putBucket(tx, made)
		return s.record(tx, made, event.Record{Type: event.PutBucket, Time: made.Created, Origin: o})
	})
	if err != nil {
		return nil, wrap(err)
	}
	return made, nil
}

// putBucket writes a bucket's row and drops the cached one.
func (s *Store) putBucket(tx kv.Txn, b *Bucket) {
	tx.Set(row.Key(tBucket, b.Name), row.Encode(b))
	s.forget(tx, b.Name)
}

// forget drops a bucket from the cache when tx commits.
func (s *Store) forget(tx kv.Txn, name string) {
	tx.OnCommit(func(uint64) { s.buckets.drop(name) })
}

// bucketCache holds committed buckets. A reader may fill it only if nothing was dropped
// since before it read: what it read could be from before a change.
type bucketCache struct {
	mu      sync.RWMutex
	dropped uint64
	byName  map[string]*Bucket
	byMark  map[string]marked // for transactions
}

type marked struct {
	mark   uint64
	bucket *Bucket
}

// marked returns a bucket that was read under the same mark, or nil.
func (c *bucketCache) marked(name string, mark uint64) *Bucket {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if m := c.byMark[name]; mark != 0 && m.mark == mark {
		return m.bucket
	}
	return nil
}

func (c *bucketCache) mark(b *Bucket, mark uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byMark[b.Name] = marked{mark, b}
}

func (c *bucketCache) get(name string) (b *Bucket, dropped uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byName[name], c.dropped
}

func (c *bucketCache) fill(b *Bucket, dropped uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == dropped {
		c.byName[b.Name] = b
	}
}

func (c *bucketCache) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped++
	delete(c.byName, name)
	delete(c.byMark, name)
}

// GetBucket returns a bucket, or NoSuchBucket. It is cached; callers must not change what
// it returns. A change is seen from when the call that made it returned.
func (s *Store) GetBucket(ctx context.Context, name string) (*Bucket, error) {
	b, dropped := s.buckets.get(name)
	if b != nil {
		return b, nil
	}
	if err := CheckBucketName(name); err != nil {
		return nil, err
	}
	err := s.kv.View(ctx, func(r kv.Reader) (err error) {
		b, err = bucketIn(r, name)
		return err
	})
	if err != nil {
		return nil, wrap(err)
	}
	s.buckets.fill(b, dropped)
	return b, nil
}

// ListBuckets returns up to max buckets by name, after marker and with prefix; next is
// the marker of the following page, empty on the last.
func (s *Store) ListBuckets(ctx context.Context, prefix, marker string, max int) (buckets []*Bucket, next string, err error) {
	start := tBucket + prefix
	if after := tBucket + marker + "\x00"; marker != "" && after > start {
		start = after
	}
	err = s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Range{Start: []byte(start), End: kv.PrefixEnd([]byte(tBucket + prefix))}, func(k, v []byte) error {
			if len(buckets) == max {
				if max > 0 {
					next = buckets[max-1].Name
				}
				return kv.Stop
			}
			b := new(Bucket)
			buckets = append(buckets, b)
			return row.Decode(v, b)
		})
	})
	return buckets, next, wrap(err)
}

// SetBucketACL changes a bucket's ACL.
func (s *Store) SetBucketACL(ctx context.Context, bucket string, acl ACL) error {
	if err := checkACL(acl, false); err != nil {
		return err
	}
	return wrap(s.kv.Update(ctx, func(tx kv.Txn) error {
		b, err := bucketIn(tx, bucket)
		if err != nil {
			return err
		}
		b.ACL = acl
		s.putBucket(tx, b)
		return nil
	}))
}

// BucketGuard may forbid the deletion of a bucket, within its transaction; for example
// because triggers listen to it. It returns a fault that names what is in the way.
type BucketGuard func(r kv.Reader, bucket string) error

// DeleteBucket removes an empty bucket: no objects, no unfinished multipart uploads.
func (s *Store) DeleteBucket(ctx context.Context, o event.Origin, bucket string) error {
	return wrap(s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		b, err := bucketIn(tx, bucket)
		if err != nil {
			return err
		}
		for _, table := range []struct{ prefix, what string }{{tObject, "objects"}, {tUpload, "unfinished multipart uploads"}} {
			empty := true
			err := tx.Scan(kv.Prefix(append(row.Key(table.prefix, bucket), 0)), func(_, _ []byte) error {
				empty = false
				return kv.Stop
			})
			if err != nil {
				return err
			}
			if !empty {
				return fault.New(fault.Conflict, BucketNotEmpty, "The bucket you tried to delete is not empty.").
					WithHint("It still has %s.", fault.Word(table.what)).With("BucketName", bucket)
			}
		}
		if s.guard != nil {
			if err := s.guard(tx, bucket); err != nil {
				return err
			}
		}
		tx.Delete(row.Key(tBucket, bucket))
		s.forget(tx, bucket)
		return s.record(tx, b, event.Record{Type: event.DeleteBucket, Time: s.stamp(), Origin: o})
	}))
}

// unquote strips the quotes that HTTP puts around ETags.
func unquote(etag string) string { return strings.Trim(etag, `"`) }

// RegionOf returns a bucket's region within a transaction of another room, or
// NoSuchBucket.
func RegionOf(r kv.Reader, bucket string) (string, error) {
	b, err := bucketIn(r, bucket)
	if err != nil {
		return "", err
	}
	return b.Region, nil
}
