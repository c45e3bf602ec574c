package cli

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"carillon/api"
)

// contactFlags are the flags that say what a contact is made of.
type contactFlags struct {
	texts                 map[string]*string
	addresses, attributes []string
	country, number       string
	loose                 bool
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
	flags.StringArrayVar(&f.addresses, "address", nil,
		"KIND=ADDRESS: whatsapp, sms, telegram, viber, facebook, instagram, push, web, custom, email or phone; may be repeated")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "KEY=VALUE: the value of a property; may be repeated")
	flags.StringVar(&f.number, "number", "", "one number for phone, sms and whatsapp at once")
	flags.BoolVar(&f.loose, "loose", false, "keep attributes that no property takes beside, instead of refusing them")
	flags.StringVar(&f.country, "country", "", "ISO 3166 code for phone numbers without +")
}

// input is what was said, and nothing else. An empty value takes away.
func (f *contactFlags) input(ctx context.Context, c *cli, flags *pflag.FlagSet) (api.ContactInput, error) {
	in := api.ContactInput{Country: f.country, Loose: f.loose, Addresses: map[string]api.Optional[string]{}}
	for name, to := range map[string]*api.Optional[string]{
		"name": &in.Name, "first-name": &in.FirstName, "last-name": &in.LastName, "external-id": &in.ExternalID,
		"language": &in.Language, "timezone": &in.Timezone,
	} {
		if flags.Changed(name) {
			*to = api.Given(*f.texts[name])
		}
	}
	if flags.Changed("number") {
		in.Number = api.Given(f.number)
	}
	if flags.Changed("status") {
		in.Status = f.texts["status"]
	}
	addresses := slices.Clone(f.addresses)
	for _, kind := range []string{"email", "phone"} {
		if flags.Changed(kind) {
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
	in.Attributes, err = c.attributeValues(ctx, f.attributes)
	return in, err
}

// attributeValues reads KEY=VALUE pairs, each value in the type of its property.
func (c *cli) attributeValues(ctx context.Context, pairs []string) (map[string]any, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	properties, _, err := ask[page[api.Property]](ctx, c, get(propertiesPath()))
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, p := range properties.Items {
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
	cmd := &cobra.Command{Use: "create", Short: "Create a contact",
		Example: "  carillon contacts create --first-name Ada --email ada@example.org --address telegram=123456789 --attribute plan=free"}
	f.add(cmd)
	return plain(cmd, func(ctx context.Context) error {
		in, err := f.input(ctx, c, cmd.Flags())
		if err != nil {
			return err
		}
		return show(ctx, c, post(contactsPath(), in), contactTable)
	})
}

func (c *cli) contactsSet() *cobra.Command {
	var f contactFlags
	cmd := &cobra.Command{Use: "set ID", Short: "Change a contact; an empty value takes one away",
		Example: "  carillon contacts set 7 --last-name Lovelace --phone '' --attribute plan=plus"}
	f.add(cmd)
	return onID(cmd, contactID, func(ctx context.Context, id int64) error {
		in, err := f.input(ctx, c, cmd.Flags())
		if err != nil {
			return err
		}
		return show(ctx, c, patch(contactsPath().id(id), in), contactTable)
	})
}

func (c *cli) contactsRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Delete a contact; contacts set --status active brings it back"}, contactID,
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(contactsPath().id(id))) })
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
	if p.Free != nil {
		for _, beside := range []struct {
			prefix string
			values map[string]json.RawMessage
		}{{"free.", p.Free.Custom}, {"additional.", p.Free.Additional}} {
			for _, key := range slices.Sorted(maps.Keys(beside.values)) {
				fields(w, beside.prefix+key, string(beside.values[key]))
			}
		}
	}
	fields(w, "Last activity", at(p.LastActivityAt), "Created", at(&p.CreatedAt), "Updated", at(&p.UpdatedAt))
}
