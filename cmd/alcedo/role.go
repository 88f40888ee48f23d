package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/client"
	"github.com/spf13/cobra"
)

// ask sends in (nil: no body) to the console's API and decodes the answer into out (nil:
// it is dropped).
func ask(ctx context.Context, cl *client.Client, method, path string, in, out any) error {
	var body []byte
	header := http.Header{}
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	resp, err := cl.Do(ctx, method, cl.Console, path, nil, body, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

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

func roleCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "role",
		Short: "Make, list, show, change and delete roles",
		Long: `A role is what a function acts as, or what somebody assumes through STS to get
credentials that end. Its trust policy says who may act as it, its policies what it may do.`,
	}
	c.AddCommand(roleCreate(), roleList(), roleShow(), roleUpdate(), roleDelete())
	return c
}

// roleFlags are what create and update have in common.
type roleFlags struct {
	account     bool
	services    []string
	policies    []string
	description string
	session     time.Duration
}

func (f *roleFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.account, "trust-account", false, "let the account's users and roles assume it that may sts:AssumeRole, and its root key")
	c.Flags().StringArrayVar(&f.services, "trust-service", nil, "let a service act as it: fc.aliyuncs.com (functions) or oss.aliyuncs.com (triggers); may be repeated")
	c.Flags().StringArrayVar(&f.policies, "policy", nil, policyUsage)
	c.Flags().StringVar(&f.description, "description", "", "what it is for")
	c.Flags().DurationVar(&f.session, "max-session", time.Hour, "the longest that a session may last, 1h to 12h")
}

// input is what the flags that were given say; what was not given is absent.
func (f *roleFlags) input(c *cobra.Command, account string) (in console.RoleInput, err error) {
	given := c.Flags().Changed
	if f.account || len(f.services) > 0 {
		principal := map[string][]string{}
		if f.account {
			if account == "" {
				return in, errors.New("--trust-account: which account? Say --account ID, or where the data directory is with --data")
			}
			principal["RAM"] = []string{"acs:ram::" + account + ":root"}
		}
		if len(f.services) > 0 {
			principal["Service"] = f.services
		}
		if in.Trust, err = json.Marshal(map[string]any{
			"Version":   "1",
			"Statement": []any{map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}},
		}); err != nil {
			return in, err
		}
	}
	if given("policy") {
		policies, err := readPolicies(f.policies)
		if err != nil {
			return in, err
		}
		in.Policies = &policies
	}
	if given("description") {
		in.Description = &f.description
	}
	if given("max-session") {
		seconds := int64(f.session / time.Second)
		in.MaxSession = &seconds
	}
	return in, nil
}

// trusted says in words whom a role's trust policy names.
func trusted(x console.Role) string {
	var d struct {
		Statement []struct {
			Effect    string
			Principal struct{ RAM, Service oneOrMore }
		}
	}
	if json.Unmarshal(x.Trust, &d) != nil {
		return "see `alcedo role show`" // one statement without a list, or the like
	}
	account := strings.TrimSuffix(x.ARN, "role/"+x.Name) + "root"
	var who []string
	for _, s := range d.Statement {
		for _, p := range append(s.Principal.RAM, s.Principal.Service...) {
			if p == account {
				p = "the account"
			}
			if s.Effect != "Allow" {
				p = "not " + p
			}
			who = append(who, p)
		}
	}
	return strings.Join(who, ", ")
}

// oneOrMore is a string or a list of them, as policies write either.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*o = oneOrMore{s}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

func showRole(w io.Writer, x console.Role) {
	fmt.Fprintf(w, "name\t%s\nARN\t%s\ndescription\t%s\nlongest session\t%s\ncreated\t%s\nupdated\t%s\n", x.Name, x.ARN, x.Description,
		time.Duration(x.MaxSession)*time.Second, x.Created.Local().Format(time.DateTime), x.Updated.Local().Format(time.DateTime))
	fmt.Fprintf(w, "trusts\t%s\n%s\n", trusted(x), indented(x.Trust))
	showPolicies(w, x.Policies)
}

