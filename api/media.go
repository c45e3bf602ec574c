package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// mediaPath is where files come in; their bodies are streamed.
const mediaPath = "/v1/media"

// MediaFile is a file that was uploaded to be sent.
type MediaFile struct {
	ID          int64      `json:"id" doc:"What content.attachment.media_id names."`
	Name        string     `json:"name"`
	ContentType string     `json:"content_type" doc:"Its media type, by what is in it."`
	Type        string     `json:"type" enum:"image,video,audio,document" doc:"As what it is sent where the attachment does not say."`
	Size        int64      `json:"size" doc:"In bytes."`
	URL         string     `json:"url" doc:"Where it can be fetched; who has the address may read it."`
	UsedBy      []MediaUse `json:"used_by" doc:"What says it and is not over; with something here it can't be deleted."`
	CreatedAt   time.Time  `json:"created_at"`
}

// MediaUse is something that says a file.
type MediaUse struct {
	Kind string `json:"kind" enum:"campaign,flow,template,message"`
	ID   int64  `json:"id"`
}

func (s *Server) mediaView(f messages.File, uses []messages.FileUse, host string) MediaFile {
	view := MediaFile{
		ID: f.ID, Name: f.Name, ContentType: f.ContentType, Type: string(providers.SortOf(f.ContentType)), Size: f.Size, URL: s.Files.Address(f, host),
		UsedBy: make([]MediaUse, len(uses)), CreatedAt: f.CreatedAt.UTC(),
	}
	for i, u := range uses {
		view.UsedBy[i] = MediaUse(u)
	}
	return view
}

// reached is where the caller reached us.
type reached struct{ host string }

// Resolve keeps the host for the handler.
func (in *reached) Resolve(ctx huma.Context) []error {
	in.host = ctx.Host()
	return nil
}

type addMedia struct {
	Name        string `query:"name" maxLength:"200" doc:"The name of the file, where the body is the file itself." example:"menu.pdf"`
	host        string
	contentType string
	body        *streamedBody
}

// Resolve keeps host and body for the handler.
func (in *addMedia) Resolve(ctx huma.Context) []error {
	in.host, in.contentType, in.body = ctx.Host(), ctx.Header("Content-Type"), &streamedBody{Reader: ctx.BodyReader()}
	return nil
}

type listMedia struct {
	reached
	Paged
	Unused bool `query:"unused" doc:"Only those that nothing says."`
}

type oneMedia struct {
	reached
	ByID
}

func (s *Server) mediaRoutes() {
	const tag = "media"
	register(s, operation{id: "add-media", method: http.MethodPost, path: mediaPath, tag: tag, doc: "Upload a file to be sent", status: http.StatusCreated,
		roles: gate.Roles{access.Admin, access.Editor, access.Sender}, streamed: true,
		more: "multipart/form-data with a part `file`, or the file itself as the body with ?name=. It has at most 100 MiB, and its type is told by what is in it. " +
			"Attachments name it by media_id. The same file twice is kept once: the answer is the one that is there. It is kept until somebody deletes it."},
		func(ctx context.Context, caller access.Caller, in *addMedia) (*one[MediaFile], error) {
			f, err := s.takeMedia(ctx, messages.File{AccountID: caller.AccountID, Name: in.Name, ContentType: in.contentType, Library: true}, in)
			if err != nil {
				return nil, in.body.failure(err)
			}
			return s.showMedia(ctx, f, in.host)
		})
	binary := &huma.Schema{Type: "string", Format: "binary"}
	s.api.OpenAPI().Paths[mediaPath].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data":      {Schema: &huma.Schema{Type: "object", Required: []string{"file"}, Properties: map[string]*huma.Schema{"file": binary}}},
		"application/octet-stream": {Schema: binary},
	}}
	register(s, operation{id: "list-media", method: http.MethodGet, path: mediaPath, tag: tag, doc: "List uploaded files, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *listMedia) (*pageOut[MediaFile], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, uses, err := s.Files.List(ctx, messages.FileFilter{AccountID: caller.AccountID, Before: before, Limit: in.Limit + 1, Unused: in.Unused})
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, func(f messages.File) MediaFile { return s.mediaView(f, uses[f.ID], in.host) },
				func(f messages.File) string { return idKey(f.ID) }), nil
		})
	register(s, operation{id: "get-media", method: http.MethodGet, path: mediaPath + "/{id}", tag: tag, doc: "Show an uploaded file", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *oneMedia) (*one[MediaFile], error) {
			f, err := s.Files.Get(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			return s.showMedia(ctx, f, in.host)
		})
	register(s, operation{id: "delete-media", method: http.MethodDelete, path: mediaPath + "/{id}", tag: tag, doc: "Delete an uploaded file that nothing says",
		status: http.StatusNoContent, roles: mayEdit,
		more: "Refused while campaigns or flows that are not over, templates, or single messages that are not sent say it."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Files.Delete(ctx, caller.AccountID, in.ID)
		})
	s.serveFiles()
}

func (s *Server) showMedia(ctx context.Context, f messages.File, host string) (*one[MediaFile], error) {
	uses, err := s.Files.Uses(ctx, f)
	return &one[MediaFile]{s.mediaView(f, uses, host)}, err
}

// takeMedia takes the file of a request in.
func (s *Server) takeMedia(ctx context.Context, f messages.File, in *addMedia) (messages.File, error) {
	kind, params, err := mime.ParseMediaType(in.contentType)
	if err != nil || kind != "multipart/form-data" {
		if f.Name == "" {
			return f, fault.InvalidField("query.name", nil, "say how the file is called: "+
				"POST /v1/media?name=menu.pdf, or send it as multipart/form-data, curl -F file=@menu.pdf")
		}
		return s.Files.Keep(ctx, f, in.body)
	}
	if params["boundary"] == "" {
		return f, fault.New(fault.Invalid, "the Content-Type does not name the boundary of the parts")
	}
	part, err := multipart.NewReader(in.body, params["boundary"]).NextPart()
	switch {
	case errors.Is(err, io.EOF):
		return f, fault.InvalidField("file", nil, "is missing: send the file as the part file, curl -F file=@menu.pdf")
	case err != nil:
		return f, fault.New(fault.Invalid, "the request is no well-formed multipart/form-data")
	case part.FormName() != "file":
		return f, fault.InvalidField(part.FormName(), nil, "is no part of an upload: file is")
	}
	if f.Name == "" {
		f.Name = part.FileName()
	}
	f.ContentType = part.Header.Get("Content-Type")
	return s.Files.Keep(ctx, f, part)
}

// filesAtOnce bounds how many files are read at a time: a piece of each is in memory.
const filesAtOnce = 32

// displayed are the types of files that browsers show and that run nothing: all others are saved.
var displayed = map[string]bool{
	"image/jpeg": true, "image/png": true, "image/gif": true, "image/webp": true, "application/pdf": true,
	"video/mp4": true, "video/webm": true, "audio/mpeg": true, "audio/ogg": true, "audio/mp4": true, "audio/aac": true, "audio/wav": true, "text/plain": true,
}

// serveFiles serves files to providers, and to whoever has the address.
func (s *Server) serveFiles() {
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
		header.Set("X-Robots-Tag", "noindex")
		// Whatever was taken in, it runs nothing on this host.
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		if !displayed[f.ContentType] {
			header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
		}
		if f.Hash != "" {
			header.Set("ETag", `"`+f.Hash+`"`)
		}
		content := s.Files.Read(r.Context(), f)
		defer func() { _ = content.Close() }()
		http.ServeContent(w, r, "", f.CreatedAt, content)
	})
}
