package messengerpeople

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
)

// A file is waited for so long; afterwards it goes on without anybody waiting.
const uploadWait = 20 * time.Second

// mostShown is how many refused lines and values an answer names.
const mostShown = 100

// uploaded is what became of a file.
type uploaded struct {
	State    string        `json:"state,omitempty"`
	Created  int64         `json:"created"`
	Updated  int64         `json:"updated"`
	Failed   int64         `json:"failed"`
	Errors   []refusedCell `json:"errors"`
	UploadID int64         `json:"upload_id"`
}

type refusedCell struct {
	Line   int64  `json:"line"`
	Field  string `json:"field"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

func (s *Server) uploadUsers(ctx context.Context, a asked) (any, error) {
	name, content, err := fileOf(a.request)
	if err != nil {
		return nil, err
	}
	u, err := s.Importer.Take(ctx, a.caller.AccountID, name, content, contacts.ImportOptions{Strict: true, Messengers: true})
	if err != nil {
		return nil, err
	}
	if u, err = s.Importer.Finish(ctx, a.caller.AccountID, u.ID, uploadWait); err != nil {
		return nil, err
	}
	done := uploaded{Created: u.Created, Updated: u.Updated, Failed: u.Refused, Errors: []refusedCell{}, UploadID: u.ID}
	switch u.State {
	case contacts.UploadFinished:
	case contacts.UploadFailed:
		return nil, fault.InvalidField("file", nil, "%s", u.Error)
	default:
		done.State = "running"
		return done, nil
	}
	refused, err := s.Uploads.Refused(ctx, a.caller.AccountID, u.ID)
	if err != nil {
		return nil, err
	}
	for line, err := range refused {
		if err != nil {
			return nil, err
		}
		if len(done.Errors) == mostShown {
			break
		}
		done.Errors = append(done.Errors, refusedCell{line.Line, line.Field, line.Value, line.Reason})
	}
	return done, nil
}

// mostParts bounds the parts before the file.
const mostParts = 100

// fileOf is the part of a form that is the file; the others stand before it.
func fileOf(r *http.Request) (name string, content io.Reader, err error) {
	kind, of, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" || of["boundary"] == "" {
		return "", nil, fault.InvalidField("file", nil, "is missing: send a form with the part file (multipart/form-data)")
	}
	reader := multipart.NewReader(r.Body, of["boundary"])
	for range mostParts {
		part, err := reader.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return "", nil, fault.InvalidField("file", nil, "is missing: send the CSV as the part file")
		case err != nil:
			return "", nil, fault.New(fault.Invalid, "the form can't be read: %s", err)
		case part.FormName() == "file":
			if name = strings.TrimSpace(part.FileName()); name == "" {
				name = "users.csv"
			}
			return name, part, nil
		}
	}
	return "", nil, fault.New(fault.Invalid, "the form has more than %d parts before the file", mostParts)
}
