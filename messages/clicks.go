package messages

import (
	"encoding/binary"

	"carillon/tracking"
)

// Base is where an account's recipients reach this server, without a slash at its end; empty
// where they can't.
func (t Tokens) Base(accountID int64) string {
	if t.hosts == nil {
		return ""
	}
	return t.hosts.Of(accountID)
}

// Base is where the recipient reaches this server.
func (l Links) Base() string { return l.tokens.Base(l.whose.AccountID) }

// Tracked makes the addresses of the links of a recipient's message of a run.
func (l Links) Tracked(runID int64) tracking.Marker { return tracked{l, runID} }

type tracked struct {
	Links
	runID int64
}

// ClickURL is where a click on a link goes.
func (t tracked) ClickURL(link tracking.Link) string {
	return t.address("/c/", "", tokenOfClick, uint64(link.Number), uint64(link.Place), uint64(link.Of))
}

// OpenURL is the address of the picture that tells of an open.
func (t tracked) OpenURL() string { return t.address("/o/", ".gif", tokenOfOpen) }

func (t tracked) address(path, end string, form byte, more ...uint64) string {
	payload := make([]byte, 0, 32+signatureBytes)
	payload = append(payload, form)
	for _, n := range append([]uint64{uint64(t.whose.AccountID), uint64(t.runID), uint64(t.whose.MessageID)}, more...) {
		payload = binary.AppendUvarint(payload, n)
	}
	return t.Base() + path + tokenEncoding.EncodeToString(t.tokens.sign(payload)) + end
}

// ParseClick reads the token of a ClickURL, ParseOpen that of an OpenURL without its end. A
// token that was not made here is NotFound.
func (t Tokens) ParseClick(token string) (tracking.Ref, error) {
	n, err := t.numbers(token, tokenOfClick, 6)
	if err != nil {
		return tracking.Ref{}, err
	}
	link := tracking.Link{Number: int(n[3]), Place: int(n[4]), Of: int(n[5])}
	return tracking.Ref{AccountID: int64(n[0]), RunID: int64(n[1]), MessageID: int64(n[2]), Link: link}, nil
}

// ParseOpen is as ParseClick says.
func (t Tokens) ParseOpen(token string) (tracking.Ref, error) {
	n, err := t.numbers(token, tokenOfOpen, 3)
	if err != nil {
		return tracking.Ref{}, err
	}
	return tracking.Ref{AccountID: int64(n[0]), RunID: int64(n[1]), MessageID: int64(n[2])}, nil
}

// numbers are so many numbers that a token of a form is made of.
func (t Tokens) numbers(token string, form byte, count int) ([]uint64, error) {
	payload, err := t.open(token)
	if err != nil {
		return nil, err
	}
	list, rest := make([]uint64, 0, count), payload[1:]
	for range count {
		n, size := binary.Uvarint(rest)
		if size <= 0 {
			return nil, errUnknownLink()
		}
		list, rest = append(list, n), rest[size:]
	}
	if payload[0] != form || len(rest) > 0 {
		return nil, errUnknownLink()
	}
	return list, nil
}
