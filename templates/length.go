package templates

import "strings"

// Length is how long a text is as an SMS (3GPP TS 23.038).
type Length struct {
	Encoding string `json:"encoding" enum:"gsm7,ucs2" doc:"gsm7 where all letters are in the alphabet of GSM; one that is not makes all of them ucs2."`
	Units    int    `json:"units" doc:"The length in units of the encoding: most letters are one, some two."`
	Segments int    `json:"segments" doc:"How many messages a telephone network makes of it."`
	Left     int    `json:"left" doc:"How many units the last of these has room for."`
}

// The alphabet of GSM, and the letters of it that take two units.
const (
	gsmAlphabet = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtension = "\f^{}\\[~]|€"
)

// Units that a message has alone, and as a part of a long one, which needs room to say so.
const (
	gsmAlone, gsmPart = 160, 153
	ucsAlone, ucsPart = 70, 67
)

// LengthOf is how long a text is as an SMS.
func LengthOf(text string) Length {
	l := Length{Encoding: "gsm7"}
	widths, alone, part := make([]int, 0, len(text)), gsmAlone, gsmPart
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmAlphabet, r):
			widths = append(widths, 1)
		case strings.ContainsRune(gsmExtension, r):
			widths = append(widths, 2)
		default:
			l.Encoding = "ucs2"
		}
	}
	if l.Encoding == "ucs2" {
		widths, alone, part = widths[:0], ucsAlone, ucsPart
		for _, r := range text {
			width := 1
			if r > 0xFFFF { // two of UTF-16
				width = 2
			}
			widths = append(widths, width)
		}
	}
	for _, width := range widths {
		l.Units += width
	}
	if l.Units <= alone {
		l.Segments, l.Left = 1, alone-l.Units
		return l
	}
	// No letter is torn: one of two units goes to the next part where one unit is left.
	for _, width := range widths {
		if l.Left < width {
			l.Segments, l.Left = l.Segments+1, part
		}
		l.Left -= width
	}
	return l
}
