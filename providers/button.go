package providers

// ButtonType is what a button does.
type ButtonType string

// The types of buttons.
const (
	ButtonLink     ButtonType = "link"     // opens the address in Info
	ButtonPostback ButtonType = "postback" // answers with Info, or with the caption
	ButtonCall     ButtonType = "call"     // calls the number in Info
	ButtonShare    ButtonType = "share"    // hands the address in Info on to others
)

// ButtonTypes lists every type in the order in which users are shown them.
func ButtonTypes() []ButtonType {
	return []ButtonType{ButtonLink, ButtonPostback, ButtonCall, ButtonShare}
}

// Bounds of buttons.
const (
	MaxButtons = 10
	// MaxCaption is in letters: what WhatsApp documents for its templates.
	MaxCaption = 25
	// MaxButtonInfo is in bytes: what WhatsApp documents for addresses.
	MaxButtonInfo = 2000
)

// MessageButton stands below a message.
type MessageButton struct {
	Type    ButtonType `json:"type" enum:"link,postback,call,share" doc:"What it does: open an address, answer, call a number, hand an address on."`
	Caption string     `json:"caption" doc:"What stands on it: 1 to 25 letters; Liquid is allowed."`
	Info    string     `json:"info,omitempty" doc:"Of link and share an address, of call a number such as +49301234567, of postback what is answered instead of the caption; Liquid is allowed."`
}

// Words are a button as a line of a text, where it can't be one.
func (b MessageButton) Words() string {
	if b.Type == ButtonPostback {
		return `Reply "` + b.Caption + `"`
	}
	return b.Caption + ": " + b.Info
}
