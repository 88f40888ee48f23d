package object

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
)

// owes is a Sink whose every event owes as much as fifty rules can: 60 KB in rows.
type owes struct{ events map[string]int }

func (o *owes) Record(tx kv.Txn, rec *event.Record) error {
	if rec.Type == event.DeleteObjects {
		tx.Set([]byte("owed/"+rec.Key), make([]byte, 60<<10))
		tx.OnCommit(func(uint64) { o.events[rec.Key]++ })
	}
	return nil
}

// What many deletes owe together does not fit one transaction; they are made all the same.
func TestDeleteMultipleThatOwesMuch(t *testing.T) {
	ctx := t.Context()
	sink := &owes{map[string]int{}}
	s := Open(memkv.New(), memblob.New(), Options{Region: "cn-hangzhou", Sink: sink})
	if _, err := s.CreateBucket(ctx, event.Origin{}, Bucket{Name: "bucket", Owner: "1"}); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i := range 150 {
		k := fmt.Sprint("k", i)
		keys = append(keys, k)
		if _, err := s.Put(ctx, event.Origin{}, PutInput{Bucket: "bucket", Key: k, Body: bytes.NewReader(nil), Event: event.PutObject}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteMultiple(ctx, event.Origin{}, "bucket", keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if sink.events[k] != 1 {
			t.Errorf("%s has %d events", k, sink.events[k])
		}
	}
}
