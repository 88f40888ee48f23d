package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/trigger"
	"github.com/spf13/cobra"
)

// ofBucket reports whether a name is that of an event of a bucket itself.
func ofBucket(name string) bool {
	return name == "oss:"+string(event.PutBucket) || name == "oss:"+string(event.DeleteBucket)
}

// ruleConfig is triggerConfig of an EventBridge trigger.
func (n *newTrigger) ruleConfig(c *cobra.Command, region, account string) (map[string]any, error) {
	pattern, err := n.patternText(c, region, account)
	if err != nil {
		return nil, err
	}
	strategy := map[string]any{}
	switch n.retry {
	case "":
	case "backoff", trigger.Backoff:
		strategy["PushRetryStrategy"] = trigger.Backoff
	case "decay", trigger.ExponentialDecay:
		strategy["PushRetryStrategy"] = trigger.ExponentialDecay
	default:
		return nil, fmt.Errorf("--retry %q is neither backoff nor decay", n.retry)
	}
	if n.maxAge != 0 {
		if n.maxAge.Seconds() < 1 {
			return nil, fmt.Errorf("--max-age %s is less than a second", n.maxAge)
		}
		strategy["MaximumEventAgeInSeconds"] = int(n.maxAge.Seconds())
	}
	if n.maxAttempts != 0 {
		strategy["MaximumRetryAttempts"] = n.maxAttempts
	}
	options := map[string]any{"mode": "event-driven", "errorsTolerance": "ALL"}
	if n.noErrors {
		options["errorsTolerance"] = "NONE"
	}
	if len(strategy) > 0 {
		options["retryStrategy"] = strategy
	}
	if n.deadLetter != "" {
		options["deadLetterQueue"] = map[string]string{"Arn": n.deadLetter}
	}
	return map[string]any{
		"triggerEnable": !n.disabled, "asyncInvocationType": n.async, "eventRuleFilterPattern": pattern,
		"eventSourceConfig": map[string]string{"eventSourceType": "Default"}, "runOptions": options,
	}, nil
}

// patternText is the pattern that was given, or the one that the other options mean.
func (n *newTrigger) patternText(c *cobra.Command, region, account string) (string, error) {
	if n.pattern == "" {
		p, err := buildPattern("acs:oss:"+region+":"+account+":", n.bucket, n.prefixes, n.suffixes, n.events)
		if err != nil {
			return "", err
		}
		return compact(p)
	}
	for _, name := range []string{"bucket", "prefix", "suffix", "event"} {
		if c.Flags().Changed(name) {
			return "", fmt.Errorf("--%s and --pattern exclude each other: a pattern says all that a rule listens to", name)
		}
	}
	file, ok := strings.CutPrefix(n.pattern, "@")
	if !ok {
		return n.pattern, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--pattern: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// eventPattern is a pattern with the fields that the options of trigger create mean.
type eventPattern struct {
	Source  []any        `json:"source"`
	Type    []any        `json:"type"`
	Subject []any        `json:"subject,omitempty"`
	Data    *dataPattern `json:"data,omitempty"`
}

type dataPattern struct {
	OSS struct {
		Bucket *struct {
			Name []any `json:"name"`
		} `json:"bucket,omitempty"`
		Object *struct {
			Key []any `json:"key"`
		} `json:"object,omitempty"`
	} `json:"oss"`
}

// buildPattern makes the pattern that wants the events on keys of a bucket (empty: of
// any) which have one of the prefixes and one of the suffixes.
//
// Expressions in one array are alternatives, so prefixes and suffixes cannot share one:
// prefixes stand in the subject, which begins with the bucket's ARN, suffixes in the key.
func buildPattern(arn, bucket string, prefixes, suffixes, events []string) (*eventPattern, error) {
	p := &eventPattern{Source: []any{event.CloudSource}}
	for _, name := range events {
		if !ofBucket(name) {
			if err := event.ParseType(name); err != nil {
				return nil, err
			}
		} else if len(prefixes)+len(suffixes) > 0 {
			return nil, fmt.Errorf("%s has no key that a prefix or suffix could match", name)
		}
		if group, ok := strings.CutSuffix(name, "*"); ok {
			p.Type = append(p.Type, expression("prefix", group))
		} else {
			p.Type = append(p.Type, name)
		}
	}
	var d dataPattern
	key := func(kind string, of []string) {
		d.OSS.Object = &struct {
			Key []any `json:"key"`
		}{}
		for _, s := range of {
			d.OSS.Object.Key = append(d.OSS.Object.Key, expression(kind, s))
		}
	}
	switch {
	case bucket != "" && len(prefixes) > 0:
		for _, s := range prefixes {
			p.Subject = append(p.Subject, expression("prefix", arn+bucket+"/"+s))
		}
	case bucket != "":
		d.OSS.Bucket = &struct {
			Name []any `json:"name"`
		}{[]any{bucket}}
	case len(prefixes) > 0 && len(suffixes) > 0:
		return nil, errors.New("prefixes and suffixes together need a --bucket: without one, both would have to stand in one array of the pattern, which means either of them")
	case len(prefixes) > 0:
		key("prefix", prefixes)
	}
	if len(suffixes) > 0 {
		key("suffix", suffixes)
	}
	if d.OSS.Bucket != nil || d.OSS.Object != nil {
		p.Data = &d
	}
	return p, nil
}

func expression(kind, text string) map[string]string { return map[string]string{kind: text} }
