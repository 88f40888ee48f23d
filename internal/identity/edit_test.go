package identity

import (
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
)

// What changes nothing leaves the revision, so nobody is told of a change that was none.
func TestNothingChangedIsNoEdit(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, memkv.New(), Options{Account: testAccount, RootKeyID: testKeyID, RootKeySecret: testKeySecret, Secret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	u, err := s.PutUser(ctx, "ann", []Policy{{"read", getOnly}}, Edit{By: "a"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.PutUser(ctx, "ann", []Policy{{"read", getOnly}}, Edit{By: "b", IfMatch: u.Revision})
	if err != nil || again.Revision != u.Revision || again.UpdatedBy != "a" {
		t.Errorf("user: %+v, %v", again, err)
	}
	r, err := s.CreateRole(ctx, RoleInput{Name: "worker", Trust: trustAll, By: "a"})
	if err != nil {
		t.Fatal(err)
	}
	same, err := s.UpdateRole(ctx, "worker", RoleChange{Edit: Edit{By: "b", IfMatch: r.Revision}})
	if err != nil || same.Revision != r.Revision || same.UpdatedBy != "a" {
		t.Errorf("role: %+v, %v", same, err)
	}
	_, err = s.UpdateRole(ctx, "worker", RoleChange{Edit: Edit{IfMatch: "another"}})
	want(t, "a wrong ETag of no change", err, fault.Precondition, ReasonPrecondition)
}
