package chatwoot

import (
	"errors"
	"net/http"
	"strings"

	"carillon/internal/fault"
)

// wrong gathers what is wrong with what is to be kept.
type wrong struct {
	messages   []string
	attributes []string
}

func (w *wrong) add(attribute, message string) {
	w.messages = append(w.messages, message)
	for _, known := range w.attributes {
		if known == attribute {
			return
		}
	}
	w.attributes = append(w.attributes, attribute)
}

// err is the answer that says so; nil if nothing is wrong.
func (w *wrong) err() error {
	if len(w.messages) == 0 {
		return nil
	}
	return &refusal{http.StatusUnprocessableEntity, invalid{strings.Join(w.messages, ", "), w.attributes}}
}

// refuseField is an answer that says what is wrong with one thing.
func refuseField(attribute, message string) error {
	var w wrong
	w.add(attribute, message)
	return w.err()
}

// invalidOf is what is said of an error of ours for which Chatwoot has no words.
func invalidOf(err error, text string) invalid {
	out := invalid{Message: text, Attributes: []string{}}
	var f *fault.Error
	if errors.As(err, &f) && len(f.Fields) > 0 {
		var said []string
		for _, field := range f.Fields {
			said, out.Attributes = append(said, field.Location+" "+field.Message), append(out.Attributes, field.Location)
		}
		out.Message = strings.Join(said, ", ")
	}
	return out
}

// fieldsOf are the places that an error of ours names, if it is one of a code.
func fieldsOf(err error, code fault.Code) []fault.Field {
	var f *fault.Error
	if errors.As(err, &f) && f.Code == code {
		return f.Fields
	}
	return nil
}
