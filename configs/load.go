package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"

	"carillon/internal/fault"
)

// Layer says which of the sources a value came from; later ones win.
type Layer string

// The layers.
const (
	FromDefault     Layer = "default"
	FromFile        Layer = "file"
	FromEnvironment Layer = "environment"
	FromFlag        Layer = "flag"
)

// Origin is where a value came from.
type Origin struct {
	Layer Layer
	// Detail is the file and line, the variable, or the flag.
	Detail string
}

// String is the detail, or the layer where there is none.
func (o Origin) String() string {
	if o.Detail == "" {
		return string(o.Layer)
	}
	return o.Detail
}

// DefaultFile is the configuration file that is read if it exists and none is
// named.
const DefaultFile = "carillon.yaml"

// Options are the sources.
type Options struct {
	// File is the configuration file; empty means CARILLON_CONFIG, then
	// DefaultFile if it exists.
	File string
	// Environ is the environment, as os.Environ gives it.
	Environ []string
	// Flags are the flags that were given, by the name of their setting; a
	// secret's file has the name with _file.
	Flags map[string]string
}

// value is a text and where it stands.
type value struct {
	text   string
	origin Origin
}

// Load reads every source. Its error names every wrong setting, not only the
// first, with its value and the place where it stands.
func Load(o Options) (Config, error) {
	environment, unknown := fromEnviron(o.Environ)
	file, wrong := fromFile(o.File, o.Environ)
	flags := map[string]value{}
	for name, text := range o.Flags {
		flags[name] = value{text, Origin{FromFlag, "--" + strings.ReplaceAll(name, "_", "-")}}
	}
	defaults := map[string]value{}
	for _, s := range Settings() {
		defaults[s.Name] = value{s.Default, Origin{Layer: FromDefault}}
	}
	merged := koanf.New("\x00") // names hold no delimiter: the configuration is flat
	origins := map[string]Origin{}
	for _, layer := range []map[string]value{defaults, file, environment, flags} {
		layer, unread := readSecrets(layer)
		wrong = append(wrong, unread...)
		values := make(map[string]any, len(layer))
		for name, v := range layer {
			values[name] = v.text
			origins[name] = v.origin
		}
		if err := merged.Load(confmap.Provider(values, ""), nil); err != nil {
			return Config{}, fmt.Errorf("merge configuration: %w", err)
		}
	}
	c := Config{origins: origins}
	for _, s := range Settings() {
		text := merged.String(s.Name)
		if message := s.set(&c, text); message != "" {
			f := fault.Field{Location: s.Name, Message: message, Source: c.source(s.Name)}
			if !s.Secret {
				f.Value = text
			}
			wrong = append(wrong, f)
		}
	}
	c.PublicURL, c.ConsoleURL = strings.TrimRight(c.PublicURL, "/"), strings.TrimRight(c.ConsoleURL, "/")
	for _, name := range unknown {
		c.notices = append(c.notices, name+" is no setting of Carillon and is not looked at")
	}
	if wrong = append(wrong, c.check()...); len(wrong) > 0 {
		return Config{}, &fault.Error{Code: fault.Invalid, Message: "the configuration is not valid", Fields: wrong}
	}
	return c, nil
}

// clientVariables are read by the command line's client side, by failpoints and
// by tests: they are no settings of the server.
var clientVariables = []string{"CARILLON_CONFIG", "CARILLON_SERVER", "CARILLON_KEY", "CARILLON_CA_FILE", "CARILLON_FAILPOINTS", "CARILLON_FAILPOINT"}

func fromEnviron(environ []string) (values map[string]value, unknown []string) {
	values = map[string]value{}
	known := map[string]string{}
	for _, s := range Settings() {
		known[s.Env()] = s.Name
		if s.Secret {
			for _, w := range ways {
				known[s.Env()+strings.ToUpper(w.suffix)] = s.Name + w.suffix
			}
		}
	}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		setting, ok := known[name]
		switch {
		case ok:
			// An empty variable is how compose files and units say "not set".
			if text != "" {
				values[setting] = value{text, Origin{FromEnvironment, name}}
			}
		case strings.HasPrefix(name, "CARILLON_") && !strings.HasPrefix(name, "CARILLON_TEST") && !slices.Contains(clientVariables, name):
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return values, unknown
}

func fromFile(path string, environ []string) (map[string]value, []fault.Field) {
	named := "--config"
	if path == "" {
		path, named = DefaultFile, ""
		for _, entry := range environ {
			if rest, ok := strings.CutPrefix(entry, "CARILLON_CONFIG="); ok && rest != "" {
				path, named = rest, "CARILLON_CONFIG"
			}
		}
	}
	source, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && named == "":
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, []fault.Field{{Location: path, Message: "there is no configuration file " + path, Source: named}}
	case err != nil:
		return nil, []fault.Field{{Location: path, Message: "the configuration file can't be read: " + errors.Unwrap(err).Error(), Source: named}}
	}
	return parseFile(path, source)
}

// InForce is one line of `carillon config`.
type InForce struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
	Env    string `json:"env"`
	Doc    string `json:"doc"`
}

// InForce lists every setting with its value, secrets masked, and where it came
// from.
func (c Config) InForce() []InForce {
	settings := Settings()
	lines := make([]InForce, len(settings))
	for i, s := range settings {
		lines[i] = InForce{Name: s.Name, Value: s.shown(c), Origin: c.origins[s.Name].String(), Env: s.Env(), Doc: s.Doc}
	}
	return lines
}
