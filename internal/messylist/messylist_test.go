package messylist_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	"carillon/internal/messylist"
)

func TestTheListIsAsMessyAsItSays(t *testing.T) {
	var list, again bytes.Buffer
	require.NoError(t, messylist.Write(&list))
	require.NoError(t, messylist.Write(&again))
	require.Equal(t, list.Bytes(), again.Bytes(), "it is the same each time")
	require.False(t, utf8.Valid(list.Bytes()))
	text, err := charmap.Windows1252.NewDecoder().String(list.String())
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	require.Len(t, lines, messylist.People+2)
	require.Equal(t, messylist.Header, lines[0])
	junk, rich := 0, 0
	for _, line := range lines[1 : messylist.People+1] {
		cells := strings.Split(line, ";")
		require.Len(t, cells, 9, line)
		if !strings.HasPrefix(cells[3], "+49") {
			junk++
		}
		if strings.Contains(cells[6], ".") {
			rich++
		}
	}
	require.Equal(t, messylist.JunkPhones, junk)
	require.Equal(t, messylist.Rich, rich)
	require.True(t, strings.HasPrefix(lines[messylist.People+1], "Summe;"))
}
