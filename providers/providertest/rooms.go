package providertest

import (
	"encoding/json"
	"fmt"

	"carillon/providers"
)

// mostRooms is more than any message of the suite has as its number.
const mostRooms = 500

// Rooms is the configuration of an adapter with a room for each address of the suite, whose
// requests go to address. webhook is the URL of the room with a number.
func Rooms(address string, webhook func(n int) string) json.RawMessage {
	rooms := map[string]string{}
	for n := range mostRooms {
		rooms[Address(providers.Custom, int64(n))] = webhook(n)
	}
	encoded, _ := json.Marshal(rooms) // of texts alone
	return json.RawMessage(fmt.Sprintf(`{"rooms":%s,"api":%q,"timeout_ms":60000}`, encoded, address))
}
