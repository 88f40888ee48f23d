package trigger

import "testing"

func TestPausedOfAllFunctions(t *testing.T) {
	s := open(t)
	for _, name := range []string{"a", "b", "c"} {
		if _, err := s.Create(ctx, "resize", native(name, put, name, "")); err != nil {
			t.Fatal(err)
		}
	}
	if ts, err := s.Paused(ctx, 10); err != nil || len(ts) != 0 {
		t.Fatal(ts, err)
	}
	for _, name := range []string{"a", "c"} {
		if err := s.Pause(ctx, "resize", name, Manual, "why"); err != nil {
			t.Fatal(err)
		}
	}
	if ts, err := s.Paused(ctx, 10); err != nil || len(ts) != 2 || ts[1].Name != "c" || ts[0].Paused.Detail != "why" {
		t.Errorf("%+v %v", ts, err)
	}
	if ts, err := s.Paused(ctx, 1); err != nil || len(ts) != 1 {
		t.Errorf("%+v %v", ts, err)
	}
}
