package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

// domainTable shows a sender's domain: what it is to publish, whole, because it is copied from
// here.
func domainTable(w *tabwriter.Writer, d api.SendingDomain) {
	fields(w, "Domain", d.Domain, "Server", d.Server)
	for _, k := range d.Keys {
		fields(w, "Key "+k.Selector, k.State, "", "made "+at(&k.CreatedAt))
	}
	for _, r := range d.Records {
		need := "useful"
		if r.Required {
			need = "needed"
		}
		sayf(w, "\n")
		fields(w, strings.ToUpper(r.Purpose), r.State+", "+need)
		if r.Name != "" {
			fields(w, "  at", r.Type+" "+r.Name)
		}
		fields(w, "  publish", r.Value, "  found", strings.Join(r.Found, "  |  "), "  ", r.Detail)
	}
}

func (c *cli) channelDNS() *cobra.Command {
	return c.onChannel(&cobra.Command{Use: "dns CHANNEL", Short: "Show the records that a channel's sender domain is to publish",
		Long: "Shows by which records mailbox providers tell mail of the sender's domain from mail that pretends to be (SPF, DKIM, DMARC), and what else helps. " +
			"They are published at whoever keeps the domain's DNS. Nothing is looked up: channel check does.",
		Example: "  carillon channel dns news"},
		func(ctx context.Context, ch api.Channel) error {
			return show(ctx, c, get(channelsPath().id(ch.ID).below("domain")), domainTable)
		})
}

// checked is what channel check finds out.
type checked struct {
	Provider api.ChannelCheck   `json:"provider"`
	Domain   *api.SendingDomain `json:"domain,omitempty"`
}

func (c *cli) channelCheck() *cobra.Command {
	return c.onChannel(&cobra.Command{Use: "check CHANNEL", Short: "Ask a channel's provider whether its settings are right, and look up its sender domain",
		Long: "Asks the provider whether it takes the settings; nothing is sent. Of a channel that sends mail it looks SPF, DKIM, DMARC, MX, the server's " +
			"name and BIMI up, too, and says what to do about what is missing or wrong; a signing key whose record is found signs from then on. " +
			"It takes half a minute at most, and exits with 1 while something is not well.",
		Example: "  carillon channel check news"},
		func(ctx context.Context, ch api.Channel) error {
			var found checked
			var err error
			if found.Provider, _, err = ask[api.ChannelCheck](ctx, c, post(channelsPath().id(ch.ID).below("check"), nil)); err != nil {
				return err
			}
			if ch.SenderDomain != "" {
				d, _, err := ask[api.SendingDomain](ctx, c, post(channelsPath().id(ch.ID).below("domain", "check"), nil))
				if err != nil {
					return err
				}
				found.Domain = &d
			}
			raw, err := json.Marshal(found)
			if err != nil {
				return fmt.Errorf("print answer: %w", err)
			}
			if err := c.print(raw, func(w *tabwriter.Writer) { checkTable(w, found) }); err != nil {
				return err
			}
			return found.err()
		})
}

func checkTable(w *tabwriter.Writer, found checked) {
	fields(w, "Provider", found.Provider.State, "", found.Provider.Detail)
	if found.Domain != nil {
		domainTable(w, *found.Domain)
	}
}

// err says what is to be mended.
func (f checked) err() error {
	if f.Provider.State == "refused" || f.Provider.State == "unreachable" {
		return &exitError{exitFailed, fmt.Errorf("the provider is %s: %s", f.Provider.State, f.Provider.Detail)}
	}
	if f.Domain == nil {
		return nil
	}
	var lacking []string
	for _, r := range f.Domain.Records {
		if r.Required && r.State != "ok" && r.Problem != "no_key" {
			lacking = append(lacking, strings.ToUpper(r.Purpose)+" is "+r.State)
		}
	}
	if len(lacking) > 0 {
		return &exitError{exitFailed, fmt.Errorf("%s: publish what stands above at whoever keeps the DNS of %s, and check again",
			strings.Join(lacking, ", "), f.Domain.Domain)}
	}
	return nil
}

func (c *cli) channelSign() *cobra.Command {
	var selector, file string
	cmd := &cobra.Command{Use: "sign CHANNEL", Short: "Have a channel sign its mail (DKIM), and show the record to publish",
		Long: "Makes a key for the sender's domain, or takes one over from a file in PEM form, and shows the record to publish. Mail is signed with it " +
			"from when channel check finds the record; until then it goes as before. Where another channel of the account signs for the " +
			"same domain, and neither flag is given, its key is taken. To exchange a key, call it again with another " +
			"selector: the old key signs until the new one is found.",
		Example: "  carillon channel sign news\n  carillon channel sign news --selector spring-2027"}
	cmd.Flags().StringVar(&selector, "selector", "", "name below the domain to publish the key at (default: chosen)")
	cmd.Flags().StringVar(&file, "key-file", "", "file with a private key in PEM form, to be taken over; - reads it from standard input")
	return c.onChannel(cmd, func(ctx context.Context, ch api.Channel) error {
		// Not the API's own form: it shows no secret, also where it is meant to go.
		body := map[string]string{"selector": selector}
		if file != "" {
			key, err := c.readFile(file)
			if err != nil {
				return err
			}
			if len(key) == 0 {
				return usagef("--key-file %s: is empty; leave the flag out to have a key made", file)
			}
			body["private_key"] = string(key)
		}
		return show(ctx, c, post(channelsPath().id(ch.ID).below("signing-keys"), body), domainTable)
	})
}

func (c *cli) channelUnsign() *cobra.Command {
	var force bool
	cmd := &cobra.Command{Use: "unsign CHANNEL SELECTOR", Short: "Forget a signing key of a channel", Args: cobra.ExactArgs(2),
		Long: "Forgets a key that signs no more. The one that mail is signed with is forgotten with --force alone: mail goes without a signature " +
			"then. Leave the record of a key published for a week after it signed last, because mail that waits at a server is checked late.",
		Example: "  carillon channel unsign news carillon-202611-1"}
	cmd.Flags().BoolVar(&force, "force", false, "also the key that mail is signed with now")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ch, err := c.findChannel(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return c.do(cmd.Context(), remove(channelsPath().id(ch.ID).below("signing-keys", args[1]).with(query{"force": force})))
	}
	return cmd
}
