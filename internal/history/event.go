package history

import (
	"encoding/hex"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

// Event is a stored event and the runs that it owed. Mark is empty but for what was no
// event: an object that had none in the history when a run was made for it (a backfill);
// of Record, only Bucket, Key and Time are then set.
type Event struct {
	ID     string          `cbor:"-"`
	Record event.Record    `cbor:"1,keyasint"`
	Owed   []delivery.Owed `cbor:"3,keyasint,omitempty"`
	Mark   string          `cbor:"4,keyasint,omitempty"`

	place []byte
}

// eventRow is Event for writing, without a copy of the record.
type eventRow struct {
	Record *event.Record   `cbor:"1,keyasint"`
	Owed   []delivery.Owed `cbor:"3,keyasint,omitempty"`
	Mark   string          `cbor:"4,keyasint,omitempty"`
}

var eventTable = []byte(tEvent)

// maxSuffix bounds what tells the events of one transaction apart, in bytes.
const maxSuffix = 16

// EventID returns the id of an event: the commit sequence of its change in hex and, if it
// has one, "-" and the suffix that tells it from others of the same transaction.
func EventID(seq uint64, suffix []byte) string {
	id := strconv.FormatUint(seq, 16)
	if len(suffix) > 0 {
		id += "-" + hex.EncodeToString(suffix)
	}
	return id
}

func idOf(place []byte) string { return EventID(row.ParseU64(place), place[8:]) }

// parseID is EventID's inverse. Ids have one spelling.
func parseID(id string) (place []byte, err error) {
	head, tail, has := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(head, 16, 64)
	suffix, err2 := hex.DecodeString(tail)
	if err != nil || err2 != nil || len(suffix) > maxSuffix || has && len(suffix) == 0 || EventID(seq, suffix) != id {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "%q is not the id of an event.", id).
			WithHint("Ids look like 3f2a; `alcedo events list` shows them.")
	}
	return append(row.U64(seq), suffix...), nil
}

func ofKey(bucket, key string) []byte {
	return append(row.Key(tKey, bucket, key), 0) // neither holds a zero byte (object.CheckKey)
}

func causedBy(function, run string) []byte { return append(row.Key(tCause, function, run), 0) }

func outcomeKey(requestID string) []byte { return row.Key(tOutcome, requestID) }

func unwellKey(requestID string) []byte { return row.Key(tUnwell, requestID) }

func standsFor(requestID string) []byte { return append(row.Key(tFor, requestID), 0) }

// owedTo is the prefix of the runs that were owed to an event after it.
func owedTo(place []byte) []byte {
	k := append([]byte(tOwed), place[:8]...)
	return append(append(k, byte(len(place)-8)), place[8:]...)
}

// Event is delivery.Journal's. It is on the path of every write: one row, one of the
// index by key, and for what a run wrote one of the index by run.
func (s *Store) Event(tx kv.Txn, rec *event.Record, suffix []byte, owed []delivery.Owed) {
	s.put(tx, &eventRow{Record: rec, Owed: owed}, suffix)
}

func (s *Store) put(tx kv.Txn, e *eventRow, suffix []byte) {
	v := row.Encode(e)
	tx.SetSequenced(eventTable, suffix, v)
	tx.SetSequenced(ofKey(e.Record.Bucket, e.Record.Key), suffix, nil)
	if l := e.Record.Origin.Lineage; l != nil {
		tx.SetSequenced(causedBy(l.Function, l.Run), suffix, nil)
	}
	tx.OnCommit(s.committed)
	s.keep(eventSize(e.Record, len(v), len(suffix), len(e.Owed)))
}

// Owe is delivery.Journal's. A run for an object without an event (Bucket and Key of owed
// say which) gets a row of its own among the events, with a Mark. A run that is owed
// again under its old request id is no longer over.
func (s *Store) Owe(tx kv.Txn, eventID string, owed delivery.Owed) {
	tx.Delete(outcomeKey(owed.RequestID))
	tx.Delete(unwellKey(owed.RequestID))
	place, err := parseID(eventID)
	switch {
	case err == nil:
		v := row.Encode(&owed)
		k := append(owedTo(place), owed.RequestID...)
		tx.Set(k, v)
		s.keep(int64(len(k)+len(v)) + outcomeSize)
	case owed.Bucket != "":
		h := fnv.New64a()
		h.Write([]byte(owed.RequestID))
		rec := &event.Record{Time: s.o.Now().UTC(), Bucket: owed.Bucket, Key: owed.Key}
		suffix := h.Sum(nil)
		s.put(tx, &eventRow{Record: rec, Owed: []delivery.Owed{owed}, Mark: owed.Mark}, suffix)
		tx.SetSequenced(standsFor(owed.RequestID), suffix, nil)
	}
}

