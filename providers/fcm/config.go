package fcm

import (
	"cmp"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
)

// Config is the configuration of a channel of a Firebase project.
type Config struct {
	ServiceAccount secret.String `json:"service_account" writeOnly:"true" media:"application/json" doc:"The file of a service account's key, as Google gives it: JSON with project_id, client_email and private_key. Access tokens are bought with it."`
	API            string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://fcm.googleapis.com" doc:"Where the API is: Google's, or a proxy of yours. Redirects are not followed."`
	TokenURI       string        `json:"token_uri,omitempty" destination:"true" format:"uri" doc:"Where access tokens are bought, in place of the token_uri in the file: a proxy of yours."`
	TimeoutMS      int           `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// account is a service account's key.
type account struct {
	project, email, keyID string
	// audience is where Google buys tokens by its own name, whatever the way there.
	audience string
	key      *rsa.PrivateKey
}

// projects is the form of a project's id; some of companies begin with a domain.
var projects = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{2,40}[a-z0-9]$`)

// readAccount reads the file. Its errors quote nothing of it.
func readAccount(file string) (*account, error) {
	var f struct {
		Type         string `json:"type"`
		ProjectID    string `json:"project_id"`
		PrivateKeyID string `json:"private_key_id"`
		PrivateKey   string `json:"private_key"`
		ClientEmail  string `json:"client_email"`
		TokenURI     string `json:"token_uri"`
	}
	if json.Unmarshal([]byte(file), &f) != nil {
		return nil, errors.New("must be the JSON file of a service account's key, whole")
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(f.PrivateKey))
	at, broken := url.Parse(f.TokenURI)
	switch {
	case f.Type != "service_account":
		return nil, errors.New("must be the file of a service account's key, with \"type\": \"service_account\": google-services.json of an app is another")
	case !projects.MatchString(f.ProjectID):
		return nil, errors.New("has no project_id of Google's form")
	case !strings.Contains(f.ClientEmail, "@"):
		return nil, errors.New("has no client_email")
	case err != nil:
		return nil, errors.New("has no private_key that is an RSA key in PEM form")
	case broken != nil || at.Scheme != "https" || at.Hostname() == "" || at.User != nil:
		return nil, errors.New("has no token_uri that is an https address")
	}
	return &account{project: f.ProjectID, email: f.ClientEmail, keyID: f.PrivateKeyID, audience: f.TokenURI, key: key}, nil
}

// desk is where access tokens are bought.
func (c *Config) desk(a *account) string { return cmp.Or(c.TokenURI, a.audience) }

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if _, err := readAccount(c.ServiceAccount.Reveal()); err != nil {
		refuse("service_account", "%v", err)
	}
	if wrong := line.WrongAddress(c.API, "or left out for Google's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	if c.TokenURI != "" {
		if wrong := line.WrongAddress(c.TokenURI, "or left out for the one in the file"); wrong != "" {
			refuse("token_uri", "%s", wrong)
		}
	}
	return wrong
}
