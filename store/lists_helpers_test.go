package store_test

import (
	"carillon/contacts"
)

// What many tests need of groups.

func inGroup(accountID, groupID int64, ids ...int64) contacts.MemberChange {
	return contacts.MemberChange{AccountID: accountID, Kind: contacts.Group, ListID: groupID, Contacts: ids, Actor: "test"}
}
