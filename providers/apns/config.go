package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"regexp"

	"github.com/golang-jwt/jwt/v5"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
)

// Config is the configuration of a channel of an app.
type Config struct {
	API        string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://api.push.apple.com" doc:"Where the service is: Apple's, or https://api.sandbox.push.apple.com for apps that Xcode has installed."`
	TeamID     string        `json:"team_id" doc:"The id of the developer account's team: 10 letters and digits."`
	KeyID      string        `json:"key_id" doc:"The id of the key: 10 letters and digits."`
	PrivateKey secret.String `json:"private_key" writeOnly:"true" media:"application/x-pem-file" doc:"The key, as its file AuthKey_....p8 holds it: an EC key in PEM form."`
	Topic      string        `json:"topic" doc:"The app's bundle id, such as com.example.news."`

	Sound      string `json:"sound,omitempty" maxLength:"64" default:"default" doc:"The sound of a notification, by its name in the app; none for silence."`
	Urgency    string `json:"urgency,omitempty" enum:"high,normal,low" default:"high" doc:"high has the device show a notification at once (Apple's priority 10), normal when it suits its battery (5), low without waking it (1)."`
	ExpiresS   int    `json:"expires_s,omitempty" minimum:"1" maximum:"2592000" default:"2592000" doc:"For how many seconds Apple keeps a notification for a device that is not to be reached: up to 30 days."`
	CollapseID string `json:"collapse_id,omitempty" doc:"A name of up to 64 bytes: of the channel's notifications a device shows the last alone. Left out it shows all."`
	TimeoutMS  int    `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxRequests int `json:"max_requests,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once, which share a connection; 0 is 128, or the channel's concurrency where that is set."`
}

// Forms of what Apple gives out.
var (
	ids      = regexp.MustCompile(`^[0-9A-Z]{10}$`)
	topics   = regexp.MustCompile(`^[A-Za-z0-9.-]{3,155}$`)
	collapse = regexp.MustCompile(`^[\x20-\x7e]{0,64}$`)
)

// key reads the key. Its error quotes nothing of it.
func key(pem secret.String) (*ecdsa.PrivateKey, error) {
	key, err := jwt.ParseECPrivateKeyFromPEM([]byte(pem.Reveal()))
	if err != nil || key.Curve != elliptic.P256() {
		return nil, errors.New("must be an EC key of the curve P-256 in PEM form: the file AuthKey_....p8, whole")
	}
	return key, nil
}

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.API, "or left out for Apple's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	for field, id := range map[string]string{"team_id": c.TeamID, "key_id": c.KeyID} {
		if !ids.MatchString(id) {
			refuse(field, "must be 10 capital letters and digits, as Apple's developer pages show it")
		}
	}
	if _, err := key(c.PrivateKey); err != nil {
		refuse("private_key", "%v", err)
	}
	if !topics.MatchString(c.Topic) {
		refuse("topic", "must be the app's bundle id, such as com.example.news")
	}
	if !collapse.MatchString(c.CollapseID) {
		refuse("collapse_id", "must have at most 64 letters of printable ASCII")
	}
	return wrong
}
