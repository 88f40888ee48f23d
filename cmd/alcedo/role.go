package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/spf13/cobra"
)

func rolePath(name string) string { return "/api/roles/" + url.PathEscape(name) }

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

// roleIs says in short what a role is after a change.
func roleIs(changed string) func(w io.Writer, x console.Role) {
	return func(w io.Writer, x console.Role) {
		fmt.Fprintf(w, "%s %s\ntrusts %s; policies: %s\n", changed, x.ARN, trusted(x), policyNames(x.Policies))
	}
}

func roleCreate() *cobra.Command {
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
	flags.add(c)
	c.MarkFlagsOneRequired("trust-account", "trust-service")
	return talking(c, func(x *call) error {
		in, err := flags.input(c, x.account)
		if err != nil {
			return err
		}
		if in.Trust == nil { // --trust-account=false
			return errors.New("a role needs somebody to trust: give --trust-account or --trust-service")
		}
		in.Name = x.args[0]
		role, err := ask[console.Role](x, "POST", "/api/roles", in)
		return tell(x, role, err, roleIs("created"))
	})
}

func roleList() *cobra.Command {
	return talking(&cobra.Command{Use: "list", Short: "List the roles", Args: cobra.NoArgs}, func(x *call) error {
		roles, err := get[[]console.Role](x, "/api/roles", nil)
		return tell(x, roles, err, func(w io.Writer, roles []console.Role) {
			fmt.Fprintln(w, "NAME\tTRUSTS\tPOLICIES\tDESCRIPTION")
			for _, x := range roles {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", x.Name, trusted(x), policyNames(x.Policies), x.Description)
			}
		})
	})
}

func roleShow() *cobra.Command {
	return talking(&cobra.Command{Use: "show NAME", Short: "Show a role with its policies", Args: cobra.ExactArgs(1)}, func(x *call) error {
		role, err := get[console.Role](x, rolePath(x.args[0]), nil)
		return tell(x, role, err, showRole)
	})
}

func roleUpdate() *cobra.Command {
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
	flags.add(c)
	c.Flags().BoolVar(&none, "no-policies", false, "detach all policies: it may do nothing then")
	c.MarkFlagsMutuallyExclusive("policy", "no-policies")
	c.MarkFlagsOneRequired("trust-account", "trust-service", "policy", "no-policies", "description", "max-session")
	return talking(c, func(x *call) error {
		in, err := flags.input(c, x.account)
		if err != nil {
			return err
		}
		if none {
			in.Policies = &[]console.Policy{}
		}
		role, err := ask[console.Role](x, "PUT", rolePath(x.args[0]), in)
		return tell(x, role, err, roleIs("updated"))
	})
}

func roleDelete() *cobra.Command {
	return deleting(&cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a role; its sessions may do nothing from then on",
		Args:  cobra.ExactArgs(1),
	}, func(x *call) error { return x.remove(rolePath(x.args[0])) })
}
