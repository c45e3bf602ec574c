package api

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
)

// The enum of a tag is written by hand: it names every reason that there is.
func TestTheReasonsOfARunAreAllOfThem(t *testing.T) {
	reason, known := reflect.TypeFor[ReasonCount]().FieldByName("Reason")
	require.True(t, known)
	require.Equal(t, strings.Join(messages.Reasons(), ","), reason.Tag.Get("enum"))
}
