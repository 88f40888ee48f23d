package reason

import (
	"strings"
	"testing"
)

// A page makes sentences of codes and arguments: what it does not expect is found here.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name string
		why  *Why
		want string // part of the error
	}{
		{"none", nil, ""},
		{"without arguments", New(TriggerDisabled, nil, "it is disabled"), ""},
		{"all arguments", New(PrefixDiffers, Args{"prefix": "a", "key": "b", "at": 1}, "at %d", 1), ""},
		{"optional", New(Paused, Args{"trigger": "t", "since": "s", "pause": "Manual"}, "paused"), ""},
		{"one is missing", New(PrefixDiffers, Args{"prefix": "a", "key": "b"}, ""), "no at"},
		{"one too many", New(TriggerDisabled, Args{"at": 1}, ""), "more than"},
		{"unknown", New("Whim", nil, ""), "not known"},
		{"a part is wrong", &Why{Code: FieldRefused, Args: Args{"field": "f", "values": "1"}, Parts: []Why{{Code: NotEqual}}}, "no of"},
		{"a hint is wrong", &Why{Code: TriggerDisabled, Hint: &Why{Code: "Whim"}}, "not known"},
	} {
		err := tt.why.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if s := (*Why)(nil).String(); s != "" {
		t.Errorf("no reason says %q", s)
	}
	if s := New(PrefixDiffers, nil, "at %d", 1).String(); s != "at 1" {
		t.Errorf("%q", s)
	}
}
