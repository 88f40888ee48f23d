package console

import (
	"strings"
	"testing"
)

func init() { moreReaches = append(moreReaches, warningsReaches) }

func warningsReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	return []reach{{"GET /api/warnings", "/api/warnings?functions=f", "", "fc:GetFunction", fn("f"), fn("g"), 200}}
}

func TestWarningsOfMany(t *testing.T) {
	w := newWorld(t)
	var list []FunctionWarnings
	w.root("GET", "/api/warnings?functions=f,none,g", "").into(&list)
	if len(list) != 2 || list[0].Function != "f" || len(list[0].Warnings) != 0 || list[1].Function != "g" || len(list[1].Warnings) != 1 || list[1].Warnings[0].Kind != WarnPaused {
		t.Errorf("%+v", list)
	}
	part := w.key("part", `{"Effect":"Allow","Action":"fc:GetFunction","Resource":"acs:fc:*:*:functions/g"}`)
	w.do(part, "GET", "/api/warnings?functions=f,g", "").into(&list)
	if len(list) != 1 || list[0].Function != "g" {
		t.Errorf("who may get one of them: %+v", list)
	}
	w.root("GET", "/api/warnings?functions=", "").refused(400, "InvalidArgument", "1 to 100")
	w.root("GET", "/api/warnings?functions="+strings.Repeat("f,", 100)+"f", "").refused(400, "InvalidArgument", "101")
}
