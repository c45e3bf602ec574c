package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addConversations(root *cobra.Command) {
	root.AddCommand(group("conversations", "What is said to and fro with contacts",
		c.conversationsLs(), c.conversationsShow(), c.conversationsCreate(), c.conversationsSet(), c.conversationsSay(), c.conversationsNote(),
		c.conversationsHide()))
}

func conversationsPath() path { return v1("conversations") }

// conversationID reads an argument that is the id of a conversation.
func conversationID(ctx context.Context, arg string) (int64, error) {
	return idOf("conversation", "conversations ls")(ctx, arg)
}

func (c *cli) conversationsLs() *cobra.Command {
	var q struct {
		status, label, search string
		contact               int64
		channel               string
		limit                 int
	}
	cmd := &cobra.Command{Use: "ls", Short: "List conversations, those of late first",
		Long: `Lists what is said with contacts: a conversation for each matter, on one channel. One begins when somebody opens it
(carillon conversations create), or, from the account's first on, when a contact writes.`,
		Example: `  carillon conversations ls --status open
  carillon conversations ls --contact 7 --channel support`}
	cmd.Flags().StringVar(&q.status, "status", "", "only those that are open, resolved, pending or snoozed")
	cmd.Flags().Int64Var(&q.contact, "contact", 0, "only those with this contact")
	cmd.Flags().StringVar(&q.channel, "channel", "", "only those on this channel, by id or name")
	cmd.Flags().StringVar(&q.label, "label", "", "only those with this label")
	cmd.Flags().StringVar(&q.search, "search", "", "what occurs in a note or in the contact's name")
	limitFlag(cmd, &q.limit)
	return plain(cmd, func(ctx context.Context) error {
		var channel int64
		if q.channel != "" {
			ch, err := c.findChannel(ctx, q.channel)
			if err != nil {
				return err
			}
			channel = ch.ID
		}
		where := conversationsPath().with(query{"status": q.status, "contact_id": q.contact, "channel_id": channel, "label": q.label, "q": q.search})
		return showHinted(ctx, c, where, q.limit, hinted[api.Conversation]{
			rows[api.Conversation]{"ID NUMBER STATUS CONTACT CHANNEL LABELS LATEST", func(v api.Conversation) []any {
				return []any{v.ID, v.Number, v.Status, v.ContactID, v.ChannelID, strings.Join(v.Labels, ", "), at(&v.LastActivityAt)}
			}}, "There is none: carillon conversations create --channel CHANNEL --contact ID opens one.",
		})
	})
}

// conversationTable prints a conversation.
func conversationTable(w *tabwriter.Writer, v api.Conversation) {
	fields(w, "Conversation", v.ID, "Number", v.Number, "Status", v.Status, "Contact", v.ContactID, "Channel", v.ChannelID,
		"Labels", strings.Join(v.Labels, ", "), "Attributes", kept(v.Custom), "Beside", kept(v.Additional), "Opened", at(&v.CreatedAt),
		"Latest", at(&v.LastActivityAt), "Resolved", at(v.ResolvedAt))
}

// kept is an object that programs keep, nothing for an empty one.
func kept(object json.RawMessage) string {
	if string(object) == "{}" {
		return ""
	}
	return string(object)
}

// entryLine prints something that was said.
func entryLine(w *tabwriter.Writer, e api.ConversationEntry) {
	who, text := "we", e.Text
	switch {
	case e.Private:
		who = "note"
	case e.Direction == "incoming":
		who = "contact"
	}
	if e.Attachment != nil {
		text = strings.TrimSpace(text + " " + e.Attachment.URL)
	}
	if e.HiddenAt != nil {
		text = "(hidden)"
	}
	sayf(w, "%d\t%s\t%s\t%s\t%s\n", e.ID, at(&e.CreatedAt), who, cmp.Or(e.State, "-"), clean(text))
}

// conversationShown is a conversation with what was said last, the oldest first.
type conversationShown struct {
	api.Conversation
	Entries []api.ConversationEntry `json:"entries"`
}

func (c *cli) conversationsShow() *cobra.Command {
	var last int
	cmd := &cobra.Command{Use: "show ID", Short: "Show a conversation and what was said last", Example: "  carillon conversations show 7 --last 100"}
	cmd.Flags().IntVar(&last, "last", 20, "how much of it")
	return onID(cmd, conversationID, func(ctx context.Context, id int64) error {
		v, _, err := ask[api.Conversation](ctx, c, get(conversationsPath().id(id)))
		if err != nil {
			return err
		}
		entries, more, err := list[api.ConversationEntry](ctx, c, conversationsPath().id(id).below("entries"), last)
		if err != nil {
			return err
		}
		slices.Reverse(entries)
		raw, err := json.Marshal(conversationShown{v, entries})
		if err != nil {
			return fmt.Errorf("print conversation: %w", err)
		}
		if err := c.print(raw, func(w *tabwriter.Writer) {
			conversationTable(w, v)
			if len(entries) == 0 {
				sayf(w, "Nothing was said yet: carillon conversations say %d --text … sends something.\n", id)
				return
			}
			sayf(w, "\nENTRY\tAT\tWHO\tSTATE\tTEXT\n")
			for _, e := range entries {
				entryLine(w, e)
			}
		}); err != nil {
			return err
		}
		if more && c.output != "json" {
			sayln(c.err, "More was said before: --last shows it.")
		}
		return nil
	})
}

