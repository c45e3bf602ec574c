package configs

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, content string) string {
	path := filepath.Join(t.TempDir(), "carillon.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func line(c Config, name string) InForce {
	for _, l := range c.InForce() {
		if l.Name == name {
			return l
		}
	}
	return InForce{}
}

func TestDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load(Options{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", c.Listen)
	require.Equal(t, "data/carillon.db", c.Store())
	require.False(t, c.Postgres())
	require.True(t, c.EmbeddedRedis())
	require.InDelta(t, 100, c.APIRatePerSecond, 0)
	require.Equal(t, "info", c.LogLevel)
	require.Equal(t, "default", line(c, "listen").Origin)
}

// Each layer wins over those below it, setting by setting.
func TestPrecedence(t *testing.T) {
	file := write(t, "listen: 127.0.0.1:1\nlog_level: warn\nmax_upload_mb: 7\npublic_url: https://n.example.org/\n")
	c, err := Load(Options{
		File:    file,
		Environ: []string{"CARILLON_LISTEN=127.0.0.1:2", "CARILLON_LOG_LEVEL=error", "CARILLON_DATA_DIR=", "HOME=/x"},
		Flags:   map[string]string{"listen": "127.0.0.1:3"},
	})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:3", c.Listen)
	require.Equal(t, "--listen", line(c, "listen").Origin)
	require.Equal(t, "error", c.LogLevel)
	require.Equal(t, "CARILLON_LOG_LEVEL", line(c, "log_level").Origin)
	require.Equal(t, 7, c.MaxUploadMB)
	require.Equal(t, file+":3", line(c, "max_upload_mb").Origin)
	require.Equal(t, "https://n.example.org", c.PublicURL, "without the slash at the end")
	require.Equal(t, "default", line(c, "data_dir").Origin, "an empty variable says nothing")
}

func TestFileIsFound(t *testing.T) {
	file := write(t, "listen: 127.0.0.1:1\n")
	t.Chdir(filepath.Dir(file))
	c, err := Load(Options{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:1", c.Listen)
	require.NoError(t, os.Rename("carillon.yaml", "other.yaml"))
	c, err = Load(Options{Environ: []string{"CARILLON_CONFIG=other.yaml"}})
	require.NoError(t, err)
	require.Equal(t, "other.yaml:1", line(c, "listen").Origin)
	_, err = Load(Options{File: "none.yaml"})
	require.ErrorContains(t, err, "there is no configuration file none.yaml")
}

func TestSecrets(t *testing.T) {
	held := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(held, []byte("0123456789abcdef-from-file\n"), 0o600))
	c, err := Load(Options{
		File:    write(t, "store_dsn: postgres://u:hidden@h/db\nmaster_key: lower-layer-0123456789\n"),
		Environ: []string{"CARILLON_MASTER_KEY_FILE=" + held},
	})
	require.NoError(t, err)
	require.Equal(t, "0123456789abcdef-from-file", c.MasterKey.Reveal())
	require.Equal(t, "CARILLON_MASTER_KEY_FILE → "+held, line(c, "master_key").Origin)
	require.Equal(t, secret.Redacted, line(c, "store_dsn").Value)
	require.NotContains(t, fmt.Sprintf("%+v %#v %v", c, c, c.InForce()), "hidden")
	require.NotContains(t, fmt.Sprintf("%+v %#v %v", c, c, c.InForce()), "from-file")

	_, err = Load(Options{Environ: []string{"CARILLON_ADMIN_KEY=hidden-hidden-hidden-x", "CARILLON_ADMIN_KEY_FILE=" + held}})
	require.ErrorContains(t, err, "admin_key: is given twice: as CARILLON_ADMIN_KEY and as CARILLON_ADMIN_KEY_FILE")
	require.NotContains(t, err.Error(), "hidden")
	_, err = Load(Options{Flags: map[string]string{"redis_url_file": "/nowhere/key"}})
	require.ErrorContains(t, err, "redis_url_file: can't be read: no such file or directory; name a file that this user may read (--redis-url-file)")
}

func TestACommandFetchesASecret(t *testing.T) {
	c, err := Load(Options{
		File:    write(t, "master_key_command: printf '%s\\n' lower-layer-0123456789 | tr a-z A-Z\n"),
		Environ: []string{"CARILLON_ADMIN_KEY_COMMAND=echo admin-0123456789-admin"},
	})
	require.NoError(t, err)
	require.Equal(t, "LOWER-LAYER-0123456789", c.MasterKey.Reveal())
	require.Equal(t, "admin-0123456789-admin", c.AdminKey.Reveal())
	require.Equal(t, "CARILLON_ADMIN_KEY_COMMAND → echo admin-0123456789-admin", line(c, "admin_key").Origin)

	for command, says := range map[string]string{
		"echo hidden-0123456789-x; echo no token given >&2; exit 3": `master_key_command: can't be read: exit status 3: "no token given"; try it in a shell`,
		"true":                                   "it prints nothing",
		"head -c 100000 /dev/zero":               "it prints more than 65536 bytes",
		"no-such-vault-client read":              "not found",
		"yes complaint | head -9999 >&2; exit 1": "complaint",
	} {
		_, err := Load(Options{Environ: []string{"CARILLON_MASTER_KEY_COMMAND=" + command}})
		require.ErrorContains(t, err, says)
		require.NotContains(t, strings.ReplaceAll(err.Error(), command, ""), "hidden")
		require.Less(t, len(err.Error()), 900)
	}
	_, err = Load(Options{Environ: []string{"CARILLON_MASTER_KEY_COMMAND=echo a", "CARILLON_MASTER_KEY_FILE=" + write(t, "0123456789abcdef")}})
	require.ErrorContains(t, err, "master_key: is given twice: as CARILLON_MASTER_KEY_FILE → ")
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		environ string
		want    string
	}{
		"unknown setting": {file: "# x\n\nlisten: 127.0.0.1:1\nlog-levell: info\n",
			want: "log-levell: there is no such setting; did you mean log_level? (carillon.yaml:4)"},
		"nothing near":     {file: "zzzzzzzzzzzz: 1\n", want: "`carillon config` lists the settings"},
		"twice":            {file: "listen: a\nlisten: b\n", want: "listen: stands here a second time, after line 1: take one of them away (carillon.yaml:2)"},
		"no YAML":          {file: "listen: [\n", want: "is no YAML"},
		"no mapping":       {file: "- listen\n", want: "carillon.yaml: must be a list of settings"},
		"nested":           {file: "listen:\n  host: x\n", want: "listen: must be one value, not several (carillon.yaml:2)"},
		"wrong number":     {file: "log_level: info\nmax_upload_mb: many\n", want: "carillon.yaml:2), got \"many\""},
		"out of bounds":    {environ: "CARILLON_MAX_UPLOAD_MB=0", want: "max_upload_mb: must be from 1 to 102400 (CARILLON_MAX_UPLOAD_MB)"},
		"wrong word":       {environ: "CARILLON_LOG_LEVEL=loud", want: "must be one of debug, info, warn, error"},
		"wrong switch":     {environ: "CARILLON_ALLOW_PRIVATE_ADDRESSES=maybe", want: "must be true or false"},
		"no relay":         {environ: "CARILLON_ALLOW_RELAYS=mail.internal:25,mail.internal", want: "allow_relays: must be a list of host:port, separated by commas"},
		"no port":          {environ: "CARILLON_LISTEN=localhost", want: "listen: must be an address and a port"},
		"no URL":           {environ: "CARILLON_PUBLIC_URL=news.example.org", want: "public_url: must be an address such as"},
		"short master key": {environ: "CARILLON_MASTER_KEY=short-secret", want: "master_key: has fewer than 16 characters"},
		"short admin key":  {environ: "CARILLON_ADMIN_KEY=short-secret", want: "admin_key: must have at least 16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, os.WriteFile(DefaultFile, []byte(c.file), 0o600))
			_, err := Load(Options{Environ: []string{c.environ}})
			require.ErrorContains(t, err, c.want)
			require.True(t, fault.Is(err, fault.Invalid))
			require.NotContains(t, err.Error(), "short-secret")
		})
	}
}

// Whoever corrects a configuration learns at once of everything that is wrong,
// whichever source it stands in.
func TestEveryErrorIsNamedWithItsSource(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("c.yaml", []byte("lisen: x\nmaster_kye: short-secret\napi_burst: many\nlog_level: loud\ndata_dir: [a]\n"), 0o600))
	o := Options{
		File:    "c.yaml",
		Environ: []string{"CARILLON_MAX_BODY_KB=1", "CARILLON_ADMIN_KEY=short-secret", "CARILLON_STORE_DSN_FILE=/nowhere/dsn", "CARILLON_API_BURST=9"},
		Flags:   map[string]string{"public_url": "news"},
	}
	_, err := Load(o)
	require.True(t, fault.Is(err, fault.Invalid))
	require.Equal(t, `the configuration is not valid
  lisen: there is no such setting; did you mean listen? (from c.yaml:1)
  master_kye: there is no such setting; did you mean master_key? (from c.yaml:2)
  data_dir: must be one value, not several (from c.yaml:5)
  store_dsn_file: can't be read: no such file or directory; name a file that this user may read (got "/nowhere/dsn" from CARILLON_STORE_DSN_FILE)
  max_body_kb: must be from 16 to 65536 (got "1" from CARILLON_MAX_BODY_KB)
  log_level: must be one of debug, info, warn, error (got "loud" from c.yaml:4)
  public_url: must be an address such as https://news.example.org (got "news" from --public-url)
  admin_key: must have at least 16 characters and no spaces: make one with `+"`openssl rand -hex 24`"+` (from CARILLON_ADMIN_KEY)`, fault.Lines(err),
		"c.yaml's api_burst is not in force")
	require.NotContains(t, err.Error(), "\n", "in a log it is one line")

	// A file that can't be used hides nothing of the rest.
	o.File = "none.yaml"
	_, err = Load(o)
	require.ErrorContains(t, err, "there is no configuration file none.yaml (--config)")
	require.ErrorContains(t, err, "max_body_kb")
	require.NoError(t, os.WriteFile("c.yaml", []byte("listen: [\n"), 0o600))
	o.File, o.Environ = "", append(o.Environ, "CARILLON_CONFIG=c.yaml")
	_, err = Load(o)
	require.ErrorContains(t, err, "c.yaml: is no YAML")
	require.ErrorContains(t, err, "max_body_kb")
}

