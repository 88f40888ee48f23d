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
		c.AddCommand(talking(&cobra.Command{Use: op.use, Short: op.short, Args: cobra.ExactArgs(1)}, func(x *call) error {
			name := x.args[0]
			err := x.server.Object(x.Context(), op.method, name, "", nil, 0, nil)
			return tell(x, map[string]string{op.done: name}, err, func(w io.Writer, _ map[string]string) { fmt.Fprintf(w, "%s bucket %s\n", op.done, name) })
		}))
	}
	return c
}

func putCommand() *cobra.Command {
	var bucket, key string
	c := &cobra.Command{
		Use:   "put FILE BUCKET/KEY",
		Short: "Upload a file, as any OSS SDK would",
		Long: `Upload a file as an object (PutObject). For more than this, use an OSS SDK or ossutil.

  alcedo put examples/kingfisher.png testbucket/source/a.png`,
		Args: cobra.ExactArgs(2),
	}
	return checked(c, func(args []string) error {
		var ok bool
		if bucket, key, ok = strings.Cut(strings.TrimPrefix(args[1], "oss://"), "/"); !ok || bucket == "" || key == "" {
			return fmt.Errorf("%q is not BUCKET/KEY", args[1])
		}
		return nil
	}, func(x *call) error {
		f, err := os.Open(x.args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		if !st.Mode().IsRegular() {
			return fmt.Errorf("%s is not a file", x.args[0])
		}
		header := http.Header{}
		if t := mime.TypeByExtension(filepath.Ext(key)); t != "" {
			header.Set("Content-Type", t)
		}
		err = x.server.Object(x.Context(), "PUT", bucket, key, f, st.Size(), header)
		return tell(x, map[string]any{"bucket": bucket, "key": key, "size": st.Size()}, err, func(w io.Writer, _ map[string]any) {
			fmt.Fprintf(w, "uploaded %s: %d bytes\n", x.args[1], st.Size())
		})
	})
}
