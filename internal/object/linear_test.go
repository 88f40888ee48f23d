package object_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/dirblob"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv/pebblekv"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/anishathalye/porcupine"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Whatever callers do to two keys at once, what they are answered could have come from
// the operations made one after the other, each at some moment while it was under way.
//
// ALCEDO_HISTORIES sets how many histories are tried. With ALCEDO_SEED and ALCEDO_ROUND of
// a failure, the same operations are tried again; how they meet is up to the scheduler.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	number := func(name string, def uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			return n
		}
		return def
	}
	histories := number("ALCEDO_HISTORIES", 400)
	seed := number("ALCEDO_SEED", rand.Uint64())
	from := number("ALCEDO_ROUND", 0)
	t.Logf("ALCEDO_SEED=%d", seed)
	fs := vfs.NewMem()
	kvs, err := pebblekv.Open("kv", pebblekv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer kvs.Close()
	blobs, err := dirblob.Open("blob", dirblob.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	s := object.Open(kvs, blobs, object.Options{Region: "cn-hangzhou"})
	if _, err := s.CreateBucket(context.Background(), event.Origin{}, object.Bucket{Name: "testbucket", Owner: "1"}); err != nil {
		t.Fatal(err)
	}
	overlaps, refused := 0, 0
	for round := from; round < from+histories; round++ {
		ops := concurrently(t, s, rand.New(rand.NewPCG(seed, round)), fmt.Sprintf("h%d/", round))
		if t.Failed() {
			return
		}
		for i, op := range ops {
			if op.Output.(answer).err != "" {
				refused++
			}
			if i > 0 && op.Call < ops[i-1].Return {
				overlaps++
			}
		}
		result, info := porcupine.CheckOperationsVerbose(twoKeys, ops, 20*time.Second)
		if result == porcupine.Ok {
			continue
		}
		dir, err := os.MkdirTemp("", "alcedo-linearizable-")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "history.html")
		if err := porcupine.VisualizePath(twoKeys, info, path); err != nil {
			t.Error(err)
		}
		t.Fatalf("ALCEDO_SEED=%d ALCEDO_ROUND=%d: the history is %s; it is drawn in %s", seed, round, map[porcupine.CheckResult]string{porcupine.Illegal: "not linearizable", porcupine.Unknown: "too large to check"}[result], path)
	}
	t.Logf("%d histories: %d operations overlapped the one before, %d were refused", histories, overlaps, refused)
	if histories >= 100 && (overlaps == 0 || refused == 0) {
		t.Error("nothing happened at once, or nothing was refused; the test has lost its teeth")
	}
}

// asked is one operation on key 0 or 1.
type asked struct {
	op   string // put, put new, get, delete, append, copy
	key  int
	data string
	at   int64 // of append: the position
}

// answer is what a caller was told.
type answer struct {
	err  string // a fault's reason
	data string // of get
	kind object.Kind
	size int64
	gone bool // of delete: there was one
}

// content of one key; kind is empty where there is none.
type content struct {
	kind object.Kind
	data string
}

