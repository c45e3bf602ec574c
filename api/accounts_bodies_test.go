package api_test

// contentOf is what somebody says.
const contentOf = `"content":{"subject":"Hello","text":"Hi"}`

const ruleOf = `{"condition":"AND","rules":[{"field":"first_name","operator":"is_not_empty"}]}`

// bodiesOf are bodies that operations take, with holes (@name) for what is the account's:
// each hole is filled with the caller's own and, one at a time, with another account's.
var bodiesOf = map[string][]string{
	"create-attribute": {`{"key":"walk","name":"Walk","display":"text"}`}, "update-attribute": {`{"name":"x"}`},
	"create-campaign": {
		`{"name":"x","channel_id":@channel_id,"category_id":@category_id,"audience":{"groups":[@group_id],"labels":[@label_id],"categories":[@category_id],` +
			`"targeting":[@targeting_id],"uploads":[@upload_id],"contacts":[@contact_id],` +
			`"exclude":{"campaigns":[@campaign_id],"groups":[@group_id]}},` + contentOf + `}`,
		`{"name":"x","channel":"@channel_name","category":"@category_name","audience":{"groups":["@group_name"],"labels":["@label_name"],` +
			`"targeting":["@targeting_name"],"exclude":{"campaigns":["@campaign_name"]}},` + contentOf + `}`,
		`{"name":"x","channel_id":@channel_id,"audience":{"all":true},"content":{"template":{"name":"@template_name"}}}`,
		`{"name":"x","channel_id":@channel_id,"audience":{"all":true},"content":{"subject":"s","text":"{% render '@snippet_name' %}"}}`,
		`{"name":"x","channel_id":@channel_id,"audience":{"all":true},"content":{"subject":"s","text":"t","attachment":{"media_id":@media_id}}}`,
		`{"name":"x","channel_id":@channel_id,"audience":{"messages":{"campaign_id":@campaign_id,"states":["sent"]}},` + contentOf + `}`,
		`{"name":"x","channel_id":@channel_id,"audience":{"rule":` +
			`{"condition":"AND","rules":[{"field":"group","operator":"equal","value":@group_id}]}},` + contentOf + `}`,
		`{"name":"x","channel_id":@channel_id,"audience":{"rule":` +
			`{"condition":"AND","rules":[{"field":"attributes.@property_name","operator":"is_not_null"}]}},` + contentOf + `}`,
	},
	"update-campaign": {`{"channel_id":@channel_id,"category_id":@category_id,"audience":{"groups":[@group_id]}}`}, "describe-campaign": {`{"notes":"x"}`},
	"correct-campaign": {`{` + contentOf + `}`}, "move-next": {`{"to":"2026-12-01T09:00"}`}, "publish-campaign": {`{"keywords":["weather"]}`},
	"backfill-campaign": {`{"from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}`}, "schedule-campaign": {`{"at":"2026-12-01T09:00","timezone":"UTC"}`},
	"duplicate-campaign": {`{"name":"twice","channel_id":@channel_id,"category_id":@category_id}`}, "test-campaign": {`{"contact_id":@contact_id}`},
	"resend-campaign": {`{"run_id":@run_id,"states":["failed"],"dry_run":true}`}, "choose-campaign-winner": {`{"variant":"A","run_id":@run_id}`},
	"create-category": {`{"name":"walked"}`}, "create-group": {`{"name":"walked"}`}, "create-label": {`{"name":"walked"}`},
	"update-category": {`{"description":"x"}`}, "update-group": {`{"description":"x"}`}, "update-label": {`{"description":"x"}`},
	"add-category-members": {`{"contacts":[@contact_id]}`}, "remove-category-members": {`{"contacts":[@contact_id]}`},
	"add-group-members": {`{"contacts":[@contact_id]}`}, "remove-group-members": {`{"contacts":[@contact_id]}`},
	"add-label-members": {`{"contacts":[@contact_id]}`}, "remove-label-members": {`{"contacts":[@contact_id]}`},
	"create-channel": {`{"name":"walked","provider":"sandbox"}`}, "update-channel": {`{"timezone":"UTC"}`}, "test-channel": {`{"to":"@address"}`},
	"submit-template": {`{"template":"@template_name"}`}, "import-templates": {`{"dry_run":true}`},
	"create-contact": {`{"first_name":"x","external_id":"@external_id"}`, `{"first_name":"x","addresses":{"email":"@address"}}`},
	"update-contact": {`{"first_name":"x"}`, `{"addresses":{"email":"@address"}}`, `{"external_id":"@external_id"}`},
	"bulk-contacts": {`{"action":"add","list":"@group_name","contacts":[@contact_id]}`, `{"action":"add","list":@group_id,"targeting":@targeting_id}`,
		`{"action":"set","property":"@property_name","value":"x","all":true}`},
	"export-contacts": {`{"audience":{"groups":[@group_id],"contacts":[@contact_id]}}`},
	"search-contacts": {`{"rule":` + ruleOf + `}`, `{"rule":{"condition":"AND","rules":[{"field":"group","operator":"equal","value":@group_id}]}}`},
	"set-values":      {`{"contacts":[@contact_id],"property":"@property_name","value":"x"}`},
	"write-address":   {`{"written":"x@example.org"}`}, "erase-contact": {`{"dry_run":true}`}, "merge-contacts": {`{"from":@other_contact,"dry_run":true}`},
	"opt-in-contact": {`{"category_id":@category_id,"kind":"email"}`}, "opt-out-contact": {`{"category_id":@category_id,"kind":"email"}`},
	"create-conversation": {`{"channel_id":@channel_id,"contact_id":@contact_id}`, `{"channel":"@channel_name","contact_id":@contact_id}`},
	"update-conversation": {`{"status":"open"}`}, "send-conversation-message": {`{` + contentOf + `}`}, "note-conversation": {`{"text":"x"}`},
	"take-events": {`{"events":[{"contact_id":@contact_id,"id":"walk"}]}`, `{"events":[{"external_id":"@external_id","id":"walk"}]}`},
	"add-file":    {`{"name":"x.txt","content_type":"text/plain","content":"eA=="}`},
	"create-filter": {`{"name":"walked","rule":` + ruleOf + `}`,
		`{"name":"walked2","rule":{"condition":"AND","rules":[{"field":"group","operator":"equal","value":@group_id}]}}`},
	"update-filter": {`{"name":"walked3"}`},
	"create-flow": {
		`{"name":"x","channel_id":@channel_id,"category_id":@category_id,"steps":[{"id":"a","kind":"send","channel_id":@channel_id,` + contentOf + `},` +
			`{"id":"b","kind":"set","set":{"add":{"groups":[@group_id]}}},{"id":"c","kind":"start","flow_id":@flow_id},{"id":"end","kind":"end"}]}`,
	},
	"update-flow": {`{"category_id":@category_id}`}, "duplicate-flow": {`{"name":"twice"}`}, "enter-flow": {`{"contacts":[{"id":@contact_id}]}`,
		`{"contacts":[{"address":"@address"}]}`}, "simulate-flow": {`{"contacts":[{"id":@contact_id}]}`}, "move-flow-version": {`{"steps":{}}`},
	"list-flow-fields":  {`{"steps":[{"id":"a","kind":"ask","question":{"type":"number","timeout":"1d"}}]}`},
	"set-frequency-cap": {`{"max_messages":9,"window_seconds":7200,"category_id":@category_id}`}, "update-frequency-cap": {`{"max_messages":7}`},
	"create-holidays": {`{"name":"walked","dates":["2026-12-24"]}`}, "update-holidays": {`{"dates":["2026-12-24"]}`},
	"update-key": {`{"name":"walked"}`},
	"create-key": {`{"name":"x","role":"sender","api":"chatapi","channel_id":@channel_id}`},
	"send-message": {`{"channel_id":@channel_id,"contact_id":@contact_id,` + contentOf + `}`,
		`{"channel_id":@channel_id,"to":"@address","series_id":@series_id,` + contentOf + `}`,
		`{"channel":"@channel_name","to":"x@example.org","series":"@series_name",` + contentOf + `}`,
		`{"channel_id":@channel_id,"to":"x@example.org","content":{"template":{"name":"@template_name"}}}`},
	"preview-message": {`{"channel_id":@channel_id,"contact_id":@contact_id,` + contentOf + `}`},
	"resend-messages": {`{"ids":[@message_id],"states":["failed"]}`, `{"campaign_id":@campaign_id,"states":["failed"]}`,
		`{"channel_id":@channel_id,"states":["failed"]}`,
		`{"run_id":@run_id,"states":["failed"]}`},
	"settle-messages": {`{"as":"sent","ids":[@message_id]}`, `{"as":"sent","run_id":@run_id}`, `{"as":"sent","channel_id":@channel_id}`,
		`{"as":"sent","campaign_id":@campaign_id}`},
	"create-property": {`{"key":"walked","name":"Walked","type":"text"}`}, "update-property": {`{"label":"x"}`}, "review-reply": {`{"meaning":"other"}`},
	"update-retention": {`{"clicks":100}`}, "preview-retention": {`{"clicks":100}`},
	"preview-schedule": {`{"schedule":{"cron":"0 9 * * MON","timezone":"UTC"}}`}, "create-series": {`{"name":"walked"}`},
	"update-settings": {`{"report_mail":{"channel_id":@channel_id,"to":["x@example.org"]}}`}, "create-snippet": {`{"name":"walked","text":"x"}`},
	"set-snippet": {`{"text":"x"}`}, "mail-week": {`{"channel_id":@channel_id,"to":["x@example.org"]}`},
	"mail-campaign-report": {`{"channel_id":@channel_id,"to":["x@example.org"]}`},
	"add-suppression":      {`{"kind":"email","address":"walked@example.org"}`},
	"create-targeting":     {`{"name":"walked","rule":{"condition":"AND","rules":[{"field":"group","operator":"equal","value":@group_id}]}}`},
	"count-rule":           {`{"channel_id":@channel_id,"rule":` + ruleOf + `}`}, "update-targeting": {`{"name":"walked2"}`},
	"create-template": {`{"name":"walked","category":"marketing","default_language":"en",` +
		`"kinds":["email"],"translations":[{"language":"en","email":{"subject":"s","html":"<p>x</p>"}}]}`},
	"set-template":       {`{"default_language":"en","kinds":["email"],"translations":[{"language":"en","email":{"subject":"s","html":"<p>x</p>"}}]}`},
	"duplicate-template": {`{"name":"walked_twice"}`}, "render-template": {`{"language":"en","kind":"email","contact_id":@contact_id}`},
	"preview-template": {`{"default_language":"en","kinds":["email"],"contact_id":@contact_id,` +
		`"translations":[{"language":"en","email":{"subject":"s","html":"<p>{{ contact.last_name }}</p>"}}]}`},
	"set-translation": {`{"email":{"subject":"s","html":"<p>x</p>"}}`}, "set-template-status": {`{"state":"approved","channel_id":@channel_id}`},
	"set-variable": {`{"value":"x"}`}, "create-webhook": {`{"url":"https://example.org/walked",` +
		`"events":["message.sent"],"channels":[@channel_id],"campaigns":[@campaign_id]}`},
	"update-webhook": {`{"channels":[@channel_id],"campaigns":[@campaign_id]}`}, "replay-webhook": {`{"state":"failed","dry_run":true}`},
	"add-signing-key": {`{"selector":"walked"}`}, "rotate-master-key": {`{"continue":true}`},
	"create-account": {`{"name":"walked"}`}, "update-account": {`{"name":"walked","limits":{"contacts":1}}`},
	"sign-in": {`{"email":"@example","password":"x"}`}, "enter-account": {`{"account_id":@account_id}`}, "rename-me": {`{"name":"x"}`},
	"change-password": {`{"new":"x"}`}, "set-totp": {`{"password":"x","secret":"x","code":"1"}`}, "drop-totp": {`{"password":"x","code":"1"}`},
	"begin-passkey": {`{"password":"x"}`}, "add-passkey": {`{"name":"x","challenge_id":"x","credential":{}}`}, "rename-passkey": {`{"name":"x"}`},
	"drop-passkey": {`{"password":"x"}`}, "sign-in-by-passkey": {`{"challenge_id":"x","credential":{}}`},
	"update-user": {`{"role":"viewer"}`}, "invite-user": {`{"email":"walked@example.org","role":"viewer"}`}, "show-invitation": {`{"token":"x"}`},
	"accept-invitation": {`{"token":"x"}`}, "forgot-password": {`{"email":"walked@example.org"}`}, "reset-password": {`{"token":"x","password":"x"}`},
	"rotate-webhook-secret":    {`{"leaked":true}`},
	"create-identity-provider": {`{"name":"walked","issuer":"https://walked.example.org","client_id":"x","client_secret":"y"}`},
	"update-identity-provider": {`{"name":"walked too","domains":["example.org"]}`},
}
