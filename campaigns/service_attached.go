package campaigns

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"

	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
)

// Bounds of looking at files that lie elsewhere.
const (
	// mostLooks is how many addresses of files are looked at.
	mostLooks = 5
	// countedAt is how many bytes are counted of a file whose size nobody says, on channels that
	// have no bound for it.
	countedAt = 20 * providers.MB
)

// attachedAt are the addresses of the files of a content: those that are the same for everybody,
// and those that the samples come to.
func attachedAt(wording templates.Resolved, samples []Sample) (list []*providers.Attachment) {
	add := func(a *providers.Attachment) {
		if a == nil || a.URL == "" || a.MediaID != 0 || strings.Contains(a.URL, "{") || len(list) == mostLooks ||
			slices.ContainsFunc(list, func(b *providers.Attachment) bool { return a.URL == b.URL }) {
			return
		}
		list = append(list, a)
	}
	for _, tag := range wording.Languages.Has {
		add(wording.Contents[tag].Attachment)
	}
	for _, s := range samples {
		if s.Error == "" {
			add(s.Content.Attachment)
		}
	}
	return list
}

// checkAttached looks at the files of a content that lie elsewhere, once for all recipients.
func (s *Service) checkAttached(ctx context.Context, list []*providers.Attachment, channel providers.Channel, can providers.Capabilities) Checks {
	if can.Pretends {
		return Checks{} // nobody fetches anything
	}
	found := make([]Checks, len(list))
	var looking sync.WaitGroup
	for i, a := range list {
		looking.Go(func() { found[i] = s.lookAt(ctx, a, channel, can) })
	}
	looking.Wait()
	var checks Checks
	for _, c := range found {
		checks = checks.and(c)
	}
	return checks
}

// lookAt looks at one file.
func (s *Service) lookAt(ctx context.Context, a *providers.Attachment, channel providers.Channel, can providers.Capabilities) (checks Checks) {
	const field = "content.attachment.url"
	named := quoted("", a.URL)
	warn := func(message, remedy string) {
		checks.Warnings = append(checks.Warnings, Check{Code: CheckAttachment, Field: field, Message: message, Remedy: remedy})
	}
	most := int64(countedAt)
	for _, l := range can.FilesFor(channel.Address) {
		most = max(most, l.MaxBytes)
	}
	looked, err := s.fetcher.Look(ctx, a.URL, most)
	if err != nil {
		warn("the file at "+named+" can't be fetched: "+err.Error(), "correct the address, or upload the file (POST /v1/media) and give media_id")
		return checks
	}
	if looked.Moved != "" {
		warn("the file at "+named+" lies elsewhere by now, and not every provider follows: it redirects to "+quoted("", looked.Moved), "give that address")
	}
	name := a.Filename
	if u, err := url.Parse(a.URL); err == nil && name == "" {
		name = u.Path
	}
	kind := messages.TypeOf(looked.Begins, name, looked.ContentType)
	// As what it goes is told by its name, without looking at it.
	wrong := can.WrongFile(channel.Address, providers.FileFacts{Sort: a.Sort(), ContentType: kind, Size: looked.Size, Linked: true})
	if wrong != "" {
		checks.Blockers = append(checks.Blockers, Check{
			Code: CheckAttachment, Field: field, Message: "the file at " + named + " " + wrong, Remedy: "give another file, or say the right type",
		})
	}
	return checks
}
