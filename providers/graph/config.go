package graph

import (
	"regexp"

	"carillon/internal/secret"
	"carillon/providers/line"
)

// Forms of the settings. A secret shorter than this can be guessed.
var (
	ids     = regexp.MustCompile(`^[0-9]{1,32}$`)
	tokens  = regexp.MustCompile(`^[\x21-\x7e]{20,1000}$`)
	secrets = regexp.MustCompile(`^[\x21-\x7e]{16,256}$`)
)

// ID reports whether a text has the form of Meta's ids: digits, up to 32.
func ID(text string) bool { return ids.MatchString(text) }

// Settings are those that every channel of Meta's has.
type Settings struct {
	API                           string
	Token, AppSecret, VerifyToken secret.String
	// NoToken says how a token is made.
	NoToken string
}

// Check says what is wrong with settings.
func (s Settings) Check(refuse func(field, format string, args ...any)) {
	if wrong := line.WrongAddress(s.API, "or left out for Meta's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	switch {
	case s.Token.Empty():
		refuse("token", "is required: %s", s.NoToken)
	case !tokens.MatchString(s.Token.Reveal()):
		refuse("token", "must be an access token as Meta gives it: at least 20 printable letters without spaces")
	}
	for field, given := range map[string]secret.String{"app_secret": s.AppSecret, "verify_token": s.VerifyToken} {
		if !given.Empty() && !secrets.MatchString(given.Reveal()) {
			refuse(field, "must have 16 to 256 printable letters without spaces")
		}
	}
}
