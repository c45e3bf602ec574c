package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

func TestVariables(t *testing.T) {
	s := newServer(t)
	golden(t, "variables.txt", s.transcript(
		[]string{"PUT", "/v1/variables/support.hours", `{"value":{"from":9,"to":17},"group":"support","description":"When somebody is there."}`},
		[]string{"PUT", "/v1/variables/shop", `{"value":"Größe <1>"}`},
		[]string{"PUT", "/v1/variables/shop", `{"value":3,"disabled":true}`},
		[]string{"PUT", "/v1/variables/4711", `{"value":3}`},
		[]string{"PUT", "/v1/variables/x", `{}`},
		[]string{"GET", "/v1/variables?limit=1"},
		[]string{"GET", "/v1/variables?cursor=c2hvcA"},
		[]string{"GET", "/v1/variables?cursor=!"},
		[]string{"GET", "/v1/variables/shop"},
		[]string{"GET", "/v1/variables/gone"},
		[]string{"DELETE", "/v1/variables/shop"},
		[]string{"DELETE", "/v1/variables/shop"},
		[]string{"GET", "/v1/audit?limit=2"},
	))
	require.Equal(t, 403, s.do("PUT", "/v1/variables/x", `{"value":1}`, as(access.Viewer)...).Code, "a viewer changes nothing")
	require.Equal(t, 200, s.do("GET", "/v1/variables", "", as(access.Viewer)...).Code)
}
