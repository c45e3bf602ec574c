package contacts

import (
	"encoding/json"

	"carillon/contacts/value"
)

// PreviewPeople is how many people a dry run shows as they would be.
const PreviewPeople = 3

// PreviewPerson is somebody as an import would make or leave them.
type PreviewPerson struct {
	// ContactID is who is known already; 0 for somebody new.
	ContactID  int64             `json:"contact_id,omitempty"`
	ExternalID string            `json:"external_id,omitempty"`
	Name       string            `json:"name,omitempty"`
	FirstName  string            `json:"first_name,omitempty"`
	LastName   string            `json:"last_name,omitempty"`
	Language   string            `json:"language,omitempty"`
	Timezone   string            `json:"timezone,omitempty"`
	Status     string            `json:"status,omitempty"`
	Addresses  map[string]string `json:"addresses,omitempty"`
	// Attributes are the values that the file gives to properties.
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
	Groups     []string                   `json:"groups,omitempty"`
	Labels     []string                   `json:"labels,omitempty"`
	Categories []string                   `json:"categories,omitempty"`
	// Row is what templates find under row.
	Row json.RawMessage `json:"row,omitempty"`
}

// Preview is the person as people are shown them; group is one that everybody joins, and
// may be empty.
func (p *Person) Preview(group string) PreviewPerson {
	shown := PreviewPerson{
		ExternalID: p.ExternalID, Name: p.Name, FirstName: p.FirstName, LastName: p.LastName, Language: p.Language, Timezone: p.Timezone,
		Status: string(p.Status), Attributes: p.Attributes, Addresses: map[string]string{},
	}
	if p.Stored != nil {
		shown.ContactID = p.ID
	}
	if p.Data != "" {
		shown.Row = json.RawMessage(p.Data)
	}
	for i, kind := range value.Kinds() {
		if p.Addresses[i] != "" {
			shown.Addresses[string(kind)] = p.Addresses[i]
		}
	}
	if group != "" {
		shown.Groups = []string{group}
	}
	for _, list := range p.Lists {
		switch list.Kind {
		case Group:
			shown.Groups = append(shown.Groups, list.Name)
		case Label:
			shown.Labels = append(shown.Labels, list.Name)
		case Category:
			shown.Categories = append(shown.Categories, list.Name)
		case UploadedList:
		}
	}
	return shown
}
