package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/templates"
)

func (c *cli) addMessages(root *cobra.Command) {
	root.AddCommand(group("messages", "Send single messages and look at what became of them",
		c.messagesSend(), c.messagesLs(), c.messagesShow(), c.messagesResend(), c.messagesSettle(), c.messagesCancel()))
}

func messagesPath() path { return v1("messages") }

// messageID reads an argument that is the id of a message.
func messageID(ctx context.Context, arg string) (int64, error) {
	return idOf("message", "messages ls")(ctx, arg)
}

// sentTable prints a message that was just taken.
func sentTable(w *tabwriter.Writer, m api.Message) {
	fields(w, "Message", m.ID, "To", m.Address, "State", m.State, "Follow it with", fmt.Sprintf("carillon messages show %d", m.ID))
}

// noticeTable prints what may be a mistake.
func noticeTable(w *tabwriter.Writer, notices []string) {
	for _, notice := range notices {
		fields(w, "Note", clean(notice))
	}
}

func (c *cli) messagesSend() *cobra.Command {
	var in api.MessageInput
	var channel, textFile string
	var data dataFlags
	var metadata []string
	var dryRun bool
	var due string
	var use templates.Use
	var values map[string]string
	cmd := &cobra.Command{
		Use: "send", Short: "Send one transactional message",
		Long: "Sends one message, before every campaign on its channel. " +
			"Texts are Liquid templates: {{ contact.first_name }} with --contact, {{ row.name }} for --data name=value, " +
			"{% for item in row.items %} for lists in --data-file. --dry-run shows it as it would be sent.",
		Example: `  carillon messages send --channel news --to ada@example.org --subject 'Your code' --text 'It is {{ row.code }}.' --data code=123
  carillon messages send --channel news --contact 7 --subject Hello --text-file hello.txt
  carillon messages send --channel news --to ada@example.org --subject 'Your order' --text-file order.txt --data-file order.json \
          --metadata order=4711 --dry-run
  carillon messages send --channel news --contact 7 --template order_shipped --param 1=Ada`,
	}
	flags := cmd.Flags()
	flags.StringVar(&channel, "channel", "", "channel, by id or name (required)")
	flags.StringVar(&in.To, "to", "", "address")
	flags.Int64Var(&in.ContactID, "contact", 0, "instead: a contact")
	flags.StringVar(&in.Content.Subject, "subject", "", "subject")
	flags.StringVar(&in.Content.Text, "text", "", "text")
	flags.StringVar(&textFile, "text-file", "", "file with the text, - for standard input")
	flags.StringVar(&in.Content.HTML, "html", "", "HTML part")
	data.add(cmd)
	flags.StringArrayVar(&metadata, "metadata", nil, "NAME=VALUE by which the message is found, and which providers echo; may be repeated")
	flags.StringVar(&due, "at", "", "when to send it, such as 2026-12-01T09:00:00Z (default at once)")
	flags.BoolVar(&dryRun, "dry-run", false, "show it as it would be sent, and send nothing")
	flags.StringVar(&use.Name, "template", "", "instead of texts: a template, by its name")
	flags.StringVar(&in.Content.WindowTemplate, "window-template", "", "WhatsApp: the template to send instead if they have not written in the last 24 hours")
	flags.StringVar(&use.Language, "language", "", "with --template: a language instead of the contact's")
	flags.StringToStringVar(&values, "param", nil, "with --template: values instead of those of its parameters, such as 1=Ada")
	_ = cmd.MarkFlagRequired("channel") // the flag exists
	cmd.MarkFlagsOneRequired("to", "contact")
	for _, flag := range []string{"subject", "text", "text-file", "html"} {
		cmd.MarkFlagsMutuallyExclusive("template", flag)
	}
	return plain(cmd, func(ctx context.Context) error {
		ch, err := c.findChannel(ctx, channel)
		if err != nil {
			return err
		}
		in.ChannelID = ch.ID
		if in.Data, err = data.read(c); err != nil {
			return err
		}
		if in.Metadata, err = pairsOf("metadata", metadata); err != nil {
			return err
		}
		if err := readTime(&in.DueAt, "at", due); err != nil {
			return err
		}
		if use.Params = values; use.Name != "" {
			in.Content.Template = &use
		} else if use.Language != "" || len(values) > 0 {
			return usagef("--language and --param belong to --template")
		}
		if textFile != "" {
			content, err := c.readFile(textFile)
			if err != nil {
				return err
			}
			in.Content.Text = string(content)
		}
		if dryRun {
			return c.previewMessage(ctx, in)
		}
		return show(ctx, c, post(messagesPath(), in), func(w *tabwriter.Writer, m api.MessageSent) {
			sentTable(w, m.Message)
			noticeTable(w, m.Notices)
		})
	})
}

