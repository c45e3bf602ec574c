package chatapi

import (
	"bytes"
	"context"
	"net/url"
	"path"
	"strings"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// sendFile writes a message with a file down, which is named by its address, or comes along
// as a data URI or in a form.
func (c *Server) sendFile(ctx context.Context, a asked) (any, error) {
	var body, filename, caption string
	if err := a.given.Texts(map[string]*string{"body": &body, "filename": &filename, "caption": &caption}); err != nil {
		return nil, err
	}
	if filename == "" {
		return nil, fault.InvalidField("filename", nil, "give the file a name, such as 1.jpg")
	}
	// Nothing is kept of what is not sent.
	if _, err := destination(a.given); err != nil {
		return nil, err
	}
	address, err := c.fileAddress(ctx, a, body, filename)
	if err != nil {
		return nil, err
	}
	file := providers.Attachment{URL: address, Filename: filename, Caption: caption}
	t := messages.Notification{Content: providers.Content{Attachment: &file}}
	if caption != "" {
		t.Content.Text, t.Data = "{{ row.caption }}", map[string]any{"caption": caption}
	}
	return c.send(ctx, a, t)
}

// fileAddress is where a file lies; one that came along is taken in.
func (c *Server) fileAddress(ctx context.Context, a asked, body, filename string) (string, error) {
	f := messages.File{AccountID: a.caller.AccountID, Name: filename}
	var content []byte
	if came, has := a.given.File("body"); has {
		f.ContentType, content = came.ContentType, came.Content
	} else if strings.HasPrefix(body, "data:") {
		var err error
		if f.ContentType, content, err = messages.ParseDataURI(body); err != nil {
			return "", err
		}
	} else {
		address, err := url.Parse(body)
		if err != nil || address.Host == "" {
			return "", fault.InvalidField("body", nil, "give the file, as an address such as https://example.org/cover.jpg, as data:image/jpeg;base64,… or in a form")
		}
		return address.String(), nil
	}
	f, err := c.Files.Keep(ctx, f, bytes.NewReader(content))
	return c.Files.Address(f, a.host), err
}

// typeOf is what Chat-API calls a message with such a content, and its body: the text, or
// the address of the file.
func typeOf(content providers.Content) (kind, body string) {
	if content.Attachment == nil {
		return "chat", content.Text
	}
	address := content.Attachment.URL
	name := content.Attachment.Filename
	if name == "" {
		if u, err := url.Parse(address); err == nil {
			name = u.Path
		}
	}
	return kindOfFile(name), address
}

// kindOfFile tells what a file is by its name.
func kindOfFile(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".jpg", ".jpeg", ".png", ".gif", ".webp":
		return "image"
	case ".mp4", ".3gp", ".mov", ".avi", ".m4v", ".mpg", ".mpeg":
		return "video"
	case ".mp3", ".aac", ".m4a", ".amr", ".wav":
		return "audio"
	case ".ogg", ".oga", ".opus":
		return "ptt"
	default:
		return "document"
	}
}
