package api

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/naming"
)

// ref is how a naming.Ref is described: the tag kind of its field says what it names.
type ref struct{}

// maxName bounds a name by which something is named.
const maxName = 255

// Schema is an id or a name, described once.
func (ref) Schema(r huma.Registry) *huma.Schema {
	const name = "IdOrName"
	if r.Map()[name] == nil {
		s := &huma.Schema{
			Description: "An id, or a name: as it is, or in another case if only one thing is called so. " +
				"Beside a field for an id that 0 takes away, an empty one does so.",
			OneOf: []*huma.Schema{
				{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64(1))},
				{Type: huma.TypeString, MaxLength: new(maxName)},
			},
			Examples: []any{"Customers"},
		}
		s.PrecomputeMessages()
		r.Map()[name] = s
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// listed says where the things of a kind are listed.
var listed = map[naming.Kind]string{
	naming.Channel: "/v1/channels", naming.Campaign: "/v1/campaigns", naming.Targeting: "/v1/targeting", naming.Upload: "/v1/uploads",
	naming.Category: "/v1/categories", naming.Group: "/v1/groups", naming.Label: "/v1/labels", naming.Series: "/v1/series",
	naming.Calendar: "/v1/holidays",
}

// refKinds are the kinds of which a field of the type naming.Ref, or of a list of them, names
// something. Its tag has their names without what is behind a space, with commas between them.
func refKinds(f reflect.StructField) (kinds []naming.Kind) {
	for word := range strings.SplitSeq(f.Tag.Get("kind"), ",") {
		for _, kind := range naming.Kinds() {
			if first, _, _ := strings.Cut(string(kind), " "); first == word {
				kinds = append(kinds, kind)
			}
		}
	}
	if len(kinds) == 0 {
		panic(fmt.Sprintf("the field %s does not say in its tag which kind of things it names", f.Name))
	}
	return kinds
}

var refType = reflect.TypeFor[naming.Ref]()

// holdsRefs reports whether something is named somewhere in a type.
func holdsRefs(t reflect.Type, seen map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return holdsRefs(t.Elem(), seen)
	case reflect.Struct:
		if t == refType {
			return true
		}
		if seen[t] {
			return false
		}
		seen[t] = true
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && holdsRefs(f.Type, seen) {
				return true
			}
		}
	default:
	}
	return false
}

// namesIn puts the ids of things into a request that names them.
type namesIn struct {
	ctx    context.Context
	finder *naming.Finder
	// may says whether the caller may be told what there is.
	may   bool
	given int
	wrong []fault.Field
}

// resolve finds everything that a request names by its name.
func (s *Server) resolve(ctx context.Context, caller access.Caller, in any) error {
	n := &namesIn{ctx: ctx, finder: naming.For(s.Names, caller.AccountID), may: slices.Contains(mayLook, caller.Role)}
	if err := n.walk(reflect.ValueOf(in), ""); err != nil {
		return err
	}
	return fault.InvalidFields(n.wrong)
}

// namesRefs notes what the fields are called that name something somewhere in a type.
func namesRefs(t reflect.Type, seen map[reflect.Type]bool, names map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		namesRefs(t.Elem(), seen, names)
	case reflect.Struct:
		if seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Tag.Get("kind") != "" {
				names[placed("body", f)[len("body."):]] = true
			} else if f.IsExported() {
				namesRefs(f.Type, seen, names)
			}
		}
	default:
	}
}

// walk looks for names in a value, which stands at a place of the request.
func (n *namesIn) walk(v reflect.Value, at string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return n.walk(v.Elem(), at)
		}
	case reflect.Slice:
		if !holdsRefs(v.Type(), map[reflect.Type]bool{}) {
			return nil
		}
		for i := range v.Len() {
			if err := n.walk(v.Index(i), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				continue
			}
			if err := n.field(v, f, placed(at, f)); err != nil {
				return err
			}
		}
	default:
	}
	return nil
}

// placed is where a field stands in the request; what is embedded stands where its holder does.
func placed(at string, f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch query, _, _ := strings.Cut(f.Tag.Get("query"), ","); {
	case at == "" && f.Name == "Body":
		return "body"
	case at == "" && query != "":
		return "query." + query
	case f.Anonymous && name == "":
		return at
	case at == "":
		return name
	}
	return at + "." + name
}

