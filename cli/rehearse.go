package cli

import "context"

// rehearsal is a request that can say what it would do.
type rehearsal struct {
	request request
	// dry is where its body says that it is only to say so.
	dry *bool
	// yes says that nobody is asked.
	yes bool
}

// rehearse has a request say what it would do, and asks whether to go on; tell shows
// the answer and returns how many it is about. goOn is false where that was all: a dry
// run, or nothing to do.
func rehearse[T any](ctx context.Context, c *cli, r rehearsal, tell func(answer T) (matched int64)) (goOn bool, err error) {
	only := *r.dry
	if !only && r.yes {
		return true, nil
	}
	*r.dry = true
	answer, raw, err := ask[T](ctx, c, r.request)
	if err != nil {
		return false, err
	}
	if only && c.output == "json" {
		return false, c.print(raw, nil)
	}
	if matched := tell(answer); only || matched == 0 {
		return false, nil
	}
	*r.dry = false
	err = c.confirm("Go on? [y/N] ")
	return err == nil, err
}
