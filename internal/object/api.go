// Package object keeps buckets and objects: plain, multipart, appended and symlinks.
//
// Every change commits through one function that writes the change, its event and, by
// way of the [Sink], the deliveries it owes in one durable kv transaction. A failed
// operation changes nothing and causes no event.
package object

import (
	"io"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
)

// Limits of OSS.
const (
	MaxKeySize     = 1023    // bytes of an object key, UTF-8
	MaxObjectSize  = 5 << 30 // bytes of one Put, Post, Append or part
	MaxParts       = 10000
	MinPartSize    = 100 << 10 // bytes of every part but the last
	MaxUserMeta    = 8 << 10   // bytes of all user metadata, names and values
	MaxListing     = 1000
	MaxDeleteBatch = 1000
)

// Reasons of this room's faults; wire tables map them. They are OSS's own codes.
const (
	NoSuchBucket          = "NoSuchBucket"
	NoSuchKey             = "NoSuchKey"
	NoSuchUpload          = "NoSuchUpload"
	BucketAlreadyExists   = "BucketAlreadyExists"
	BucketNotEmpty        = "BucketNotEmpty"
	InvalidBucketName     = "InvalidBucketName"
	InvalidObjectName     = "InvalidObjectName"
	InvalidArgument       = "InvalidArgument"
	InvalidDigest         = "InvalidDigest"  // Content-MD5 is not the body's
	IncompleteBody        = "IncompleteBody" // fewer bytes than announced
	EntityTooLarge        = "EntityTooLarge"
	EntityTooSmall        = "EntityTooSmall"
	InvalidPart           = "InvalidPart"
	InvalidPartOrder      = "InvalidPartOrder"
	FileAlreadyExists     = "FileAlreadyExists" // x-oss-forbid-overwrite
	ObjectNotAppendable   = "ObjectNotAppendable"
	PositionNotEqual      = "PositionNotEqualToLength" // Params: Position = the length
	NotSymlink            = "NotSymlink"
	InvalidTargetType     = "InvalidTargetType"
	SymlinkTargetNotExist = "SymlinkTargetNotExist"
	PreconditionFailed    = "PreconditionFailed"
	NotModified           = "NotModified"
	TooManyBuckets        = "TooManyBuckets"
	HasActiveTriggers     = "BucketHasTriggers"
)

// ACL values: "private", "public-read", "public-read-write"; objects also "default".
type ACL = string

// Bucket is a bucket and its settings.
type Bucket struct {
	Name         string    `cbor:"1,keyasint"`
	Owner        string    `cbor:"2,keyasint"` // uid
	Region       string    `cbor:"3,keyasint"` // "cn-hangzhou"
	Created      time.Time `cbor:"4,keyasint"`
	ACL          ACL       `cbor:"5,keyasint"`
	StorageClass string    `cbor:"6,keyasint"`
}

// Kind of an object, as x-oss-object-type gives it.
type Kind string

const (
	Normal     Kind = "Normal"
	Multipart  Kind = "Multipart"
	Appendable Kind = "Appendable"
	Symlink    Kind = "Symlink"
)

// Info is what is known of an object without its data. Callers must not change it.
type Info struct {
	Key          string     `cbor:"-"`
	Kind         Kind       `cbor:"1,keyasint"`
	Size         int64      `cbor:"2,keyasint,omitempty"`
	ETag         string     `cbor:"3,keyasint,omitempty"` // upper-case hex, no quotes; multipart: with "-N"
	CRC64        uint64     `cbor:"4,keyasint,omitempty"` // CRC-64/ECMA of the data
	HasCRC64     bool       `cbor:"5,keyasint,omitempty"`
	Modified     time.Time  `cbor:"6,keyasint"`
	ACL          ACL        `cbor:"7,keyasint,omitempty"` // empty: "default", the bucket's
	StorageClass string     `cbor:"8,keyasint,omitempty"` // empty: Standard
	Meta         event.Meta `cbor:"9,keyasint,omitempty"`
	Target       string     `cbor:"10,keyasint,omitempty"` // of a symlink
	MD5          []byte     `cbor:"11,keyasint,omitempty"` // of the data, where it is known
	Run          string     `cbor:"12,keyasint,omitempty"` // request id of the function run that wrote it
	Owner        string     `cbor:"-"`                     // the bucket's

	Content Content `cbor:"13,keyasint,omitempty"` // where the data lies; this room's own
}

