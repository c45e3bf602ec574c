package messages

import (
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Brand is how an account shows itself on the pages of recipients.
type Brand struct {
	// Name is who writes, as recipients know them; empty shows none.
	Name string
	// Color is #rrggbb, or empty for ours.
	Color string
}

// maxBrandName is in letters: more than a phone shows in a line.
const maxBrandName = 100

// CheckBrandName says what is wrong with a brand's name; empty for nothing.
func CheckBrandName(name string) string {
	switch {
	case utf8.RuneCountInString(name) > maxBrandName:
		return fmt.Sprintf("has more than %d letters", maxBrandName)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "must be one line of text"
	}
	return ""
}

// ownColor is that of pages whose account has chosen none.
const ownColor = "#14532d"

var hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// CheckColor says what is wrong with a brand's colour; empty for nothing. Buttons have it
// behind white or black, whichever is read better, and one of them always can be: the worst
// contrast there is is 4.58 to 1, and WCAG 2.2 asks for 4.5.
func CheckColor(color string) string {
	if color == "" || hexColor.MatchString(color) {
		return ""
	}
	return "must be a colour such as #14532d"
}

// Accent is the colour of buttons, OnAccent that of the words in them.
func (b Brand) Accent() template.CSS {
	if !hexColor.MatchString(b.Color) {
		return ownColor
	}
	return template.CSS(b.Color) //nolint:gosec // six digits behind a #
}

// OnAccent is said at Accent.
func (b Brand) OnAccent() template.CSS {
	if contrast(string(b.Accent()), "#ffffff") >= contrast(string(b.Accent()), "#000000") {
		return "#ffffff"
	}
	return "#000000"
}

// contrast is that of two colours by WCAG 2.2, from 1 to 21.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of a colour by WCAG 2.2.
func luminance(color string) float64 {
	weights, sum := [3]float64{0.2126, 0.7152, 0.0722}, 0.0
	for i, weight := range weights {
		n, _ := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8) // six hexadecimal digits
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
