package store

// values are the values of rows as a database reads them from its argument: at is one of a
// kind by its place, and from yields the rows.
type values struct {
	at   func(i int, kind string) string
	from string
}

func (v values) columns(kinds ...string) string {
	text := ""
	for i, kind := range kinds {
		if i > 0 {
			text += ", "
		}
		text += v.at(i, kind)
	}
	return text
}

// insertLinks is statements.insertLinks, and the others are those of their names.
func insertLinks(v values) string {
	return "INSERT INTO run_links (run_id, number, address, feed) SELECT " + v.columns("bigint", "bigint", "text", "bigint") + " FROM " + v.from
}

func updateEngagement(v values) string {
	set := ""
	for i, column := range []string{"opened_at", "last_opened_at", "clicked_at", "last_clicked_at", "opens", "clicks", "machine_opens", "machine_clicks"} {
		set += column + " = " + v.at(i+1, "bigint") + ", "
	}
	return "UPDATE engagement SET " + set + "doubt = " + v.at(9, "text") + ", events = " + v.at(10, "text") + " FROM " + v.from +
		" WHERE engagement.message_id = " + v.at(0, "bigint")
}

func addEngagementCounts(v values) string {
	return "INSERT INTO engagement_counts (run_id, variant, number, shard, people, times, machine) SELECT " +
		v.columns("bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint") + " FROM " + v.from +
		" WHERE true ON CONFLICT (run_id, variant, number, shard) DO UPDATE SET people = engagement_counts.people + excluded.people, " +
		"times = engagement_counts.times + excluded.times, machine = engagement_counts.machine + excluded.machine"
}
