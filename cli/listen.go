package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"carillon/api"
	"carillon/webhooks"
)

// maxHeard bounds the body of a request that is listened to, in bytes: a batch of the most
// events is smaller.
const maxHeard = 4 << 20

// listenFlags are how a developer listens.
type listenFlags struct {
	webhookFlags
	address, public, secret string
	count                   int
	lasts                   time.Duration
}

func (c *cli) webhooksListen() *cobra.Command {
	var f listenFlags
	cmd := &cobra.Command{
		Use: "listen", Short: "Print what a program would be told, for developers",
		Long: `Makes a webhook for a port of this machine, prints each event that comes, and deletes the webhook at the end (Ctrl-C). Each
request is checked by its signature. The server must be able to reach this machine: on the machine itself it needs
CARILLON_ALLOW_PRIVATE_ADDRESSES=true, and elsewhere --public says by which address.

With --secret no webhook is made: it prints what comes for one that there is, in the place of your program.`,
		Example: `  carillon webhooks listen
  carillon webhooks listen --event message.failed --event message.rejected
  carillon webhooks listen --address 127.0.0.1:4000 --secret @secret.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listen(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.events, "event", nil, "of what to be told, such as message.failed; may be repeated (default everything)")
	flags.StringSliceVar(&f.channels, "channel", nil, "a channel by id or name: only of what happens on it; may be repeated")
	flags.StringSliceVar(&f.campaigns, "campaign", nil, "a campaign by id or name: only of what happens in it; may be repeated")
	flags.StringVar(&f.address, "address", "127.0.0.1:0", "where to listen; port 0 takes a free one")
	flags.StringVar(&f.public, "public", "", "the address by which the server reaches this machine")
	flags.StringVar(&f.secret, "secret", "", "the secret of a webhook that there is; a value that begins with @ is read from a file")
	flags.IntVar(&f.count, "count", 0, "end after so many events (default never)")
	flags.DurationVar(&f.lasts, "for", 0, "end after so long, such as 30s (default never)")
	return cmd
}

// listen prints events until it is interrupted or has heard enough.
func (c *cli) listen(ctx context.Context, f listenFlags) (err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.address)
	if err != nil {
		return usagef("--address: %v", err)
	}
	if f.public == "" {
		f.public = "http://" + listener.Addr().String()
	}
	// From its first request on the server needs to be answered.
	heard := make(chan heard)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hear(w, r, heard) }), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()

	secret, forget, err := c.listener(ctx, f)
	if err != nil {
		return err
	}
	defer func() {
		if failed := forget(); err == nil {
			err = failed
		}
	}()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return usagef("--secret: %v", err)
	}
	sayf(c.err, "Listening at %s: Ctrl-C ends it.\n", f.public)
	var over <-chan time.Time
	if f.lasts > 0 {
		over = c.clock.After(f.lasts)
	}
	for n := 0; f.count == 0 || n < f.count; {
		select {
		case <-ctx.Done():
			return nil // that is how it ends
		case <-over:
			return nil
		case got := <-heard:
			told, problem := got.read(verifier)
			if problem != nil {
				sayf(c.err, "Refused a request: %v\n", problem)
			}
			got.answer <- problem == nil
			for _, o := range told {
				n++
				c.printOccurrence(o)
			}
		}
	}
	return nil
}

// listener is the secret by which requests are signed, and what is to be done at the end.
func (c *cli) listener(ctx context.Context, f listenFlags) (secret string, forget func() error, err error) {
	if f.secret != "" {
		secret, err = c.orFile(f.secret)
		return secret, func() error { return nil }, err
	}
	in := api.WebhookInput{URL: f.public, Description: "carillon webhooks listen", Events: f.named(), Channels: refs(f.channels),
		Campaigns: refs(f.campaigns)}
	if len(in.Events) == 0 {
		in.Events = webhooks.Events()
	}
	made, _, err := ask[api.WebhookWithSecret](ctx, c, post(webhooksPath(), in))
	if err != nil {
		return "", nil, err
	}
	return made.Secret, func() error { return c.do(context.WithoutCancel(ctx), remove(webhooksPath().id(made.ID))) }, nil
}

func (c *cli) printOccurrence(o webhooks.Occurrence) {
	if c.output == "json" {
		sayln(c.out, mustLine(o))
		return
	}
	sayf(c.out, "%s  %-20s %s\n", o.Timestamp.Local().Format(time.DateTime), clean(string(o.Type)), clean(string(o.Data)))
}

// mustLine is JSON in one line.
func mustLine(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // what was read as JSON can be written
	}
	return string(text)
}

// heard is a request that waits for its answer: whether it was taken.
type heard struct {
	header http.Header
	body   []byte
	answer chan bool
}

// hear passes a request on and answers it.
func hear(w http.ResponseWriter, r *http.Request, to chan<- heard) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHeard))
	if err != nil || r.Method != http.MethodPost {
		http.Error(w, "post an event", http.StatusBadRequest)
		return
	}
	got := heard{r.Header, body, make(chan bool, 1)}
	select {
	case to <- got:
	case <-r.Context().Done():
		return
	}
	if <-got.answer {
		return // 200
	}
	http.Error(w, "it is not signed by the secret", http.StatusUnauthorized)
}

// read is what a request tells, if it is signed.
func (h heard) read(verifier *standardwebhooks.Webhook) (told []webhooks.Occurrence, err error) {
	if err := verifier.Verify(h.body, h.header); err != nil {
		return nil, fmt.Errorf("its signature does not hold: %w", err)
	}
	var batch struct {
		Data []webhooks.Occurrence `json:"data"`
	}
	if json.Unmarshal(h.body, &batch) == nil && batch.Data != nil {
		return batch.Data, nil
	}
	var one webhooks.Occurrence
	if err := json.Unmarshal(h.body, &one); err != nil {
		return nil, fmt.Errorf("it is no event: %w", err)
	}
	return []webhooks.Occurrence{one}, nil
}