// twoKeys is what the room must look like from outside.
var twoKeys = porcupine.Model{
	Init: func() any { return [2]content{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.([2]content), input.(asked), output.(answer)
		old := s[in.key]
		refuse := func(reason string) (bool, any) { return out.err == reason, s }
		become := func(c content) (bool, any) {
			s[in.key] = c
			return out.err == "" && out.kind == c.kind && out.size == int64(len(c.data)), s
		}
		switch in.op {
		case "put":
			return become(content{object.Normal, in.data})
		case "put new":
			if old.kind != "" {
				return refuse(object.FileAlreadyExists)
			}
			return become(content{object.Normal, in.data})
		case "get":
			if old.kind == "" {
				return refuse(object.NoSuchKey)
			}
			return out == answer{data: old.data, kind: old.kind, size: int64(len(old.data))}, s
		case "delete":
			s[in.key] = content{}
			return out == answer{gone: old.kind != ""}, s
		case "append":
			switch {
			case old.kind != "" && old.kind != object.Appendable:
				return refuse(object.ObjectNotAppendable)
			case in.at != int64(len(old.data)):
				// The answer tells where the end was.
				return out.err == object.PositionNotEqual && out.size == int64(len(old.data)), s
			}
			return become(content{object.Appendable, old.data + in.data})
		case "copy":
			src := s[1-in.key]
			if src.kind == "" {
				return refuse(object.NoSuchKey)
			}
			src.kind = object.Normal
			return become(src)
		}
		return false, s
	},
	DescribeOperation: func(input, output any) string {
		in, out := input.(asked), output.(answer)
		name := fmt.Sprintf("%s %c", in.op, 'a'+rune(in.key))
		switch in.op {
		case "append":
			name += fmt.Sprintf(" at %d %s", in.at, brief(in.data))
		case "put", "put new":
			name += " " + brief(in.data)
		}
		if out.err != "" {
			return name + " → " + out.err
		}
		if in.op == "delete" {
			return fmt.Sprintf("%s → existed %v", name, out.gone)
		}
		return fmt.Sprintf("%s → %s %d %s", name, out.kind, out.size, brief(out.data))
	},
	DescribeState: func(state any) string {
		s := state.([2]content)
		return fmt.Sprintf("a: %s %s, b: %s %s", s[0].kind, brief(s[0].data), s[1].kind, brief(s[1].data))
	},
}

func brief(data string) string {
	if len(data) > 12 {
		return fmt.Sprintf("%s…(%d)", data[:12], len(data))
	}
	return strconv.Quote(data)
}

// concurrently lets four to eight callers use the two keys under prefix, and returns what
// they asked and were answered.
func concurrently(t *testing.T, s *object.Store, rng *rand.Rand, prefix string) (ops []porcupine.Operation) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	epoch := time.Now()
	for caller := range 4 + rng.IntN(5) {
		rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			end := [2]int64{} // where this caller believes that each key ends
			for i := range 6 {
				in := asked{op: []string{"put", "put new", "get", "get", "delete", "append", "append", "append", "copy"}[rng.IntN(9)], key: rng.IntN(2)}
				in.data = fmt.Sprintf("%d.%d ", caller, i)
				switch rng.IntN(8) {
				case 0: // a blob
					in.data = strings.Repeat(in.data, 33<<10/len(in.data)+1)
				case 1:
					in.data = ""
				}
				in.at = end[in.key]
				begun := time.Since(epoch).Nanoseconds()
				out, err := do(s, prefix, in)
				ended := time.Since(epoch).Nanoseconds()
				if err != nil {
					t.Errorf("%s: %v", in.op, err)
					return
				}
				end[in.key] = out.size
				mu.Lock()
				ops = append(ops, porcupine.Operation{ClientId: caller, Input: in, Call: begun, Output: out, Return: ended})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return ops
}

func do(s *object.Store, prefix string, in asked) (out answer, err error) {
	const bucket = "testbucket"
	ctx := context.Background()
	key, other := prefix+string(rune('a'+in.key)), prefix+string(rune('b'-in.key))
	var info *object.Info
	switch in.op {
	case "put", "put new":
		info, err = s.Put(ctx, event.Origin{}, object.PutInput{
			Bucket: bucket, Key: key, Body: strings.NewReader(in.data), Size: int64(len(in.data)), ForbidOverwrite: in.op == "put new", Event: event.PutObject,
		})
	case "get":
		rd, e := s.Get(ctx, bucket, key)
		if err = e; err == nil {
			defer rd.Close()
			data, e := io.ReadAll(rd.Open())
			if e != nil {
				return out, e
			}
			out.data, info = string(data), rd.Info
		}
	case "delete":
		out.gone, err = s.Delete(ctx, event.Origin{}, bucket, key)
	case "append":
		info, err = s.Append(ctx, event.Origin{}, object.AppendInput{Bucket: bucket, Key: key, Position: in.at, Body: strings.NewReader(in.data), Size: int64(len(in.data))})
	case "copy":
		info, err = s.Copy(ctx, event.Origin{}, object.CopyInput{SrcBucket: bucket, SrcKey: other, Bucket: bucket, Key: key})
	}
	if info != nil {
		out.kind, out.size = info.Kind, info.Size
	}
	if err == nil {
		return out, nil
	}
	f := fault.As(err)
	switch f.Kind {
	case fault.Conflict, fault.NotFound, fault.Exists:
	default:
		return out, err
	}
	out.err = string(f.Reason)
	if f.Reason == object.PositionNotEqual {
		if out.size, err = strconv.ParseInt(f.Params["Position"], 10, 64); err != nil {
			return out, err
		}
	}
	return out, nil
}