// previewMessage shows a message as it would be sent.
func (c *cli) previewMessage(ctx context.Context, in api.MessageInput) error {
	p, raw, err := ask[api.MessagePreview](ctx, c, post(messagesPath().below("preview"), in))
	if err != nil {
		return err
	}
	return c.print(raw, func(w *tabwriter.Writer) {
		skipped := ""
		if p.Skipped != "" {
			skipped = p.Skipped + ": it would not be sent"
		}
		fields(w, "To", p.To, "Language", p.Language, "Skipped", skipped, "Subject", p.Content.Subject)
		noticeTable(w, p.Notices)
		_ = w.Flush() // what follows is no table
		sayln(c.out, "\n"+printable(p.Content.Text))
		c.showParts(&p.Content)
	})
}

func (c *cli) messagesLs() *cobra.Command {
	var state, address string
	var metadata []string
	var campaign, channel string
	var run int64
	cmd := &cobra.Command{Use: "ls", Short: "List messages, oldest first", Example: `  carillon messages ls --campaign 1 --state failed
  carillon messages ls --metadata order=4711`}
	cmd.Flags().StringArrayVar(&metadata, "metadata", nil, "only single messages that were sent with this, such as order=4711; may be repeated")
	cmd.Flags().StringVar(&state, "state", "", "only those in this state")
	cmd.Flags().StringVar(&address, "address", "", "only those to this address")
	cmd.Flags().StringVar(&campaign, "campaign", "", "only those of this campaign, by id or name")
	cmd.Flags().Int64Var(&run, "run", 0, "only those of this run")
	cmd.Flags().StringVar(&channel, "channel", "", "only those of this channel, by id or name")
	where := func(context.Context) (path, error) {
		return messagesPath().with(query{
			"state": state, "address": address, "campaign_id": campaign, "run_id": run, "channel_id": channel, "metadata": metadata,
		}), nil
	}
	return finds(c, cmd, where, rows[api.Message]{"ID CAMPAIGN ADDRESS STATE REASON ATTEMPT CREATED", func(m api.Message) []any {
		return []any{m.ID, idOrNone(m.CampaignID), m.Address, m.State, m.Reason, m.Attempt, at(&m.CreatedAt)}
	}})
}

func (c *cli) messagesShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show a message with its history"}, messageID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(messagesPath().id(id)), historyTable)
	})
}

func (c *cli) messagesCancel() *cobra.Command {
	return onID(&cobra.Command{Use: "cancel ID", Short: "Cancel a message that has not been claimed"}, messageID,
		func(ctx context.Context, id int64) error { return c.moveMessage(ctx, id, "cancel") })
}

// moveMessage cancels a message or sends it again.
func (c *cli) moveMessage(ctx context.Context, id int64, verb string) error {
	return show(ctx, c, post(messagesPath().id(id).below(verb), nil), func(w *tabwriter.Writer, m api.Message) {
		fields(w, "Message", m.ID, "To", m.Address, "State", m.State)
	})
}
