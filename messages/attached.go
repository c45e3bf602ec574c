package messages

import (
	"context"
	"fmt"

	"carillon/internal/fault"
	"carillon/providers"
)

// ShowFile puts the address of an uploaded file into an attachment that is shown to people.
func (s *Service) ShowFile(ctx context.Context, accountID int64, a *providers.Attachment) error {
	return s.files.Show(ctx, accountID, a)
}

// checkFile says why a channel can't send an uploaded file.
func (s *Service) checkFile(ctx context.Context, a *providers.Attachment, channel providers.Channel, can providers.Capabilities) ([]fault.Field, error) {
	if a == nil || a.MediaID == 0 {
		return nil, nil
	}
	refused := func(format string, args ...any) []fault.Field {
		return []fault.Field{{Location: "content.attachment.media_id", Value: a.MediaID, Message: fmt.Sprintf(format, args...)}}
	}
	f, err := s.files.Get(ctx, channel.AccountID, a.MediaID)
	if fault.Is(err, fault.NotFound) {
		return refused("%s", err), nil
	}
	if err != nil {
		return nil, err
	}
	linked := can.Uploads == providers.FileByAddress
	if linked && s.files.Public(f) == "" && !can.Pretends {
		return refused("a %s channel sends the address of a file, and this server has none that others reach: set public_url, or give the address of a file "+
			"elsewhere", channel.Provider), nil
	}
	attached := providers.Attachment{Type: a.Type, File: &providers.File{ContentType: f.ContentType}}
	if wrong := can.WrongFile(channel.Address, providers.FileFacts{Sort: attached.Sort(), ContentType: f.ContentType, Size: f.Size, Linked: linked}); wrong != "" {
		return refused("%s %s", f.Name, wrong), nil
	}
	return nil, nil
}