func (c *cli) conversationsCreate() *cobra.Command {
	var in api.ConversationInput
	var channel, attributes string
	cmd := &cobra.Command{Use: "create", Short: "Open a conversation with a contact",
		Long: `Opens a conversation. Each is a new one. From the account's first on, what contacts write stands in conversations:
in the last that is not resolved on its channel, else in a new one.`,
		Example: "  carillon conversations create --channel support --contact 7 --label vip"}
	flags := cmd.Flags()
	flags.StringVar(&channel, "channel", "", "channel, by id or name (required)")
	flags.Int64Var(&in.ContactID, "contact", 0, "contact (required)")
	flags.StringVar(&in.Status, "status", "", "open, resolved, pending or snoozed (default open)")
	flags.StringArrayVar(&in.Labels, "label", nil, "a label; may be repeated")
	flags.StringVar(&attributes, "attributes", "", "what programs keep of it: a JSON object")
	for _, needed := range []string{"channel", "contact"} {
		_ = cmd.MarkFlagRequired(needed) // the flag exists
	}
	return plain(cmd, func(ctx context.Context) error {
		ch, err := c.findChannel(ctx, channel)
		if err != nil {
			return err
		}
		in.ChannelID = ch.ID
		if in.Custom, err = objectFlag("attributes", attributes); err != nil {
			return err
		}
		return show(ctx, c, post(conversationsPath(), in), conversationTable)
	})
}

// objectFlag reads a flag that is a JSON object; nil for an empty one.
func objectFlag(name, text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return nil, usagef("--%s %s: must be a JSON object, such as '{\"order\": 7}'", name, text)
	}
	return json.RawMessage(text), nil
}

func (c *cli) conversationsSet() *cobra.Command {
	var status, attributes string
	var labels []string
	cmd := &cobra.Command{Use: "set ID", Short: "Resolve a conversation, open it again, or label it",
		Long: "Changes a conversation. What its contact writes when it is resolved begins another.",
		Example: `  carillon conversations set 7 --status resolved
  carillon conversations set 7 --label vip --label refund
  carillon conversations set 7 --label ''`}
	flags := cmd.Flags()
	flags.StringVar(&status, "status", "", "open, resolved, pending or snoozed")
	flags.StringArrayVar(&labels, "label", nil, "a label that it has from then on, instead of those that it has; may be repeated, empty takes all off")
	flags.StringVar(&attributes, "attributes", "", "what programs keep of it, instead of what they keep: a JSON object")
	cmd.MarkFlagsOneRequired("status", "label", "attributes")
	return onID(cmd, conversationID, func(ctx context.Context, id int64) error {
		var in api.ConversationChange
		if flags.Changed("status") {
			in.Status = &status
		}
		if flags.Changed("label") {
			named := slices.DeleteFunc(labels, func(label string) bool { return label == "" })
			in.Labels = &named
		}
		var err error
		if in.Custom, err = objectFlag("attributes", attributes); err != nil {
			return err
		}
		return show(ctx, c, patch(conversationsPath().id(id), in), conversationTable)
	})
}

func (c *cli) conversationsSay() *cobra.Command {
	var in api.ConversationMessage
	var textFile string
	cmd := &cobra.Command{Use: "say ID", Short: "Send a message in a conversation",
		Long: "Sends a message to the conversation's contact on its channel. Texts are Liquid templates: {{ contact.first_name }}.",
		Example: `  carillon conversations say 7 --text 'It is on its way, {{ contact.first_name }}.'
  carillon conversations say 7 --subject 'Your order' --text-file answer.txt`}
	flags := cmd.Flags()
	flags.StringVar(&in.Content.Subject, "subject", "", "subject, on a channel of e-mail")
	flags.StringVar(&in.Content.Text, "text", "", "text")
	flags.StringVar(&textFile, "text-file", "", "file with the text, - for standard input")
	cmd.MarkFlagsOneRequired("text", "text-file")
	cmd.MarkFlagsMutuallyExclusive("text", "text-file")
	return onID(cmd, conversationID, func(ctx context.Context, id int64) error {
		if textFile != "" {
			content, err := c.readFile(textFile)
			if err != nil {
				return err
			}
			in.Content.Text = string(content)
		}
		return show(ctx, c, post(conversationsPath().id(id).below("messages"), in), func(w *tabwriter.Writer, e api.ConversationEntry) {
			fields(w, "Entry", e.ID, "Message", e.MessageID, "State", e.State, "Follow it with", fmt.Sprintf("carillon messages show %d", e.MessageID))
		})
	})
}

func (c *cli) conversationsNote() *cobra.Command {
	return &cobra.Command{Use: "note ID TEXT", Short: "Put a private note into a conversation", Args: cobra.ExactArgs(2),
		Long: "Puts a note into a conversation, which is sent to nobody.", Example: "  carillon conversations note 7 'Called her: all is well.'",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := conversationID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			note := post(conversationsPath().id(id).below("notes"), api.ConversationNote{Text: args[1]})
			return show(cmd.Context(), c, note, func(w *tabwriter.Writer, e api.ConversationEntry) {
				fields(w, "Entry", e.ID, "Text", e.Text)
			})
		}}
}

func (c *cli) conversationsHide() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{Use: "hide ID ENTRY", Short: "Hide for good what was said in a conversation", Args: cobra.ExactArgs(2),
		Long:    "Hides an entry of a conversation: its text is forgotten there. What was sent was sent.",
		Example: "  carillon conversations hide 7 12",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := conversationID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			entry, err := idOf("entry", "conversations show "+args[0])(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			if !yes {
				if err := c.confirm(fmt.Sprintf("Hide entry %d for good? [y/N] ", entry)); err != nil {
					return err
				}
			}
			return c.do(cmd.Context(), remove(conversationsPath().id(id).below("entries").id(entry)))
		}}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
