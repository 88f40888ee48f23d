package object

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

func uploadKey(bucket, key, id string) []byte { return row.Key(tUpload, bucket, key, id) }

func partKey(id string, number int) []byte {
	return binary.BigEndian.AppendUint16(row.Key(tPart, id), uint16(number))
}

func noSuchUpload(id string) error {
	return fault.New(fault.NotFound, NoSuchUpload, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.").
		With("UploadId", id)
}

func uploadIn(r kv.Reader, bucket, key, id string) (*Upload, error) {
	if CheckKey(id) != nil { // whatever it is, it is none of ours
		return nil, noSuchUpload(id)
	}
	v, err := r.Get(uploadKey(bucket, key, id))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, noSuchUpload(id)
	}
	if err != nil {
		return nil, err
	}
	u := &Upload{Bucket: bucket, Key: key, ID: id}
	return u, row.Decode(v, u)
}

// InitiateMultipart starts an upload in parts. Its id is 32 upper-case hex digits.
func (s *Store) InitiateMultipart(ctx context.Context, o event.Origin, in PutInput) (*Upload, error) {
	if err := s.check(ctx, in.Bucket, in.Key, &in.Meta, in.ACL, in.StorageClass); err != nil {
		return nil, err
	}
	var id [16]byte
	if _, err := io.ReadFull(s.rand, id[:]); err != nil {
		return nil, err
	}
	u := &Upload{
		Bucket: in.Bucket, Key: in.Key, ID: upperHex(id[:]), Initiated: s.stamp(),
		Meta: in.Meta, ACL: objectACL(in.ACL), StorageClass: in.StorageClass,
	}
	err := s.kv.Update(ctx, func(tx kv.Txn) error {
		b, err := s.bucketIn(tx, in.Bucket)
		if err != nil {
			return err
		}
		if in.ForbidOverwrite {
			old, err := objectIn(tx, in.Bucket, in.Key)
			if err != nil {
				return err
			}
			if err := forbidOverwrite(old, true); err != nil {
				return err
			}
		}
		tx.Set(uploadKey(u.Bucket, u.Key, u.ID), row.Encode(u))
		return s.record(tx, b, event.Record{
			Type: event.InitiateMultipartUpload, Time: u.Initiated, Key: u.Key, Meta: u.Meta, Origin: o,
		})
	})
	if err != nil {
		return nil, wrap(err)
	}
	return u, nil
}

// UploadPart stores a part, over an earlier one of the same number.
func (s *Store) UploadPart(ctx context.Context, o event.Origin, in PartInput) (*Part, error) {
	return s.uploadPart(ctx, event.Record{Type: event.UploadPart, Origin: o}, in)
}

func (s *Store) uploadPart(ctx context.Context, rec event.Record, in PartInput) (*Part, error) {
	if in.Number < 1 || in.Number > MaxParts {
		return nil, fault.New(fault.Invalid, InvalidArgument, "Part number must be an integer between 1 and %d, inclusive; it is %d.", MaxParts, in.Number).
			With("ArgumentName", "partNumber").With("ArgumentValue", strconv.Itoa(in.Number))
	}
	// Refuse what can be refused before the body is read.
	if err := s.kv.View(ctx, func(r kv.Reader) error {
		if _, err := bucketIn(r, in.Bucket); err != nil {
			return err
		}
		_, err := uploadIn(r, in.Bucket, in.Key, in.UploadID)
		return err
	}); err != nil {
		return nil, wrap(err)
	}
	data, err := s.receive(ctx, in.Body, in.Size, in.ContentMD5, in.SHA256)
	if err != nil {
		return nil, err
	}
	defer data.release()
	var part *Part
	err = s.kv.Update(ctx, func(tx kv.Txn) error {
		b, err := s.bucketIn(tx, in.Bucket)
		if err != nil {
			return err
		}
		u, err := uploadIn(tx, in.Bucket, in.Key, in.UploadID)
		if err != nil {
			return err
		}
		key := partKey(in.UploadID, in.Number)
		delta := data.size
		v, err := tx.Get(key)
		if err == nil {
			var old Part
			if err := row.Decode(v, &old); err != nil {
				return err
			}
			delta -= old.Size
			if err := s.discard(tx, &old.Content); err != nil {
				return err
			}
		} else if !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		part = &Part{Number: in.Number, Size: data.size, ETag: data.etag(), CRC64: data.crc, Modified: s.stamp(), Content: data.content(tx)}
		tx.Set(key, row.Encode(part))
		rec.Time, rec.Key, rec.Meta, rec.ETag, rec.Size, rec.Delta = part.Modified, in.Key, u.Meta, part.ETag, part.Size, delta
		return s.record(tx, b, rec)
	})
	data.used = maybeUsed(err)
	if err != nil {
		return nil, wrap(err)
	}
	return part, nil
}

