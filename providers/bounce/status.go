package bounce

import (
	"regexp"
	"strings"
)

// Action is what became of a recipient (RFC 3464, 2.3.3).
type Action string

// The actions.
const (
	Failed    Action = "failed"
	Delayed   Action = "delayed"   // it is tried again
	Delivered Action = "delivered" // to the mailbox
	Relayed   Action = "relayed"   // to a server that reports nothing back
	Expanded  Action = "expanded"  // to the members of a list
)

// Delivery is what became of one recipient.
type Delivery struct {
	Action Action
	// Status is the enhanced code (RFC 3463) such as 5.1.1; empty where there is none.
	Status string
	// Said is what the server that refused it said; empty where nothing is told. A server's
	// reply has its code in front.
	Said string
}

// maxDeliveries bounds the recipients of a report: a message of ours has one, which may stand
// for a list.
const maxDeliveries = 100

// maxField bounds a field with the lines that go on with it, in bytes.
const maxField = 8 << 10

// deliveries reads the machine's part of a report: a group of fields for the message, then one
// for each recipient.
func deliveries(part []byte) (list []Delivery) {
	for _, fields := range groups(part) {
		action := Action(strings.ToLower(word(fields["action"])))
		if action == "" || len(list) == maxDeliveries {
			continue
		}
		said := fields["diagnostic-code"]
		if _, text, typed := strings.Cut(said, ";"); typed {
			said = strings.TrimSpace(text)
		}
		list = append(list, Delivery{Action: action, Status: codeIn(word(fields["status"])), Said: said})
	}
	return list
}

// groups are the groups of fields in a text, which blank lines part, by their names in lower
// case: those of the message and of as many recipients as are looked at. Of several fields of a
// name the first counts, and of a long one its beginning.
func groups(text []byte) (list []map[string]string) {
	var fields map[string]string
	last := ""
	for line := range strings.SplitSeq(string(text), "\n") {
		line = strings.TrimRight(line, "\r \t")
		switch {
		case line == "":
			fields, last = nil, ""
			continue
		case line[0] == ' ' || line[0] == '\t':
			if last != "" && len(fields[last])+len(line) <= maxField {
				fields[last] += " " + strings.TrimSpace(line)
			}
			continue
		}
		name, value, is := strings.Cut(line, ":")
		if !is {
			last = ""
			continue
		}
		if fields == nil {
			if len(list) > maxDeliveries {
				return list
			}
			fields = map[string]string{}
			list = append(list, fields)
		}
		last = strings.ToLower(strings.TrimSpace(name))
		if _, twice := fields[last]; twice {
			last = ""
			continue
		}
		fields[last] = strings.TrimSpace(value)
	}
	return list
}

// word is the first word of a field, without the comment that may follow.
func word(field string) string {
	field, _, _ = strings.Cut(field, "(")
	field, _, _ = strings.Cut(strings.TrimSpace(field), " ")
	return strings.TrimRight(field, ";,")
}

// coded is an enhanced code that stands alone: no part of an address or a version.
var coded = regexp.MustCompile(`(?:^|[^0-9A-Za-z.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:$|[^0-9A-Za-z.]|\.(?:$|[^0-9]))`)

// codeIn is the first enhanced code in a text; empty if there is none.
func codeIn(text string) string {
	if found := coded.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}
