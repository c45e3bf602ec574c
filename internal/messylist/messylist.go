// Package messylist owns a list of people as a German office keeps it, for tests: a
// spreadsheet's CSV in Windows-1252 with semicolons, umlauts, decimal commas, dates with
// dots, junk in a column that nobody needs and a total at the end.
package messylist

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// What the list has.
const (
	// People are those who can be written to, each with an address of their own.
	People = 500
	// JunkPhones are those of them whose phone number is none.
	JunkPhones = 86
	// Rich are those of them who spent more than 1000.
	Rich = 125
	// Header are its columns.
	Header = "Nachname;Vorname;E-Mail;Telefon;PLZ;Ort;Umsatz;Geburtstag;Newsletter"
)

var (
	firstNames = []string{"Jürgen", "Zoë", "Björn", "Anna  Maria", "Käthe", "Günther", "Søren", "Åsa"}
	lastNames  = []string{"Müller", "Groß", "Schäfer", "Weiß-Löwe", "Öztürk", "Jäger", "von der Heide"}
	cities     = []string{"München", "Köln", "Düsseldorf", "Dresden", "Würzburg"}
	postcodes  = []string{"80331", "50667", "40213", "01067", "97070"}
)

// Write writes the list.
func Write(w io.Writer) error {
	out := charmap.Windows1252.NewEncoder().Writer(w)
	var b strings.Builder
	b.WriteString(Header + "\r\n")
	total := 0
	for i := range People {
		phone, junk := fmt.Sprintf("+49 171 %07d", 1000000+i), []string{"unbekannt", "k.A. (fragen)", "siehe Notiz"}
		if i*JunkPhones/People != (i+1)*JunkPhones/People {
			phone = junk[i%len(junk)]
		}
		cents := 1050 + i%4*40000 // a quarter spent 1.210,50
		total += cents
		newsletter := "ja"
		if i%3 == 0 {
			newsletter = "nein"
		}
		fmt.Fprintf(&b, "%s;%s;person%d@example.org;%s;%s;%s;%s;%02d.%02d.%d;%s\r\n", lastNames[i%len(lastNames)], firstNames[i%len(firstNames)], i, phone,
			postcodes[i%len(postcodes)], cities[i%len(cities)], euros(cents), 1+i%28, 1+i%12, 1950+i%50, newsletter)
	}
	fmt.Fprintf(&b, "Summe;;;;;;%s;;\r\n", euros(total))
	_, err := io.WriteString(out, b.String())
	return err
}

// euros is an amount as Germans write it.
func euros(cents int) string {
	whole := fmt.Sprint(cents / 100)
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "." + whole[at:]
	}
	return fmt.Sprintf("%s,%02d", whole, cents%100)
}
