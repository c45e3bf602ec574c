package mail

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// JSON is a value as JSON in which angle brackets stand as they are: written as \u003c, HTML
// would be half as large again.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
