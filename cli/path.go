package cli

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
)

// path says where something of the API is, below the server's address. It is
// made by v1 and its methods alone, which escape each segment by itself: no name
// that a person gives reaches further than its place.
type path struct {
	segments string
	query    query
}

// query is what stands behind the question mark, by name. What is empty, zero or
// false is left out.
type query map[string]any

// v1 is the path of these segments in the API's first version.
func v1(segments ...string) path { return path{segments: "/v1"}.below(segments...) }

// id goes on to the one of a collection that has this id.
func (p path) id(id int64) path { return p.below(strconv.FormatInt(id, 10)) }

// below goes on by these segments.
func (p path) below(segments ...string) path {
	for _, segment := range segments {
		p.segments += "/" + url.PathEscape(segment)
	}
	return p
}

// with is the path with a query instead of the one that it has.
func (p path) with(q query) path {
	p.query = q
	return p
}

// String is the path as a request has it.
func (p path) String() string {
	values := url.Values{}
	for name, value := range p.query {
		if list, several := value.([]string); several {
			values[name] = list
		} else if !reflect.ValueOf(value).IsZero() {
			values.Set(name, fmt.Sprint(value))
		}
	}
	if len(values) == 0 {
		return p.segments
	}
	return p.segments + "?" + values.Encode()
}
