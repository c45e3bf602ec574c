const calendar = {
  calendar: {
    after: "Later",
    before: "Earlier",
    empty: "Nothing goes out in this month",
    emptyHint: "What is scheduled, recurs or is under way stands here, with how many get it.",
    left: "left out",
    loads: "More than a channel may at once",
    messages_one: "{{n}} message",
    messages_other: "{{n}} messages",
    overlap_one: "{{date}}: {{n}} person gets {{names}}",
    overlap_other: "{{date}}: {{n}} people get {{names}}",
    overlaps: "Who gets several on a day",
    recipients_one: "{{n}} recipient",
    recipients_other: "{{n}} recipients",
    this: "This month",
    title: "Calendar",
    zone: "on a clock in {{zone}}",
  },
} as const;

export default calendar;
