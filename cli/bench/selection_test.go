package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func names(t *testing.T, s Selection) (list []string) {
	t.Helper()
	scenarios, err := s.Scenarios()
	require.NoError(t, err)
	for _, one := range scenarios {
		list = append(list, one.String())
	}
	return list
}

func TestSelection(t *testing.T) {
	require.Equal(t, []string{
		"line, smtp, sqlite, 20000 recipients", "json, http, sqlite, 20000 recipients", "rows, smtp, sqlite, 20000 recipients",
		"5k, smtp, sqlite, 20000 recipients", "30k, smtp, sqlite, 20000 recipients", "5k, smtp, postgres, 20000 recipients",
		"5k, smtp, sqlite, 20000 recipients, 20 ms an answer",
		"5k, smtp, sqlite, 20000 recipients, two campaigns and transactional messages",
	}, names(t, Selection{}))
	require.Equal(t, []string{
		"json, http, sqlite, 5000 recipients", "5k, smtp, sqlite, 5000 recipients",
		"json, http, postgres, 5000 recipients", "5k, smtp, postgres, 5000 recipients",
	}, names(t, Selection{Contents: []string{"5k", "json"}, Stores: []string{"sqlite", "postgres"}, Recipients: []int{5000}}))
	require.Equal(t, []string{
		"5k, smtp-plain, sqlite, 20000 recipients, 20 ms an answer, concurrency 256", "5k, smtp-plain, sqlite, 20000 recipients, 200 ms an answer, concurrency 256",
	}, names(t, Selection{Transports: []string{"smtp-plain"}, Latencies: []int{20, 200}, Concurrency: 256}))
	require.Equal(t, []string{"5k, smtp, sqlite, 100000 recipients, two campaigns and transactional messages"}, names(t, Selection{Mixed: true, Full: true}))
	require.Equal(t, []string{"5k, smtp, postgres, 20000 recipients, workers: 1", "5k, smtp, postgres, 20000 recipients, workers: 4"},
		names(t, Selection{Workers: []int{1, 4}}))
	full := names(t, Selection{Full: true})
	require.Len(t, full, 5*3+2*2*2+2)
	unique := map[string]bool{}
	for _, name := range full {
		unique[name] = true
	}
	require.Len(t, unique, len(full))
}

func TestWrongSelectionsSayWhatIsRight(t *testing.T) {
	for want, s := range map[string]Selection{
		"--content 6k: one of line, json, rows, 5k, 30k":                           {Contents: []string{"5k", "6k"}},
		"--transport fax: one of smtp, smtp-plain, http":                           {Transports: []string{"fax"}},
		"--store mysql: one of sqlite, sqlite+redis, postgres":                     {Stores: []string{"mysql"}},
		"--latency -1: from 0 to 60000":                                            {Latencies: []int{-1}},
		"--recipients 10: from 1000 to 100000000":                                  {Recipients: []int{10}},
		"--workers 100: from 0 to 64":                                              {Workers: []int{100}},
		"--store sqlite: with --workers it is postgres, which processes can share": {Workers: []int{4}, Stores: []string{"sqlite"}},
		"--concurrency 2000: from 0 to 1000":                                       {Concurrency: 2000},
	} {
		_, err := s.Scenarios()
		require.EqualError(t, err, want)
	}
}
