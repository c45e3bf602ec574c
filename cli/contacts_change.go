package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

// contactFlags are the flags that say what a contact is made of.
type contactFlags struct {
	texts                 map[string]*string
	addresses, attributes []string
	country               string
}

func (f *contactFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.texts = map[string]*string{}
	for name, usage := range map[string]string{
		"name": "full name", "first-name": "first name", "last-name": "last name", "external-id": "your own id; unique",
		"language": "BCP 47, such as de-AT", "timezone": "IANA name, such as Europe/Vienna", "status": "active, inactive or blocked",
		"email": "e-mail address", "phone": "phone number",
	} {
		f.texts[name] = flags.String(name, "", usage)
	}
	flags.StringArrayVar(&f.addresses, "address", nil, "KIND=ADDRESS: whatsapp, sms, telegram, viber, facebook, instagram, push, web, custom, email or phone; may be repeated")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "KEY=VALUE: the value of a property; may be repeated")
	flags.StringVar(&f.country, "country", "", "ISO 3166 code for phone numbers without +")
}

// input is what was said, and nothing else. An empty value takes away.
func (f *contactFlags) input(ctx context.Context, cmd *cobra.Command, cl *client) (api.ContactInput, error) {
	in := api.ContactInput{Country: f.country, Addresses: map[string]api.Optional[string]{}}
	for name, to := range map[string]*api.Optional[string]{
		"name": &in.Name, "first-name": &in.FirstName, "last-name": &in.LastName, "external-id": &in.ExternalID,
		"language": &in.Language, "timezone": &in.Timezone,
	} {
		if cmd.Flags().Changed(name) {
			*to = api.Given(*f.texts[name])
		}
	}
	if cmd.Flags().Changed("status") {
		in.Status = f.texts["status"]
	}
	addresses := slices.Clone(f.addresses)
	for _, kind := range []string{"email", "phone"} {
		if cmd.Flags().Changed(kind) {
			addresses = append(addresses, kind+"="+*f.texts[kind])
		}
	}
	for _, pair := range addresses {
		kind, address, ok := strings.Cut(pair, "=")
		if !ok {
			return in, usagef("--address %s: must be KIND=ADDRESS", pair)
		}
		in.Addresses[kind] = api.Given(address)
	}
	var err error
	in.Attributes, err = attributeValues(ctx, cl, f.attributes)
	return in, err
}

// attributeValues reads KEY=VALUE pairs, each value in the type of its property.
func attributeValues(ctx context.Context, cl *client, pairs []string) (map[string]any, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	var page struct {
		Items []api.Property `json:"items"`
	}
	if _, err := cl.call(ctx, http.MethodGet, "/v1/properties", nil, &page); err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, p := range page.Items {
		types[p.Key] = p.Type
	}
	values := map[string]any{}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("--attribute %s: must be KEY=VALUE", pair)
		}
		values[key] = typedValue(types[key], text)
	}
	return values, nil
}

// typedValue is a text from the command line as a property's type wants it; an
// empty one stands for no value.
func typedValue(propertyType, text string) any {
	switch {
	case text == "":
		return nil
	case propertyType == "number" || propertyType == "currency" || propertyType == "percent" || propertyType == "checkbox" || propertyType == "":
		return jsonOrText(text)
	case propertyType == "collection" && !json.Valid([]byte(text)):
		items := strings.Split(text, "|")
		for i := range items {
			items[i] = strings.TrimSpace(items[i])
		}
		return items
	case propertyType == "collection":
		return json.RawMessage(text)
	}
	return text
}

func (c *cli) contactsCreate() *cobra.Command {
	var f contactFlags
	cmd := &cobra.Command{Use: "create", Short: "Create a contact", Args: cobra.NoArgs,
		Example: "  carillon contacts create --first-name Ada --email ada@example.org --address telegram=123456789 --attribute plan=free",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			in, err := f.input(cmd.Context(), cmd, cl)
			if err != nil {
				return err
			}
			return c.changeContact(cmd.Context(), cl, http.MethodPost, "/v1/contacts", in)
		}}
	f.add(cmd)
	return cmd
}

func (c *cli) contactsSet() *cobra.Command {
	var f contactFlags
	cmd := &cobra.Command{Use: "set ID", Short: "Change a contact; an empty value takes one away", Args: cobra.ExactArgs(1),
		Example: "  carillon contacts set 7 --last-name Lovelace --phone '' --attribute plan=plus",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := idArg("contact", "contacts ls", args[0])
			if err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			in, err := f.input(cmd.Context(), cmd, cl)
			if err != nil {
				return err
			}
			return c.changeContact(cmd.Context(), cl, http.MethodPatch, fmt.Sprintf("/v1/contacts/%d", id), in)
		}}
	f.add(cmd)
	return cmd
}

func (c *cli) changeContact(ctx context.Context, cl *client, method, path string, in api.ContactInput) error {
	var p api.Contact
	raw, err := cl.call(ctx, method, path, in, &p)
	if err != nil {
		return err
	}
	return c.show(raw, func(w *tabwriter.Writer) { contactTable(w, p) })
}

func (c *cli) contactsRm() *cobra.Command {
	return &cobra.Command{Use: "rm ID", Short: "Delete a contact; contacts set --status active brings it back", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := idArg("contact", "contacts ls", args[0])
			if err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			_, err = cl.call(cmd.Context(), http.MethodDelete, fmt.Sprintf("/v1/contacts/%d", id), nil, nil)
			return err
		}}
}

// contactTable prints a contact with its addresses and properties.
func contactTable(w *tabwriter.Writer, p api.Contact) {
	fields(w, "Contact", p.ID, "External id", p.ExternalID, "Name", fullName(p), "E-mail", p.Addresses["email"], "Phone", p.Addresses["phone"])
	for _, kind := range slices.Sorted(maps.Keys(p.Addresses)) {
		if kind != "email" && kind != "phone" {
			fields(w, kind, p.Addresses[kind])
		}
	}
	fields(w, "Language", p.Language, "Time zone", p.Timezone, "Status", p.Status)
	for _, key := range slices.Sorted(maps.Keys(p.Attributes)) {
		value := valueText(p.Attributes[key])
		if ends, ok := p.AttributeExpiry[key]; ok {
			value += " (until " + at(&ends) + ")"
		}
		fields(w, "attributes."+key, value)
	}
	fields(w, "Last activity", at(p.LastActivityAt), "Created", at(&p.CreatedAt), "Updated", at(&p.UpdatedAt))
}
