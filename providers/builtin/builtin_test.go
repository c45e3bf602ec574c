package builtin_test

import (
	"encoding/json"
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