// PutInput is one upload of a whole object.
type PutInput struct {
	Bucket, Key     string
	Body            io.Reader
	Size            int64 // announced bytes; -1 if unknown
	Meta            event.Meta
	ACL             ACL
	StorageClass    string
	ForbidOverwrite bool
	ContentMD5      []byte     // 16 bytes to check, or nil
	SHA256          string     // hex to check (V4 signed payload), or ""
	Event           event.Type // PutObject or PostObject
}

// CopyInput copies an object; MetadataReplace takes Meta, ACL and StorageClass from the
// input, otherwise Meta comes from the source. Conditions are checked on the source.
type CopyInput struct {
	SrcBucket, SrcKey string
	Bucket, Key       string
	MetadataReplace   bool
	Meta              event.Meta
	ACL               ACL
	StorageClass      string
	ForbidOverwrite   bool
	Conditions        Conditions
}

// Conditions of a request on an object; zero values mean: not set.
type Conditions struct {
	IfMatch, IfNoneMatch               string // ETags, quoted or not, or "*"
	IfModifiedSince, IfUnmodifiedSince time.Time
}

// AppendInput adds data at the end of an appendable object, or makes a new one.
type AppendInput struct {
	Bucket, Key  string
	Position     int64
	Body         io.Reader
	Size         int64 // -1 if unknown
	Meta         event.Meta
	ACL          ACL
	StorageClass string
	ContentMD5   []byte
	SHA256       string
}

// Part of an unfinished multipart upload.
type Part struct {
	Number   int       `cbor:"-"`
	Size     int64     `cbor:"1,keyasint"`
	ETag     string    `cbor:"2,keyasint"`
	CRC64    uint64    `cbor:"3,keyasint"`
	Modified time.Time `cbor:"4,keyasint"`
	Content  Content   `cbor:"5,keyasint"`
}

// PartInput is the upload of one part.
type PartInput struct {
	Bucket, Key, UploadID string
	Number                int // 1–10000
	Body                  io.Reader
	Size                  int64 // -1 if unknown
	ContentMD5            []byte
	SHA256                string
}

// PartCopyInput makes a part from (a range of) an existing object.
type PartCopyInput struct {
	SrcBucket, SrcKey     string
	Bucket, Key, UploadID string
	Number                int
	Offset, Length        int64 // Length -1: to the end
	Conditions            Conditions

	// Allow, if not nil, may refuse the source as it was opened: a symlink leads to
	// another object than the one that was named.
	Allow func(*Reader) error
}

// CompletedPart is what the client says a part is.
type CompletedPart struct {
	Number int
	ETag   string // quoted or not
}

// Upload is an unfinished multipart upload.
type Upload struct {
	Bucket       string     `cbor:"-"`
	Key          string     `cbor:"-"`
	ID           string     `cbor:"-"` // 32 upper-case hex digits
	Initiated    time.Time  `cbor:"1,keyasint"`
	Meta         event.Meta `cbor:"2,keyasint"`
	ACL          ACL        `cbor:"3,keyasint,omitempty"`
	StorageClass string     `cbor:"4,keyasint,omitempty"`
}

// ListInput asks for a page of keys in bytewise order after Marker (exclusive).
type ListInput struct {
	Prefix, Delimiter, Marker string
	Max                       int // 1–MaxListing
}

// Listing is a page of keys. When Truncated, Next is the Marker of the next page.
type Listing struct {
	Objects   []*Info
	Prefixes  []string
	Truncated bool
	Next      string
}

// UploadsInput asks for a page of unfinished uploads ordered by key, then id.
type UploadsInput struct {
	Prefix, Delimiter, KeyMarker, UploadIDMarker string
	Max                                          int
}

// UploadListing is a page of unfinished uploads.
type UploadListing struct {
	Uploads             []*Upload
	Prefixes            []string
	Truncated           bool
	NextKey, NextUpload string
}

// PartListing is a page of parts.
type PartListing struct {
	Upload    *Upload
	Parts     []*Part
	Truncated bool
	Next      int // part-number-marker of the next page
}

// Sink takes each event within the transaction that makes the change, before it is
// committed: it stores the event and the deliveries it owes. It is called once per
// event per try of the transaction.
type Sink interface {
	Record(tx kv.Txn, rec *event.Record) error
}
