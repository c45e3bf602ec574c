package contacts

// Topic is a category as a recipient sees it who chooses what to get.
type Topic struct {
	ID                int64
	Name, Description string
	// Wanted says that the recipient has not left it.
	Wanted bool
}

// Topics is what an address gets of campaigns.
type Topics struct {
	// List are the account's categories by name, the first MaxTopics; none where no
	// contact holds the address, because only contacts are in categories.
	List []Topic
	// Suppressed says that nothing of a campaign is sent to the address, whatever is
	// chosen.
	Suppressed bool
}

// MaxTopics is how many categories a recipient chooses among.
const MaxTopics = 200

// SourcePreferences is the source of what a recipient chose on their own page.
const SourcePreferences = "preferences_page"
