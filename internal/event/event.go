// Package event is what an OSS event is: its types, its record, and the JSON that a
// native trigger hands to a function.
package event

import (
	"time"

	"github.com/alcedo-storage/alcedo/internal/lineage"
)

// Type is an event's name as it stands in an event ("ObjectCreated:PutObject"), without
// the "oss:" that trigger configurations put in front.
type Type string

// The event types that object operations cause (OSS event definitions, FC "overview of
// OSS triggers").
const (
	PutObject               Type = "ObjectCreated:PutObject"
	PostObject              Type = "ObjectCreated:PostObject"
	CopyObject              Type = "ObjectCreated:CopyObject"
	InitiateMultipartUpload Type = "ObjectCreated:InitiateMultipartUpload"
	UploadPart              Type = "ObjectCreated:UploadPart"
	UploadPartCopy          Type = "ObjectCreated:UploadPartCopy"
	CompleteMultipartUpload Type = "ObjectCreated:CompleteMultipartUpload"
	AppendObject            Type = "ObjectCreated:AppendObject"
	PutSymlink              Type = "ObjectCreated:PutSymlink"
	DeleteObject            Type = "ObjectRemoved:DeleteObject"
	DeleteObjects           Type = "ObjectRemoved:DeleteObjects"
	AbortMultipartUpload    Type = "ObjectRemoved:AbortMultipartUpload"
	UpdateObjectMeta        Type = "ObjectModified:UpdateObjectMeta"

	// Bucket events reach EventBridge rules only.
	PutBucket    Type = "BucketCreated:PutBucket"
	DeleteBucket Type = "BucketRemoved:DeleteBucket"
)

// Origin is who caused a change, and how. The wire layer fills it for every request.
type Origin struct {
	RequestID   string           `cbor:"1,keyasint,omitempty"` // 24 upper-case hex digits
	PrincipalID string           `cbor:"2,keyasint,omitempty"` // uid of the account, or id of the user or role session
	SourceIP    string           `cbor:"3,keyasint,omitempty"`
	Lineage     *lineage.Lineage `cbor:"4,keyasint,omitempty"` // the run that made the request; nil if none did
}

// Record is one event, as stored in the transaction of the change it tells of.
type Record struct {
	Type     Type      `cbor:"1,keyasint"`
	Time     time.Time `cbor:"2,keyasint"`
	Bucket   string    `cbor:"3,keyasint"`
	Owner    string    `cbor:"4,keyasint,omitempty"` // uid of the bucket's owner
	Region   string    `cbor:"5,keyasint,omitempty"` // "cn-hangzhou"
	Key      string    `cbor:"6,keyasint,omitempty"`
	Size     int64     `cbor:"7,keyasint,omitempty"`  // bytes
	Delta    int64     `cbor:"8,keyasint,omitempty"`  // new size minus old
	ETag     string    `cbor:"9,keyasint,omitempty"`  // upper-case hex, no quotes
	Position *int64    `cbor:"10,keyasint,omitempty"` // AppendObject: where the data was added
	Meta     Meta      `cbor:"11,keyasint,omitempty"`
	Origin   Origin    `cbor:"12,keyasint"`
}

// Meta is the part of an object's metadata that events carry.
type Meta struct {
	ContentType        string            `cbor:"1,keyasint,omitempty"`
	CacheControl       string            `cbor:"2,keyasint,omitempty"`
	ContentDisposition string            `cbor:"3,keyasint,omitempty"`
	ContentEncoding    string            `cbor:"4,keyasint,omitempty"`
	ContentLanguage    string            `cbor:"5,keyasint,omitempty"`
	Expires            string            `cbor:"6,keyasint,omitempty"`
	User               map[string]string `cbor:"7,keyasint,omitempty"` // full names: "x-oss-meta-…", lower case
}
