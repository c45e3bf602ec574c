package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"carillon/access"
	"carillon/internal/fault"
)

// Rotation changes the installation's master key.
type Rotation interface {
	// Present is the id of the key that is configured, and those of all that are known.
	Present() (id string, known []string)
	// Sealing is what hangs on which key.
	Sealing(ctx context.Context) (access.Sealing, error)
	// Begin has all processes seal with the present key, or with one that is made. It is a
	// Conflict where there is no other.
	Begin(ctx context.Context) error
	// Step seals some of what is left anew and returns how much; 0 is all done.
	Step(ctx context.Context) (int, error)
}

// MasterKey says what hangs on which master key. Keys are named by ids, which give nothing of them away.
type MasterKey struct {
	Using        string     `json:"using" doc:"The id of the key that is sealed and signed with." example:"3f9a01bc"`
	Present      string     `json:"present" doc:"The id of the key that this server is configured with; another than using until it is rotated to." example:"3f9a01bc"`
	Keys         []KeyInUse `json:"keys" doc:"The keys that this server knows, and those that something is sealed with."`
	Left         int64      `json:"left" doc:"How much is sealed with another key than using, or was before keys had ids."`
	Resealed     int        `json:"resealed" doc:"How much was sealed anew by this request."`
	Fingerprints int64      `json:"fingerprints" doc:"Fingerprints of erased addresses: those that were made under a former key are recognized as long as that key is kept."`
}

// KeyInUse is a master key, by its id.
type KeyInUse struct {
	ID     string `json:"id,omitempty" doc:"Absent for what was sealed before keys had ids." example:"3f9a01bc"`
	Known  bool   `json:"known" doc:"This server has it."`
	Sealed int64  `json:"sealed" doc:"How much is sealed with it."`
}

// RotationStep is a part of a rotation.
type RotationStep struct {
	Continue bool `json:"continue,omitempty" doc:"Only go on sealing anew with the key that holds: the requests after the first one."`
}

type rotateMasterKey struct{ Body RotationStep }

func (s *Server) masterKeyRoutes() {
	const path, tag = "/v1/master-key", "status"
	register(s, operation{id: "get-master-key", method: http.MethodGet, path: path, tag: tag, doc: "Show what hangs on which master key",
		roles: mayAdmin, operator: true}, func(ctx context.Context, _ access.Caller, _ *struct{}) (*one[MasterKey], error) {
		return s.masterKey(ctx, 0)
	})
	register(s, operation{id: "rotate-master-key", method: http.MethodPost, path: path + "/rotate", tag: tag, doc: "Rotate the master key, a part at a time",
		roles: mayAdmin, operator: true, more: "The first request has every process seal and sign with the key that is configured, or, where the server " +
			"keeps the key itself, with one that it makes; each seals a bounded part of what is left anew. Ask again with continue until left is 0."},
		func(ctx context.Context, _ access.Caller, in *rotateMasterKey) (*one[MasterKey], error) {
			if s.MasterKey == nil {
				return nil, noRotation()
			}
			if !in.Body.Continue {
				if err := s.MasterKey.Begin(ctx); err != nil {
					return nil, err
				}
			}
			n, err := s.MasterKey.Step(ctx)
			if err != nil {
				return nil, err
			}
			return s.masterKey(ctx, n)
		})
}

func noRotation() error {
	return fault.New(fault.Conflict, "this server has no master key to rotate")
}

func (s *Server) masterKey(ctx context.Context, resealed int) (*one[MasterKey], error) {
	if s.MasterKey == nil {
		return nil, noRotation()
	}
	sealing, err := s.MasterKey.Sealing(ctx)
	if err != nil {
		return nil, err
	}
	present, known := s.MasterKey.Present()
	out := MasterKey{Using: sealing.Using, Present: present, Keys: []KeyInUse{}, Left: sealing.Left(), Resealed: resealed, Fingerprints: sealing.Fingerprints}
	for _, id := range known {
		out.Keys = append(out.Keys, KeyInUse{ID: id, Known: true, Sealed: sealing.Sealed[id]})
		delete(sealing.Sealed, id)
	}
	for _, id := range slices.Sorted(maps.Keys(sealing.Sealed)) {
		out.Keys = append(out.Keys, KeyInUse{ID: id, Sealed: sealing.Sealed[id]})
	}
	return &one[MasterKey]{out}, nil
}
