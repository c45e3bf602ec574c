package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/migration"
)

// fromKey is the variable that has the key of the system that is left.
const fromKey = "CARILLON_FROM_KEY"

// moveFlags are the flags of all systems, and of some.
type moveFlags struct {
	migration.Options
	key, keyFile, folder string
	ids, subscribers     string
	dryRun, fresh        bool
}

const moveHelp = `It reads page by page into a folder, where contacts.csv and the other files can be looked at, and
then makes what is missing here: what has the same name already is kept as it is and said so.
Contacts are found by their addresses, so that nobody is doubled. Interrupted, the same command
goes on where it was; when all is done it changes nothing more, and --fresh reads anew.

Nobody is written to by mistake: who is blocked or inactive there is so here, the addresses of those
who opted out are suppressed before anybody is taken in, and nobody who is kept out here is let in.

The other system's key is read from --key-file or ` + fromKey + ` (or --key, which others on the
machine can see); Carillon's own from CARILLON_KEY or the data folder. An editor's key will do.`

func (c *cli) addMigrateFrom(root *cobra.Command) {
	root.AddCommand(group("migrate-from", "Bring contacts and what belongs to them over from another system",
		c.migrateFromMessengerPeople(), c.migrateFromChatwoot(), c.migrateFromChat44mp()))
}

func (c *cli) migrateFromMessengerPeople() *cobra.Command {
	f := &moveFlags{Options: migration.Options{System: migration.MessengerPeople}}
	cmd := c.moveCommand(f, "Bring users, properties, categories, labels, targeting lists and templates over from MessengerPeople", `
  carillon migrate-from messengerpeople --url https://rest.messengerpeople.com/api/v14 --key-file key.txt --dry-run
  carillon migrate-from messengerpeople --url https://rest.messengerpeople.com/api/v14 --key-file key.txt`)
	cmd.Flags().StringArrayVar(&f.Templates, "template", nil, "name of a template, where the server lists none; may be repeated")
	return cmd
}

func (c *cli) migrateFromChatwoot() *cobra.Command {
	f := &moveFlags{Options: migration.Options{System: migration.Chatwoot}}
	cmd := c.moveCommand(f, "Bring contacts, custom attributes, labels, saved filters and templates over from Chatwoot", `
  carillon migrate-from chatwoot --url https://app.chatwoot.com --account 1 --key-file token.txt --dry-run
  carillon migrate-from chatwoot --url https://app.chatwoot.com --account 1 --key-file token.txt --opted-out-label unsubscribed`)
	cmd.Flags().StringVar(&f.Account, "account", "", "number of the account there; not needed if --url names it")
	cmd.Flags().StringArrayVar(&f.OptedOutLabels, "opted-out-label", nil, "label of people who opted out, which Chatwoot has no other place for; may be repeated")
	return cmd
}

func (c *cli) migrateFromChat44mp() *cobra.Command {
	f := &moveFlags{Options: migration.Options{System: migration.Chat44mp}}
	cmd := c.moveCommand(f, "Bring contacts, groups, subscribers and labels over from Chat44mp", `
  carillon migrate-from chat44mp --url https://chat.44mppe.com/api --key-file key.txt --ids 1-5000 --country IT --dry-run
  carillon migrate-from chat44mp --url https://chat.44mppe.com/api --key-file key.txt --ids 1-5000 --subscribers psids.txt --page 1123123123123`)
	cmd.Flags().StringVar(&f.ids, "ids", "", "contacts to ask for, as its API lists none: ranges and ids, such as 1-5000,7001")
	cmd.Flags().StringVar(&f.subscribers, "subscribers", "", "file of Facebook ids of subscribers, one in a line; who answered a flow is found without")
	cmd.Flags().StringArrayVar(&f.Pages, "page", nil, "id of a page whose labels are brought over; may be repeated")
	return cmd
}

