const messages = {
  message: {
    state: {
      pending: "Pending",
      queued: "Queued",
      sending: "Sending",
      sent: "Sent",
      delivered: "Delivered",
      read: "Read",
      failed: "Failed",
      rejected: "Rejected",
      skipped: "Skipped",
      canceled: "Canceled",
      unknown: "In doubt",
    },
  },
  messages: {
    address: "Address",
    all: "All messages",
    anyState: "Any state",
    at: "When",
    campaign: "Campaign",
    cancel: "Cancel",
    channel: "Channel",
    doubtHint: "Once the provider's log has shown what became of all of them:",
    history: "What happened",
    noAddress: "no address",
    none: "No messages like that",
    noneHint: "Another filter may find some.",
    ofCampaign: "Campaign {{id}}",
    providerID: "Known to the provider as {{id}}",
    resend: "Send again",
    state: "State",
    title: "Messages",
    why: "Why",
  },
  explain: {
    ask: "Explain",
    hint: "An address, or the id of a contact.",
    title: "Did somebody get it, and why not?",
  },
} as const;

export default messages;
