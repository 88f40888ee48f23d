package console

import (
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/kv"
)

func init() { moreReaches = append(moreReaches, eventPageReaches) }

func eventPageReaches() []reach {
	return []reach{
		{"GET /api/events/states", "/api/events/states?ids=1", "", "oss:ListObjects", "acs:oss:*:" + account + ":b", "acs:oss:*:" + account + ":other", 200},
	}
}

func TestEventStates(t *testing.T) {
	w := newWorld(t)
	a := w.upload("b", "in/b.png", delivery.Owed{RequestID: "R1", Function: "f", Trigger: "t"})
	b := w.upload("c", "other")
	get := func(ids ...string) (list []Event) {
		t.Helper()
		w.root("GET", "/api/events/states?ids="+strings.Join(ids, ","), "").into(&list)
		return list
	}
	part := w.key("part", `{"Effect":"Allow","Action":"oss:ListObjects","Resource":"acs:oss:*:*:b"}`)
	var list []Event
	if w.do(part, "GET", "/api/events/states?ids="+a+","+b, "").into(&list); len(list) != 1 || list[0].Bucket != "b" {
		t.Errorf("who may see one bucket: %+v", list)
	}
	if l := get(b, a, "ffff"); len(l) != 2 || l[0].Key != "other" || l[1].Owed[0].State != delivery.Enqueued {
		t.Errorf("%+v", l)
	}
	err := w.kv.Update(t.Context(), func(tx kv.Txn) error {
		w.history.Outcome(tx, &delivery.Outcome{RequestID: "R1", Function: "f", State: delivery.Succeeded, Attempts: 1})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if l := get(a); len(l) != 1 || l[0].Owed[0].State != delivery.Succeeded {
		t.Errorf("%+v", l)
	}
	w.root("GET", "/api/events/states?ids=", "").refused(400, "InvalidArgument", "1 to 100")
	w.root("GET", "/api/events/states?ids="+strings.Repeat("1,", 100)+"1", "").refused(400, "InvalidArgument", "101")
	w.root("GET", "/api/events/states?ids=zz,1", "").refused(400, "InvalidArgument", "zz")
}