// UploadPartCopy makes a part from an existing object, or from a range of it.
func (s *Store) UploadPartCopy(ctx context.Context, o event.Origin, in PartCopyInput) (*Part, error) {
	src, err := s.Get(ctx, in.SrcBucket, in.SrcKey)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if in.Allow != nil {
		if err := in.Allow(src); err != nil {
			return nil, err
		}
	}
	if err := in.Conditions.Check(src.Info); err != nil {
		return nil, err
	}
	if in.Length < 0 {
		in.Length = src.Info.Size - in.Offset
	}
	if in.Offset < 0 || in.Length < 0 || in.Offset+in.Length > src.Info.Size {
		return nil, fault.New(fault.Invalid, InvalidArgument, "The range %d-%d is not within the source's %d bytes.", in.Offset, in.Offset+in.Length-1, src.Info.Size).
			With("ArgumentName", "x-oss-copy-source-range")
	}
	return s.uploadPart(ctx, event.Record{Type: event.UploadPartCopy, Origin: o}, PartInput{
		Bucket: in.Bucket, Key: in.Key, UploadID: in.UploadID, Number: in.Number,
		Body: src.OpenRange(in.Offset, in.Length), Size: in.Length,
	})
}

// ListParts returns up to max parts by number, after marker.
func (s *Store) ListParts(ctx context.Context, bucket, key, uploadID string, marker, max int) (*PartListing, error) {
	l := &PartListing{}
	err := s.kv.View(ctx, func(r kv.Reader) (err error) {
		if _, err := bucketIn(r, bucket); err != nil {
			return err
		}
		if l.Upload, err = uploadIn(r, bucket, key, uploadID); err != nil {
			return err
		}
		if marker < 0 || marker >= MaxParts {
			return nil
		}
		return s.scanParts(r, uploadID, marker+1, func(p *Part) error {
			if len(l.Parts) == max {
				l.Truncated = true
				return kv.Stop
			}
			l.Parts = append(l.Parts, p)
			l.Next = p.Number
			return nil
		})
	})
	if err != nil {
		return nil, wrap(err)
	}
	return l, nil
}

func (s *Store) scanParts(r kv.Reader, uploadID string, from int, fn func(*Part) error) error {
	prefix := row.Key(tPart, uploadID)
	return r.Scan(kv.Range{Start: partKey(uploadID, from), End: kv.PrefixEnd(prefix)}, func(k, v []byte) error {
		p := &Part{Number: int(binary.BigEndian.Uint16(k[len(prefix):]))}
		if err := row.Decode(v, p); err != nil {
			return err
		}
		return fn(p)
	})
}

