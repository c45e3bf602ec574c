package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addMessages(root *cobra.Command) {
	root.AddCommand(group("messages", "Send single messages and look at what became of them",
		c.messagesSend(), c.messagesLs(), c.messagesShow(), c.messagesResend(), c.messagesSettle(), c.messageMove("cancel", "Cancel a message that has not been claimed")))
}

// showSent prints a message that was just taken.
func (c *cli) showSent(raw json.RawMessage, m api.Message) error {
	return c.show(raw, func(w *tabwriter.Writer) {
		fields(w, "Message", m.ID, "To", m.Address, "State", m.State, "Follow it with", fmt.Sprintf("carillon messages show %d", m.ID))
	})
}

func (c *cli) messagesSend() *cobra.Command {
	var in api.MessageInput
	var channel, textFile string
	var data []string
	cmd := &cobra.Command{
		Use: "send", Short: "Send one transactional message", Args: cobra.NoArgs,
		Long: "Sends one message, before every campaign on its channel. Texts are Liquid templates: {{ contact.first_name }} with --contact, {{ row.name }} for --data name=value.",
		Example: `  carillon messages send --channel news --to ada@example.org --subject 'Your code' --text 'It is {{ row.code }}.' --data code=123
  carillon messages send --channel news --contact 7 --subject Hello --text-file hello.txt`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			ch, err := findChannel(cmd.Context(), cl, channel)
			if err != nil {
				return err
			}
			in.ChannelID = ch.ID
			for _, pair := range data {
				name, value, ok := strings.Cut(pair, "=")
				if !ok || name == "" {
					return usagef("--data %s: must be NAME=VALUE", pair)
				}
				if in.Data == nil {
					in.Data = map[string]string{}
				}
				in.Data[name] = value
			}
			if textFile != "" {
				content, err := c.readFile(textFile)
				if err != nil {
					return err
				}
				in.Content.Text = string(content)
			}
			var m api.Message
			raw, err := cl.call(cmd.Context(), http.MethodPost, "/v1/messages", in, &m)
			if err != nil {
				return err
			}
			return c.showSent(raw, m)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&channel, "channel", "", "channel, by id or name (required)")
	flags.StringVar(&in.To, "to", "", "address")
	flags.Int64Var(&in.ContactID, "contact", 0, "instead: a contact")
	flags.StringVar(&in.Content.Subject, "subject", "", "subject")
	flags.StringVar(&in.Content.Text, "text", "", "text")
	flags.StringVar(&textFile, "text-file", "", "file with the text, - for standard input")
	flags.StringVar(&in.Content.HTML, "html", "", "HTML part")
	flags.StringArrayVar(&data, "data", nil, "NAME=VALUE for the templates; may be repeated")
	_ = cmd.MarkFlagRequired("channel") // the flag exists
	cmd.MarkFlagsOneRequired("to", "contact")
	return cmd
}

func (c *cli) messagesLs() *cobra.Command {
	var limit int
	var state, address string
	var campaign, run, channel int64
	cmd := &cobra.Command{Use: "ls", Short: "List messages, oldest first", Args: cobra.NoArgs, Example: "  carillon messages ls --campaign 1 --state failed",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			q := url.Values{}
			for name, value := range map[string]string{"state": state, "address": address} {
				if value != "" {
					q.Set(name, value)
				}
			}
			for name, id := range map[string]int64{"campaign_id": campaign, "run_id": run, "channel_id": channel} {
				if id != 0 {
					q.Set(name, fmt.Sprint(id))
				}
			}
			items, more, err := list[api.Message](cmd.Context(), cl, "/v1/messages", q, limit)
			if err != nil {
				return err
			}
			return showList(c, items, more, "ID CAMPAIGN ADDRESS STATE REASON ATTEMPT CREATED", func(m api.Message) []any {
				return []any{m.ID, idOrNone(m.CampaignID), m.Address, m.State, m.Reason, m.Attempt, at(&m.CreatedAt)}
			})
		}}
	limitFlag(cmd, &limit)
	cmd.Flags().StringVar(&state, "state", "", "only those in this state")
	cmd.Flags().StringVar(&address, "address", "", "only those to this address")
	cmd.Flags().Int64Var(&campaign, "campaign", 0, "only those of this campaign")
	cmd.Flags().Int64Var(&run, "run", 0, "only those of this run")
	cmd.Flags().Int64Var(&channel, "channel", 0, "only those of this channel")
	return cmd
}

// idOrNone shows the id 0 as what it is.
func idOrNone(id int64) string {
	if id == 0 {
		return "-"
	}
	return strconv.FormatInt(id, 10)
}

func (c *cli) messagesShow() *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show a message with its history", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("message", "messages ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		var m api.MessageHistory
		raw, err := cl.call(cmd.Context(), http.MethodGet, fmt.Sprintf("/v1/messages/%d", id), nil, &m)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) { historyTable(w, m) })
	}}
}

func (c *cli) messageMove(verb, short string) *cobra.Command {
	return &cobra.Command{Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("message", "messages ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		var m api.Message
		raw, err := cl.call(cmd.Context(), http.MethodPost, fmt.Sprintf("/v1/messages/%d/%s", id, verb), nil, &m)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) { fields(w, "Message", m.ID, "To", m.Address, "State", m.State) })
	}}
}
