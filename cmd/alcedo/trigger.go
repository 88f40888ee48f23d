package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/spf13/cobra"
)

type triggerOutput struct {
	Name      string `json:"triggerName"`
	Type      string `json:"triggerType"`
	Config    string `json:"triggerConfig"`
	Qualifier string `json:"qualifier"`
	Source    string `json:"sourceArn"`
	Status    string `json:"status"`
}

func triggerCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "trigger",
		Short: "Make, list, delete and try triggers",
	}
	c.AddCommand(triggerCreate(), triggerList(), triggerDelete(), triggerMatch())
	return c
}

// withPrefix writes an event's name as triggers do.
func withPrefix(name string) string {
	if strings.HasPrefix(name, "oss:") {
		return name
	}
	return "oss:" + name
}

func triggerCreate() *cobra.Command {
	var r remote
	var name, bucket, prefix, suffix, qualifier, role string
	var events []string
	c := &cobra.Command{
		Use:   "create FUNCTION",
		Short: "Run a function when objects of a bucket change",
		Long: `Run a function when objects of a bucket change: a native OSS trigger. A bucket has at
most ten, with one prefix and one suffix each, and no two of them may match the same event.

  alcedo trigger create resize-nodejs --bucket testbucket --prefix source/ --suffix .png

Give both a prefix and a suffix, and write results elsewhere, or the function triggers
itself. Uploads come as PutObject, PostObject (forms, the console) or CompleteMultipartUpload
(large files): the default is all that create an object.`,
		Args: cobra.ExactArgs(1),
	}
	r.add(c)
	f := c.Flags()
	f.StringVar(&name, "name", "oss-trigger", "name of the trigger")
	f.StringVar(&bucket, "bucket", "", "the bucket to listen to (required)")
	f.StringVar(&prefix, "prefix", "", "what the object's key must start with")
	f.StringVar(&suffix, "suffix", "", "what the object's key must end with")
	f.StringSliceVar(&events, "event", []string{"oss:ObjectCreated:PutObject", "oss:ObjectCreated:PostObject", "oss:ObjectCreated:CompleteMultipartUpload", "oss:ObjectCreated:PutSymlink"}, "event to listen to; may be repeated")
	f.StringVar(&qualifier, "qualifier", "LATEST", "version or alias to run")
	f.StringVar(&role, "role", "", "ARN of the role with which OSS invokes the function; default AliyunOSSEventNotificationRole")
	if err := c.MarkFlagRequired("bucket"); err != nil {
		panic(err)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		if role == "" {
			role = "acs:ram::" + r.account + ":role/aliyunosseventnotificationrole"
		}
		for i := range events {
			events[i] = withPrefix(events[i])
		}
		config, err := json.Marshal(map[string]any{
			"events": events, "filter": map[string]any{"key": map[string]string{"prefix": prefix, "suffix": suffix}},
		})
		if err != nil {
			return err
		}
		var out triggerOutput
		_, err = cl.JSON(c.Context(), "POST", "/functions/"+url.PathEscape(args[0])+"/triggers", nil, map[string]string{
			"triggerName": name, "triggerType": "oss", "triggerConfig": string(config), "qualifier": qualifier,
			"sourceArn": "acs:oss:" + r.region + ":" + r.account + ":" + bucket, "invocationRole": role,
		}, &out)
		if err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			fmt.Fprintf(w, "created %s: %s runs when %s\n", out.Name, args[0], summary(out))
		})
	}
	return c
}

// summary says in words what a trigger listens to.
func summary(t triggerOutput) string {
	var c struct {
		Events []string `json:"events"`
		Filter struct {
			Key struct{ Prefix, Suffix string }
		}
	}
	if json.Unmarshal([]byte(t.Config), &c) != nil {
		return t.Config
	}
	bucket := t.Source[strings.LastIndexByte(t.Source, ':')+1:]
	return fmt.Sprintf("%s of %s/%s*%s", strings.ReplaceAll(strings.Join(c.Events, ", "), "oss:", ""), bucket, c.Filter.Key.Prefix, c.Filter.Key.Suffix)
}

func triggerList() *cobra.Command {
	var r remote
	c := &cobra.Command{Use: "list FUNCTION", Short: "List a function's triggers", Args: cobra.ExactArgs(1)}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		all := []triggerOutput{}
		query := url.Values{"limit": {"100"}}
		for {
			var page struct {
				Triggers  []triggerOutput `json:"triggers"`
				NextToken string          `json:"nextToken"`
			}
			if _, err := cl.JSON(c.Context(), "GET", "/functions/"+url.PathEscape(args[0])+"/triggers", query, nil, &page); err != nil {
				return err
			}
			all = append(all, page.Triggers...)
			if page.NextToken == "" {
				break
			}
			query.Set("nextToken", page.NextToken)
		}
		return r.print(c.OutOrStdout(), all, func(w io.Writer) {
			fmt.Fprintln(w, "NAME\tQUALIFIER\tLISTENS TO")
			for _, t := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\n", t.Name, t.Qualifier, summary(t))
			}
		})
	}
	return c
}

