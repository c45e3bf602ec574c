package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// readFile reads a file that a flag names, - for standard input.
func (c *cli) readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(c.in)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, &exitError{exitRefused, err}
	}
	return content, nil
}

// orFile is the value of a flag, or what stands in the file that it names behind an @.
func (c *cli) orFile(value string) (string, error) {
	path, is := strings.CutPrefix(value, "@")
	if !is {
		return value, nil
	}
	content, err := c.readFile(path)
	return strings.TrimSpace(string(content)), err
}

// readTime reads the time that a flag gives, if it gives one.
func readTime(to **time.Time, flag, text string) error {
	if text == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return usagef("--%s %s: write a time with its offset, such as 2026-12-01T09:00:00Z", flag, clean(text))
	}
	*to = &at
	return nil
}

// readJSON reads a file of JSON that a flag names, - for standard input.
func (c *cli) readJSON(path string, into any) error {
	content, err := c.readFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return &exitError{exitRefused, fmt.Errorf("%s: %w", path, err)}
	}
	return nil
}

// readRule reads a rule as flags have it: JSON, a file of it with or without an @ before its
// name, or - for standard input.
func (c *cli) readRule(text string) (rule json.RawMessage, err error) {
	if text = strings.TrimSpace(text); !strings.HasPrefix(text, "{") {
		return rule, c.readJSON(strings.TrimPrefix(text, "@"), &rule)
	}
	if err := json.Unmarshal([]byte(text), &rule); err != nil {
		return nil, usagef("--rule is no JSON (%v): quote it as a whole, or write it to a file and name that: --rule @rule.json", err)
	}
	return rule, nil
}

// confirm asks a person; where there is none it refuses.
func (c *cli) confirm(question string) error {
	if !c.terminal {
		return &exitError{exitRefused, fmt.Errorf("nobody is there to ask: repeat it with --yes")}
	}
	sayf(c.err, "%s", question)
	if c.lines == nil {
		c.lines = bufio.NewReader(c.in)
	}
	answer, err := c.lines.ReadString('\n')
	if err != nil && answer == "" && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return &exitError{exitRefused, fmt.Errorf("nothing was changed")}
	}
	return nil
}
