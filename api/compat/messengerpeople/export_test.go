package messengerpeople

import "carillon/contacts/property"

// For the fuzz tests.
var (
	Liquid = liquid
	Said   = said
)

// KeyWithin is the key in the head of a body.
var KeyWithin = within

// Inward says a query in Carillon's words.
func Inward(query string, properties []property.Property) ([]byte, error) {
	return translator{properties: properties, slots: map[int64]int{7: 1}}.queries().Rule([]byte(query))
}
