package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/client"
	"github.com/spf13/cobra"
)

// functionConfig is what deploy sends; the names are FC's.
type functionConfig struct {
	Name    string            `json:"functionName,omitempty"`
	Runtime string            `json:"runtime,omitempty"`
	Handler string            `json:"handler,omitempty"`
	Role    string            `json:"role,omitempty"`
	Memory  int               `json:"memorySize,omitempty"`
	Timeout int               `json:"timeout,omitempty"`
	Env     map[string]string `json:"environmentVariables,omitempty"`
	Code    struct {
		Zip []byte `json:"zipFile"`
	} `json:"code"`
}

func deployCommand() *cobra.Command {
	var in functionConfig
	var env []string
	var noRole bool
	c := &cobra.Command{
		Use:   "deploy DIR",
		Short: "Make or update a function from a folder",
		Long: `Make a function from a folder, or update it if there is one of that name.

Without --runtime, the language is told from the folder's files: index.js or index.mjs is
nodejs20, index.py python3.10, index.php php8.2. A new function gets the role
AliyunFCDefaultRole, which may use OSS, unless --no-role is given.

  alcedo deploy examples/resize-nodejs
  alcedo deploy ./thumbs --name thumbs --runtime python3.10 --handler main.handler --timeout 60`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringVar(&in.Name, "name", "", "function name; default: the folder's")
	f.StringVar(&in.Runtime, "runtime", "", "runtime name, see `alcedo runtimes`")
	f.StringVar(&in.Handler, "handler", "", "file.method; default index.handler")
	f.StringVar(&in.Role, "role", "", "ARN of the role that the function acts as")
	f.BoolVar(&noRole, "no-role", false, "give a new function no role, and so no credentials")
	f.IntVar(&in.Memory, "memory", 0, "memory in MB (new functions: 512)")
	f.IntVar(&in.Timeout, "timeout", 0, "most seconds that a run may take (new functions: 60)")
	f.StringArrayVar(&env, "env", nil, "environment variable NAME=VALUE; may be repeated")
	return talking(c, func(x *call) error {
		dir, err := filepath.Abs(x.args[0])
		if err != nil {
			return err
		}
		if in.Name == "" {
			in.Name = filepath.Base(dir)
		}
		for _, e := range env {
			k, v, ok := strings.Cut(e, "=")
			if !ok {
				return fmt.Errorf("--env %q is not NAME=VALUE", e)
			}
			if in.Env == nil {
				in.Env = map[string]string{}
			}
			in.Env[k] = v
		}
		if in.Code.Zip, err = zipDir(dir); err != nil {
			return err
		}
		var out map[string]any
		var refused *client.Error
		update := in
		update.Name = ""
		path := "/functions/" + url.PathEscape(in.Name)
		header, err := x.server.JSON(x.Context(), "PUT", path, nil, update, &out)
		what := "updated"
		if errors.As(err, &refused) && refused.Code == "FunctionNotFound" {
			if in.Runtime == "" {
				if in.Runtime = guessRuntime(dir); in.Runtime == "" {
					return fmt.Errorf("%s has no index.js, index.mjs, index.py or index.php to tell the language from; say --runtime", x.args[0])
				}
			}
			if in.Handler == "" {
				in.Handler = "index.handler"
			}
			if in.Role == "" && !noRole {
				in.Role = "acs:ram::" + x.account + ":role/aliyunfcdefaultrole"
			}
			if in.Timeout == 0 {
				in.Timeout = 60
			}
			what = "created"
			header, err = x.server.JSON(x.Context(), "POST", "/functions", nil, in, &out)
		}
		if err != nil {
			return err
		}
		return tell(x, out, nil, func(w io.Writer, out map[string]any) {
			fmt.Fprintf(w, "%s %s: %v bytes of code, checksum %v\n", what, in.Name, out["codeSize"], out["codeChecksum"])
			if by := header.Get("X-Alcedo-Runtime"); by != "" {
				fmt.Fprintf(w, "runs on %s\n", by)
			}
		})
	})
}

func guessRuntime(dir string) string {
	for _, g := range []struct{ file, runtime string }{
		{"index.js", "nodejs20"}, {"index.mjs", "nodejs20"}, {"index.py", "python3.10"}, {"index.php", "php8.2"},
	} {
		if _, err := os.Stat(filepath.Join(dir, g.file)); err == nil {
			return g.runtime
		}
	}
	return ""
}

// zipDir packs a folder's files, and links as links. The same files make the same zip, so
// that its checksum tells whether anything changed.
func zipDir(dir string) ([]byte, error) {
	if st, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !st.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", dir)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil || d.IsDir() {
			return err
		}
		h := &zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate}
		h.SetMode(info.Mode())
		fw, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			if err == nil {
				_, err = io.WriteString(fw, target)
			}
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a link; it cannot be deployed", path)
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(fw, file)
		return err
	})
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func invokeCommand() *cobra.Command {
	var eventFile, qualifier string
	var async bool
	c := &cobra.Command{
		Use:   "invoke FUNCTION",
		Short: "Run a function and show its result",
		Long: `Run a function and show its result. Its log goes to standard error.

  alcedo event sample --type ObjectCreated:PutObject --bucket testbucket --key source/a.png > event.json
  alcedo invoke resize-nodejs --event event.json`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringVar(&eventFile, "event", "", "file with the event; - for standard input")
	c.Flags().StringVar(&qualifier, "qualifier", "", "version or alias; default LATEST")
	c.Flags().BoolVar(&async, "async", false, "don't wait for the result")
	return talking(c, func(x *call) error {
		var event []byte
		var err error
		switch eventFile {
		case "":
		case "-":
			event, err = io.ReadAll(x.InOrStdin())
		default:
			event, err = os.ReadFile(eventFile)
		}
		if err != nil {
			return err
		}
		query := url.Values{}
		if qualifier != "" {
			query.Set("qualifier", qualifier)
		}
		header := http.Header{"X-Fc-Invocation-Type": {"Sync"}, "X-Fc-Log-Type": {"Tail"}, "Content-Type": {"application/octet-stream"}}
		if async {
			header.Set("X-Fc-Invocation-Type", "Async")
			header.Del("X-Fc-Log-Type")
		}
		resp, err := x.server.Do(x.Context(), "POST", x.server.FC, "/2023-03-30/functions/"+url.PathEscape(x.args[0])+"/invocations", query, event, header)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if async {
			fmt.Fprintln(x.OutOrStdout(), resp.Header.Get("X-Fc-Request-Id"))
			return nil
		}
		showLog(x.ErrOrStderr(), resp.Header)
		if _, err := io.Copy(x.OutOrStdout(), resp.Body); err != nil {
			return err
		}
		fmt.Fprintln(x.OutOrStdout())
		if t := resp.Header.Get("X-Fc-Error-Type"); t != "" {
			return fmt.Errorf("the function failed: %s (request %s)", t, resp.Header.Get("X-Fc-Request-Id"))
		}
		return nil
	})
}
