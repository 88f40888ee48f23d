package object

import (
	"context"
	"crypto/md5"
	"errors"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// check refuses what can be refused before a body is read.
func (s *Store) check(ctx context.Context, bucket, key string, m *event.Meta, acl ACL, class string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if _, err := s.GetBucket(ctx, bucket); err != nil {
		return err
	}
	if err := checkACL(acl, true); err != nil {
		return err
	}
	if err := checkStorageClass(class); err != nil {
		return err
	}
	n := 0
	for k, v := range m.User {
		n += len(k) + len(v)
	}
	if n > MaxUserMeta {
		return fault.New(fault.Invalid, InvalidArgument, "The user metadata has %d bytes; names and values together may have %d.", n, MaxUserMeta)
	}
	return nil
}

func objectACL(acl ACL) ACL {
	if acl == "default" {
		return ""
	}
	return acl
}

// Put stores an object, over an old one of the same key unless in.ForbidOverwrite.
func (s *Store) Put(ctx context.Context, o event.Origin, in PutInput) (*Info, error) {
	if err := s.check(ctx, in.Bucket, in.Key, &in.Meta, in.ACL, in.StorageClass); err != nil {
		return nil, err
	}
	data, err := s.receive(ctx, in.Body, in.Size, in.ContentMD5, in.SHA256)
	if err != nil {
		return nil, err
	}
	defer data.release()
	info, err := s.commitObject(ctx, in.Bucket, in.Key, func(tx kv.Txn, _ *Bucket, old *Info) (*Info, event.Record, error) {
		if err := forbidOverwrite(old, in.ForbidOverwrite); err != nil {
			return nil, event.Record{}, err
		}
		return &Info{
			Kind: Normal, Size: data.size, ETag: data.etag(), CRC64: data.crc, HasCRC64: true, MD5: data.md5,
			Modified: s.stamp(), ACL: objectACL(in.ACL), StorageClass: in.StorageClass, Meta: in.Meta,
			Content: data.content(tx),
		}, event.Record{Type: in.Event, Origin: o}, nil
	})
	data.used = maybeUsed(err)
	return info, err
}

// PutSymlink makes in.Key a symbolic link to another key of the bucket, which need not
// exist. The link has no data of its own.
func (s *Store) PutSymlink(ctx context.Context, o event.Origin, in PutInput, target string) (*Info, error) {
	if err := s.check(ctx, in.Bucket, in.Key, &in.Meta, in.ACL, in.StorageClass); err != nil {
		return nil, err
	}
	if err := CheckKey(target); err != nil {
		return nil, err
	}
	sum := md5.Sum([]byte(target))
	return s.commitObject(ctx, in.Bucket, in.Key, func(_ kv.Txn, _ *Bucket, old *Info) (*Info, event.Record, error) {
		if err := forbidOverwrite(old, in.ForbidOverwrite); err != nil {
			return nil, event.Record{}, err
		}
		return &Info{
			Kind: Symlink, Target: target, ETag: upperHex(sum[:]), Modified: s.stamp(),
			ACL: objectACL(in.ACL), StorageClass: in.StorageClass, Meta: in.Meta,
		}, event.Record{Type: event.PutSymlink, Origin: o}, nil
	})
}

// Append adds data at the end of an appendable object, or makes one when in.Position is 0
// and the key is free. The returned Info's Size is the next position.
func (s *Store) Append(ctx context.Context, o event.Origin, in AppendInput) (*Info, error) {
	if err := s.check(ctx, in.Bucket, in.Key, &in.Meta, in.ACL, in.StorageClass); err != nil {
		return nil, err
	}
	if in.Position < 0 {
		return nil, fault.New(fault.Invalid, InvalidArgument, "The position %d is negative.", in.Position)
	}
	data, err := s.receive(ctx, in.Body, in.Size, in.ContentMD5, in.SHA256)
	if err != nil {
		return nil, err
	}
	defer data.release()
	info, err := s.commitObject(ctx, in.Bucket, in.Key, func(tx kv.Txn, _ *Bucket, old *Info) (*Info, event.Record, error) {
		pos := in.Position
		rec := event.Record{Type: event.AppendObject, Position: &pos, Origin: o}
		length := int64(0)
		if old != nil {
			if old.Kind != Appendable {
				return nil, rec, fault.New(fault.Conflict, ObjectNotAppendable, "The object is not appendable.").
					WithHint("It was made by another operation than AppendObject; delete it first, or choose another key.")
			}
			length = old.Size
		}
		if pos != length {
			return nil, rec, fault.New(fault.Conflict, PositionNotEqual, "Position is not equal to file length: it is %d, the object has %d bytes.", pos, length).
				With("Position", itoa(length))
		}
		if length+data.size > MaxObjectSize {
			return nil, rec, tooLarge()
		}
		if old == nil {
			info := &Info{
				Kind: Appendable, Size: data.size, ETag: data.etag(), CRC64: data.crc, HasCRC64: true,
				Modified: s.stamp(), ACL: objectACL(in.ACL), StorageClass: in.StorageClass, Meta: in.Meta,
				Content: data.content(tx),
			}
			return info, rec, nil
		}
		info := *old
		info.Size += data.size
		info.CRC64 = combineCRC(old.CRC64, data.crc, data.size)
		info.Modified = s.stamp()
		sum := md5.Sum([]byte(old.ETag + data.etag()))
		info.ETag = upperHex(sum[:])
		return &info, rec, s.extend(tx, &info.Content, data)
	})
	data.used = maybeUsed(err)
	return info, err
}

// extend adds data to an appendable object's content. Small additions are merged with a
// small last chunk, so that a log appended line by line does not fall into crumbs.
func (s *Store) extend(tx kv.Txn, c *Content, data *received) error {
	if data.size == 0 {
		return nil
	}
	if c.ID == "" {
		*c = data.content(tx)
		return nil
	}
	last := c.Segments
	if c.Spilled > 0 {
		v, err := tx.Get(manifestKey(c.ID, c.Spilled-1))
		if err != nil {
			return err
		}
		if err := row.Decode(v, &last); err != nil {
			return err
		}
	}
	last = append([]Segment(nil), last...)
	if n := len(last); data.blob == "" && n > 0 && last[n-1].Chunk != "" && last[n-1].Size+data.size <= inlineMax {
		tail := last[n-1]
		v, err := tx.Get(row.Key(tChunk, tail.Chunk))
		if err != nil {
			return err
		}
		merged := append(append(make([]byte, 0, len(v)+len(data.data)), v...), data.data...)
		tx.Set(row.Key(tChunk, data.chunk), merged)
		last[n-1] = Segment{Chunk: data.chunk, Size: int64(len(merged))}
		// The old tail goes as any content does, under the name of the whole: readers of
		// the object as it was hold that one.
		old := Content{ID: c.ID, Segments: []Segment{tail}}
		if c.single() {
			old.ID = tail.Chunk
			if err := s.discard(tx, &old); err != nil {
				return err
			}
		} else {
			due := string(row.U64(uint64(s.now().Add(grace).UnixMilli())))
			tx.Set(row.Key(tGarbage, due+c.ID+tail.Chunk), row.Encode(old))
		}
	} else {
		seg, _ := data.put(tx)
		last = append(last, seg)
	}
	switch {
	case c.Spilled == 0 && len(last) <= fewSegments:
		c.Segments = last
	case c.Spilled == 0:
		*c = newContent(tx, c.ID, last)
	case len(last) <= manifestRow:
		tx.Set(manifestKey(c.ID, c.Spilled-1), row.Encode(last))
	default:
		tx.Set(manifestKey(c.ID, c.Spilled-1), row.Encode(last[:manifestRow]))
		tx.Set(manifestKey(c.ID, c.Spilled), row.Encode(last[manifestRow:]))
		c.Spilled++
	}
	return nil
}

// Copy makes in.Key a copy of a source object; the data is shared, not copied. Copying an
// object onto itself with new metadata is how OSS changes metadata, and is told of as
// ObjectModified:UpdateObjectMeta; any other copy as ObjectCreated:CopyObject.
func (s *Store) Copy(ctx context.Context, o event.Origin, in CopyInput) (*Info, error) {
	if err := s.check(ctx, in.Bucket, in.Key, &in.Meta, in.ACL, in.StorageClass); err != nil {
		return nil, err
	}
	if err := CheckKey(in.SrcKey); err != nil {
		return nil, err
	}
	self := in.SrcBucket == in.Bucket && in.SrcKey == in.Key
	var fresh [2]string // ids, made outside the transaction
	for i := range fresh {
		var err error
		if fresh[i], err = s.newID(); err != nil {
			return nil, err
		}
	}
	return s.commitObject(ctx, in.Bucket, in.Key, func(tx kv.Txn, _ *Bucket, old *Info) (*Info, event.Record, error) {
		rec := event.Record{Type: event.CopyObject, Origin: o}
		if self && in.MetadataReplace {
			rec.Type = event.UpdateObjectMeta
		}
		if _, err := bucketIn(tx, in.SrcBucket); err != nil {
			return nil, rec, err
		}
		src, err := objectIn(tx, in.SrcBucket, in.SrcKey)
		if err != nil {
			return nil, rec, err
		}
		if src == nil {
			return nil, rec, noSuchKey(in.SrcKey)
		}
		if err := in.Conditions.Check(src); err != nil {
			return nil, rec, err
		}
		if err := forbidOverwrite(old, in.ForbidOverwrite); err != nil {
			return nil, rec, err
		}
		info := *src
		info.Run = ""
		info.Modified = s.stamp()
		info.ACL = objectACL(in.ACL)
		if self && in.ACL == "" {
			info.ACL = src.ACL
		}
		if in.MetadataReplace {
			info.Meta = in.Meta
		}
		if in.StorageClass != "" {
			info.StorageClass = in.StorageClass
		}
		if !self {
			if info.Kind == Appendable {
				info.Kind = Normal // a copy of an appendable object is an ordinary one
			}
			if info.Content, err = duplicate(tx, &src.Content, fresh[0], fresh[1]); err != nil {
				return nil, rec, err
			}
		}
		return &info, rec, nil
	})
}

// duplicate returns a content with the same data as src. One chunk is copied, since it
// is smaller than the rows that sharing would cost; anything else is shared.
func duplicate(tx kv.Txn, src *Content, id, chunk string) (Content, error) {
	if src.ID == "" {
		return Content{}, nil
	}
	if src.single() {
		v, err := tx.Get(row.Key(tChunk, src.Segments[0].Chunk))
		if err != nil {
			return Content{}, err
		}
		tx.Set(row.Key(tChunk, chunk), v)
		return Content{ID: chunk, Segments: []Segment{{Chunk: chunk, Size: src.Segments[0].Size}}}, nil
	}
	list, err := segments(tx, src)
	if err != nil {
		return Content{}, err
	}
	if err := share(tx, list); err != nil {
		return Content{}, err
	}
	return newContent(tx, id, list), nil
}

// SetObjectACL changes an object's ACL; "default" gives it the bucket's. It causes no
// event, as in OSS.
func (s *Store) SetObjectACL(ctx context.Context, bucket, key string, acl ACL) error {
	if err := checkACL(acl, true); err != nil {
		return err
	}
	return wrap(s.kv.Update(ctx, func(tx kv.Txn) error {
		if _, err := bucketIn(tx, bucket); err != nil {
			return err
		}
		info, err := objectIn(tx, bucket, key)
		if err != nil {
			return err
		}
		if info == nil {
			return noSuchKey(key)
		}
		info.ACL = objectACL(acl)
		tx.Set(objectKey(bucket, key), row.Encode(info))
		return nil
	}))
}

// Delete removes an object and reports whether there was one; only then is there an
// event.
func (s *Store) Delete(ctx context.Context, o event.Origin, bucket, key string) (existed bool, err error) {
	if err := CheckKey(key); err != nil {
		return false, err
	}
	err = s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) (err error) {
		b, err := s.bucketIn(tx, bucket)
		if err != nil {
			return err
		}
		existed, err = s.remove(tx, b, key, event.Record{Type: event.DeleteObject, Origin: o})
		return err
	})
	return existed, wrap(err)
}

