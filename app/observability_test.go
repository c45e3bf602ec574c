package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
)

// promtool runs Prometheus' own tool in a folder.
func promtool(t *testing.T, dir, input string, args ...string) {
	t.Helper()
	bounded, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(bounded, "promtool", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "promtool %v (scripts/test-deps.sh installs it): %s", args, output)
}

// metricNames are the names of Carillon's metrics in a text, without the endings of
// histograms, and those of recording rules.
func metricNames(text string) (names []string) {
	for _, name := range regexp.MustCompile(`carillon[:_][a-z0-9_:]+`).FindAllString(text, -1) {
		for _, ending := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, ending)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// What /metrics says is as Prometheus wants it; the rules do what they are to do; and rules
// and dashboard ask for nothing that there is not.
func TestMetricsRulesAndDashboard(t *testing.T) {
	c := startConfig(t)
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	f := newFixture(t, s.Engine, testChannel{provider: "sandbox", config: `{}`}, 3)
	k, err := s.Engine.Campaigns.Start(t.Context(), f.account, f.campaign(t, s.Engine, "Hello").ID, true)
	require.NoError(t, err)
	s.Engine.Wake()
	require.Eventually(t, func() bool {
		run, err := s.Engine.Store.GetRun(t.Context(), f.account, k.RunID)
		require.NoError(t, err)
		return run.Counts[messages.Sent]+run.Counts[messages.Delivered]+run.Counts[messages.Read] == 3
	}, 20*time.Second, 5*time.Millisecond)
	page(t, s.URL+"/v1/channels")
	// What a stage took is counted after the commit by which its outcome can be seen.
	var body string
	require.Eventually(t, func() bool {
		_, body = page(t, s.URL+"/metrics")
		return strings.Contains(body, `carillon_message_stage_seconds_count{stage="record"} 3`)
	}, 20*time.Second, 20*time.Millisecond)
	for _, want := range []string{
		`carillon_pass_seconds_count{loop="plan"}`, `carillon_message_stage_seconds_count{stage="claim"} `, `carillon_message_stage_seconds_count{stage="turn"} 3`,
		`carillon_message_stage_seconds_count{stage="queue"} 3`, `carillon_webhooks{state="off"} 0`, "carillon_webhook_untold_seconds 0",
	} {
		require.Contains(t, body, want)
	}
	prometheus := filepath.Join("..", "deploy", "prometheus")
	promtool(t, prometheus, body, "check", "metrics")
	promtool(t, prometheus, "", "check", "rules", "carillon.rules.yml")
	promtool(t, prometheus, "", "test", "rules", "carillon.rules.test.yml")

	rules, err := os.ReadFile(filepath.Join(prometheus, "carillon.rules.yml"))
	require.NoError(t, err)
	// These appear once there is something to count; the rest is there from the beginning.
	there := append(metricNames(body), "carillon_pass_errors_total", "carillon_fire_late_seconds", "carillon_oldest_waiting_seconds")
	for _, record := range regexp.MustCompile(`record: (\S+)`).FindAllStringSubmatch(string(rules), -1) {
		there = append(there, record[1])
	}
	require.Subset(t, there, metricNames(string(rules)))
	operations, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	require.NoError(t, err)
	for _, alert := range regexp.MustCompile(`alert: (\S+)`).FindAllStringSubmatch(string(rules), -1) {
		require.Contains(t, string(operations), "`"+alert[1]+"`", "docs/operations.md lists every alert")
	}
	raw, err := os.ReadFile(filepath.Join("..", "deploy", "grafana", "carillon.json"))
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &dashboard))
	require.NotEmpty(t, dashboard.Panels)
	var expressions strings.Builder
	n := 0
	expressions.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for _, p := range dashboard.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			require.Subset(t, there, metricNames(target.Expr), p.Title)
			n++
			_, _ = fmt.Fprintf(&expressions, "  - {record: dashboard:panel, expr: %q, labels: {n: '%d'}}\n", target.Expr, n)
		}
	}
	asRules := filepath.Join(t.TempDir(), "dashboard.yml")
	require.NoError(t, os.WriteFile(asRules, []byte(expressions.String()), 0o600))
	promtool(t, prometheus, "", "check", "rules", asRules)
}
