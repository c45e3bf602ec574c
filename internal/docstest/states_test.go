package docstest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/queue"
)

const statesPage = "docs/states.md"

// table are the cells of the first table under a heading, without its head.
func table(t *testing.T, page, heading string) [][]string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, page))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(source), "\n## "+heading+"\n")
	require.True(t, ok, "%s has no heading %s", page, heading)
	var rows [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if rows != nil {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	require.Greater(t, len(rows), 2)
	return rows[2:]
}

var code = regexp.MustCompile("`([a-z_]+)`")

// states are the distinct states that a text names in backquotes.
func states(t *testing.T, text string) []messages.State {
	t.Helper()
	var found []messages.State
	for _, match := range code.FindAllStringSubmatch(text, -1) {
		state, err := messages.ParseState(match[1])
		require.NoError(t, err)
		if !slices.Contains(found, state) {
			found = append(found, state)
		}
	}
	slices.Sort(found)
	return found
}

func TestStatesTable(t *testing.T) {
	rows := table(t, statesPage, "States")
	require.Len(t, rows, messages.NumStates)
	for i, from := range messages.States() {
		require.Equal(t, []messages.State{from}, states(t, rows[i][0]))
		var moves []messages.State
		for _, to := range messages.States() {
			if messages.CanMove(from, to) {
				moves = append(moves, to)
			}
		}
		require.Equal(t, moves, states(t, rows[i][2]), "where %s leaves to", from)
	}
}

// TestReasonsTable holds the page to the constants in the code, whose names are
// read from it: a new reason is missed here.
func TestReasonsTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "messages", "state.go"), nil, 0)
	require.NoError(t, err)
	want := []string{queue.DeniedRecipientSpacing, queue.DeniedRecipientsPerDay}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		want = append(want, value)
		return true
	})
	slices.Sort(want)
	var got []string
	for _, row := range table(t, statesPage, "Reasons") {
		require.Len(t, row, 4)
		got = append(got, strings.Trim(row[0], "`"))
		require.NotEmpty(t, states(t, row[1]), row[0])
		for _, cell := range row {
			require.NotEmpty(t, cell, row[0])
		}
	}
	slices.Sort(got)
	want = slices.Compact(want)
	require.Equal(t, want, slices.Compact(got))
	require.Equal(t, want, slices.Sorted(slices.Values(messages.Reasons())), "messages.Reasons leaves none out")
}

const (
	vocabularyBegin = "<!-- vocabulary: go test ./internal/docstest -update writes this table -->\n"
	vocabularyEnd   = "<!-- end of vocabulary -->\n"
)

// vocabularyTable is the reference APIs' words as the page shows them.
func vocabularyTable() string {
	var b strings.Builder
	b.WriteString("| API | list | word | here | |\n|---|---|---|---|---|\n")
	for _, w := range campaigns.Vocabulary() {
		here := "—"
		switch w.Kind {
		case campaigns.WordMessage:
			here = "`" + w.State.String() + "`"
		case campaigns.WordCampaign:
			here = "campaign `" + string(w.Status) + "`"
		}
		b.WriteString("| " + w.API + " | " + w.List + " | `" + w.Word + "` | " + here + " | " + w.Note + " |\n")
	}
	return b.String()
}

func TestVocabularyTable(t *testing.T) {
	requireTable(t, place{statesPage, vocabularyBegin, vocabularyEnd}, vocabularyTable())
}

func TestStandstillsAreExplained(t *testing.T) {
	var explained []campaigns.StandstillReason
	for _, row := range table(t, statesPage, "When nothing goes out") {
		explained = append(explained, campaigns.StandstillReason(strings.Trim(row[0], "`")))
	}
	require.Equal(t, campaigns.StandstillReasons(), explained, "in the order in which they are told")
}

// The limits that the queue names are explained, and the API knows them and the standstills.
func TestPacesAreExplained(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "campaigns", "queue_pace.go"), nil, 0)
	require.NoError(t, err)
	var want []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Pace") {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			want = append(want, value)
		}
		return true
	})
	var explained []string
	for _, row := range table(t, statesPage, "How fast, and why no faster") {
		explained = append(explained, strings.Trim(row[0], "`"))
	}
	require.Equal(t, want, explained)
	for _, reason := range campaigns.StandstillReasons() {
		want = append(want, string(reason))
	}
	source, err := os.ReadFile(filepath.Join(root, "api", "testdata", "openapi.json"))
	require.NoError(t, err)
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Enum []string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(source, &document))
	require.Equal(t, want, document.Components.Schemas["QueuePace"].Properties["reason"].Enum)
}
