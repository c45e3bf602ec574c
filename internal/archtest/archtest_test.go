package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestImportsRunDownwards(t *testing.T) {
	packages := list(t)
	watch(t, filepath.Join("..", ".."))
	for _, p := range packages {
		if p.Error != nil {
			require.Empty(t, p.Error.Err, p.ImportPath)
		}
	}
	require.Contains(t, paths(packages), module+"/internal/archtest", "go list found the module")
	violations := check(packages)
	require.Empty(t, violations, "imports run downwards only (ARCHITECTURE.md):\n"+strings.Join(violations, "\n"))
}

func TestRules(t *testing.T) {
	for _, test := range []struct {
		name string
		p    listed
		want string // part of the only violation; empty for none
	}{
		{"cmd is main alone", imports("cmd/carillon", "carillon/app"), "the commands are in cli"},
		{"cmd may import cli", imports("cmd/carillon", "carillon/cli"), ""},
		{"a command may run the server", imports("cli", "carillon/app", "carillon/api", "carillon/cli/bench"), ""},
		{"a command does not open the store", imports("cli", "carillon/store"), "asks a running server"},
		{"app may import everything", imports("app", "carillon/api", "carillon/store", "carillon/worker", "carillon/internal/testenv"), ""},
		{"nobody but the command line imports app", imports("api", "carillon/app"), "api may import only"},
		{"not even the crash suite", imports("internal/crashtest", "carillon/app"), "never wires one"},
		{"not even app's tests import the command line", testImports("app", "carillon/cli"), "imports in a test carillon/cli"},
		{"api asks services and no store", imports("api", "carillon/store"), "asks no store"},
		{"api's tests may use the store", testImports("api", "carillon/store", "carillon/internal/testenv"), ""},
		{"a package below has its parent's rules", imports("api/compat/whatsapp", "carillon/queue"), "carillon/api/compat/whatsapp imports carillon/queue"},
		{"a reference API knows nothing of /v1", imports("api/compat/whatsapp", "carillon/api"), "behind the same gate"},
		{"a reference API stands behind the gate", imports("api/compat/whatsapp", "carillon/api/gate", "carillon/messages"), ""},
		{"the gate knows no resource", imports("api/gate", "carillon/campaigns"), "knows no resource"},
		{"the gate knows keys and roles", imports("api/gate", "carillon/access", "carillon/internal/fault"), ""},
		{"the gate knows nothing of how /v1 is described", imports("api/gate", "github.com/danielgtaylor/huma/v2"), "every dialect"},
		{"who may use an account is known before what is in it", imports("access", "carillon/contacts"), "before there is anything in it"},
		{"a package below may import its parent", imports("providers/smtp/proxy", "carillon/providers/smtp"), ""},
		{"web stands alone", imports("web", "carillon/campaigns"), "over HTTP alone"},
		{"the scheduler does not know the worker", imports("scheduler", "carillon/worker"), "meets the worker in the queue"},
		{"the worker does not know the scheduler, not in tests", testImports("worker", "carillon/scheduler"), "meets the scheduler in the queue"},
		{"the worker may import domain and queue", imports("worker", "carillon/campaigns", "carillon/providers", "carillon/queue"), ""},
		{"the store knows no HTTP", imports("store", "net/http"), "knows no HTTP"},
		{"the store knows no Redis", imports("store", "github.com/redis/go-redis/v9"), "only queue"},
		{"the store knows no queue", imports("store", "carillon/queue"), "knows no HTTP and no Redis"},
		{"the store implements domain", imports("store", "carillon/targeting", "gorm.io/gorm", "github.com/jackc/pgx/v5/pgconn"), ""},
		{"the store's tests have a fixture", testImports("store", "carillon/store/storetest"), ""},
		{"the store has none", imports("store", "carillon/store/storetest"), "knows no HTTP and no Redis"},
		{"the store's fixture starts its server", imports("store/storetest", "carillon/internal/testenv", "carillon/store"), ""},
		{"domain runs downwards", imports("targeting", "carillon/campaigns"), "targeting may import only internal, contacts, providers,"},
		{"domain and domain's floor", imports("campaigns", "carillon/targeting", "carillon/templates", "carillon/providers"), ""},
		{"a contact is there before anybody targets it", imports("contacts", "carillon/targeting"), "contacts may import"},
		{"a message knows no campaign", imports("messages", "carillon/campaigns"), "but by its id"},
		{"what is counted knows no campaign", imports("statistics", "carillon/campaigns"), "but by its id"},
		{"templates don't target", imports("templates", "carillon/targeting"), "templates may import"},
		{"providers see one message", imports("providers/smtp", "carillon/store"), "one message at a time"},
		{"an adapter may import providers", imports("providers/smtp", "carillon/providers", "carillon/internal/clock", "net/http"), ""},
		{"an adapter's tests call the contract", testImports("providers/smtp", "carillon/providers/providertest"), ""},
		{"an adapter does not", imports("providers/smtp", "carillon/providers/providertest"), "providers may import only internal,"},
		{"the contract plays the provider", imports("providers/providertest", "carillon/internal/sink", "carillon/providers"), ""},
		{"the contract's addresses are of the form that contacts keep", testImports("contacts", "carillon/providers/providertest"), ""},
		{"the sample is the binary's", imports("contacts/csvfile", "carillon/demo"), "contacts may import"},
		{"asynq stays in queue", imports("worker", "github.com/hibiken/asynq"), "queue is the one place"},
		{"miniredis stays in queue, in tests too", testImports("scheduler", "github.com/alicebob/miniredis/v2"), "queue is the one place"},
		{"queue may import them", imports("queue", "github.com/hibiken/asynq", "github.com/alicebob/miniredis/v2/server", "carillon/providers"), ""},
		{"gorm stays in store", imports("app", "gorm.io/driver/sqlite"), "store is the one place"},
		{"internal is the ground", imports("internal/clock", "carillon/providers"), "nothing else of this module"},
		{"internal does not lean on the harness", imports("internal/clock", "carillon/internal/testenv"), "nothing else of this module"},
		{"internal's tests may", testImports("internal/clock", "carillon/internal/testenv"), ""},
		{"the harness is not product", imports("worker", "carillon/internal/sink"), "worker may import"},
		{"the harness may look around", imports("internal/crashtest", "carillon/internal/testenv", "carillon/store", "carillon/worker",
			"github.com/redis/go-redis/v9"), ""},
		{"a new room needs a floor", imports("util"), "belongs to no layer"},
		{"the standard library is free", imports("configs", "os", "database/sql"), ""},
		{"a name that only begins alike is another", imports("storefront"), "belongs to no layer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			violations := check([]listed{test.p})
			if test.want == "" {
				require.Empty(t, violations)
				return
			}
			require.Len(t, violations, 1)
			require.Contains(t, violations[0], test.want)
		})
	}
}

