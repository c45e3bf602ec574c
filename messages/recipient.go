package messages

import (
	"crypto/sha256"
	"encoding/base64"

	"carillon/templates/liquid"
)

// Recipient is what a template may say about whom it is rendered for.
type Recipient struct {
	ContactID  int64
	ExternalID string
	Name       string
	FirstName  string
	LastName   string
	Language   string
	Timezone   string
	Address    string
	// Attributes are the values of properties, a JSON object; empty where there
	// are none.
	Attributes string
	// Row is the recipient's line of the CSV upload, a JSON object; empty where
	// the audience is no upload.
	Row string
	// Answers are what the recipient has answered in the flow of which the message is, a
	// JSON object; empty where there is none.
	Answers string
}

// Vars is what templates may say to a recipient in a message that is part of something.
// There is no other place where it is put together.
func (r Recipient) Vars(of *liquid.Occasion, links Links) liquid.Vars {
	return liquid.Vars{
		Contact: liquid.Contact{
			ExternalID: r.ExternalID, Name: r.Name, FirstName: r.FirstName, LastName: r.LastName,
			Language: r.Language, Timezone: r.Timezone, Address: r.Address,
			Attributes: r.Attributes,
		},
		Row: r.Row, Answers: r.Answers, Of: of, UnsubscribeURL: links.UnsubscribeURL, Pages: links,
	}
}

// RecipientKey hashes an address for the limiter, so that Redis holds no
// personal data beyond the windows.
func RecipientKey(address string) string {
	sum := sha256.Sum256([]byte(address))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