// DeleteMultiple removes objects, in transactions of up to 100 keys, fewer where their
// events owe so many runs that they would not fit one; each key that existed causes an
// event of its own. Invalid keys are refused before anything is done.
func (s *Store) DeleteMultiple(ctx context.Context, o event.Origin, bucket string, keys []string) error {
	for _, k := range keys {
		if err := CheckKey(k); err != nil {
			return err
		}
	}
	batch := 100
	for {
		n := min(batch, len(keys))
		err := s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
			b, err := s.bucketIn(tx, bucket)
			if err != nil {
				return err
			}
			for _, k := range keys[:n] {
				if _, err := s.remove(tx, b, k, event.Record{Type: event.DeleteObjects, Origin: o}); err != nil {
					return err
				}
			}
			return nil
		})
		if errors.Is(err, kv.ErrTooLarge) && n > 1 {
			batch = n / 2
			continue
		}
		if err != nil {
			return wrap(err)
		}
		if keys = keys[n:]; len(keys) == 0 {
			return nil
		}
	}
}

// remove deletes one object within tx. The event of a delete tells the old ETag, size 0
// and the negative of the old size as the change.
func (s *Store) remove(tx kv.Txn, b *Bucket, key string, rec event.Record) (bool, error) {
	old, err := objectIn(tx, b.Name, key)
	if err != nil || old == nil {
		return false, err
	}
	tx.Delete(objectKey(b.Name, key))
	if err := s.discard(tx, &old.Content); err != nil {
		return false, err
	}
	rec.Time, rec.Key, rec.ETag, rec.Meta, rec.Delta = s.stamp(), key, old.ETag, old.Meta, -old.Size
	return true, s.record(tx, b, rec)
}

func trimWeak(etag string) string { return unquote(strings.TrimPrefix(etag, "W/")) }
