package api

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"carillon/access"
	"carillon/internal/secret"
	"carillon/providers"
)

// Provider describes a provider to whoever makes a channel.
type Provider struct {
	Name        string       `json:"name"`
	Title       string       `json:"title"`
	Description string       `json:"description"`
	Address     string       `json:"address" doc:"Kind of address that it delivers to, unless its settings say otherwise."`
	Can         Capabilities `json:"can"`
	// Preset are the limits of a new channel.
	Preset providers.Limits `json:"preset,omitzero" required:"false" doc:"Limits of a new channel of which none are given: what the provider takes from everybody."`
	// Config is the JSON Schema of the settings.
	Config map[string]any `json:"config" doc:"JSON Schema of config; writeOnly settings are secrets, changing a setting with x-destination demands them anew, and of one with x-overlap what it was before can be taken for a time (overlap_seconds)."`
}

// Capabilities are what a provider can do.
type Capabilities struct {
	Subject          bool                   `json:"subject"`
	HTML             bool                   `json:"html"`
	MaxTextBytes     int                    `json:"max_text_bytes,omitempty"`
	MaxTextUnits     int                    `json:"max_text_units,omitempty" doc:"Most units of UTF-16 in a text: a letter is one, an emoji mostly two."`
	MaxCaptionUnits  int                    `json:"max_caption_units,omitempty" doc:"Most units of UTF-16 in the text and the caption beside a file."`
	ReplyWindowHours float64                `json:"reply_window_hours,omitempty" doc:"For how long after somebody has written to the channel they may be sent anything, and after which approved templates alone, or nothing without templates; absent where they always may. A tag of the channel can make it longer. It holds where the secret is set by which the provider proves itself."`
	Idempotent       bool                   `json:"idempotent" doc:"It drops a repeat of the same message, so that messages in doubt may be sent again."`
	Media            bool                   `json:"media" doc:"A file by its address goes as a file; without it the address stands in the text."`
	Uploads          string                 `json:"uploads" enum:"kept,sent_once,within,address" doc:"How a file that was uploaded gets there. kept: the provider takes it once, beside all messages; sent_once: within the first message that carries it; within: within each; address: by its address on this server, which needs public_url."`
	Files            []FileLimit            `json:"files,omitempty" doc:"What of each type of file it takes; absent where nobody says."`
	Buttons          []providers.ButtonType `json:"buttons,omitempty" doc:"The types of buttons that it carries; others stand in the text."`
	Location         bool                   `json:"location" doc:"It carries places on the map; others refuse them."`
	Cards            bool                   `json:"cards" doc:"It carries contact cards; others refuse them."`
	Templates        bool                   `json:"templates" doc:"It keeps templates of its own: POST /v1/channels/{id}/templates/sync."`
	Finds            bool                   `json:"finds" doc:"It can be asked what became of a message whose answer was lost, and is: five minutes after the doubt began and later."`
	Signs            bool                   `json:"signs" doc:"It signs mail by keys of the channel: POST /v1/channels/{id}/signing-keys."`
	Receipts         bool                   `json:"receipts" doc:"It reports back what became of a message."`
}

// FileLimit is what of one type of file a provider takes.
type FileLimit struct {
	Type           providers.AttachmentType `json:"type" enum:"image,video,audio,voice,document"`
	Address        string                   `json:"address,omitempty" doc:"Kind of address that it holds for, where the provider has several."`
	ContentTypes   []string                 `json:"content_types,omitempty" doc:"Media types; absent for all."`
	MaxBytes       int64                    `json:"max_bytes,omitempty" doc:"Size of the largest, in bytes; absent where nobody says. Where files go within messages, of an uploaded one."`
	MaxLinkedBytes int64                    `json:"max_linked_bytes,omitempty" doc:"The same of one that the provider fetches by its address, where that is another."`
}

func capabilitiesView(can *providers.Capabilities) Capabilities {
	view := Capabilities{
		Subject: can.Subject, HTML: can.HTML, MaxTextBytes: can.MaxTextBytes, MaxTextUnits: can.MaxTextUnits, MaxCaptionUnits: can.MaxCaptionUnits,
		ReplyWindowHours: can.ReplyWindow.Hours(), Idempotent: can.Idempotent, Media: can.Media,
		Uploads: cmp.Or(string(can.Uploads), "address"), Buttons: can.Buttons, Location: can.Location, Cards: can.Cards,
		Templates: can.Templates, Finds: can.Finds, Signs: can.Signs, Receipts: can.Receipts,
	}
	for _, l := range can.Files {
		view.Files = append(view.Files, FileLimit{
			Type: l.Type, Address: string(l.Address), ContentTypes: l.ContentTypes, MaxBytes: l.MaxBytes, MaxLinkedBytes: l.MaxLinkedBytes,
		})
	}
	return view
}

func (s *Server) providerRoutes() {
	register(s, operation{id: "list-providers", method: http.MethodGet, path: "/v1/providers", tag: "channels", doc: "List providers and their settings",
		roles: mayWatch},
		func(_ context.Context, _ access.Caller, _ *struct{}) (*pageOut[Provider], error) {
			out := &pageOut[Provider]{Body: Page[Provider]{Items: []Provider{}}}
			for _, k := range s.Providers.Kinds() {
				out.Body.Items = append(out.Body.Items, Provider{
					Name: k.Name, Title: k.Title, Description: k.Description, Address: string(k.Capabilities.Address),
					Can:    capabilitiesView(&k.Capabilities),
					Preset: k.Preset, Config: configSchema(k.Config),
				})
			}
			return out, nil
		})
}

// configSchema is the JSON Schema of a provider's configuration struct, from
// the same tags by which it is decoded.
func configSchema(config any) map[string]any {
	t := reflect.TypeOf(config).Elem()
	properties, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		property := settingSchema(field)
		properties[name] = property
		if _, hasDefault := property["default"]; !hasDefault && !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func settingSchema(field reflect.StructField) map[string]any {
	property := map[string]any{}
	switch field.Type {
	case reflect.TypeFor[secret.String]():
		property["type"], property["writeOnly"], property["format"] = "string", true, "password"
	case reflect.TypeFor[map[string]secret.String]():
		property["type"], property["writeOnly"], property["additionalProperties"] = "object", true, map[string]any{"type": "string"}
	default:
		switch field.Type.Kind() {
		case reflect.Bool:
			property["type"] = "boolean"
		case reflect.Int, reflect.Int64:
			property["type"] = "integer"
		case reflect.Float64:
			property["type"] = "number"
		case reflect.Map:
			property["type"], property["additionalProperties"] = "object", map[string]any{"type": "string"}
		default:
			property["type"] = "string"
		}
	}
	if field.Tag.Get("destination") == "true" {
		property["x-destination"] = true
	}
	if field.Tag.Get("presented") == "true" {
		property["x-overlap"] = true
	}
	for tag, name := range map[string]string{"doc": "description", "minimum": "minimum", "maximum": "maximum", "default": "default", "example": "examples",
		"enum": "enum", "media": "contentMediaType"} {
		value, ok := field.Tag.Lookup(tag)
		if !ok {
			continue
		}
		switch name {
		case "enum":
			property[name] = strings.Split(value, ",")
		case "examples":
			property[name] = []any{typed(value, property["type"])}
		case "description", "contentMediaType":
			property[name] = value
		default:
			property[name] = typed(value, property["type"])
		}
	}
	return property
}

// typed is a tag's text as a value of a JSON type.
func typed(text string, jsonType any) any {
	switch jsonType {
	case "boolean":
		return text == "true"
	case "integer", "number":
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	}
	return text
}
