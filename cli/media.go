package cli

import (
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/providers"
)

func (c *cli) addMedia(root *cobra.Command) {
	root.AddCommand(group("media", "Upload files to be sent, and look after them", c.mediaUpload(), c.mediaLs(), c.mediaShow(), c.mediaRm()))
}

func mediaPath() path { return v1("media") }

func (c *cli) mediaUpload() *cobra.Command {
	return &cobra.Command{Use: "upload FILE", Short: "Upload a file to be sent", Args: cobra.ExactArgs(1), Example: "  carillon media upload menu.pdf",
		Long: "Uploads a file of at most 100 MiB, and says its id, for --attachment, and the address at which it can be fetched. " +
			"The same file twice is kept once.\n" +
			"It is kept until somebody deletes it: carillon media rm.",
		RunE: func(cmd *cobra.Command, args []string) error { return c.uploadMedia(cmd.Context(), args[0]) }}
}

func (c *cli) uploadMedia(ctx context.Context, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	defer func() { _ = file.Close() }()
	body, write := io.Pipe()
	form, written := multipart.NewWriter(write), make(chan struct{})
	go func() {
		defer close(written)
		write.CloseWithError(func() error {
			part, err := form.CreateFormFile("file", filepath.Base(name))
			if err == nil {
				_, err = io.Copy(part, file)
			}
			if err != nil {
				return err
			}
			return form.Close()
		}())
	}()
	err = show(ctx, c, postContent(mediaPath(), form.FormDataContentType(), body), mediaTable)
	// The server may have refused the file before it was read to its end.
	_ = body.Close()
	<-written
	return err
}

func mediaTable(w *tabwriter.Writer, m api.MediaFile) {
	fields(w, "File", m.ID, "Name", m.Name, "Type", m.ContentType, "Bytes", m.Size, "Address", m.URL, "Used by", mediaUses(m))
}

// mediaUses are what says a file, in words.
func mediaUses(m api.MediaFile) string {
	list := make([]string, len(m.UsedBy))
	for i, u := range m.UsedBy {
		list[i] = fmt.Sprintf("%s %d", u.Kind, u.ID)
	}
	return strings.Join(list, ", ")
}

// attachmentOf is a file by its address, or by the id of one that was uploaded.
func attachmentOf(given string) *providers.Attachment {
	if id, err := strconv.ParseInt(given, 10, 64); err == nil && id > 0 {
		return &providers.Attachment{MediaID: id}
	}
	return &providers.Attachment{URL: given}
}

func (c *cli) mediaLs() *cobra.Command {
	var unused bool
	cmd := &cobra.Command{Use: "ls", Short: "List uploaded files, newest first", Example: "  carillon media ls --unused"}
	cmd.Flags().BoolVar(&unused, "unused", false, "only those that nothing uses")
	where := func(context.Context) (path, error) { return mediaPath().with(query{"unused": unused}), nil }
	return finds(c, cmd, where, rows[api.MediaFile]{"ID NAME TYPE BYTES USED WHEN", func(m api.MediaFile) []any {
		return []any{m.ID, m.Name, m.ContentType, m.Size, mediaUses(m), at(&m.CreatedAt)}
	}})
}

func (c *cli) mediaShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show an uploaded file and what uses it"}, idOf("file", "media ls"),
		func(ctx context.Context, id int64) error { return show(ctx, c, get(mediaPath().id(id)), mediaTable) })
}

func (c *cli) mediaRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Delete an uploaded file that nothing uses"}, idOf("file", "media ls"),
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(mediaPath().id(id))) })
}
