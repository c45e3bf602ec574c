package vonage

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"

	"github.com/golang-jwt/jwt/v5"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
)

// Config is the configuration of a channel of a Vonage account.
type Config struct {
	API           string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://api.nexmo.com" doc:"Where the API is: Vonage's, or that of one of its regions. Redirects are not followed."`
	ApplicationID string        `json:"application_id,omitempty" doc:"The id of an application of the account, with the capability Messages: a UUID. With its private key messages are sent; without one an API key is needed."`
	PrivateKey    secret.String `json:"private_key,omitempty" writeOnly:"true" media:"application/x-pem-file" doc:"The application's private key, as its file private.key holds it: an RSA key in PEM form."`

	APIKey    string        `json:"api_key,omitempty" doc:"The account's API key, to send with in place of an application."`
	APISecret secret.String `json:"api_secret,omitempty" writeOnly:"true" doc:"The API secret of that key."`

	SignatureSecret secret.String `json:"signature_secret,omitempty" writeOnly:"true" presented:"true" doc:"The account's signature secret, with which Vonage signs what it posts to /hooks/{channel_id}; without it that is refused."`

	From      string `json:"from" doc:"Who sends: a number such as +15551234567, a short code, or up to 11 letters and digits where countries allow that."`
	TimeoutMS int    `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// Forms of what Vonage gives out, and of senders.
var (
	applications = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	keys         = regexp.MustCompile(`^[0-9A-Za-z]{4,32}$`)
	numbers      = regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)
	short        = regexp.MustCompile(`^[0-9]{3,8}$`)
	names        = regexp.MustCompile(`^[A-Za-z0-9]{1,11}$`)
	letters      = regexp.MustCompile(`[A-Za-z]`)
	printable    = regexp.MustCompile(`^[\x21-\x7e]{8,200}$`)
)

// key reads an application's private key. Its error quotes nothing of it.
func key(pem secret.String) (*rsa.PrivateKey, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(pem.Reveal()))
	if err != nil {
		return nil, errors.New("must be an RSA key in PEM form: the file private.key that the dashboard makes with the application, whole")
	}
	return key, nil
}

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.API, "or left out for Vonage's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	switch {
	case c.ApplicationID == "" && c.PrivateKey.Empty():
		if c.APIKey == "" || c.APISecret.Empty() {
			refuse("application_id", "is required with its private_key, or an api_key with its api_secret")
		}
	case !applications.MatchString(c.ApplicationID):
		refuse("application_id", "must be a UUID, as the dashboard shows it, beside its private_key")
	default:
		if _, err := key(c.PrivateKey); err != nil {
			refuse("private_key", "%v", err)
		}
	}
	if c.APIKey != "" && !keys.MatchString(c.APIKey) {
		refuse("api_key", "must be letters and digits, as the dashboard shows it")
	}
	for field, value := range map[string]secret.String{"api_secret": c.APISecret, "signature_secret": c.SignatureSecret} {
		if !value.Empty() && !printable.MatchString(value.Reveal()) {
			refuse(field, "must have 8 to 200 letters of printable ASCII without spaces, as the dashboard shows it")
		}
	}
	if !numbers.MatchString(c.From) && !short.MatchString(c.From) && (!names.MatchString(c.From) || !letters.MatchString(c.From)) {
		refuse("from", "must be a number such as +15551234567, a short code, or a name of 1 to 11 of A-Z, a-z and 0-9 with a letter in it")
	}
	return wrong
}
