package reply

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestInterpret(t *testing.T) {
	for text, want := range map[string]Meaning{
		"STOP": OptOut, " stop \n": OptOut, "Stop!!!": OptOut, "«STOP»": OptOut, "stopp": OptOut, "ABMELDEN.": OptOut, "Arrêt": OptOut, "ARRET": OptOut,
		"Stop   ALL": OptOut, "baja": OptOut, "QUIT": OptOut, "End": OptOut, "cancel": OptOut, "TD": OptOut, "opt-out": OptOut, "OPT OUT": OptOut,
		"KÜNDIGEN": OptOut, "Ku\u0308ndigen": OptOut, "nein danke": OptOut,
		"START": OptIn, "unstop": OptIn, "Ja": OptIn, "yes!": OptIn, "Sí": OptIn,
		"HELP": Help, "Hilfe?": Help, "info": Help,
		"stob": Near, "sstop": Near, "abmeldn": Near, "please stop": Near, "Bitte abmelden, danke": Near, "strt": Near,
		"Stop.Now": Near,
		"":         Other, "👍": Other, "?!": Other, "thanks": Other, "no": Other,
		"I did not stop by at your shop yesterday because it rained": Other,
		"the endless weekend":        Other,
		strings.Repeat("stop ", 100): Other,
	} {
		require.Equal(t, want, Interpret(text), "%q", text)
	}
}

func TestConfirmation(t *testing.T) {
	_, german := Confirmation("de-AT")
	require.Contains(t, german, "abgemeldet")
	subject, english := Confirmation("")
	require.Equal(t, "You are unsubscribed", subject)
	_, unknown := Confirmation("tlh")
	require.Equal(t, english, unknown)
	require.Equal(t, "de", LanguageOf("Abmelden!"))
	require.Empty(t, LanguageOf("STOP"), "it is a word of many")
	for tag, l := range load().languages {
		require.NotEmpty(t, l.OptOut, tag)
		require.NotEmpty(t, l.OptIn, tag)
		require.NotEmpty(t, l.Help, tag)
		require.NotEmpty(t, l.Subject, tag)
		require.Contains(t, l.Confirmation, "START", "%s: it says how to come back", tag)
		require.LessOrEqual(t, utf8.RuneCountInString(l.Confirmation), 160, "%s: it fits into one text message", tag)
		for _, word := range l.OptOut {
			require.Equal(t, OptOut, Interpret(strings.ToUpper(word)), "%s: %s", tag, word)
		}
	}
}

func FuzzInterpret(f *testing.F) {
	for _, seed := range []string{"STOP", "please stop", "\xff", "Ǆ", "stop\u0000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		meaning := Interpret(text)
		require.Contains(t, append(Meanings(), Near), meaning)
		require.Equal(t, meaning, Interpret(" \t"+text+" \n"), "white space around it changes nothing")
	})
}

func FuzzWithin1(f *testing.F) {
	f.Add("stop", "stob")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) || len(a)+len(b) > 40 {
			return
		}
		require.Equal(t, distance([]rune(a), []rune(b)) <= 1, within1(a, b))
		require.Equal(t, within1(a, b), within1(b, a))
	})
}

// distance is Levenshtein's, the plain way.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before := row[0]
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, before+cost)
		}
	}
	return row[len(b)]
}
