package object

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Tables of this room in kv.
const (
	tBucket   = "o/b/" // name → Bucket
	tObject   = "o/o/" // bucket 0 key → Info
	tChunk    = "o/c/" // chunk id → data
	tShared   = "o/s/" // chunk id → number of owners, where there are several
	tBlob     = "o/f/" // blob id → number of owners
	tManifest = "o/m/" // content id, index → segments
	tUpload   = "o/u/" // bucket 0 key 0 upload id → Upload
	tPart     = "o/p/" // upload id, part number → Part
	tGarbage  = "o/g/" // due time, content id → Content
)

// Options of Open.
type Options struct {
	Region string // of new buckets, "cn-hangzhou"
	Sink   Sink   // takes every event; nil: events are dropped
	Guard  BucketGuard
	Now    func() time.Time
	Rand   io.Reader
	Logger *slog.Logger
}

// Store is the object room. All methods may be called concurrently; an operation that
// changes something is atomic, and durable when it returns nil.
type Store struct {
	kv     kv.Store
	blobs  blob.Store
	sink   Sink
	guard  BucketGuard
	region string
	now    func() time.Time
	rand   io.Reader
	log    *slog.Logger

	gate   sync.RWMutex // held from a blob's commit until its transaction is decided
	pinsMu sync.Mutex
	pins   map[string]int // content id → readers

	buckets bucketCache
	buffers sync.Pool
	large   sync.Pool
}

// Open returns the room over kvs and blobs.
func Open(kvs kv.Store, blobs blob.Store, o Options) *Store {
	s := &Store{kv: kvs, blobs: blobs, sink: o.Sink, guard: o.Guard, region: o.Region, now: o.Now, rand: o.Rand, log: o.Logger, pins: map[string]int{}, buckets: bucketCache{byName: map[string]*Bucket{}, byMark: map[string]marked{}}}
	if s.now == nil {
		s.now = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.buffers.New = func() any { b := make([]byte, inlineMax+1); return &b }
	s.large.New = func() any { b := make([]byte, copyBuffer); return &b }
	return s
}

// record hands an event to the sink, within tx.
func (s *Store) record(tx kv.Txn, b *Bucket, rec event.Record) error {
	if s.sink == nil {
		return nil
	}
	rec.Bucket, rec.Owner, rec.Region = b.Name, b.Owner, b.Region
	return s.sink.Record(tx, &rec)
}

// stamp returns the time of a change. OSS shows whole seconds.
func (s *Store) stamp() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func objectKey(bucket, key string) []byte { return row.Key(tObject, bucket, key) }

func exists(r kv.Reader, key []byte) (bool, error) {
	_, err := r.Get(key)
	if errors.Is(err, kv.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// bucketIn reads a bucket within a transaction, which a concurrent DeleteBucket then
// conflicts with.
func bucketIn(r kv.Reader, name string) (*Bucket, error) {
	v, err := r.Get(row.Key(tBucket, name))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, noSuchBucket(name)
	}
	if err != nil {
		return nil, err
	}
	b := new(Bucket)
	return b, row.Decode(v, b)
}

// bucketIn is the function of that name for the paths of every write: it takes the row
// from memory while its mark says that it was not written. Callers must not change it.
func (s *Store) bucketIn(tx kv.Txn, name string) (*Bucket, error) {
	mark := tx.Mark(row.Key(tBucket, name))
	if b := s.buckets.marked(name, mark); b != nil {
		return b, nil
	}
	b, err := bucketIn(tx, name)
	if err == nil {
		s.buckets.mark(b, mark)
	}
	return b, err
}

func noSuchBucket(name string) error {
	return fault.New(fault.NotFound, NoSuchBucket, "The specified bucket does not exist.").With("BucketName", name)
}

func noSuchKey(key string) error {
	return fault.New(fault.NotFound, NoSuchKey, "The specified key does not exist.").With("Key", key)
}

// objectIn reads an object's row; nil if there is none.
func objectIn(r kv.Reader, bucket, key string) (*Info, error) {
	v, err := r.Get(objectKey(bucket, key))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decodeInfo(v, key)
}

func decodeInfo(v []byte, key string) (*Info, error) {
	i := new(Info)
	if err := row.Decode(v, i); err != nil {
		return nil, err
	}
	i.Key = key
	return i, nil
}

// CheckKey checks an object's name: 1 to 1023 bytes of UTF-8 that don't start with a
// slash or backslash (OSS object naming) and hold no zero byte (ours: it separates keys
// in the store).
func CheckKey(key string) error {
	var why string
	switch {
	case key == "":
		why = "it is empty"
	case len(key) > MaxKeySize:
		why = "it is longer than 1023 bytes"
	case key[0] == '/' || key[0] == '\\':
		why = "it starts with a slash or backslash"
	case !utf8.ValidString(key):
		why = "it is not UTF-8"
	default:
		for i := range len(key) {
			if key[i] == 0 {
				why = "it holds a zero byte"
			}
		}
	}
	if why == "" {
		return nil
	}
	return fault.New(fault.Invalid, InvalidObjectName, "The specified object is not valid: %s.", why)
}

// commitObject writes an object's new row over its old one, with the event. make is
// called in the transaction with the bucket and the old row (or nil); it writes the
// data's rows and returns the new row and the event.
func (s *Store) commitObject(ctx context.Context, bucket, key string, make func(tx kv.Txn, b *Bucket, old *Info) (*Info, event.Record, error)) (*Info, error) {
	var info *Info
	err := s.kv.Update(ctx, func(tx kv.Txn) error {
		b, err := s.bucketIn(tx, bucket)
		if err != nil {
			return err
		}
		old, err := objectIn(tx, bucket, key)
		if err != nil {
			return err
		}
		var rec event.Record
		if info, rec, err = make(tx, b, old); err != nil {
			return err
		}
		info.Key, info.Owner = key, b.Owner
		if rec.Origin.Lineage != nil {
			info.Run = rec.Origin.Lineage.Run
		}
		tx.Set(objectKey(bucket, key), row.Encode(info))
		if old != nil && old.Content.ID != info.Content.ID {
			if err := s.discard(tx, &old.Content); err != nil {
				return err
			}
		}
		rec.Key, rec.ETag, rec.Meta, rec.Time = key, info.ETag, info.Meta, info.Modified
		rec.Size, rec.Delta = info.Size, info.Size
		if old != nil {
			rec.Delta -= old.Size
		}
		return s.record(tx, b, rec)
	})
	if err != nil {
		return nil, wrap(err)
	}
	return info, nil
}

// wrap turns an error of the store into a fault; faults pass.
func wrap(err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, kv.ErrClosed) {
		return fault.New(fault.Unavailable, "ServiceUnavailable", "The server is stopping.").Because(err)
	}
	return fault.As(err) // what the medium refuses came as a fault
}

func forbidOverwrite(old *Info, forbid bool) error {
	if old != nil && forbid {
		return fault.New(fault.Conflict, FileAlreadyExists, "The object you specified already exists and can not be overwritten.").With("Key", old.Key)
	}
	return nil
}
