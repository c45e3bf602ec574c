package mail

import (
	"fmt"
	"strings"

	"carillon/internal/fault"
)

// WrongSender says what is wrong with the settings from, from_name and reply_to of a channel, of
// which the last two may be empty.
func WrongSender(from, fromName, replyTo string) []fault.Field {
	var wrong []fault.Field
	refuse := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...), Value: value})
	}
	if a, err := ParseMailbox(from); err != nil {
		refuse("from", from, "must be an e-mail address: %v", err)
	} else if a.UTF8 {
		refuse("from", from, "must be an ASCII address (a domain in its xn-- form), because not every server takes others")
	}
	if replyTo != "" {
		if a, err := ParseMailbox(replyTo); err != nil {
			refuse("reply_to", replyTo, "must be an e-mail address: %v", err)
		} else if a.UTF8 {
			refuse("reply_to", replyTo, "must be an ASCII address")
		}
	}
	if strings.ContainsAny(fromName, "\r\n") {
		refuse("from_name", nil, "must be one line")
	}
	return wrong
}

// escaped are the letters that can't stand between quotation marks as they are.
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Named is an address with a name before it, as services take it in one text: the name is
// between quotation marks, because a comma or a bracket in it would make two addresses of it.
func Named(name, address string) string {
	if name == "" {
		return address
	}
	return `"` + escaped.Replace(name) + `" <` + address + ">"
}
