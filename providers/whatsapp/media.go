package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// What of files WhatsApp takes: developers.facebook.com/docs/whatsapp/cloud-api/reference/media,
// "Supported media types". It has no bound of its own for files that it fetches.
var (
	pictures = []string{"image/jpeg", "image/png"}
	videos   = []string{"video/mp4", "video/3gpp"}
	sounds   = []string{"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}
	papers   = []string{
		"application/pdf", "text/plain", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"application/vnd.openxmlformats-officedocument.presentationml.presentation",
	}
	limits = []providers.FileLimit{
		{Type: providers.Image, ContentTypes: pictures, MaxBytes: 5 * providers.MB},
		{Type: providers.Video, ContentTypes: videos, MaxBytes: 16 * providers.MB},
		{Type: providers.Audio, ContentTypes: sounds, MaxBytes: 16 * providers.MB},
		{Type: providers.Voice, ContentTypes: []string{"audio/ogg"}, MaxBytes: 16 * providers.MB},
		{Type: providers.Document, ContentTypes: slices.Concat(papers, pictures, videos, sounds), MaxBytes: 100 * providers.MB},
	}
)

// mediaLasts is for how long Meta keeps what is uploaded ("Media IDs returned by the API expire
// after 30 days").
const mediaLasts = 30 * 24 * time.Hour

// aboutMedia are the codes with which Meta may refuse a message because of its file's id: it has
// none for that alone.
var aboutMedia = []string{"100", "131008", "131009", "131051", "131052", "131053"}

// KeepMedia uploads a file for the number.
func (p *Provider) KeepMedia(ctx context.Context, f providers.File) (kept providers.KeptMedia, err error) {
	err = p.graph.Line.Upload(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.graph.Request(ctx, http.MethodPost, p.config.PhoneNumberID+"/media", nil)
	}, &line.Form{Fields: [][2]string{{"messaging_product", "whatsapp"}, {"type", f.ContentType}}, Field: "file", File: f},
		func(answer *http.Response) error {
			var a struct {
				ID string `json:"id"`
			}
			text := line.Text(answer)
			if failure := p.graph.Refusal(answer, text); failure != nil {
				return failure
			}
			if json.Unmarshal([]byte(text), &a) != nil || !providers.Key(a.ID) {
				return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer names no file: check config.api")}
			}
			kept = providers.KeptMedia{ID: a.ID, Lasts: mediaLasts}
			return nil
		})
	return kept, err
}

// withMedia looks whether a message was refused because Meta does not know its file any more.
func (p *Provider) withMedia(ctx context.Context, m *providers.Message, err error) error {
	a := m.Content.Attachment
	if err == nil || a == nil || a.File == nil || a.File.ID == "" {
		return err
	}
	failure := providers.AsError(err)
	if failure.Kind != providers.ErrorContent || !slices.Contains(aboutMedia, failure.Code) {
		return err
	}
	var known struct {
		ID string `json:"id"`
	}
	var unknown *providers.Error
	if !errors.As(p.graph.Look(ctx, url.PathEscape(a.File.ID), nil, &known), &unknown) || unknown.Code != "100" {
		return err // it is known, or nobody knows
	}
	gone := *failure
	gone.Kind, gone.MediaGone = providers.ErrorTemporary, true
	return &gone
}
