package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// categories are Meta's of templates, of which it takes texts of our own: what codes for signing
// in say Meta writes itself.
var categories = []string{"marketing", "utility"}

// SubmitTemplate hands one language of a template in for Meta's review, which takes minutes to a
// day. Nothing is sent to anybody.
func (p *Provider) SubmitTemplate(ctx context.Context, t providers.NewTemplate) (providers.TemplateStatus, error) {
	if p.config.BusinessAccountID == "" {
		return "", noAccount()
	}
	if !slices.Contains(categories, t.Category) {
		return "", &providers.Error{Kind: providers.ErrorContent, Code: "category",
			Err: fmt.Errorf("WhatsApp takes templates of the categories %s, and this one is %q: make it in WhatsApp Manager",
				strings.Join(categories, " and "), t.Category)}
	}
	body, err := json.Marshal(submitted(t))
	if err != nil {
		return "", fmt.Errorf("encode template: %w", err)
	}
	var made struct {
		Status string `json:"status"`
	}
	_, err = p.graph.Line.Ask(ctx, line.Asking{
		Message: &providers.Message{},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := p.graph.Request(ctx, http.MethodPost, p.config.BusinessAccountID+"/message_templates", nil)
			return r, body, err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			text := line.Text(answer)
			if failure := p.graph.Refusal(answer, text); failure != nil {
				return providers.Accepted{}, failure
			}
			if json.Unmarshal([]byte(text), &made) != nil || made.Status == "" {
				return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer is not the Graph API's: check config.api")}
			}
			return providers.Accepted{}, nil
		},
	})
	if err != nil {
		failure := *providers.AsError(err)
		if failure.Kind == providers.ErrorInDoubt { // what came of it the list of templates says
			failure.Kind = providers.ErrorTemporary
		}
		return "", &failure
	}
	k := kept{Status: made.Status}
	return k.template().Status, nil
}

func noAccount() *providers.Error {
	return &providers.Error{Kind: providers.ErrorAccount,
		Err: errors.New("config.business_account_id is not set: the templates are the WhatsApp Business Account's")}
}

// submitted is a template as Meta takes it.
func submitted(t providers.NewTemplate) map[string]any {
	named := slices.ContainsFunc(slices.Concat(t.HeaderSamples, t.BodySamples), func(p providers.PlaceValue) bool { return number(p.Place) == 0 })
	var components []any
	add := func(component map[string]any) { components = append(components, component) }
	if t.Header != "" {
		header := map[string]any{"type": "HEADER", "format": "TEXT", "text": t.Header}
		if len(t.HeaderSamples) > 0 {
			header["example"] = samples("header_text", t.HeaderSamples, named)
		}
		add(header)
	}
	body := map[string]any{"type": "BODY", "text": t.Body}
	if len(t.BodySamples) > 0 {
		body["example"] = samples("body_text", t.BodySamples, named)
	}
	add(body)
	if t.Footer != "" {
		add(map[string]any{"type": "FOOTER", "text": t.Footer})
	}
	var buttons []any
	for _, b := range t.Buttons {
		buttons = append(buttons, newButton(b))
	}
	if len(buttons) > 0 {
		add(map[string]any{"type": "BUTTONS", "buttons": buttons})
	}
	format := "positional"
	if named {
		format = "named"
	}
	return map[string]any{
		"name": t.Name, "language": strings.ReplaceAll(t.Language, "-", "_"), "category": strings.ToUpper(t.Category),
		"parameter_format": format, "components": components,
	}
}

// samples are examples of what fills the places of a text: of places that are numbers in their
// order, one list of them for each example of a body.
func samples(text string, places []providers.PlaceValue, named bool) map[string]any {
	if named {
		list := make([]any, len(places))
		for i, p := range places {
			list[i] = map[string]any{"param_name": p.Place, "example": oneLine(p.Value)}
		}
		return map[string]any{text + "_named_params": list}
	}
	list := make([]string, len(places))
	for i, p := range places {
		list[i] = oneLine(p.Value)
	}
	if text == "body_text" {
		return map[string]any{text: [][]string{list}}
	}
	return map[string]any{text: list}
}

func newButton(b providers.NewButton) map[string]any {
	switch b.Type {
	case providers.NewURL:
		button := map[string]any{"type": "URL", "text": b.Text, "url": b.Value}
		if b.Sample != "" {
			button["url"], button["example"] = b.Value+"{{1}}", []string{b.Value + b.Sample}
		}
		return button
	case providers.NewPhone:
		return map[string]any{"type": "PHONE_NUMBER", "text": b.Text, "phone_number": b.Value}
	case providers.NewCopyCode:
		return map[string]any{"type": "COPY_CODE", "example": b.Sample}
	default:
		return map[string]any{"type": "QUICK_REPLY", "text": b.Text}
	}
}
