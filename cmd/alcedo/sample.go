package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/spf13/cobra"
)

// eventSample needs no server.
func eventSample() *cobra.Command {
	var typ, bucket, key, region, account, contentType string
	var size int64
	s := &cobra.Command{
		Use:   "sample",
		Short: "Print the event that a trigger would send",
		Long: `Print the event that a native OSS trigger would hand to its function, to try the function
with. It needs no server.

  alcedo events sample --type ObjectCreated:PutObject --bucket testbucket --key source/a.png`,
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
	return s
}
