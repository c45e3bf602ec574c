package xms

import "carillon/providers"

// ContentOf reads a body in all the ways in which calls read one, and is what a message of it
// says.
func ContentOf(body []byte) (providers.Content, error) {
	if given, err := read[pushed](body); err == nil {
		_ = eventNameOf(string(given.EventName) + string(given.Type))
	}
	m, err := read[message](body)
	if err != nil {
		return providers.Content{}, err
	}
	if wrong := m.check(); wrong != nil {
		return providers.Content{}, wrong
	}
	switch m.kind() {
	case typeTemplate, typeSystem, typeOptIn, typeOptOut:
		return providers.Content{}, nil
	}
	s := sending{message: m, channel: providers.Channel{Address: providers.WhatsApp}}
	return s.content()
}