// CompleteMultipart makes the object out of the listed parts, or of all that were
// uploaded. The parts' data is not copied; parts that were not listed are given up.
func (s *Store) CompleteMultipart(ctx context.Context, o event.Origin, bucket, key, uploadID string, parts []CompletedPart, forbid, all bool) (*Info, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	if len(parts) == 0 && !all {
		return nil, fault.New(fault.Invalid, "MalformedXML", "The list of parts is empty.")
	}
	for i := 1; i < len(parts); i++ {
		if parts[i].Number <= parts[i-1].Number {
			return nil, fault.New(fault.Invalid, InvalidPartOrder, "The list of parts was not in ascending order: part %d follows part %d.", parts[i].Number, parts[i-1].Number)
		}
	}
	contentID, err := s.newID()
	if err != nil {
		return nil, err
	}
	return s.commitObject(ctx, bucket, key, func(tx kv.Txn, _ *Bucket, old *Info) (*Info, event.Record, error) {
		rec := event.Record{Type: event.CompleteMultipartUpload, Origin: o}
		u, err := uploadIn(tx, bucket, key, uploadID)
		if err != nil {
			return nil, rec, err
		}
		if err := forbidOverwrite(old, forbid); err != nil {
			return nil, rec, err
		}
		stored := map[int]*Part{}
		var order []CompletedPart
		err = s.scanParts(tx, uploadID, 1, func(p *Part) error {
			stored[p.Number] = p
			order = append(order, CompletedPart{p.Number, p.ETag})
			return nil
		})
		if err != nil {
			return nil, rec, err
		}
		for _, p := range order {
			tx.Delete(partKey(uploadID, p.Number))
		}
		if !all {
			order = parts
		} else if len(order) == 0 {
			return nil, rec, fault.New(fault.Invalid, InvalidPart, "No part of the upload has been uploaded yet.")
		}
		info := &Info{
			Kind: Multipart, HasCRC64: true, Modified: s.stamp(),
			ACL: u.ACL, StorageClass: u.StorageClass, Meta: u.Meta,
		}
		sums := md5.New()
		var list []Segment
		for i, want := range order {
			p := stored[want.Number]
			if p == nil || !strings.EqualFold(unquote(want.ETag), p.ETag) {
				return nil, rec, fault.New(fault.Invalid, InvalidPart, "One or more of the specified parts could not be found: part %d was not uploaded, or its ETag is another.", want.Number).
					With("PartNumber", strconv.Itoa(want.Number)).With("UploadId", uploadID)
			}
			delete(stored, want.Number)
			if p.Size < MinPartSize && i < len(order)-1 {
				return nil, rec, fault.New(fault.Invalid, EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size: part %d has %d bytes, and every part but the last needs %d.", p.Number, p.Size, MinPartSize).
					With("PartNumber", strconv.Itoa(p.Number))
			}
			sum, err := hex.DecodeString(p.ETag)
			if err != nil {
				return nil, rec, err
			}
			sums.Write(sum)
			info.Size += p.Size
			info.CRC64 = combineCRC(info.CRC64, p.CRC64, p.Size)
			list = append(list, p.Content.Segments...)
		}
		info.ETag = upperHex(sums.Sum(nil)) + "-" + strconv.Itoa(len(order))
		info.Content = newContent(tx, contentID, list)
		for _, p := range stored { // not listed
			if err := s.discard(tx, &p.Content); err != nil {
				return nil, rec, err
			}
		}
		tx.Delete(uploadKey(bucket, key, uploadID))
		return info, rec, nil
	})
}

// AbortMultipart gives up an upload and all its parts.
func (s *Store) AbortMultipart(ctx context.Context, o event.Origin, bucket, key, uploadID string) error {
	return wrap(s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		b, err := s.bucketIn(tx, bucket)
		if err != nil {
			return err
		}
		u, err := uploadIn(tx, bucket, key, uploadID)
		if err != nil {
			return err
		}
		var parts []*Part
		if err := s.scanParts(tx, uploadID, 1, func(p *Part) error { parts = append(parts, p); return nil }); err != nil {
			return err
		}
		for _, p := range parts {
			tx.Delete(partKey(uploadID, p.Number))
			if err := s.discard(tx, &p.Content); err != nil {
				return err
			}
		}
		tx.Delete(uploadKey(bucket, key, uploadID))
		return s.record(tx, b, event.Record{
			Type: event.AbortMultipartUpload, Time: s.stamp(), Key: key, Meta: u.Meta, Origin: o,
		})
	}))
}
