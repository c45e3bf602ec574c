package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/providers"
)

func (c *cli) addEvents(root *cobra.Command) {
	root.AddCommand(group("events", "Tell what contacts did: it starts flows, ends waits, and is a field of rules", c.eventsSend(), c.eventsImport(),
		c.eventsNames(),
		c.eventsLs()))
}

func eventsPath(name string) path { return v1("events").below(name) }

func takenTable(w *tabwriter.Writer, t api.EventsTaken) {
	fields(w, "Taken", t.Taken, "Known", t.Known)
}

func (c *cli) eventsSend() *cobra.Command {
	var e api.EventInput
	var kind, payload, when string
	cmd := &cobra.Command{Use: "send NAME", Short: "Tell that something happened to a contact", Args: cobra.ExactArgs(1),
		Example: `  carillon events send order.paid --address ada@example.org --id order-4711 --payload '{"order": 4711, "total": 19.9}'`}
	flags := cmd.Flags()
	flags.Int64Var(&e.ContactID, "contact", 0, "id of the contact")
	flags.StringVar(&e.ExternalID, "external-id", "", "external id of the contact")
	flags.StringVar(&e.Address, "address", "", "address of the contact")
	flags.StringVar(&kind, "kind", "", "kind of the address (default email)")
	flags.StringVar(&e.ID, "id", "", "your own id of the event: told again with the same, it changes nothing")
	flags.StringVar(&payload, "payload", "", "what is to be known of it, a JSON object")
	flags.StringVar(&when, "at", "", "when it happened, such as 2026-12-01T09:00:00Z (default now)")
	cmd.MarkFlagsOneRequired("contact", "external-id", "address")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		e.Kind = providers.AddressKind(kind)
		if payload != "" {
			if !json.Valid([]byte(payload)) {
				return usagef("--payload %s: is no JSON; write an object such as '{\"order\": 4711}'", payload)
			}
			e.Payload = json.RawMessage(payload)
		}
		if when != "" {
			at, err := time.Parse(time.RFC3339, when)
			if err != nil {
				return usagef("--at %s: write a time with its offset, such as 2026-12-01T09:00:00Z", when)
			}
			e.At = &at
		}
		return show(cmd.Context(), c, post(eventsPath(args[0]), api.EventsInput{Events: []api.EventInput{e}}), takenTable)
	}
	return cmd
}

// eventsAtOnce is how many events one request of an import has.
const eventsAtOnce = 1000

func (c *cli) eventsImport() *cobra.Command {
	return &cobra.Command{Use: "import NAME FILE", Short: "Tell of many events: a line of JSON each", Args: cobra.ExactArgs(2),
		Long: `Reads a file with one JSON object on each line, - for standard input: contact_id, external_id or address (with kind), and id, at and payload,
as POST /v1/events/{name} takes them. It goes in pieces of a thousand; a piece with a mistake is refused whole, and the line is named.
With ids it can be repeated: what is known changes nothing.`,
		Example: "  carillon events import order.paid orders.ndjson",
		RunE: func(cmd *cobra.Command, args []string) error {
			content, err := c.readFile(args[1])
			if err != nil {
				return err
			}
			return c.importEvents(cmd.Context(), args[0], content)
		}}
}

func (c *cli) importEvents(ctx context.Context, name string, content []byte) error {
	var sum api.EventsTaken
	lines := bufio.NewReader(bytes.NewReader(content))
	var piece []api.EventInput
	first, line := 1, 0
	send := func() error {
		if len(piece) == 0 {
			return nil
		}
		taken, _, err := ask[api.EventsTaken](ctx, c, post(eventsPath(name), api.EventsInput{Events: piece}))
		if err != nil {
			return fmt.Errorf("lines %d to %d (events[0] is line %d; %d were taken before): %w", first, line, first, sum.Taken, err)
		}
		sum.Taken, sum.Known, piece, first = sum.Taken+taken.Taken, sum.Known+taken.Known, piece[:0], line+1
		return nil
	}
	for {
		text, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(text)) > 0 {
			line++
			var e api.EventInput
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&e); err != nil {
				return &exitError{exitRefused, fmt.Errorf("line %d: %w", line, err)}
			}
			piece = append(piece, e)
		}
		if len(piece) == eventsAtOnce || err != nil {
			if err := send(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	raw, err := json.Marshal(sum)
	if err != nil {
		return err
	}
	return c.print(raw, func(w *tabwriter.Writer) { takenTable(w, sum) })
}

func (c *cli) eventsNames() *cobra.Command {
	cmd := &cobra.Command{Use: "names", Short: "List the names under which events came"}
	return plain(cmd, func(ctx context.Context) error {
		return show(ctx, c, get(v1("event-names")), func(w *tabwriter.Writer, list page[api.EventName]) {
			if len(list.Items) == 0 {
				sayln(w, "No event has come yet: carillon events send --help shows how to tell of one.")
				return
			}
			sayln(w, "NAME\tTOTAL\tFIRST\tLAST")
			for _, n := range list.Items {
				sayf(w, "%s\t%d\t%s\t%s\n", clean(n.Name), n.Total, at(&n.FirstAt), at(&n.LastAt))
			}
		})
	})
}

func (c *cli) eventsLs() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "ls CONTACT", Short: "List what programs told of a contact, newest first"}
	limitFlag(cmd, &limit)
	return onID(cmd, idOf("contact", "contacts ls"), func(ctx context.Context, id int64) error {
		return showList(ctx, c, contactsPath().id(id).below("events"), limit, rows[api.ContactEvent]{"ID NAME AT KEY PAYLOAD", func(e api.ContactEvent) []any {
			return []any{e.ID, e.Name, at(&e.At), e.Key, string(e.Payload)}
		}})
	})
}
