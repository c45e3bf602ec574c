const home = {
  home: {
    doubt_one: "{{n}} message is in doubt: whether the provider took it is not known.",
    doubt_other: "{{n}} messages are in doubt: whether the provider took them is not known.",
    failed: "{{n}} failed",
    failedUpload: "The import of {{file}} failed: {{why}}",
    lastDays: "The last 30 days",
    needs: "This needs you",
    next: "The next seven days",
    nothingNext: "Nothing is scheduled.",
    nothingNow: "Nothing is going out.",
    nothingSent: "Nothing was sent yet.",
    now: "Going on now",
    recipients_one: "{{n}} recipient",
    recipients_other: "{{n}} recipients",
    sender: "Your role sends single messages by the API. Campaigns are for editors.",
    sent: "{{n}} sent",
    title: "Home",
  },
  first: {
    campaign: "Make your first campaign",
    channel: "A channel to send through",
    people: "People to write to",
    sandbox: "Try a sandbox",
    title: "Three steps to the first newsletter",
    upload: "Upload a file",
  },
} as const;

export default home;
