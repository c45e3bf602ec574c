package cli

import (
	"fmt"
	"strconv"
)

// rateFlag is a rate as a flag has it: a number a second, or none. 0 would be a limit that
// lets nothing pass to whoever reads it, and is none to the server: it is asked back.
type rateFlag struct{ to *float64 }

const noRate = "none"

// Set reads the flag.
func (f rateFlag) Set(text string) error {
	if text == noRate {
		*f.to = 0
		return nil
	}
	rate, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return fmt.Errorf("must be messages a second, such as 50, or none")
	case rate == 0:
		return fmt.Errorf("0 would send nothing: write none for no limit, and `carillon channel pause` or `carillon campaign pause` to stop")
	}
	*f.to = rate
	return nil
}

// String is the flag's value.
func (f rateFlag) String() string {
	if f.to == nil || *f.to == 0 {
		return ""
	}
	return strconv.FormatFloat(*f.to, 'g', -1, 64)
}

// Type is what the help calls the value.
func (rateFlag) Type() string { return "rate" }