// moveCommand makes the command for a system.
func (c *cli) moveCommand(f *moveFlags, short, example string) *cobra.Command {
	cmd := plain(&cobra.Command{Use: f.System, Short: short, Long: short + ".\n\n" + moveHelp, Example: strings.TrimPrefix(example, "\n")},
		func(ctx context.Context) error { return c.migrateFrom(ctx, f) })
	flags := cmd.Flags()
	flags.StringVar(&f.URL, "url", "", "address of the other system's API")
	flags.StringVar(&f.key, "key", "", "its key (better in --key-file or "+fromKey+": others on the machine can read a command line)")
	flags.StringVar(&f.keyFile, "key-file", "", "file with its key, - for standard input")
	flags.StringVar(&f.folder, "folder", "", "folder to read to (default from-"+f.System+"-HOST here)")
	flags.StringVar(&f.Country, "country", "", "ISO 3166 code for phone numbers without +, such as DE")
	flags.Float64Var(&f.Rate, "rate", 5, "most requests a second to the other system")
	flags.BoolVar(&f.Insecure, "insecure", false, "let the key go without TLS to other machines than this")
	flags.BoolVar(&f.dryRun, "dry-run", false, "read everything, say what would be made, kept and left out, and change nothing here")
	flags.BoolVar(&f.fresh, "fresh", false, "forget what was read before, and read anew")
	_ = cmd.MarkFlagRequired("url") // the flag exists
	cmd.MarkFlagsMutuallyExclusive("key", "key-file")
	return cmd
}

// complete reads what the flags name.
func (f *moveFlags) complete(c *cli) error {
	key := f.key
	switch {
	case f.keyFile != "":
		text, err := c.readFile(f.keyFile)
		if err != nil {
			return err
		}
		key = string(text)
	case key == "":
		key = c.env(fromKey)
	}
	if key = strings.TrimSpace(key); key == "" {
		return usagef("the other system's key is missing: give --key-file, or set %s", fromKey)
	}
	f.Key, f.Clock = secret.New(key), c.clock
	if f.subscribers != "" {
		text, err := c.readFile(f.subscribers)
		if err != nil {
			return err
		}
		f.Subscribers = strings.Fields(string(text))
	}
	var err error
	f.IDs, err = ranges(f.ids)
	if f.folder == "" {
		host := "there"
		if u, err := url.Parse(f.URL); err == nil && u.Hostname() != "" {
			host = u.Hostname()
		}
		f.folder = "from-" + f.System + "-" + strings.ReplaceAll(host, ":", "-")
	}
	return err
}

// ranges reads ids and ranges of them.
func ranges(text string) (list []migration.Range, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, is := strings.Cut(strings.TrimSpace(part), "-")
		if !is {
			to = from
		}
		first, wrong := strconv.ParseInt(from, 10, 64)
		last, wrongToo := strconv.ParseInt(to, 10, 64)
		if wrong != nil || wrongToo != nil || first < 1 || last < first {
			return nil, usagef("--ids %s: must be ids and ranges from the lower to the higher, such as 1-5000,7001", clean(part))
		}
		list = append(list, migration.Range{First: first, Last: last})
	}
	return list, nil
}

