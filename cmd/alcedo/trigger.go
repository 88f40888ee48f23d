package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/api/fc"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/trigger"
	"github.com/spf13/cobra"
)

func triggerCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "trigger",
		Short: "Make, list, pause, delete and try triggers",
		Long: `Triggers run functions when objects or buckets change. There are two types:

  oss          native: one bucket, one prefix and one suffix; at most ten on a bucket, and
               no two of them may match the same event
  eventbridge  a rule on the default event bus: a pattern, so any number of prefixes,
               suffixes and buckets, and events of buckets; at most 50 in all, and one event
               may start many functions`,
	}
	c.AddCommand(triggerCreate(), triggerList(), triggerShow(), triggerPause(), triggerResume(), triggerDelete(), triggerMatch())
	return c
}

// withPrefix writes an event's name as triggers do.
func withPrefix(name string) string {
	if strings.HasPrefix(name, "oss:") {
		return name
	}
	return "oss:" + name
}

func triggerPath(function, name string) string {
	return "/functions/" + url.PathEscape(function) + "/triggers/" + url.PathEscape(name)
}

// newTrigger is what trigger create was asked for.
type newTrigger struct {
	typ, name, bucket, pattern, qualifier, role string
	prefixes, suffixes, events                  []string

	// Of rules only.
	async, disabled, noErrors bool
	retry, deadLetter         string
	maxAge                    time.Duration
	maxAttempts               int
}

// ofRules are the options that a native trigger does not have.
var ofRules = []string{"pattern", "async", "disabled", "no-errors", "retry", "dead-letter", "max-age", "max-attempts"}