func triggerDelete() *cobra.Command {
	var r remote
	c := &cobra.Command{Use: "delete FUNCTION TRIGGER", Short: "Delete a trigger", Args: cobra.ExactArgs(2)}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		if _, err := cl.JSON(c.Context(), "DELETE", "/functions/"+url.PathEscape(args[0])+"/triggers/"+url.PathEscape(args[1]), nil, nil, nil); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), map[string]string{"deleted": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "deleted %s\n", args[1]) })
	}
	return c
}

func triggerMatch() *cobra.Command {
	var r remote
	var bucket, key, name string
	c := &cobra.Command{
		Use:   "match",
		Short: "Tell which triggers an event would fire, and why the others would not",
		Long: `Tell which triggers of a bucket an event on a key would fire, and why the others would
not. Nothing is run, and the object need not exist.

  alcedo trigger match --bucket testbucket --key source/a.jpg --event ObjectCreated:PutObject`,
		Args: cobra.NoArgs,
	}
	r.add(c)
	f := c.Flags()
	f.StringVar(&bucket, "bucket", "", "the bucket (required)")
	f.StringVar(&key, "key", "", "the object's key (required)")
	f.StringVar(&name, "event", string(event.PutObject), "the event")
	for _, n := range []string{"bucket", "key"} {
		if err := c.MarkFlagRequired(n); err != nil {
			panic(err)
		}
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		var out []console.Match
		if err := cl.Get(c.Context(), "/api/triggers/match", url.Values{"bucket": {bucket}, "key": {key}, "event": {withPrefix(name)}}, &out); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), out, func(w io.Writer) {
			if len(out) == 0 {
				fmt.Fprintf(w, "bucket %s has no triggers\n", bucket)
				return
			}
			fmt.Fprintln(w, "FIRES\tTRIGGER\tFUNCTION\tWHY NOT")
			for _, m := range out {
				fires := "no"
				if m.Fires {
					fires = "yes"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", fires, m.Trigger, m.Function, m.Reason)
			}
		})
	}
	return c
}

func eventCommand() *cobra.Command {
	var typ, bucket, key, region, account, contentType string
	var size int64
	c := &cobra.Command{Use: "event", Short: "Show the events that triggers send"}
	s := &cobra.Command{
		Use:   "sample",
		Short: "Print the event that a trigger would send",
		Long: `Print the event that a native OSS trigger would hand to its function, to try the function
with. It needs no server.

  alcedo event sample --type ObjectCreated:PutObject --bucket testbucket --key source/a.png`,
		Args: cobra.NoArgs,
	}
	f := s.Flags()
	f.StringVar(&typ, "type", string(event.PutObject), "type of the event")
	f.StringVar(&bucket, "bucket", "testbucket", "the bucket")
	f.StringVar(&key, "key", "source/a.png", "the object's key")
	f.StringVar(&region, "region", "cn-hangzhou", "the bucket's region")
	f.StringVar(&account, "account", "1000000000000001", "account id of the bucket's owner")
	f.StringVar(&contentType, "content-type", "image/png", "the object's Content-Type")
	f.Int64Var(&size, "size", 122539, "the object's size in bytes")
	twin(s, "region", "account")
	s.RunE = func(c *cobra.Command, _ []string) error {
		if err := fromEnvironment(c); err != nil {
			return err
		}
		typ = withPrefix(typ)
		if err := event.ParseType(typ); err != nil {
			return err
		}
		if strings.HasSuffix(typ, "*") {
			return fmt.Errorf("%s stands for several events; name one", typ)
		}
		now := time.Now()
		r := event.Record{
			Type: event.Type(strings.TrimPrefix(typ, "oss:")), Time: now, Bucket: bucket, Owner: account, Region: region, Key: key,
			Size: size, Delta: size, ETag: "688A7BF4F233DC9C88A80BF985AB7329", Meta: event.Meta{ContentType: contentType},
			Origin: event.Origin{RequestID: fmt.Sprintf("%08X2D3DF792092E1204", now.Unix()), PrincipalID: account, SourceIP: "127.0.0.1"},
		}
		switch r.Type {
		case event.AppendObject:
			zero := int64(0)
			r.Position = &zero
		case event.DeleteObject, event.DeleteObjects:
			r.Size, r.Delta = 0, -size
		case event.InitiateMultipartUpload, event.AbortMultipartUpload, event.PutSymlink:
			r.Size, r.Delta, r.ETag = 0, 0, ""
		}
		var pretty map[string]any
		if err := json.Unmarshal(r.AppendNative(nil, "9adac8e253828f4f7c0466d941fa3db81161a5c2"), &pretty); err != nil {
			return err
		}
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(pretty)
	}
	c.AddCommand(s)
	return c
}