// migrateFrom reads a system and takes in what it has.
func (c *cli) migrateFrom(ctx context.Context, f *moveFlags) error {
	if err := f.complete(c); err != nil {
		return err
	}
	server, err := c.client()
	if err != nil {
		return err
	}
	folder, err := migration.Open(f.folder, f.fresh)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	bar := c.newProgress("Reading")
	err = folder.Read(ctx, f.Options, func(n, total int64) { bar.set(n, total, "people") })
	bar.end()
	if err != nil {
		return sourceError(err)
	}
	taken, err := folder.Taken(server.base)
	if err != nil {
		return err
	}
	m := &mover{c: c, folder: folder, server: server.base, taken: taken, moved: moved{
		System: f.System, URL: f.URL, Folder: f.folder, DryRun: f.dryRun, Known: taken.Done, People: folder.Report,
	}}
	if !taken.Done {
		if err := m.take(ctx); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(m.moved)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	if err := c.print(raw, func(w *tabwriter.Writer) { movedTable(w, m.moved, taken) }); err != nil {
		return err
	}
	if u := m.moved.Upload; u != nil && u.State == "failed" {
		return &exitError{exitRefused, fmt.Errorf("the contacts were not taken in: %s", u.Error)}
	}
	return nil
}

// sourceError is an error of the other system with the exit code that it would have here.
func sourceError(err error) error {
	switch fault.CodeOf(err) {
	case fault.Unauthorized:
		return &exitError{exitForbidden, err}
	case fault.Unavailable:
		return &exitError{exitUnreachable, fmt.Errorf("%w\n  What was read is kept: the same command goes on where it was", err)}
	}
	return err
}

// moved is what became of everything.
type moved struct {
	System string `json:"system"`
	URL    string `json:"url"`
	Folder string `json:"folder"`
	DryRun bool   `json:"dry_run"`
	// Known says that all was done before.
	Known bool `json:"done_before"`
	// Kinds are counts by kind, Notes what is to be known of single things.
	Kinds        []movedKind            `json:"kinds"`
	Notes        []migration.Left       `json:"notes"`
	People       migration.Report       `json:"people"`
	Suppressions *api.SuppressionImport `json:"suppressions,omitempty"`
	Upload       *api.Upload            `json:"upload,omitempty"`
}

// movedKind counts what became of the things of a kind.
type movedKind struct {
	Kind string `json:"kind"`
	Made int    `json:"made"`
	Kept int    `json:"kept"`
	Left int    `json:"left_out"`
}

// mostNotes is how many notes a table shows; JSON has all.
const mostNotes = 20

func movedTable(w *tabwriter.Writer, m moved, before migration.Taken) {
	if m.Known {
		sayf(w, "Nothing to do: what %s had was taken in by upload %d on %s.\nTo read it anew, and take in what has changed, add --fresh.\n",
			clean(m.URL), before.Upload, exactly(before.At))
		return
	}
	made := "MADE"
	if m.DryRun {
		made = "WOULD BE MADE"
	}
	sayf(w, "KIND\t%s\tKEPT\tLEFT OUT\n", made)
	for _, k := range m.Kinds {
		sayf(w, "%s\t%d\t%d\t%d\n", k.Kind, k.Made, k.Kept, k.Left)
	}
	_ = w.Flush() // the columns below are others
	sayln(w)
	fields(w, "People", m.People.People, "Blocked", m.People.Blocked, "Inactive", m.People.Inactive, "Opted out", m.People.OptedOut)
	if m.People.Missing > 0 {
		fields(w, "Not read", fmt.Sprintf("%d: the list changed while it was read; --fresh reads it anew", m.People.Missing))
	}
	for _, l := range m.People.Left {
		fields(w, "  left out", fmt.Sprintf("%s: %d, such as %s", clean(l.Reason), l.People, clean(strings.Join(l.Examples, ", "))))
	}
	if s := m.Suppressions; s != nil {
		fields(w, "Addresses suppressed", s.Added, "Suppressed before", s.Known, "Refused", s.Refused)
	}
	if u := m.Upload; u != nil {
		fields(w, "Upload", u.ID, "Created", u.Created, "Updated", u.Updated, "Refused", u.Refused, "Incomplete", u.Incomplete)
		if wrongLines(*u) != "" {
			fields(w, "Reasons", fmt.Sprintf("%s/%s", m.Folder, refusedFile))
		}
	}
	for i, note := range m.Notes {
		if i == mostNotes {
			sayf(w, "... and %d more: --output json shows them\n", len(m.Notes)-mostNotes)
			break
		}
		sayf(w, "%s %s: %s\n", note.Kind, clean(note.Name), clean(note.Reason))
	}
	if m.DryRun {
		sayf(w, "Nothing was changed. The people are in %s/%s; without --dry-run they are taken in.\n", clean(m.Folder), migration.ContactsFile)
	}
}
