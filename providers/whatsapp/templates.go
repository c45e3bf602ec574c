package whatsapp

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"carillon/providers"
)

// Bounds of a list of templates: an account has at most 6,000, each in several languages.
const (
	templatesOnPage = 50
	mostPages       = 4000
)

// kept is a template as Meta lists it, as far as it is read.
type kept struct {
	Name       string `json:"name"`
	Language   string `json:"language"`
	Status     string `json:"status"`
	Category   string `json:"category"`
	Reason     string `json:"rejected_reason"`
	Components []part `json:"components"`
}

// page is a page of a list. The address of the next one is not asked, because it names a host
// and holds the token: it only says that there is one.
type page struct {
	Data   []kept `json:"data"`
	Paging struct {
		Cursors struct {
			After string `json:"after"`
		} `json:"cursors"`
		Next string `json:"next"`
	} `json:"paging"`
}

// states are the words of Meta's for what becomes of a template.
var states = map[string]providers.TemplateStatus{
	"APPROVED": providers.TemplateApproved,
	"PENDING":  providers.TemplatePending, "IN_APPEAL": providers.TemplatePending,
	"REJECTED": providers.TemplateRejected,
	"PAUSED":   providers.TemplatePaused,
	"DISABLED": providers.TemplateDisabled,
}

// SyncTemplates lists the templates of the WhatsApp Business Account. It sends nothing.
func (p *Provider) SyncTemplates(ctx context.Context) ([]providers.Template, error) {
	if p.config.BusinessAccountID == "" {
		return nil, noAccount()
	}
	var all []providers.Template
	listed := map[[2]string]bool{}
	query := url.Values{"fields": {"name,language,status,rejected_reason,components"}, "limit": {strconv.Itoa(templatesOnPage)}}
	for range mostPages {
		var got page
		if err := p.graph.Look(ctx, p.config.BusinessAccountID+"/message_templates", query, &got); err != nil {
			return nil, err
		}
		for i := range got.Data {
			t := got.Data[i].template()
			if key := [2]string{t.Name, t.Language}; !listed[key] { // one that moved meanwhile comes twice
				listed[key] = true
				all = append(all, t)
			}
		}
		after := got.Paging.Cursors.After
		switch {
		case got.Paging.Next == "":
			return all, nil
		case after == "" || after == query.Get("after"):
			return nil, endless()
		}
		query.Set("after", after)
	}
	return nil, endless()
}

func endless() *providers.Error {
	return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the list of templates does not end: each page says that there is one more")}
}

// template is one as the catalogue has it. What became of one that is neither waiting, approved,
// rejected nor paused comes to the same: it can't be used.
func (k *kept) template() providers.Template {
	t := providers.Template{Name: k.Name, Language: k.Language, Status: states[k.Status], Reason: k.Reason}
	if t.Reason == "NONE" {
		t.Reason = ""
	}
	if t.Status == "" {
		t.Status, t.Reason = providers.TemplateDisabled, k.Status
	}
	t.Category = strings.ToLower(k.Category)
	for i := range k.Components {
		k.Components[i].into(&t)
	}
	return t
}
