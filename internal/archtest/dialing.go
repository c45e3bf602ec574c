package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// dialing names, for each package, what opens connections: its functions, types
// and variables. Whoever uses one could reach addresses that the configuration
// shuts.
var dialing = map[string][]string{
	"net":                              {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer"},
	"crypto/tls":                       {"Dial", "DialWithDialer", "Dialer"},
	"net/http":                         {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport", "Client"},
	"net/smtp":                         {"Dial", "SendMail"},
	"net/rpc":                          {"Dial", "DialHTTP", "DialHTTPPath"},
	"net/textproto":                    {"Dial"},
	"log/syslog":                       {"Dial"},
	"golang.org/x/net/proxy":           {"Dial", "FromEnvironment", "SOCKS5"},
	"github.com/wneessen/go-mail":      {"NewClient"},
	"github.com/wneessen/go-mail/smtp": {"Dial", "SendMail"},
}

// mayDial are the files and folders that open connections themselves: the one
// dialer of the adapters, and what is no part of the server.
var mayDial = []string{
	"providers/dial.go",
	"providers/fetch/client.go", // what libraries ask by, over the transport that has the dialer
	"cli/",                      // the command line's client, to the server that its user names
	"migration/",                // its reader of another system that its user names
	"internal/testenv/", "internal/crashtest/", "internal/docstest/", "internal/sink/",
}

// checkDialing returns one sentence for every place in a file where a connection
// is opened past the Dialer. name is the file's path inside the module.
func checkDialing(name string, file *ast.File, set *token.FileSet) []string {
	if strings.HasSuffix(name, "_test.go") || slices.ContainsFunc(mayDial, func(allowed string) bool { return strings.HasPrefix(name, allowed) }) {
		return nil
	}
	imported := map[string]string{} // local name → path
	for _, i := range file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		local := path[strings.LastIndexByte(path, '/')+1:]
		if path == "github.com/wneessen/go-mail" {
			local = "mail"
		}
		if i.Name != nil {
			local = i.Name.Name
		}
		imported[local] = path
	}
	var violations []string
	refuse := func(at ast.Node, what string) {
		violations = append(violations, fmt.Sprintf("%s: %s: only providers.Dialer opens connections, because it refuses private networks.",
			set.Position(at.Pos()), what))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && slices.Contains(dialing[imported[x.Name]], n.Sel.Name) {
				refuse(n, x.Name+"."+n.Sel.Name)
			}
		case *ast.CompositeLit:
			selector, ok := n.Type.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := selector.X.(*ast.Ident); ok && imported[x.Name] == "net/http" && selector.Sel.Name == "Transport" && !sets(n, "DialContext") {
				refuse(n, "http.Transport without a DialContext")
			}
		}
		return true
	})
	return violations
}

// sets reports whether a literal gives a field a value.
func sets(literal *ast.CompositeLit, field string) bool {
	return slices.ContainsFunc(literal.Elts, func(e ast.Expr) bool {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		key, ok := pair.Key.(*ast.Ident)
		return ok && key.Name == field
	})
}
