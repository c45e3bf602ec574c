package providertest

import (
	"fmt"

	"carillon/providers"
)

// Message is a message for an adapter, complete in all that every kind may have.
func Message(kind providers.AddressKind, id int64) providers.Message {
	m := providers.Message{
		ID: id, Attempt: 1, To: fmt.Sprintf("someone%d@example.com", id), ToName: "Zoë Ångström",
		Content: providers.Content{
			Subject: "Grüße aus Łódź", Text: "Hello,\n.dots stay\n\nbye", HTML: "<p>Hello, <b>Zoë</b></p>",
		},
		UnsubscribeURL: "https://example.com/u/abc",
		Metadata:       map[string]string{"campaign": "7"},
	}
	if kind == providers.Phone {
		m.To = "+491510000000"
	}
	return m
}

func (s Subject) message(id int64) providers.Message {
	return Message(s.Kind.Capabilities.Address, id)
}