func TestUnknownVariableIsNoticed(t *testing.T) {
	c, err := Load(Options{File: write(t, ""), Environ: []string{"CARILLON_LISTN=x", "CARILLON_KEY=k", "CARILLON_TEST_X=1"}})
	require.NoError(t, err)
	require.Equal(t, []string{"CARILLON_LISTN is no setting of Carillon and is not looked at"}, c.Notices())
}

func TestExampleFile(t *testing.T) {
	const path = "carillon.example.yaml"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(Example()), 0o644))
	}
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, Example(), string(source), "go test ./configs -update writes it anew")
	t.Chdir(t.TempDir())
	defaults, err := Load(Options{})
	require.NoError(t, err)
	// With every comment sign before a setting taken away it says the same.
	lines := regexp.MustCompile(`(?m)^#([a-z_]+: )`).ReplaceAllString(string(source), "$1")
	for _, s := range Settings() {
		if s.Secret { // its other forms
			lines = regexp.MustCompile(`(?m)^`+s.Name+`_(file|command): .*\n`).ReplaceAllString(lines, "")
		}
	}
	c, err := Load(Options{File: write(t, lines)})
	require.NoError(t, err)
	for i, s := range c.InForce() {
		require.Equal(t, defaults.InForce()[i].Value, s.Value)
		require.Contains(t, s.Origin, "carillon.yaml:", s.Name)
	}
}

func TestMasterKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	c, err := Load(Options{File: write(t, "data_dir: "+dir+"\n")})
	require.NoError(t, err)
	// Several at once agree on one key.
	keys := make([]string, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			found, err := c.ResolveMasterKeys()
			if err == nil {
				keys[i] = found[0].Reveal()
			}
		})
	}
	group.Wait()
	for _, key := range keys {
		require.Equal(t, keys[0], key)
		require.Len(t, key, 44)
	}
	info, err := os.Stat(filepath.Join(dir, "master.key"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left over")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "master.key"), []byte("x\n"), 0o600))
	_, err = c.ResolveMasterKeys()
	require.ErrorContains(t, err, "is damaged")

	c, err = Load(Options{File: write(t, "master_key: 0123456789abcdef\n")})
	require.NoError(t, err)
	found, err := c.ResolveMasterKeys()
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "0123456789abcdef", found[0].Reveal())

	c, err = Load(Options{File: write(t, "store_dsn: postgres://h/db\ndata_dir: "+dir+"\n")})
	require.NoError(t, err)
	_, err = c.ResolveMasterKeys()
	require.ErrorContains(t, err, "CARILLON_MASTER_KEY=$(openssl rand -base64 32)")
}

// Another key that the program makes for itself comes before the one of before, which stays;
// keys that are given are split.
func TestOtherMasterKeys(t *testing.T) {
	reveal := func(c Config) (list []string) {
		keys, err := c.ResolveMasterKeys()
		require.NoError(t, err)
		for _, k := range keys {
			list = append(list, k.Reveal())
		}
		return list
	}
	dir := filepath.Join(t.TempDir(), "data")
	c, err := Load(Options{File: write(t, "data_dir: "+dir+"\n")})
	require.NoError(t, err)
	require.True(t, c.OwnMasterKey())
	before := reveal(c)
	made, err := c.AddMasterKey()
	require.NoError(t, err)
	require.Equal(t, append([]string{made.Reveal()}, before...), reveal(c))
	info, err := os.Stat(c.MasterKeyPath())
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

	c, err = Load(Options{File: write(t, "master_key: 0123456789abcdef\n"), Environ: []string{
		"CARILLON_OTHER_MASTER_KEYS=first-of-before-16, second-of-before-16\nthird-of-before-16\n",
	}})
	require.NoError(t, err)
	require.False(t, c.OwnMasterKey())
	require.Equal(t, []string{"0123456789abcdef", "first-of-before-16", "second-of-before-16", "third-of-before-16"}, reveal(c))
	_, err = Load(Options{File: write(t, "master_key: 0123456789abcdef\n"), Environ: []string{"CARILLON_OTHER_MASTER_KEYS=first-of-before-16,short"}})
	require.ErrorContains(t, err, "its key 2 has fewer than 16 characters")
	require.NotContains(t, err.Error(), "short,")
}