// Outcome is delivery.Journal's.
func (s *Store) Outcome(tx kv.Txn, o *delivery.Outcome) {
	tx.Set(outcomeKey(o.RequestID), row.Encode(o))
	if o.State != delivery.Succeeded {
		tx.Set(unwellKey(o.RequestID), []byte(o.State))
	}
}

// get reads the event at a place; nil if there is none.
func get(r kv.Reader, place []byte) (*Event, error) {
	v, err := r.Get(append([]byte(tEvent), place...))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decodeEvent(place, v)
}

func decodeEvent(place, v []byte) (*Event, error) {
	e := &Event{ID: idOf(place), place: append([]byte(nil), place...)}
	err := row.Decode(v, e)
	return e, err
}

// find reads an event by its id; nil if there is none. Older servers left the suffix out
// of the ids that they gave to runs: of several events in one transaction, the one that
// owes the request (if any is given) is then meant.
func find(r kv.Reader, id, requestID string) (*Event, error) {
	place, err := parseID(id)
	if err != nil {
		return nil, err
	}
	same, err := get(r, place)
	if err != nil || same != nil && (requestID == "" || same.owes(requestID)) {
		return same, err
	}
	var first, owing *Event
	err = r.Scan(kv.Prefix(append([]byte(tEvent), place[:8]...)), func(k, v []byte) error {
		e, err := decodeEvent(k[len(tEvent):], v)
		if err != nil {
			return err
		}
		if first == nil {
			first = e
		}
		if requestID != "" && e.owes(requestID) {
			owing = e
			return kv.Stop
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case owing != nil:
		return owing, nil
	case same != nil:
		return same, nil
	case len(place) == 8 || requestID != "":
		return first, nil
	}
	return nil, nil
}

func (e *Event) owes(requestID string) bool {
	for i := range e.Owed {
		if e.Owed[i].RequestID == requestID {
			return true
		}
	}
	return false
}

// owed returns all runs that an event owes: its own, and those of later replays. Where one
// was redriven under the same request id, it stands once, marked.
func owed(r kv.Reader, e *Event) ([]delivery.Owed, error) {
	prefix := owedTo(e.place)
	all := e.Owed
	err := r.Scan(kv.Prefix(prefix), func(_, v []byte) error {
		var o delivery.Owed
		if err := row.Decode(v, &o); err != nil {
			return err
		}
		for i := range all {
			if all[i].RequestID == o.RequestID {
				all[i].Mark, all[i].Job = o.Mark, o.Job
				return nil
			}
		}
		all = append(all, o)
		return nil
	})
	return all, err
}

// Info is an event as it is shown.
type Info struct {
	ID          string           `json:"id"`
	Type        event.Type       `json:"type"` // empty with a Mark
	Mark        string           `json:"mark,omitempty"`
	Time        time.Time        `json:"time"`
	Bucket      string           `json:"bucket"`
	Key         string           `json:"key,omitempty"`
	Size        int64            `json:"size"`
	Delta       int64            `json:"deltaSize"`
	ETag        string           `json:"eTag,omitempty"`
	ContentType string           `json:"contentType,omitempty"`
	RequestID   string           `json:"requestId,omitempty"`
	PrincipalID string           `json:"principalId,omitempty"`
	SourceIP    string           `json:"sourceIp,omitempty"`
	By          *lineage.Lineage `json:"by,omitempty"` // the run that caused it
}

// Info returns what is shown of e.
func (e *Event) Info() Info {
	r := &e.Record
	return Info{
		ID: e.ID, Type: r.Type, Mark: e.Mark, Time: r.Time, Bucket: r.Bucket, Key: r.Key, Size: r.Size, Delta: r.Delta, ETag: r.ETag,
		ContentType: r.Meta.ContentType, RequestID: r.Origin.RequestID, PrincipalID: r.Origin.PrincipalID, SourceIP: r.Origin.SourceIP,
		By: r.Origin.Lineage,
	}
}
