package main

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func bucketCommand() *cobra.Command {
	c := &cobra.Command{Use: "bucket", Short: "Make and delete buckets"}
	for _, op := range []struct{ use, short, method, done string }{
		{"create NAME", "Make a bucket", "PUT", "created"},
		{"delete NAME", "Delete an empty bucket", "DELETE", "deleted"},
	} {
		var r remote
		s := &cobra.Command{Use: op.use, Short: op.short, Args: cobra.ExactArgs(1)}
		r.add(s)
		s.RunE = func(c *cobra.Command, args []string) error {
			cl, err := r.client()
			if err != nil {
				return err
			}
			if err := cl.Object(c.Context(), op.method, args[0], "", nil, 0, nil); err != nil {
				return err
			}
			return r.print(c.OutOrStdout(), map[string]string{op.done: args[0]}, func(w io.Writer) { fmt.Fprintf(w, "%s bucket %s\n", op.done, args[0]) })
		}
		c.AddCommand(s)
	}
	return c
}

func putCommand() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "put FILE BUCKET/KEY",
		Short: "Upload a file, as any OSS SDK would",
		Long: `Upload a file as an object (PutObject). For more than this, use an OSS SDK or ossutil.

  alcedo put examples/kingfisher.png testbucket/source/a.png`,
		Args: cobra.ExactArgs(2),
	}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		bucket, key, ok := strings.Cut(strings.TrimPrefix(args[1], "oss://"), "/")
		if !ok || bucket == "" || key == "" {
			return fmt.Errorf("%q is not BUCKET/KEY", args[1])
		}
		cl, err := r.client()
		if err != nil {
			return err
		}
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		if !st.Mode().IsRegular() {
			return fmt.Errorf("%s is not a file", args[0])
		}
		header := http.Header{}
		if t := mime.TypeByExtension(filepath.Ext(key)); t != "" {
			header.Set("Content-Type", t)
		}
		if err := cl.Object(c.Context(), "PUT", bucket, key, f, st.Size(), header); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), map[string]any{"bucket": bucket, "key": key, "size": st.Size()}, func(w io.Writer) {
			fmt.Fprintf(w, "uploaded %s: %d bytes\n", args[1], st.Size())
		})
	}
	return c
}
