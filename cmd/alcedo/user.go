package main

import (
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/spf13/cobra"
)

func userCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "Make, list, show, change and delete users",
		Long: `A user is somebody, or some program, with keys of its own and policies that say what they
may do. ` + "`alcedo key create USER`" + ` makes a key.`,
	}
	c.AddCommand(userCreate(), userList(), userShow(), userUpdate(), userDelete())
	return c
}

func userPath(name string) string { return "/api/users/" + url.PathEscape(name) }

func userCreate() *cobra.Command {
	var r remote
	var policies []string
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a user who may do what the policies allow",
		Long: `Make a user. Without a policy it may do nothing.

  alcedo user create ann --policy '{"Version":"1","Statement":[
    {"Effect":"Allow","Action":["oss:GetObject","oss:ListObjects"],"Resource":["acs:oss:*:*:testbucket","acs:oss:*:*:testbucket/*"]}]}'
  alcedo key create ann`,
		Args: cobra.ExactArgs(1),
	}
	r.add(c)
	c.Flags().StringArrayVar(&policies, "policy", nil, policyUsage)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		list, err := readPolicies(policies)
		if err != nil {
			return err
		}
		var out console.User
		if err := ask(c.Context(), cl, "POST", "/api/users", console.UserInput{Name: args[0], Policies: &list}, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintf(w, "created %s\npolicies: %s\n", out.ARN, policyNames(out.Policies))
		})
	}
	return c
}

func userList() *cobra.Command {
	var r remote
	c := &cobra.Command{Use: "list", Short: "List the users", Args: cobra.NoArgs}
	r.add(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		var out []console.User
		if err := ask(c.Context(), cl, "GET", "/api/users", nil, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintln(w, "NAME\tPOLICIES\tCREATED")
			for _, x := range out {
				fmt.Fprintf(w, "%s\t%s\t%s\n", x.Name, policyNames(x.Policies), x.Created.Local().Format(time.DateTime))
			}
		})
	}
	return c
}

func userShow() *cobra.Command {
	var r remote
	c := &cobra.Command{Use: "show NAME", Short: "Show a user with its policies", Args: cobra.ExactArgs(1)}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		var out console.User
		if err := ask(c.Context(), cl, "GET", userPath(args[0]), nil, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintf(w, "name\t%s\nARN\t%s\ncreated\t%s\n", out.Name, out.ARN, out.Created.Local().Format(time.DateTime))
			showPolicies(w, out.Policies)
		})
	}
	return c
}

func userUpdate() *cobra.Command {
	var r remote
	var policies []string
	var none bool
	c := &cobra.Command{
		Use:   "update NAME",
		Short: "Replace a user's policies",
		Long: `Replace all policies of a user. Its keys stay, and obey from their next request on.

  alcedo user update ann --policy ann.json`,
		Args: cobra.ExactArgs(1),
	}
	r.add(c)
	c.Flags().StringArrayVar(&policies, "policy", nil, policyUsage)
	c.Flags().BoolVar(&none, "no-policies", false, "detach all policies: it may do nothing then")
	c.MarkFlagsMutuallyExclusive("policy", "no-policies")
	c.MarkFlagsOneRequired("policy", "no-policies")
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		list, err := readPolicies(policies)
		if err != nil {
			return err
		}
		if len(list) == 0 && !none { // --no-policies=false
			return fmt.Errorf("nothing to change: give --policy or --no-policies")
		}
		var out console.User
		if err := ask(c.Context(), cl, "PUT", userPath(args[0]), console.UserInput{Policies: &list}, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintf(w, "updated %s\npolicies: %s\n", out.ARN, policyNames(out.Policies))
		})
	}
	return c
}

func userDelete() *cobra.Command {
	var r remote
	c := &cobra.Command{Use: "delete NAME", Short: "Delete a user and its keys", Args: cobra.ExactArgs(1)}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		if err := ask(c.Context(), cl, "DELETE", userPath(args[0]), nil, nil); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), map[string]string{"deleted": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "deleted %s\n", args[0]) })
	}
	return c
}

func keyCommand() *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Make, list and delete users' access keys"}
	c.AddCommand(keyCreate(), keyList(), keyDelete())
	return c
}

func keyCreate() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "create USER",
		Short: "Make an access key; its secret is shown once",
		Long: `Make an access key for a user, who may have two: make the second, change what uses the
first, and delete that. The secret is shown now and never again.

  alcedo key create ann
  alcedo key create ann --output json > ann.key`,
		Args: cobra.ExactArgs(1),
	}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		var out console.AccessKey
		if err := ask(c.Context(), cl, "POST", userPath(args[0])+"/keys", nil, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintf(w, "access key id\t%s\naccess key secret\t%s\n", out.ID, out.Secret)
			fmt.Fprintf(w, "Keep the secret of %s now: it is not shown again.\n", out.User)
		})
	}
	return c
}

func keyList() *cobra.Command {
	var r remote
	c := &cobra.Command{Use: "list USER", Short: "List a user's access keys", Args: cobra.ExactArgs(1)}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		var out []console.AccessKey
		if err := ask(c.Context(), cl, "GET", userPath(args[0])+"/keys", nil, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintln(w, "ACCESS KEY ID\tCREATED")
			for _, x := range out {
				fmt.Fprintf(w, "%s\t%s\n", x.ID, x.Created.Local().Format(time.DateTime))
			}
		})
	}
	return c
}

func keyDelete() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "delete USER ID",
		Short: "Delete an access key; requests signed with it fail from then on",
		Args:  cobra.ExactArgs(2),
	}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		if err := ask(c.Context(), cl, "DELETE", userPath(args[0])+"/keys/"+url.PathEscape(args[1]), nil, nil); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), map[string]string{"deleted": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "deleted %s\n", args[1]) })
	}
	return c
}
