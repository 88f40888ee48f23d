package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/api/console"
)

const policyUsage = "policy that is attached: a file, or the JSON itself; may be repeated"

// readPolicies makes named policies of what --policy says. A file's is named after the
// file, without its extension; one written out is named inline. Names do not repeat.
func readPolicies(values []string) ([]console.Policy, error) {
	out := []console.Policy{}
	seen := map[string]bool{}
	for _, v := range values {
		name, text, from := "inline", []byte(v), v
		if !strings.HasPrefix(strings.TrimSpace(v), "{") {
			var err error
			if text, err = os.ReadFile(v); err != nil {
				return nil, fmt.Errorf("--policy: %w", err)
			}
			name = strings.Map(func(c rune) rune {
				if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
					return c
				}
				return '-'
			}, strings.TrimSuffix(filepath.Base(v), filepath.Ext(v)))
		}
		var document json.RawMessage
		if err := json.Unmarshal(text, &document); err != nil {
			return nil, fmt.Errorf("--policy %s is not JSON: %w", from, err)
		}
		unique := name
		for i := 2; seen[strings.ToLower(unique)]; i++ {
			unique = fmt.Sprintf("%s-%d", name, i)
		}
		seen[strings.ToLower(unique)] = true
		out = append(out, console.Policy{Name: unique, Document: document})
	}
	return out, nil
}

// showPolicies prints policies with their documents, for people.
func showPolicies(w io.Writer, policies []console.Policy) {
	if len(policies) == 0 {
		fmt.Fprintln(w, "policies\tnone: it may do nothing")
	}
	for _, p := range policies {
		fmt.Fprintf(w, "policy\t%s\n%s\n", p.Name, indented(p.Document))
	}
}

func indented(document json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Indent(&b, document, "", "  "); err != nil {
		return string(document)
	}
	return b.String()
}

func policyNames(policies []console.Policy) string {
	if len(policies) == 0 {
		return "-"
	}
	names := make([]string, len(policies))
	for i, p := range policies {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}
