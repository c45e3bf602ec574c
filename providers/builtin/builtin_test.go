package builtin_test

import (
	"encoding/json"
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
	require.Equal(t, []string{"sandbox", "smtp", "webhook"}, r.Names())
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

func TestEveryCapabilityIsImplemented(t *testing.T) {
	configs := map[string]string{
		"sandbox": `{}`,
		"smtp":    `{"host": "mail.example.com", "from": "news@example.com"}`,
		"webhook": `{"url": "https://example.com", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}`,
	}
	for _, k := range builtin.Kinds() {
		p, err := k.New(json.RawMessage(configs[k.Name]), providers.Deps{})
		require.NoError(t, err)
		_, parses := p.(providers.CallbackParser)
		require.Equal(t, k.Capabilities.Receipts, parses, k.Name)
		require.NoError(t, p.Close())
	}
}
