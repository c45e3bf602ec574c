package csvfile

import "strings"

// Check checks one value outside a file by the very rules that rows go by, and
// returns it as a Row would hold it. country, an ISO code or a name, is for
// phone numbers without a country code. An empty value is normal; a reason
// means that the value can't be taken.
func Check(field Field, value, country string) (normal, reason string) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", ""
	}
	vs, err := newValues("")
	if err != nil {
		return "", err.Error()
	}
	switch field {
	case FieldExternalID:
		_, reason = checkID(value)
		normal = value
	case FieldName, FieldFirstName, FieldLastName:
		normal, _, reason = cleanName(value)
	case FieldEmail:
		normal, reason = parseEmail(value)
	case FieldPhone:
		if country != "" {
			if country, reason = vs.country(country); reason != "" {
				return "", reason
			}
		}
		normal, reason = vs.phone(value, country)
	case FieldLanguage:
		normal, reason = vs.language(value)
	case FieldTimezone:
		normal, reason = vs.timezone(value)
	case FieldCountry:
		normal, reason = vs.country(value)
	default:
		reason = "is no field that has rules of its own"
	}
	if reason != "" {
		return "", reason
	}
	return normal, ""
}