func roleCreate() *cobra.Command {
	var r remote
	var flags roleFlags
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a role that the account or a service may act as",
		Long: `Make a role. Say with --trust-account or --trust-service who may act as it, and with
--policy what it may do; without a policy it may do nothing.

  alcedo role create reader --trust-account --policy '{"Version":"1","Statement":[
    {"Effect":"Allow","Action":"oss:GetObject","Resource":"acs:oss:*:*:testbucket/*"}]}'
  alcedo role create thumbs --trust-service fc.aliyuncs.com --policy thumbs.json

The first is for AssumeRole (acs:ram::ACCOUNT:role/reader, on the address of --fc), the second
for functions: alcedo deploy DIR --role acs:ram::ACCOUNT:role/thumbs.`,
		Args: cobra.ExactArgs(1),
	}
	r.add(c)
	flags.add(c)
	c.MarkFlagsOneRequired("trust-account", "trust-service")
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		in, err := flags.input(c, r.account)
		if err != nil {
			return err
		}
		if in.Trust == nil { // --trust-account=false
			return errors.New("a role needs somebody to trust: give --trust-account or --trust-service")
		}
		in.Name = args[0]
		var out console.Role
		if err := ask(c.Context(), cl, "POST", "/api/roles", in, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintf(w, "created %s\ntrusts %s; policies: %s\n", out.ARN, trusted(out), policyNames(out.Policies))
		})
	}
	return c
}

func roleList() *cobra.Command {
	var r remote
	c := &cobra.Command{Use: "list", Short: "List the roles", Args: cobra.NoArgs}
	r.add(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		var out []console.Role
		if err := ask(c.Context(), cl, "GET", "/api/roles", nil, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintln(w, "NAME\tTRUSTS\tPOLICIES\tDESCRIPTION")
			for _, x := range out {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", x.Name, trusted(x), policyNames(x.Policies), x.Description)
			}
		})
	}
	return c
}

func roleShow() *cobra.Command {
	var r remote
	c := &cobra.Command{Use: "show NAME", Short: "Show a role with its policies", Args: cobra.ExactArgs(1)}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		var out console.Role
		if err := ask(c.Context(), cl, "GET", "/api/roles/"+url.PathEscape(args[0]), nil, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) { showRole(w, out) })
	}
	return c
}

func roleUpdate() *cobra.Command {
	var r remote
	var flags roleFlags
	var none bool
	c := &cobra.Command{
		Use:   "update NAME",
		Short: "Change whom a role trusts, or what it may do",
		Long: `Change a role; what is not given stays. The policies given replace all it has, and the
trust given replaces the old one. Sessions of the role obey from their next request on.

  alcedo role update reader --policy reader.json --policy more.json
  alcedo role update reader --no-policies`,
		Args: cobra.ExactArgs(1),
	}
	r.add(c)
	flags.add(c)
	c.Flags().BoolVar(&none, "no-policies", false, "detach all policies: it may do nothing then")
	c.MarkFlagsMutuallyExclusive("policy", "no-policies")
	c.MarkFlagsOneRequired("trust-account", "trust-service", "policy", "no-policies", "description", "max-session")
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		in, err := flags.input(c, r.account)
		if err != nil {
			return err
		}
		if none {
			in.Policies = &[]console.Policy{}
		}
		var out console.Role
		if err := ask(c.Context(), cl, "PUT", "/api/roles/"+url.PathEscape(args[0]), in, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintf(w, "updated %s\ntrusts %s; policies: %s\n", out.ARN, trusted(out), policyNames(out.Policies))
		})
	}
	return c
}

func roleDelete() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a role; its sessions may do nothing from then on",
		Args:  cobra.ExactArgs(1),
	}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		if err := ask(c.Context(), cl, "DELETE", "/api/roles/"+url.PathEscape(args[0]), nil, nil); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), map[string]string{"deleted": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "deleted %s\n", args[0]) })
	}
	return c
}
