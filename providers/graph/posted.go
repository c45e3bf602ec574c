package graph

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"carillon/internal/fault"
	"carillon/providers"
)

const signatureHeader = "X-Hub-Signature-256"

// Read checks who posts, and reads what is posted into what it is.
func (a *API) Read(header http.Header, body []byte, into any) error {
	if !a.signed(header, body) {
		return &providers.Error{Kind: providers.ErrorAuth,
			Err: errors.New(signatureHeader + " is not made with the channel's config.app_secret over the body as it came")}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	return nil
}

// signed reports whether the app's secret, or what it was before and is still taken as, signed
// the very bytes that came. All are compared, so that the time does not tell which.
func (a *API) signed(header http.Header, body []byte) (right bool) {
	given := []byte(header.Get(signatureHeader))
	for _, key := range a.Deps.Taken("app_secret", a.AppSecret) {
		mac := hmac.New(sha256.New, []byte(key.Reveal()))
		mac.Write(body)
		right = hmac.Equal(given, []byte("sha256="+hex.EncodeToString(mac.Sum(nil)))) || right
	}
	return right
}

// Item reads one item of a list into what it is, so that one of a form that nobody knew spoils
// none of the others.
func Item(place string, raw json.RawMessage, into any) providers.Refused {
	if err := json.Unmarshal(raw, into); err != nil {
		return providers.Refused{fault.Field{Location: place, Message: "can't be read: " + err.Error()}}
	}
	return nil
}

// Challenge answers Meta's question whether the address is one that wants to be posted to.
func (a *API) Challenge(query url.Values) (string, error) {
	right := a.Deps.Takes("verify_token", a.VerifyToken, query.Get("hub.verify_token"))
	switch {
	case !right:
		return "", &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("hub.verify_token is not the channel's config.verify_token")}
	case query.Get("hub.mode") != "subscribe" || query.Get("hub.challenge") == "":
		return "", &providers.Error{Kind: providers.ErrorContent, Err: errors.New("hub.mode must be subscribe, and hub.challenge what is to be answered")}
	}
	return query.Get("hub.challenge"), nil
}
