package testenv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// commandPatience bounds one command to a Redis server.
const commandPatience = 5 * time.Second

// redisCommand sends one command on a connection of its own and returns its
// reply as text, the elements of a list separated by newlines. A dozen lines of
// protocol (https://redis.io/docs/latest/develop/reference/protocol-spec/) keep
// a client's pools and retries out of the servers' life cycle.
func redisCommand(ctx context.Context, addr string, args ...string) (reply string, err error) {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	defer func() {
		if err != nil {
			err = fmt.Errorf("ask redis at %s for %s: %w", addr, args[0], err)
		}
	}()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // the reply is what counts
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	var request strings.Builder
	fmt.Fprintf(&request, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(conn, request.String()); err != nil {
		return "", err
	}
	return readReply(bufio.NewReader(conn))
}

func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("the reply is empty")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errors.New(rest)
	case '$', '*':
		n, err := strconv.Atoi(rest)
		switch {
		case err != nil:
			return "", fmt.Errorf("read length of reply: %w", err)
		case n < 0:
			return "", errors.New("the reply is nil")
		case kind == '*':
			return readList(r, n)
		}
		text := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(r, text); err != nil {
			return "", err
		}
		return string(text[:n]), nil
	default:
		return "", fmt.Errorf("the reply %q is of an unknown kind", line)
	}
}

func readList(r *bufio.Reader, n int) (string, error) {
	elements := make([]string, 0, n)
	for range n {
		element, err := readReply(r)
		if err != nil {
			return "", err
		}
		elements = append(elements, element)
	}
	return strings.Join(elements, "\n"), nil
}

// redisField is one value of a reply made of "name:value" lines, such as INFO's.
func redisField(reply, name string) string {
	for line := range strings.Lines(reply) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), ":"); found && key == name {
			return value
		}
	}
	return ""
}
