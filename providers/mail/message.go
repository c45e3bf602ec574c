package mail

import (
	"errors"
	"strings"

	"carillon/providers"
)

// Message is a mail as the services take it, which compose MIME themselves.
type Message struct {
	To, ToName, Subject string
	Text, HTML          string
	// Pictures were taken out of HTML, which names them by their ids.
	Pictures []Picture
	Headers  []Header
	// File is what the mail carries; nil for none.
	File *File
}

// File is an uploaded file as it stands in a mail.
type File struct {
	Name, ContentType string
	Content           []byte
}

// New makes a mail of a message; from is the sender's address, and most how large its file may be,
// in bytes. A message that can't go is an error of the kind that says whose fault that is.
func New(m *providers.Message, from string, most int, deps providers.Deps) (Message, *providers.Error) {
	if _, err := ParseMailbox(m.To); err != nil {
		return Message{}, AddressError(m.To, err)
	}
	if err := errors.Join(Check(m), CheckFile(&m.Content, most)); err != nil {
		return Message{}, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	made := Message{
		To: m.To, ToName: m.ToName, Subject: m.Content.Subject, Text: Text(&m.Content), HTML: HTML(&m.Content),
		Headers: Headers(m), File: FileOf(&m.Content),
	}
	if strings.Contains(made.HTML, inline) {
		html, pictures := Pictures([]byte(made.HTML), m.ID, strings.TrimPrefix(deps.UniqueID(0), "0")+"@"+Domain(from))
		made.HTML, made.Pictures = string(html), pictures
	}
	return made, nil
}
