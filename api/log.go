package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/naming"
	"carillon/messages"
)

// LogEntry is a message that was sent, or something that was written to us.
type LogEntry struct {
	Number    int64     `json:"number" doc:"Its place: later entries have higher ones, with gaps."`
	At        time.Time `json:"at"`
	ChannelID int64     `json:"channel_id"`
	Direction string    `json:"direction" enum:"out,in"`
	MessageID int64     `json:"message_id,omitempty" doc:"Of what was sent."`
	ReplyID   int64     `json:"reply_id,omitempty" doc:"Of what was written."`
	ContactID int64     `json:"contact_id,omitempty"`
	Address   string    `json:"address,omitempty" personal:"addresses" doc:"Whom it went to, or who wrote; absent where that is kept no more."`
	State     string    `json:"state,omitempty" doc:"Where the message is now."`
	Text      string    `json:"text,omitempty" personal:"texts" doc:"What it says; absent where that is kept no more. What a campaign sent is made again, for the contact as it is now."`
	FileURL   string    `json:"file_url,omitempty" personal:"texts" doc:"The file that went along."`
}

// LoggedChannel is a channel whose log is kept.
type LoggedChannel struct {
	ChannelID int64 `json:"channel_id"`
}

type listLog struct {
	Paged
	ChannelID naming.Ref `query:"channel_id" kind:"channel" doc:"Only of this channel, by its id or its name."`
	After     int64      `query:"after" minimum:"0" doc:"Only what has a higher number: how a program asks for what is new."`
}

// logPage are entries of the log, with what they say.
func (s *Server) logPage(ctx context.Context, caller access.Caller, in *listLog) (*pageOut[LogEntry], error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	list, err := s.Log.List(ctx, messages.LogFilter{AccountID: caller.AccountID, ChannelID: in.ChannelID.ID, After: max(after, in.After), Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	texts, err := s.Campaigns.LogContents(ctx, caller.AccountID, list)
	if err != nil {
		return nil, err
	}
	views := make([]LogEntry, len(list))
	for i, e := range list {
		v := LogEntry{Number: e.Number, At: e.At.UTC(), ChannelID: e.ChannelID, Direction: "out", MessageID: e.MessageID, ReplyID: e.ReplyID}
		if e.ReplyID != 0 {
			v.Direction = "in"
		}
		if m := e.Message; m != nil {
			v.ContactID, v.Address, v.State, v.Text = m.ContactID, m.Address, m.State.String(), texts[i].Text
			if texts[i].Attachment != nil {
				v.FileURL = texts[i].Attachment.URL
			}
		}
		if r := e.Reply; r != nil {
			v.ContactID, v.Address, v.Text = r.ContactID, r.Address, r.Text
		}
		views[i] = v
	}
	return page(views, in.Limit, func(e LogEntry) LogEntry { return e }, func(e LogEntry) string { return idKey(e.Number) }), nil
}

func (s *Server) logRoutes() {
	const path, tag = "/v1/log", "messages"
	register(s, operation{reads: readsPeople, id: "list-log", method: http.MethodGet, path: path, tag: tag,
		doc: "List what was sent and what was written to us, in the order of its numbers", roles: mayLook,
		more: "Kept for the channels for which it was asked for, from then on. A program asks again with after set to the last number that it has."},
		s.logPage)
	register(s, operation{id: "list-log-channels", method: http.MethodGet, path: path + "/channels", tag: tag, doc: "List the channels whose log is kept",
		roles: mayLook},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*pageOut[LoggedChannel], error) {
			ids, err := s.Log.Channels(ctx, caller.AccountID)
			slices.Sort(ids)
			return page(ids, len(ids), func(id int64) LoggedChannel { return LoggedChannel{id} }, idKey), err
		})
	register(s, operation{id: "keep-log", method: http.MethodPut, path: path + "/channels/{id}", tag: tag, doc: "Keep the log of a channel from now on",
		roles: mayEdit, more: "Each message that is sent on it is one row more from then on."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[LoggedChannel], error) {
			return &one[LoggedChannel]{LoggedChannel{in.ID}}, s.Log.Keep(ctx, caller.AccountID, in.ID)
		})
}

// File is one that was taken in to be sent.
type File struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	ContentType string    `json:"content_type"`
	Size        int64     `json:"size" doc:"In bytes."`
	URL         string    `json:"url" doc:"Where providers fetch it; who has the address may read it."`
	CreatedAt   time.Time `json:"created_at"`
}

// FileInput is a file to be taken in.
type FileInput struct {
	Name        string `json:"name" minLength:"1" maxLength:"200" example:"cover.jpg"`
	ContentType string `json:"content_type,omitempty" maxLength:"200" doc:"Its media type; absent is found out." example:"image/jpeg"`
	Content     []byte `json:"content" minLength:"1" doc:"What is in it, in base64."`
}

type addFile struct {
	// host is where the caller reached us.
	host string
	Body FileInput
}

// Resolve keeps the host for the handler.
func (in *addFile) Resolve(ctx huma.Context) []error {
	in.host = ctx.Host()
	return nil
}

// filesAtOnce bounds how many files are read at a time: each is in memory.
const filesAtOnce = 8

func (s *Server) fileRoutes() {
	register(s, operation{id: "add-file", method: http.MethodPost, path: "/v1/files", tag: "messages", doc: "Take a file in, to be sent",
		status: http.StatusCreated, roles: gate.Roles{access.Admin, access.Editor, access.Sender},
		more: "For an attachment that lies nowhere yet: its url goes into content.attachment. It is kept as long as contents are (/v1/retention)."},
		func(ctx context.Context, caller access.Caller, in *addFile) (*one[File], error) {
			f, err := s.Files.Keep(ctx, messages.File{AccountID: caller.AccountID, Name: in.Body.Name, ContentType: in.Body.ContentType, Content: in.Body.Content})
			if err != nil {
				return nil, err
			}
			return &one[File]{File{f.ID, f.Name, f.ContentType, f.Size, s.Files.Address(f, in.host), f.CreatedAt.UTC()}}, nil
		})
	room := make(chan struct{}, filesAtOnce)
	s.mux.public("GET "+messages.FilePath+"{token}/{name}", func(w http.ResponseWriter, r *http.Request) {
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
		case <-r.Context().Done():
			return
		}
		f, err := s.Files.Open(r.Context(), r.PathValue("token"))
		if err != nil {
			writeProblem(w, err)
			return
		}
		header := w.Header()
		header.Set("Content-Type", f.ContentType)
		header.Set("Content-Length", strconv.FormatInt(f.Size, 10))
		header.Set("X-Robots-Tag", "noindex")
		// Whatever was taken in, it runs nothing on this host.
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		_, _ = w.Write(f.Content)
	})
}
