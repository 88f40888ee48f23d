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

// userIs says in short what a user is after a change.
func userIs(changed string) func(w io.Writer, x console.User) {
	return func(w io.Writer, x console.User) {
		fmt.Fprintf(w, "%s %s\npolicies: %s\n", changed, x.ARN, policyNames(x.Policies))
	}
}

func userCreate() *cobra.Command {
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
	c.Flags().StringArrayVar(&policies, "policy", nil, policyUsage)
	return talking(c, func(x *call) error {
		list, err := readPolicies(policies)
		if err != nil {
			return err
		}
		user, err := ask[console.User](x, "POST", "/api/users", console.UserInput{Name: x.args[0], Policies: &list})
		return tell(x, user, err, userIs("created"))
	})
}

func userList() *cobra.Command {
	return talking(&cobra.Command{Use: "list", Short: "List the users", Args: cobra.NoArgs}, func(x *call) error {
		users, err := get[[]console.User](x, "/api/users", nil)
		return tell(x, users, err, func(w io.Writer, users []console.User) {
			fmt.Fprintln(w, "NAME\tPOLICIES\tCREATED")
			for _, x := range users {
				fmt.Fprintf(w, "%s\t%s\t%s\n", x.Name, policyNames(x.Policies), x.Created.Local().Format(time.DateTime))
			}
		})
	})
}

func userShow() *cobra.Command {
	return talking(&cobra.Command{Use: "show NAME", Short: "Show a user with its policies", Args: cobra.ExactArgs(1)}, func(x *call) error {
		user, err := get[console.User](x, userPath(x.args[0]), nil)
		return tell(x, user, err, func(w io.Writer, x console.User) {
			fmt.Fprintf(w, "name\t%s\nARN\t%s\ncreated\t%s\n", x.Name, x.ARN, x.Created.Local().Format(time.DateTime))
			showPolicies(w, x.Policies)
		})
	})
}

func userUpdate() *cobra.Command {
	var policies []string
	var none bool
	c := &cobra.Command{
		Use:   "update NAME",
		Short: "Replace a user's policies",
		Long: `Replace all policies of a user. Its keys stay, and obey from their next request on.

  alcedo user update ann --policy ann.json`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringArrayVar(&policies, "policy", nil, policyUsage)
	c.Flags().BoolVar(&none, "no-policies", false, "detach all policies: it may do nothing then")
	c.MarkFlagsMutuallyExclusive("policy", "no-policies")
	c.MarkFlagsOneRequired("policy", "no-policies")
	return talking(c, func(x *call) error {
		list, err := readPolicies(policies)
		if err != nil {
			return err
		}
		if len(list) == 0 && !none { // --no-policies=false
			return fmt.Errorf("nothing to change: give --policy or --no-policies")
		}
		user, err := ask[console.User](x, "PUT", userPath(x.args[0]), console.UserInput{Policies: &list})
		return tell(x, user, err, userIs("updated"))
	})
}

func userDelete() *cobra.Command {
	return deleting(&cobra.Command{Use: "delete NAME", Short: "Delete a user and its keys", Args: cobra.ExactArgs(1)}, func(x *call) error {
		return x.remove(userPath(x.args[0]))
	})
}

func keysPath(user string) string { return userPath(user) + "/keys" }

func keyCommand() *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Make, list and delete users' access keys"}
	c.AddCommand(keyCreate(), keyList(), keyDelete())
	return c
}

func keyCreate() *cobra.Command {
	return talking(&cobra.Command{
		Use:   "create USER",
		Short: "Make an access key; its secret is shown once",
		Long: `Make an access key for a user, who may have two: make the second, change what uses the
first, and delete that. The secret is shown now and never again.

  alcedo key create ann
  alcedo key create ann --output json > ann.key`,
		Args: cobra.ExactArgs(1),
	}, func(x *call) error {
		key, err := ask[console.AccessKey](x, "POST", keysPath(x.args[0]), nil)
		return tell(x, key, err, func(w io.Writer, key console.AccessKey) {
			fmt.Fprintf(w, "access key id\t%s\naccess key secret\t%s\n", key.ID, key.Secret)
			fmt.Fprintf(w, "Keep the secret of %s now: it is not shown again.\n", key.User)
		})
	})
}

func keyList() *cobra.Command {
	return talking(&cobra.Command{Use: "list USER", Short: "List a user's access keys", Args: cobra.ExactArgs(1)}, func(x *call) error {
		keys, err := get[[]console.AccessKey](x, keysPath(x.args[0]), nil)
		return tell(x, keys, err, func(w io.Writer, keys []console.AccessKey) {
			fmt.Fprintln(w, "ACCESS KEY ID\tCREATED")
			for _, x := range keys {
				fmt.Fprintf(w, "%s\t%s\n", x.ID, x.Created.Local().Format(time.DateTime))
			}
		})
	})
}

func keyDelete() *cobra.Command {
	return deleting(&cobra.Command{
		Use:   "delete USER ID",
		Short: "Delete an access key; requests signed with it fail from then on",
		Args:  cobra.ExactArgs(2),
	}, func(x *call) error { return x.remove(keysPath(x.args[0]) + "/" + url.PathEscape(x.args[1])) })
}
