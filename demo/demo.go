// Package demo owns the sample file that `carillon demo` takes in: contacts
// from many countries, made up, with the faults that real files have. It must
// not know what is done with them.
//
// Every address is on a domain that RFC 2606 reserves. Telephone numbers are
// from the ranges that regulators keep for fiction where there are such, and
// made up elsewhere: send to them through the sandbox alone.
package demo

import _ "embed"

//go:generate go run ./generate -o contacts.csv

// Contacts is the sample file, in UTF-8 with commas. The program in generate
// made it and makes it again, byte for byte.
//
//go:embed contacts.csv
var Contacts []byte
