package messages

import (
	"encoding/binary"

	"carillon/internal/fault"
)

// Links are the addresses of a recipient's own pages. What they lead to is found by the
// signed tokens in them.
type Links struct {
	// UnsubscribeURL is empty where no public address is configured.
	UnsubscribeURL string

	tokens Tokens
	whose  Unsubscriber
}

// Links are the pages of a recipient.
func (t Tokens) Links(whose Unsubscriber) Links {
	return Links{UnsubscribeURL: t.URL(whose), tokens: t, whose: whose}
}

// PreferencesURL leads to where the recipient chooses categories.
func (l Links) PreferencesURL() string {
	if l.Base() == "" {
		return ""
	}
	return l.Base() + "/p/" + l.tokens.Make(l.whose)
}

// ViewURL leads to the message as a page. Its token shows the message and does nothing
// else, because people pass such addresses on.
func (l Links) ViewURL() string {
	if l.Base() == "" {
		return ""
	}
	payload := binary.AppendUvarint([]byte{tokenOfView}, uint64(l.whose.AccountID))
	payload = binary.AppendUvarint(payload, uint64(l.whose.MessageID))
	return l.Base() + "/v/" + tokenEncoding.EncodeToString(l.tokens.sign(payload))
}

// ParseView reads the token of a ViewURL: whose message it is, and which; 0 for one that
// was never sent, such as a preview's. A token that was not made here is NotFound.
func (t Tokens) ParseView(token string) (accountID, messageID int64, err error) {
	payload, err := t.open(token)
	if err != nil {
		return 0, 0, err
	}
	account, n := binary.Uvarint(payload[1:])
	if payload[0] != tokenOfView || n <= 0 {
		return 0, 0, errUnknownLink()
	}
	message, m := binary.Uvarint(payload[1+n:])
	if m <= 0 || 1+n+m != len(payload) {
		return 0, 0, errUnknownLink()
	}
	return int64(account), int64(message), nil
}

func errUnknownLink() error {
	return fault.New(fault.NotFound, "this link is not complete or not ours: open it as it stands in the message")
}
