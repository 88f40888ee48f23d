package object

import (
	"context"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// List returns a page of an object listing. Keys that share what stands between the
// prefix and the next delimiter are rolled into one common prefix and skipped over, so
// a page costs in its own size, not in that of what it rolls up.
func (s *Store) List(ctx context.Context, bucket string, in ListInput) (*Listing, error) {
	b, err := s.GetBucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	l := &Listing{}
	err = s.walk(ctx, row.Key(tObject, bucket, ""), in.Prefix, in.Delimiter, in.Marker, func(key, prefix string, v []byte) error {
		if len(l.Objects)+len(l.Prefixes) >= in.Max {
			l.Truncated = in.Max > 0
			return kv.Stop
		}
		if prefix != "" {
			l.Prefixes = append(l.Prefixes, prefix)
			l.Next = prefix
			return nil
		}
		info, err := decodeInfo(v, key)
		if err != nil {
			return err
		}
		info.Owner = b.Owner
		l.Objects = append(l.Objects, info)
		l.Next = key
		return nil
	})
	if err != nil {
		return nil, wrap(err)
	}
	if !l.Truncated {
		l.Next = ""
	}
	return l, nil
}

// walk visits the keys of a table in order, after marker, rolled up at delimiter. fn gets
// either a key and its value, or a common prefix. In tables whose keys have a second part
// after a zero byte, key is everything after the table.
func (s *Store) walk(ctx context.Context, table []byte, prefix, delimiter, marker string, fn func(key, prefix string, v []byte) error) error {
	join := func(k string) []byte { return append(table[:len(table):len(table)], k...) }
	start, end := join(prefix), kv.PrefixEnd(join(prefix))
	if marker != "" && marker >= prefix {
		if p := rollUp(marker, prefix, delimiter); p == marker {
			start = kv.PrefixEnd(join(p)) // everything under it is done
		} else {
			start = append(join(marker), 0)
		}
	}
	return s.kv.View(ctx, func(r kv.Reader) error {
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			skip := ""
			stopped := false
			err := r.Scan(kv.Range{Start: start, End: end}, func(k, v []byte) error {
				key := string(k[len(table):])
				name, _, _ := strings.Cut(key, "\x00")
				if skip = rollUp(name, prefix, delimiter); skip != "" {
					return kv.Stop
				}
				err := fn(key, "", v)
				stopped = err == kv.Stop
				return err
			})
			if err != nil || skip == "" || stopped {
				return err
			}
			if err := fn("", skip, nil); err != nil {
				if err == kv.Stop {
					return nil
				}
				return err
			}
			start = kv.PrefixEnd(join(skip))
		}
	})
}

// rollUp returns the common prefix that key falls under, or "".
func rollUp(key, prefix, delimiter string) string {
	if delimiter == "" || !strings.HasPrefix(key, prefix) {
		return ""
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(prefix)+i+len(delimiter)]
}

// ListUploads returns a page of a bucket's unfinished multipart uploads. Without a key
// marker, the upload id marker is ignored.
func (s *Store) ListUploads(ctx context.Context, bucket string, in UploadsInput) (*UploadListing, error) {
	if _, err := s.GetBucket(ctx, bucket); err != nil {
		return nil, err
	}
	l := &UploadListing{}
	marker := in.KeyMarker
	if marker != "" && rollUp(marker, in.Prefix, in.Delimiter) != marker {
		if in.UploadIDMarker != "" {
			marker += "\x00" + in.UploadIDMarker
		} else {
			marker += "\x01" // after every upload of the key
		}
	}
	err := s.walk(ctx, row.Key(tUpload, bucket, ""), in.Prefix, in.Delimiter, marker, func(key, prefix string, v []byte) error {
		if len(l.Uploads)+len(l.Prefixes) >= in.Max {
			l.Truncated = in.Max > 0
			return kv.Stop
		}
		if prefix != "" {
			l.Prefixes = append(l.Prefixes, prefix)
			l.NextKey, l.NextUpload = prefix, ""
			return nil
		}
		i := strings.LastIndexByte(key, 0)
		u := &Upload{Bucket: bucket, Key: key[:i], ID: key[i+1:]}
		if err := row.Decode(v, u); err != nil {
			return err
		}
		l.Uploads = append(l.Uploads, u)
		l.NextKey, l.NextUpload = u.Key, u.ID
		return nil
	})
	if err != nil {
		return nil, wrap(err)
	}
	if !l.Truncated {
		l.NextKey, l.NextUpload = "", ""
	}
	return l, nil
}
