// Writes what croner makes of cron expressions, for the test of
// campaigns/schedule: `npm ci && npm run oracle`. Around each change of the clock in
// five years, and over one end of February, every instant of every expression is
// written down, as minutes from the beginning of its window. Most windows of an
// expression are alike: each list stands once, and is named by its place.
import { Cron } from "croner";

const zones = [
  "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut", "Africa/Casablanca",
  "Antarctica/Troll", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Cairo", "America/St_Johns", "Pacific/Chatham", "Asia/Gaza",
];

const expressions = [
  "0 0 * * *", "30 0 * * *", "0 1 * * *", "30 1 * * *", "59 1 * * *", "0 2 * * *", "15 2 * * *", "30 2 * * *", "45 2 * * *", "0 3 * * *",
  "30 3 * * *", "0 9 * * *", "30 23 * * *", "59 23 * * *", "0 0,12 * * *", "0,30 1,2,3 * * *", "*/15 2 * * *", "*/20 0-3 * * *", "5-10 2 * * *",
  "0 * * * *", "30 * * * *", "*/30 * * * *", "*/15 * * * *", "7 * * * *", "0 */2 * * *", "30 */3 * * *", "15 */6 * * *", "*/45 */4 * * *",
  "0 9 * * MON", "0 9 * * 1-5", "0 9 * * SAT,SUN", "0 9 * * 0", "0 9 * * 7", "0 9 * * 5-7", "30 2 * * SUN", "30 2 * * 0", "0 2 * * SAT", "0 0 * * SUN",
  "0 9 1 * *", "0 9 15 * *", "0 9 28 * *", "0 9 29 * *", "0 9 30 * *", "0 9 31 * *", "0 9 1,15 * *", "0 9 10-20 * *", "0 9 */7 * *", "0 2 */2 * *",
  "0 9 * 3 *", "0 9 * MAR,OCT *", "30 2 * 3,10,11 *", "0 9 29 2 *", "0 9 28 2 *", "0 0 1 1 *", "0 9 * 2-4 *", "0 9 * */3 *",
  "0 9 L * *", "30 2 L * *", "0 0 L * *", "0 9 L 2 *", "0 9 1,L * *", "0 9 15W * *", "0 9 1W * *", "0 9 31W * *", "30 2 30W * *", "0 9 29W 3 *",
  "0 9 * * MON#1", "0 9 * * FRI#2", "0 9 * * SUN#5", "30 2 * * SUN#1", "30 1 * * SUN#2", "0 9 * * FRI#L", "30 2 * * SUN#L", "0 2 * * 0#L", "0 9 * * MON#1,FRI#L",
  "0 9 13 * FRI", "30 2 1 * SUN", "0 9 1,L * MON", "@daily", "@hourly", "@weekly", "@monthly", "@yearly", "0 0 31 12 *", "15,45 23 * * *", "10 0 * * 1", "20 4 * * *",
];

const hour = 3600e3, from = Date.UTC(2024, 0, 1), to = Date.UTC(2029, 0, 1);

function changes(zone) {
  const clock = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset", hour: "2-digit" });
  const offset = (t) => clock.formatToParts(t).find((p) => p.type === "timeZoneName").value;
  const found = [];
  let before = offset(from);
  for (let t = from; t < to; t += hour) {
    const now = offset(t);
    if (now !== before) found.push(t);
    before = now;
  }
  return found;
}

const lists = [], places = new Map(), out = {};

function place(list) {
  if (!places.has(list)) places.set(list, lists.push(list) - 1);
  return places.get(list);
}

for (const zone of zones) {
  const windows = changes(zone).map((t) => [t - 30 * hour, t + 30 * hour]);
  windows.push([Date.UTC(2028, 1, 26), Date.UTC(2028, 2, 3)]);
  const runs = {};
  for (const expression of expressions) {
    const cron = new Cron(expression, { timezone: zone, paused: true });
    runs[expression] = windows.map(([begin, end]) => {
      const minutes = [];
      for (let t = cron.nextRun(new Date(begin - 1000)); t && t <= end; t = cron.nextRun(t)) minutes.push((t - begin) / 60e3);
      return place(minutes.join(" "));
    });
  }
  out[zone] = { windows: windows.map(([begin, end]) => [new Date(begin).toISOString(), new Date(end).toISOString()]), runs };
}
console.log(JSON.stringify({ lists, zones: out }).replaceAll("},\"", "},\n\"").replaceAll("],\"", "],\n\""));
