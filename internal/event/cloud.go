package event

import (
	"strconv"
	"time"
)

// What every CloudEvent of the object store says of itself.
const (
	CloudSource      = "acs.oss" // its "source"; the event inside says "acs:oss"
	CloudBus         = "default" // the event bus that services publish to
	CloudContentType = "application/json;charset=utf-8"
)

// AppendCloud appends the CloudEvent that an EventBridge rule hands to its target: the names
// and order are those of a published sample. "data" is one event as a native trigger has it,
// without its "events" array and without a rule id. published is when the event entered the
// bus (it keeps its milliseconds, as the sample does); everything else follows from the record, so that a second attempt of a delivery that
// passes the same moment sends the same bytes.
//
// A bucket event (PutBucket, DeleteBucket: the Key is empty) has the bucket's ARN as its
// subject, and no "object". The subject is never cut, though the cloud documents at most 512
// bytes: a key can have 1,023, and a rule on its suffix would miss a shortened one. "id" is
// the request's: the events of one DeleteObjects share it, and differ in their subject.
func (r *Record) AppendCloud(b []byte, published time.Time) []byte {
	b = append(b, `{"datacontenttype":"`+CloudContentType+`","aliyunaccountid":`...)
	b = appendString(b, r.Owner)
	b = append(b, `,"data":`...)
	b = r.appendCloudData(b)
	b = append(b, `,"subject":"`...)
	b = r.appendARN(b)
	if r.Key != "" {
		b = append(b, '/')
		b = appendEscaped(b, r.Key)
	}
	b = append(b, `","aliyunoriginalaccountid":`...)
	b = appendString(b, r.Owner)
	b = append(b, `,"source":"`+CloudSource+`","type":"oss:`...)
	b = appendEscaped(b, string(r.Type))
	b = append(b, `","aliyunpublishtime":"`...)
	b = published.UTC().AppendFormat(b, TimeFormat)
	b = append(b, `","specversion":"1.0","aliyuneventbusname":"`+CloudBus+`","id":`...)
	b = appendString(b, r.Origin.RequestID)
	b = append(b, `,"time":"`...)
	b = r.Time.UTC().Truncate(time.Second).AppendFormat(b, TimeFormat)
	b = append(b, `","aliyunregionid":`...)
	b = appendString(b, r.Region)
	return append(b, '}')
}

// appendCloudData appends the native event with its fields in the order of the CloudEvent's
// sample, which is not the order of the native one. An object's position stands where the
// native event has it, behind objectMeta.
func (r *Record) appendCloudData(b []byte) []byte {
	b = append(b, `{"eventVersion":"1.0","responseElements":{"requestId":`...)
	b = appendString(b, r.Origin.RequestID)
	b = append(b, `},"eventSource":"acs:oss","eventTime":"`...)
	b = r.Time.UTC().Truncate(time.Second).AppendFormat(b, TimeFormat)
	b = append(b, `","requestParameters":{"sourceIPAddress":`...)
	b = appendString(b, r.Origin.SourceIP)
	b = append(b, `},"eventName":`...)
	b = appendString(b, string(r.Type))
	b = append(b, `,"userIdentity":{"principalId":`...)
	b = appendString(b, r.Origin.PrincipalID)
	b = append(b, `},"region":`...)
	b = appendString(b, r.Region)
	b = append(b, `,"oss":{"bucket":{"name":`...)
	b = appendString(b, r.Bucket)
	b = append(b, `,"arn":"`...)
	b = r.appendARN(b)
	b = append(b, `","virtualBucket":"","ownerIdentity":`...)
	b = appendString(b, r.Owner)
	b = append(b, `},"ossSchemaVersion":"1.0"`...)
	if r.Key != "" {
		b = append(b, `,"object":{"size":`...)
		b = strconv.AppendInt(b, r.Size, 10)
		b = append(b, `,"objectMeta":`...)
		b = r.Meta.appendJSON(b)
		if r.Position != nil {
			b = append(b, `,"position":`...)
			b = strconv.AppendInt(b, *r.Position, 10)
		}
		b = append(b, `,"deltaSize":`...)
		b = strconv.AppendInt(b, r.Delta, 10)
		b = append(b, `,"eTag":`...)
		b = appendString(b, r.ETag)
		b = append(b, `,"key":`...)
		b = appendString(b, r.Key)
		b = append(b, '}')
	}
	return append(b, `}}`...)
}

// appendARN appends the bucket's ARN as it stands between the quotes of a JSON string.
func (r *Record) appendARN(b []byte) []byte {
	b = append(b, `acs:oss:`...)
	b = append(appendEscaped(b, r.Region), ':')
	b = append(appendEscaped(b, r.Owner), ':')
	return appendEscaped(b, r.Bucket)
}