func TestRequireShared(t *testing.T) {
	c, err := Load(Options{File: write(t, "")})
	require.NoError(t, err)
	err = c.RequireShared("worker")
	require.ErrorContains(t, err, "CARILLON_STORE_DSN")
	require.ErrorContains(t, err, "CARILLON_REDIS_URL")
	require.ErrorContains(t, err, "CARILLON_MASTER_KEY")
	c, err = Load(Options{File: write(t, "store_dsn: carillon.db\nredis_url: redis://h\nmaster_key: 0123456789abcdef\n")})
	require.NoError(t, err)
	require.ErrorContains(t, c.RequireShared("worker"), "carillon.yaml:1)")
	c, err = Load(Options{File: write(t, "store_dsn: postgres://h/db\nredis_url: redis://h\nmaster_key: 0123456789abcdef\n")})
	require.NoError(t, err)
	require.NoError(t, c.RequireShared("worker"))
}

func TestLogger(t *testing.T) {
	var b strings.Builder
	Config{LogLevel: "warn", LogFormat: "json"}.Logger(&b).Info("no")
	require.Empty(t, b.String())
	Config{LogLevel: "info", LogFormat: "json"}.Logger(&b).Info("yes")
	require.Contains(t, b.String(), `"msg":"yes"`)
}

func TestRelays(t *testing.T) {
	c, err := Load(Options{File: write(t, "allow_relays: Mail.Internal:587, [fd00::1]:25,\n")})
	require.NoError(t, err)
	require.Equal(t, []string{"mail.internal:587", "[fd00::1]:25"}, c.Relays())
}

// A key that was copied with others' rights is the owner's alone from then on.
func TestKeysAreTheOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	c, err := Load(Options{File: write(t, "data_dir: "+dir+"\n")})
	require.NoError(t, err)
	for _, name := range []string{"master.key", "admin.key"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("0123456789abcdef\n"), 0o600))
		require.NoError(t, os.Chmod(path, 0o644))
	}
	require.NoError(t, c.EnsureDataDir())
	for _, name := range []string{"master.key", "admin.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
	}
}

// A receiver of syslog is named with how to reach it; its port need not be.
func TestSyslog(t *testing.T) {
	for address, want := range map[string][2]string{
		"udp://logs": {"udp", "logs:514"}, "tcp://10.0.0.1:99": {"tcp", "10.0.0.1:99"}, "tls://[::1]/": {"tls", "[::1]:6514"},
		"unix:///dev/log": {"unix", "/dev/log"},
	} {
		c, err := Load(Options{File: write(t, ""), Environ: []string{"CARILLON_AUDIT_SYSLOG=" + address}})
		require.NoError(t, err, address)
		way, at := c.Syslog()
		require.Equal(t, want, [2]string{way, at})
	}
	for _, address := range []string{"logs:514", "https://logs", "unix://dev/log", "tcp://", "tcp://a/b", "tls://me@logs", "udp://%zz"} {
		_, err := Load(Options{File: write(t, ""), Environ: []string{"CARILLON_AUDIT_SYSLOG=" + address}})
		require.ErrorContains(t, err, "audit_syslog", address)
	}
}
