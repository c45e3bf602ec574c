package messages

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/providers"
)

// Can says what a channel's provider can do.
func (s *Service) Can(channel providers.Channel) (providers.Capabilities, error) {
	kind, err := s.kinds.Kind(channel.Provider)
	return kind.Capabilities, err
}

// Domains are the domain that a channel's messages come from, and the one that the far end
// signs for; empty where there is none, or it is not known.
func (s *Service) Domains(channel providers.Channel) (from, signed string, err error) {
	kind, err := s.kinds.Kind(channel.Provider)
	if err != nil || kind.SenderDomain == nil || kind.SignedDomain == nil {
		return "", "", err
	}
	return kind.SenderDomain(channel.Config), kind.SignedDomain(channel.Config), nil
}

// number is one that can be called.
var number = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)

// checkButtons says what is wrong with the buttons of a content, its Liquid aside.
func checkButtons(buttons []providers.MessageButton) (wrong []fault.Field) {
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "content." + location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if n := len(buttons); n > providers.MaxButtons {
		add("buttons", n, "at most %d buttons", providers.MaxButtons)
	}
	for i, b := range buttons {
		at := fmt.Sprintf("buttons[%d].", i)
		if !slices.Contains(providers.ButtonTypes(), b.Type) {
			add(at+"type", b.Type, "must be link, postback, call or share")
			continue
		}
		switch n := utf8.RuneCountInString(b.Caption); {
		case strings.TrimSpace(b.Caption) == "", !hasLiquid(b.Caption) && n > providers.MaxCaption:
			add(at+"caption", b.Caption, "a button needs a caption of 1 to %d letters, such as Our shop", providers.MaxCaption)
		case len(b.Caption) > providers.MaxButtonInfo:
			add(at+"caption", nil, "has %d bytes; at most %d with its Liquid", len(b.Caption), providers.MaxButtonInfo)
		case strings.ContainsAny(b.Caption, "\r\n"):
			add(at+"caption", b.Caption, "must be one line")
		}
		switch {
		case len(b.Info) > providers.MaxButtonInfo:
			add(at+"info", nil, "has %d bytes; at most %d", len(b.Info), providers.MaxButtonInfo)
		case strings.ContainsAny(b.Info, "\r\n"):
			add(at+"info", b.Info, "must be one line")
		case (b.Type == providers.ButtonLink || b.Type == providers.ButtonShare) && !isWebAddress(b.Info):
			add(at+"info", b.Info, "a %s button needs an address such as https://example.org/shop", b.Type)
		case b.Type == providers.ButtonCall && !hasLiquid(b.Info) && !number.MatchString(b.Info):
			add(at+"info", b.Info, "a call button needs a number such as +49301234567")
		}
	}
	return wrong
}

// hasLiquid reports whether a text is not known before it is rendered.
func hasLiquid(text string) bool { return strings.Contains(text, "{{") || strings.Contains(text, "{%") }

// isWebAddress reports whether a text is an address of the web, or one as far as can be
// said of Liquid: it begins with https://, http:// or Liquid.
func isWebAddress(text string) bool {
	if hasLiquid(text) {
		return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "{")
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// withButtons says that a text is longer than it is written.
func withButtons(content providers.Content, can providers.Capabilities) string {
	for _, b := range content.Buttons {
		if !slices.Contains(can.Buttons, b.Type) {
			return " with the buttons that stand in it"
		}
	}
	return ""
}
