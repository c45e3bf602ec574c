package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api"
)

func TestFaultsAreCountedInGoodGrammar(t *testing.T) {
	require.Equal(t, "1 line: too short", faultLine(api.UploadFault{Refused: 1, Reason: "too short", Remedy: "none"}))
	require.Equal(t, "3 lines: too short", faultLine(api.UploadFault{Refused: 1, LeftOut: 2, Reason: "too short", Remedy: "none"}))
	require.Equal(t, "1 phone: no number; leave the column out with --map 'Tel=-'",
		faultLine(api.UploadFault{Column: "Tel", Field: "phone", LeftOut: 1, Reason: "no number", Remedy: "leave_out"}))
	require.Equal(t, "1 line was refused", wrongLines(api.Upload{Refused: 1}))
}
