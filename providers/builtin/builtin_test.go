package builtin_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/builtin"
)

// Every configuration struct gives a complete JSON Schema: each setting is
// described, secrets are write-only texts, and the defaults are taken.
func TestSchemas(t *testing.T) {
	r, err := builtin.Registry()
	require.NoError(t, err)
	require.Equal(t, []string{
		"apns", "chatapi", "chatwoot", "discord", "fcm", "instagram", "mailgun", "messenger", "messengerpeople",
		"postmark", "sandbox", "sendgrid", "ses", "slack", "smtp", "teams", "telegram", "twilio",
		"viber", "vonage", "webhook", "webpush",
		"whatsapp", "xms",
	}, r.Names())
	for _, k := range r.Kinds() {
		require.NotEmpty(t, k.Title)
		require.NotEmpty(t, k.Description)
		schemas := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
		of := reflect.TypeOf(k.Config).Elem()
		schema := huma.SchemaFromType(schemas, of)
		require.Equal(t, false, schema.AdditionalProperties, k.Name)
		hasSecrets, hasDestination := false, false
		for i := range of.NumField() {
			var name string
			for tag := of.Field(i).Tag.Get("json"); len(name) < len(tag) && tag[len(name)] != ','; {
				name = tag[:len(name)+1]
			}
			property := schema.Properties[name]
			require.NotNil(t, property, "%s.%s", k.Name, name)
			require.NotEmpty(t, property.Description, "%s.%s", k.Name, name)
			hasDestination = hasDestination || of.Field(i).Tag.Get("destination") == "true"
			hasSecrets = hasSecrets || property.WriteOnly
			switch reflect.New(of.Field(i).Type).Interface().(type) {
			case *secret.String:
				require.Equal(t, huma.TypeString, property.Type)
				require.True(t, property.WriteOnly, "%s.%s", k.Name, name)
			case *map[string]secret.String:
				require.True(t, property.WriteOnly, "%s.%s", k.Name, name)
			}
		}
		// The sandbox's secret goes nowhere.
		require.Equal(t, hasSecrets && k.Name != "sandbox", hasDestination, "%s: secrets are bound to where they go", k.Name)
		encoded, err := json.Marshal(schema)
		require.NoError(t, err)
		require.NotContains(t, string(encoded), "$ref", "a schema stands by itself")
	}
}

// Every adapter is laid out alike: its folder has the adapter, its configuration,
// and samples, one of them a configuration that is accepted.
func TestLayout(t *testing.T) {
	for _, k := range builtin.Kinds() {
		folder := filepath.Join("..", k.Name)
		for _, file := range []string{k.Name + ".go", "config.go"} {
			require.FileExists(t, filepath.Join(folder, file))
		}
		require.NoError(t, k.Validate(sample(t, k)), k.Name)
	}
}

// sample is the configuration that a provider shows as an example.
func sample(t *testing.T, k providers.Kind) json.RawMessage {
	t.Helper()
	config, err := os.ReadFile(filepath.Join("..", k.Name, "testdata", "config.json"))
	require.NoError(t, err)
	return config
}

// No provider is missing from the contract suite: the tests in its own folder hold its own kind
// to it.
func TestEveryProviderIsHeldToTheContract(t *testing.T) {
	for _, k := range builtin.Kinds() {
		tests, err := filepath.Glob(filepath.Join("..", k.Name, "*_test.go"))
		require.NoError(t, err)
		own, held := map[string]bool{k.Name + ".Kind()": true}, map[string]bool{}
		for _, file := range tests {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, d := range parsed.Decls {
				if f, is := d.(*ast.FuncDecl); is && contains(f, k.Name+".Kind()") {
					own[f.Name.Name+"()"] = true // such as one that gives it the certificates of a test
				}
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, is := n.(*ast.CallExpr); is && types.ExprString(call.Fun) == "providertest.Run" {
					held[subjectOf(call)] = true
				}
				return true
			})
		}
		require.NotEmpty(t, held, "no test of providers/%s calls providertest.Run", k.Name)
		for kind := range held {
			require.True(t, own[kind], "providers/%s holds %q to the contract, and not its own kind", k.Name, kind)
		}
	}
}

// contains reports whether an expression stands in a node.
func contains(in ast.Node, expression string) (found bool) {
	ast.Inspect(in, func(n ast.Node) bool {
		e, is := n.(ast.Expr)
		found = found || is && types.ExprString(e) == expression
		return !found
	})
	return found
}

// subjectOf is the kind that a call of providertest.Run is about, as it is written.
func subjectOf(call *ast.CallExpr) (kind string) {
	ast.Inspect(call, func(n ast.Node) bool {
		if field, is := n.(*ast.KeyValueExpr); is && types.ExprString(field.Key) == "Kind" && kind == "" {
			kind = types.ExprString(field.Value)
		}
		return kind == ""
	})
	return kind
}

func TestEveryCapabilityIsImplemented(t *testing.T) {
	for _, k := range builtin.Kinds() {
		p, err := k.New(sample(t, k), providers.Deps{})
		require.NoError(t, err)
		_, parses := p.(providers.CallbackParser)
		require.Equal(t, k.Capabilities.Receipts, parses, k.Name)
		_, parses = p.(providers.ReplyParser)
		require.Equal(t, k.Capabilities.Replies, parses, k.Name)
		require.NoError(t, p.Close())
	}
}
