package providers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
)

// PagerConfig is the configuration; its tags make the JSON Schema and the checks.
type PagerConfig struct {
	Prefix string        `json:"prefix" doc:"Text before each message."`
	Limit  int           `json:"limit,omitempty" minimum:"1" maximum:"160" default:"160" doc:"Most bytes of a message."`
	Token  secret.String `json:"token,omitempty" writeOnly:"true" doc:"Access token."`
}

// Pager describes the provider to the registry.
func Pager(out io.Writer) providers.Kind {
	return providers.Define(providers.Kind{
		Name: "pager", Title: "Pager", Description: "Writes messages to a pager.",
		Capabilities: providers.Capabilities{Address: providers.Phone, MaxTextBytes: 160},
	}, func(c *PagerConfig) []fault.Field { // what the tags can't say
		if c.Prefix == "!" {
			return []fault.Field{{Location: "config.prefix", Message: "must not be !, which is an alarm"}}
		}
		return nil
	}, func(c *PagerConfig, _ providers.Deps) (providers.Provider, error) {
		return &pager{config: c, out: out}, nil
	})
}

type pager struct {
	config *PagerConfig // a pointer, so that %+v doesn't reach the token
	out    io.Writer
}

// Send returns a *providers.Error and nothing else, and never retries.
func (p *pager) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	if err := ctx.Err(); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: err}
	}
	if len(m.Content.Text) > p.config.Limit {
		return providers.Accepted{}, &providers.Error{
			Kind: providers.ErrorContent, Code: "too_long", Err: fmt.Errorf("the text has more than %d bytes", p.config.Limit),
		}
	}
	if _, err := fmt.Fprintf(p.out, "%s%s <- %s\n", p.config.Prefix, m.To, m.Content.Text); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt, Err: err}
	}
	return providers.Accepted{Response: "beeped"}, nil
}

func (p *pager) Close() error { return nil }

func ExampleDefine() {
	registry, err := providers.NewRegistry(Pager(os.Stdout))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(registry.Validate("pager", json.RawMessage(`{"prefx": "> "}`)))
	p, err := registry.New("pager", json.RawMessage(`{"prefix": "> "}`), providers.Deps{})
	if err != nil {
		fmt.Println(err)
		return
	}
	accepted, err := p.Send(context.Background(), providers.Message{
		ID: 1, Attempt: 1, To: "+491510000000", Content: providers.Content{Text: "Hello"},
	})
	fmt.Println(accepted.Response, err)
	// Output:
	// the input is not valid (config.prefx: is not a setting of this provider; its settings are prefix, limit, token; config.prefix: is required)
	// > +491510000000 <- Hello
	// beeped <nil>
}

// The documentation shows the code above, word for word.
func TestDocumentedExampleIsThisOne(t *testing.T) {
	document, err := os.ReadFile("../docs/adding-a-provider.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, code, _ := strings.Cut(string(source), "\n// PagerConfig")
	code, _, _ = strings.Cut(code, "\nfunc ExampleDefine")
	require.Contains(t, string(document), "```go\n// PagerConfig"+strings.TrimRight(code, "\n")+"\n```")
}
