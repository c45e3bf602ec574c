package api_test

import (
	"fmt"
	"testing"
)

func TestSeries(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	message := func(series int) string {
		return fmt.Sprintf(`{"channel_id":%d,"to":"ada@example.org","series_id":%d,"content":{"subject":"s","text":"t"}}`, channel, series)
	}
	golden(t, "series.txt", s.transcript(
		[]string{"POST", "/v1/series", `{"name":"Invoices of March","options":{"template":"invoice"}}`},
		[]string{"POST", "/v1/series", `{"name":"Invoices of March"}`},
		[]string{"POST", "/v1/series", `{"name":"  "}`},
		[]string{"POST", "/v1/messages", message(1)},
		[]string{"POST", "/v1/messages", message(2)},
		[]string{"GET", "/v1/series/1"},
		[]string{"GET", "/v1/series/2"},
		[]string{"GET", "/v1/series?limit=1"},
	))
}
