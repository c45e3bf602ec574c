package campaigns

import "carillon/templates"

// Vars is what the templates of a campaign may say to a recipient.
func (r Recipient) Vars(campaignName, unsubscribeURL string) templates.Vars {
	return templates.Vars{
		Contact: templates.Contact{
			ExternalID: r.ExternalID, Name: r.Name, FirstName: r.FirstName, LastName: r.LastName,
			Language: r.Language, Timezone: r.Timezone, Address: r.Address,
			Attributes: r.Attributes,
		},
		Row: r.Row, CampaignName: campaignName, UnsubscribeURL: unsubscribeURL,
	}
}