func triggerCreate() *cobra.Command {
	var n newTrigger
	c := &cobra.Command{
		Use:   "create FUNCTION",
		Short: "Run a function when objects or buckets change",
		Long: `Run a function when objects of a bucket change: a native OSS trigger. A bucket has at
most ten, with one prefix and one suffix each, and no two of them may match the same event.

  alcedo trigger create resize-nodejs --bucket testbucket --prefix source/ --suffix .png

Give both a prefix and a suffix, and write results elsewhere, or the function triggers
itself. Uploads come as PutObject, PostObject (forms, the console) or CompleteMultipartUpload
(large files): the default is all that create an object.

With --type eventbridge the trigger is a rule on the default event bus instead. Its function
gets a CloudEvent, and it may listen to several prefixes and suffixes, to every bucket (leave
--bucket out) and to buckets themselves:

  alcedo trigger create index --type eventbridge --bucket docs \
      --prefix in/ --prefix inbox/ --suffix .pdf --suffix .txt
  alcedo trigger create audit --type eventbridge --event BucketCreated:PutBucket

The options become the rule's pattern. In a pattern, the entries of one array are
alternatives, and all fields must match. A prefix and a suffix in the one array "subject"
would so mean either of them; what is made here means both, since they stand in two fields:

  {"source":["acs.oss"],"type":["oss:ObjectCreated:PutObject"],
   "subject":[{"prefix":"acs:oss:REGION:ACCOUNT:docs/in/"},{"prefix":"acs:oss:REGION:ACCOUNT:docs/inbox/"}],
   "data":{"oss":{"object":{"key":[{"suffix":".pdf"},{"suffix":".txt"}]}}}}

Any of the prefixes goes with any of the suffixes; for pairs make one rule for each. Anything
else a pattern can say (contains, anything-but, numeric, cidr, exists) goes in by itself:

  alcedo trigger create big --pattern '{"source":["acs.oss"],"data":{"oss":{"object":{"size":[{"numeric":[">",1000000]}]}}}}'
  alcedo trigger create big --pattern @pattern.json

A rule invokes its function synchronously unless --async is given. What the function fails is
retried as --retry says: backoff (3 times, 10 to 20 s apart) or decay (176 times in a day);
what fails in the end becomes a dead letter, and goes to --dead-letter if that is given. With
--no-errors the rule's later events wait until the one that fails succeeds.`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringVar(&n.typ, "type", "", "oss or eventbridge (default oss; eventbridge if there is a pattern)")
	f.StringVar(&n.name, "name", "", "name of the trigger (default oss-trigger or eventbridge-trigger)")
	f.StringVar(&n.bucket, "bucket", "", "the bucket to listen to; a native trigger needs one")
	f.StringArrayVar(&n.prefixes, "prefix", nil, "what the object's key must start with; a rule may have several")
	f.StringArrayVar(&n.suffixes, "suffix", nil, "what the object's key must end with; a rule may have several")
	f.StringSliceVar(&n.events, "event", []string{"oss:ObjectCreated:PutObject", "oss:ObjectCreated:PostObject", "oss:ObjectCreated:CompleteMultipartUpload", "oss:ObjectCreated:PutSymlink"}, "event to listen to; may be repeated")
	f.StringVar(&n.pattern, "pattern", "", "the rule's pattern, in place of bucket, prefix, suffix and event; @FILE reads it from a file")
	f.StringVar(&n.qualifier, "qualifier", "LATEST", "version or alias to run")
	f.StringVar(&n.role, "role", "", "ARN of the role with which OSS invokes the function; default AliyunOSSEventNotificationRole. Rules need none")
	f.BoolVar(&n.async, "async", false, "rule: invoke asynchronously; the function's own retries and destinations then hold")
	f.BoolVar(&n.disabled, "disabled", false, "rule: do not run anything yet")
	f.StringVar(&n.retry, "retry", "", "rule: backoff or decay")
	f.DurationVar(&n.maxAge, "max-age", 0, "rule: give up after this time, at most 24h")
	f.IntVar(&n.maxAttempts, "max-attempts", 0, "rule: give up after so many retries, at most 176")
	f.BoolVar(&n.noErrors, "no-errors", false, "rule: an event that fails holds up those after it until it succeeds (errorsTolerance NONE)")
	f.StringVar(&n.deadLetter, "dead-letter", "", "rule: ARN of where to send events that failed in the end")
	return talking(c, func(x *call) error {
		body, err := n.body(c, x.region, x.account)
		if err != nil {
			return err
		}
		var out console.Trigger
		header, err := x.server.JSON(x.Context(), "POST", "/functions/"+url.PathEscape(x.args[0])+"/triggers", nil, body, &out)
		if err != nil {
			return err
		}
		if w := header.Get(fc.Warning); w != "" {
			fmt.Fprintln(x.ErrOrStderr(), "warning: "+w)
		}
		return tell(x, &out, nil, func(w io.Writer, t *console.Trigger) {
			fmt.Fprintf(w, "created %s: %s runs when %s\n", t.Name, x.args[0], summary(t))
		})
	})
}

// body is CreateTriggerInput.
func (n *newTrigger) body(c *cobra.Command, region, account string) (map[string]string, error) {
	if n.typ == "" {
		if n.typ = trigger.TypeOSS; n.pattern != "" {
			n.typ = trigger.TypeEventBridge
		}
	}
	if n.name == "" {
		n.name = n.typ + "-trigger"
	}
	for i := range n.events {
		n.events[i] = withPrefix(n.events[i])
	}
	var config any
	body := map[string]string{"triggerName": n.name, "triggerType": n.typ, "qualifier": n.qualifier}
	switch n.typ {
	case trigger.TypeOSS:
		for _, name := range ofRules {
			if c.Flags().Changed(name) {
				return nil, fmt.Errorf("--%s belongs to rules; add --type eventbridge", name)
			}
		}
		if n.bucket == "" {
			return nil, errors.New(`required flag(s) "bucket" not set`)
		}
		if len(n.prefixes) > 1 || len(n.suffixes) > 1 {
			return nil, errors.New("a native trigger has one prefix and one suffix; for more of them add --type eventbridge")
		}
		body["sourceArn"] = "acs:oss:" + region + ":" + account + ":" + n.bucket
		if body["invocationRole"] = n.role; n.role == "" {
			body["invocationRole"] = "acs:ram::" + account + ":role/aliyunosseventnotificationrole"
		}
		config = map[string]any{
			"events": n.events, "filter": map[string]any{"key": map[string]string{"prefix": strings.Join(n.prefixes, ""), "suffix": strings.Join(n.suffixes, "")}},
		}
	case trigger.TypeEventBridge:
		if n.role != "" {
			body["invocationRole"] = n.role
		}
		var err error
		if config, err = n.ruleConfig(c, region, account); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("--type %q is neither oss nor eventbridge", n.typ)
	}
	text, err := compact(config)
	body["triggerConfig"] = text
	return body, err
}

// compact is JSON that people can read: "<" and "&" stand as they are.
func compact(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// summary says in words what a trigger listens to.
func summary(t *console.Trigger) string {
	var c struct {
		Events []string `json:"events"`
		Filter struct {
			Key struct{ Prefix, Suffix string }
		}
		EventRuleFilterPattern string
	}
	if json.Unmarshal([]byte(t.Config), &c) != nil {
		return t.Config
	}
	if t.Type == trigger.TypeEventBridge {
		return "an event matches " + c.EventRuleFilterPattern
	}
	bucket := t.SourceARN[strings.LastIndexByte(t.SourceARN, ':')+1:]
	return fmt.Sprintf("%s of %s/%s*%s", strings.ReplaceAll(strings.Join(c.Events, ", "), "oss:", ""), bucket, c.Filter.Key.Prefix, c.Filter.Key.Suffix)
}

func triggerList() *cobra.Command {
	return talking(&cobra.Command{Use: "list FUNCTION", Short: "List a function's triggers", Args: cobra.ExactArgs(1)}, func(x *call) error {
		all, err := get[[]console.Trigger](x, "/api/triggers", url.Values{"function": {x.args[0]}})
		return tell(x, all, err, func(w io.Writer, all []console.Trigger) {
			fmt.Fprintln(w, "NAME\tTYPE\tSTATE\tQUALIFIER\tRUNS WHEN")
			for i := range all {
				t := &all[i]
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, t.Type, t.State, t.Qualifier, summary(t))
			}
		})
	})
}

func triggerShow() *cobra.Command {
	return talking(&cobra.Command{Use: "show FUNCTION TRIGGER", Short: "Show a trigger, and why it is paused if it is", Args: cobra.ExactArgs(2)}, func(x *call) error {
		t, err := get[*console.Trigger](x, apiPath(x.args), nil)
		return tell(x, t, err, showTrigger)
	})
}

// apiPath is the path of a trigger, FUNCTION and TRIGGER, in the console's API.
func apiPath(args []string) string {
	return "/api/triggers/" + url.PathEscape(args[0]) + "/" + url.PathEscape(args[1])
}

func showTrigger(w io.Writer, t *console.Trigger) {
	state := t.State
	if p := t.Paused; p != nil {
		if state != trigger.Paused {
			state += ", paused"
		}
		state += " since " + p.Since.Format(time.RFC3339) + " (" + p.Reason
		if p.Detail != "" {
			state += ": " + p.Detail
		}
		state += ")"
	}
	for _, l := range [][2]string{
		{"name", t.Name}, {"type", t.Type}, {"state", state}, {"function", t.Function}, {"qualifier", t.Qualifier}, {"runs when", summary(t)},
		{"configuration", t.Config}, {"source", t.SourceARN}, {"role", t.InvocationRole}, {"description", t.Description},
		{"made", t.Created}, {"changed", t.Modified}, {"id", t.ID},
	} {
		if l[1] != "" {
			fmt.Fprintf(w, "%s:\t%s\n", l[0], l[1])
		}
	}
}

func triggerPause() *cobra.Command {
	var detail string
	c := &cobra.Command{
		Use:   "pause FUNCTION TRIGGER",
		Short: "Have a trigger start no more runs for a while",
		Long: `Have a trigger start no more runs, from the next write on, until it is resumed. Nothing is
lost: what it matches meanwhile is kept as dead letters, which can be run later.

  alcedo trigger pause resize-nodejs oss-trigger --detail "the new version is not ready"`,
		Args: cobra.ExactArgs(2),
	}
	c.Flags().StringVar(&detail, "detail", "", "why, for those who see it paused")
	return talking(c, func(x *call) error {
		t, err := ask[*console.Trigger](x, "POST", apiPath(x.args)+"/pause", map[string]string{"detail": detail})
		return tell(x, t, err, showTrigger)
	})
}

func triggerResume() *cobra.Command {
	return talking(&cobra.Command{
		Use:   "resume FUNCTION TRIGGER",
		Short: "Have a paused trigger work again",
		Long: `Have a paused trigger work again, whoever paused it: a person, or the guard against endless
loops. What it matched meanwhile are dead letters; they are not run by this.`,
		Args: cobra.ExactArgs(2),
	}, func(x *call) error {
		t, err := ask[*console.Trigger](x, "POST", apiPath(x.args)+"/resume", nil)
		return tell(x, t, err, showTrigger)
	})
}

func triggerDelete() *cobra.Command {
	return deleting(&cobra.Command{Use: "delete FUNCTION TRIGGER", Short: "Delete a trigger", Args: cobra.ExactArgs(2)}, func(x *call) error {
		_, err := x.server.JSON(x.Context(), "DELETE", triggerPath(x.args[0], x.args[1]), nil, nil, nil)
		return err
	})
}

func triggerMatch() *cobra.Command {
	var bucket, key, name, contentType string
	var size int64
	c := &cobra.Command{
		Use:   "match",
		Short: "Tell which triggers an event would fire, and why the others would not",
		Long: `Tell which triggers an event would fire, and why the others would not: the native triggers
of the bucket, and all EventBridge rules. Nothing is run, and the object need not exist.

  alcedo trigger match --bucket testbucket --key source/a.jpg --event ObjectCreated:PutObject
  alcedo trigger match --bucket testbucket --event BucketCreated:PutBucket`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&bucket, "bucket", "", "the bucket (required)")
	f.StringVar(&key, "key", "", "the object's key (required, except for events of buckets)")
	f.StringVar(&name, "event", string(event.PutObject), "the event")
	f.Int64Var(&size, "size", 0, "the object's size in bytes, for rules that look at it")
	f.StringVar(&contentType, "content-type", "", "the object's Content-Type, for rules that look at it")
	if err := c.MarkFlagRequired("bucket"); err != nil {
		panic(err)
	}
	return checked(c, func([]string) error {
		if name = withPrefix(name); key == "" && !ofBucket(name) {
			return errors.New(`required flag(s) "key" not set`)
		}
		return nil
	}, func(x *call) error {
		query := url.Values{"bucket": {bucket}, "key": {key}, "event": {name}, "size": {strconv.FormatInt(size, 10)}, "contentType": {contentType}}
		matches, err := get[[]console.Match](x, "/api/triggers/match", query)
		return tell(x, matches, err, func(w io.Writer, matches []console.Match) {
			if len(matches) == 0 {
				fmt.Fprintf(w, "bucket %s has no triggers, and there are no rules\n", bucket)
				return
			}
			fmt.Fprintln(w, "FIRES\tTRIGGER\tFUNCTION\tTYPE\tSTATE\tWHY NOT")
			for _, m := range matches {
				fires := "no"
				if m.Fires {
					fires = "yes"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", fires, m.Trigger, m.Function, m.Type, m.State, m.Reason)
			}
		})
	})
}