// field looks for names in one field of a value.
func (n *namesIn) field(of reflect.Value, f reflect.StructField, at string) error {
	v := of.FieldByIndex(f.Index)
	switch f.Type {
	case refType:
		if id, there := of.Type().FieldByName(f.Name + "ID"); there {
			return n.beside(v, of.FieldByIndex(id.Index), pair{f, id}, at)
		}
		return n.put(v, refKinds(f), at)
	case reflect.SliceOf(refType):
		for i := range v.Len() {
			if err := n.put(v.Index(i), refKinds(f), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.PointerTo(reflect.SliceOf(refType)):
		if v.IsNil() {
			return nil
		}
		for i := range v.Elem().Len() {
			if err := n.put(v.Elem().Index(i), refKinds(f), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	}
	return n.walk(v, at)
}

// pair is a field that names something, and the one beside it for its id.
type pair struct{ named, id reflect.StructField }

// optional reports whether the id 0 takes away what was there.
func (p pair) optional() bool {
	return p.id.Type.Kind() == reflect.Pointer && p.id.Tag.Get("minimum") != "1"
}

// beside finds what a field names that stands beside one for its id, and puts the id there: what
// is kept is ids. The tag needed says that one of the two has to be given.
func (n *namesIn) beside(v, id reflect.Value, of pair, at string) error {
	given := v.Interface().(naming.Ref)
	switch {
	case given.IsNone() && id.IsZero() && of.optional():
		id.Set(reflect.ValueOf(new(int64)))
		v.SetZero()
		return nil
	case (given.IsZero() || given.IsNone()) && id.IsZero():
		if of.named.Tag.Get("needed") != "" || given.IsNone() && id.Kind() == reflect.Pointer {
			n.refuse(at, nil, "is missing: say which %s, by its id or its name, or by %s_id", of.named.Tag.Get("kind"), at[strings.LastIndex(at, ".")+1:])
		}
		v.SetZero()
		return nil
	case given.IsZero():
		return nil
	case !id.IsZero():
		n.refuse(at, shown(given), "is given beside %s_id: leave out one of the two", at)
		return nil
	}
	if err := n.put(v, refKinds(of.named), at); err != nil {
		return err
	}
	found := v.Interface().(naming.Ref).ID
	switch {
	case id.Type() == refType:
		id.Set(v)
	case id.Kind() == reflect.Pointer:
		id.Set(reflect.ValueOf(&found))
	default:
		id.SetInt(found)
	}
	v.SetZero()
	return nil
}

func (n *namesIn) refuse(at string, value any, format string, args ...any) {
	n.wrong = append(n.wrong, fault.Field{Location: at, Value: value, Message: fmt.Sprintf(format, args...)})
}

// shown is what was given, as an error repeats it.
func shown(r naming.Ref) any {
	if r.Name != "" {
		return r.Name
	}
	return r.ID
}

// put finds what a field names by its name.
func (n *namesIn) put(v reflect.Value, kinds []naming.Kind, at string) error {
	given := v.Interface().(naming.Ref)
	if given.IsNone() {
		n.refuse(at, "", "is empty: give an id or a name")
	}
	name := given.Name
	if name == "" {
		return nil
	}
	if n.given++; n.given > naming.MostNames {
		if n.given == naming.MostNames+1 {
			n.refuse(at, name, "is one name too many: a request may give %d names, and any number of ids", naming.MostNames)
		}
		return nil
	}
	found, err := n.finder.Find(n.ctx, name, kinds)
	if err != nil {
		return err
	}
	if len(found.Things) == 1 {
		v.Set(reflect.ValueOf(naming.ByID(found.Things[0].ID)))
		return nil
	}
	words, lists := make([]string, len(kinds)), make([]string, len(kinds))
	for i, kind := range kinds {
		words[i], lists[i] = string(kind), "GET "+listed[kind]
	}
	switch {
	case len(found.Things) > 1:
		ids := make([]string, len(found.Things))
		for i, thing := range found.Things {
			ids[i] = fmt.Sprintf("%s %d", thing.Kind, thing.ID)
		}
		n.refuse(at, name, "is the name of several: give the id of one of %s", strings.Join(ids, ", "))
	case !n.may:
		n.refuse(at, name, "there is no %s of this name", strings.Join(words, " or "))
	case len(found.Others) > 0:
		n.refuse(at, name, "there is no %s of this name: there are %s", strings.Join(words, " or "), strings.Join(found.Others, ", "))
	default:
		n.refuse(at, name, "there is no %s of this name: %s shows which there are", strings.Join(words, " or "), strings.Join(lists, " or "))
	}
	return nil
}
