const experiment = {
  experiment: {
    add: "One more variant",
    after: "Decided after",
    afterHint: "Such as 4h or 30m.",
    begin: "Try out variants",
    by: "The best is who is most",
    hint: "Two or more variants of subject or text: everybody gets one, or only some do, and the others get the one that wins.",
    holdout: "Send nothing to",
    holdoutHint: "To see what the campaign is worth.",
    metric: {
      clicked: "clicked",
      opened: "opened",
      read: "read",
      delivered: "delivered",
      replied: "replied to",
      converted: "followed by the event that counts",
      person: "chosen by a person",
    },
    name: "Variant",
    remove: "Remove",
    removeLong: "Remove variant {{name}}",
    subjectOf: "Subject of {{name}}",
    testShare: "Try them on",
    testShareHint: "The others wait for the winner. Empty for everybody.",
    textHint: "Empty says what the campaign says.",
    textOf: "Text of {{name}}",
  },
} as const;

export default experiment;