// TestTable keeps the table itself in order.
func TestTable(t *testing.T) {
	var names []string
	for _, l := range layers() {
		require.NotContains(t, names, l.name, "one row a layer")
		require.NotEmpty(t, l.why, l.name)
		names = append(names, l.name)
	}
	for _, l := range layers() {
		for _, name := range join(l.may, l.mayInTests) {
			require.Contains(t, names, name, "%s may import a layer that has no row", l.name)
		}
		if strings.HasPrefix(l.name, "internal") {
			continue
		}
		for _, name := range l.may {
			if strings.HasPrefix(name, "internal") {
				continue
			}
			require.NotContains(t, rowOf(t, name).may, l.name, "%s and %s may not import each other", l.name, name)
		}
	}
	for _, l := range libraries() {
		require.Subset(t, names, l.owners)
	}
	for _, b := range bans() {
		require.Contains(t, names, b.layer)
	}
}

func rowOf(t *testing.T, name string) layer {
	t.Helper()
	rows := layers()
	i := slices.IndexFunc(rows, func(l layer) bool { return l.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return rows[i]
}

func imports(name string, imported ...string) listed {
	return listed{ImportPath: module + "/" + name, Imports: imported}
}

func testImports(name string, imported ...string) listed {
	return listed{ImportPath: module + "/" + name, TestImports: imported[:1], XTestImports: imported}
}

func paths(packages []listed) []string {
	all := make([]string, len(packages))
	for i, p := range packages {
		all[i] = p.ImportPath
	}
	return all
}

// list asks the go command for every package of the module.
func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e",
		"-json=ImportPath,Imports,TestImports,XTestImports,Error", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
}

// watch looks at the files that go list has read. The go command sees what a
// test opens but not what a command does that the test runs, and would else
// show a cached result after an import has changed.
func watch(t *testing.T, root string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "data" || name == "bin"):
			return fs.SkipDir
		case filepath.Ext(name) != ".go":
			return nil
		}
		_, err = os.Stat(path)
		return err
	}))
}
