package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/api"
)

// What arrived after the flow had gone on is told beside the step that gave it up.
func TestALateReceiptIsTold(t *testing.T) {
	require.Equal(t, "no_address", whyLeft(api.FlowMove{Why: "no_address"}))
	late := time.Date(2026, 3, 1, 13, 2, 0, 0, time.UTC)
	require.Regexp(t, "^it arrived after all, .*2026-03-01.*: too late to stop what came next$", whyLeft(api.FlowMove{ArrivedAt: &late}))
}
