package main

import "fmt"

// place is where contacts come from. Names are written as there, and after a
// colon as in an e-mail address where that can't be worked out.
type place struct {
	country, alias string // ISO code, and the name that some lines use instead
	language       string
	zones          []string
	cities         []string
	first, last    []string
	weight         int
	// phone makes the nth number.
	phone func(n int) number
}

// number is a telephone number: the country's code, what follows it, and how it
// is written inside the country.
type number struct{ code, rest, national string }

// plain numbers a country's contacts behind a fixed beginning. trunk is what is
// dialled before it inside the country.
func plain(code, trunk, begin string, digits int) func(int) number {
	return func(n int) number {
		rest := fmt.Sprintf("%s%0*d", begin, digits, n)
		return number{code, rest, trunk + rest}
	}
}

// nanp are the numbers that North America keeps for fiction: 555-0100 to -0199
// in every area.
func nanp(areas ...string) func(int) number {
	return func(n int) number {
		area, line := areas[n/100%len(areas)], fmt.Sprintf("01%02d", n%100)
		return number{"1", area + "555" + line, "(" + area + ") 555-" + line}
	}
}

// german numbers are the Bundesnetzagentur's for film and television.
func german(n int) number {
	if n < 100 {
		return number{"49", fmt.Sprintf("17139200%02d", n), fmt.Sprintf("0171 39200%02d", n)}
	}
	return number{"49", fmt.Sprintf("3023125%03d", n), fmt.Sprintf("030/23125-%03d", n)}
}

func places() []place {
	return []place{
		{
			country: "US", alias: "United States", language: "en-US", weight: 12,
			zones:  []string{"America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"},
			cities: []string{"New York", "Chicago", "Denver", "Los Angeles", "Washington, D.C."},
			first:  []string{"Emma", "Liam", "Olivia", "Noah", "Ava", "Mason", "Renée", "DeShawn", "Mary-Jane", "José"},
			last:   []string{"Smith", "O'Brien", "Johnson", "Nguyen", "García", "Miller-Jones", "van Buren", "Lee", "Washington", "D'Angelo"},
			phone:  nanp("202", "212", "303", "312", "415"), // FCC and NANPA: 555-01XX
		},
		{
			country: "CA", alias: "Canada", language: "fr-CA", weight: 4,
			zones:  []string{"America/Toronto", "America/Vancouver", "America/St_Johns"},
			cities: []string{"Montréal", "Vancouver", "St. John's", "Trois-Rivières"},
			first:  []string{"Chloé", "Étienne", "Sophie", "Benoît"},
			last:   []string{"Tremblay", "Gagné", "Lévesque", "MacDonald"},
			phone:  nanp("416", "514", "604"),
		},
		{
			country: "GB", alias: "United Kingdom", language: "en-GB", weight: 9,
			zones:  []string{"Europe/London"},
			cities: []string{"London", "Stoke-on-Trent", "Edinburgh", "Llanfairpwll"},
			first:  []string{"Oliver", "Amelia", "Siân", "Isla", "Zoë"},
			last:   []string{"Taylor", "Ap-Rhys", "O'Neill", "Patel", "Featherstonehaugh"},
			phone:  plain("44", "0", "7700900", 3), // Ofcom: 07700 900000 to 900999
		},
		{
			country: "IE", alias: "Ireland", language: "ga", weight: 3,
			zones:  []string{"Europe/Dublin"},
			cities: []string{"Dublin", "Dún Laoghaire", "Cork"},
			first:  []string{"Seán", "Aoife", "Órla", "Pádraig"},
			last:   []string{"Ó Súilleabháin", "Ní Bhriain", "Murphy"},
			phone:  plain("353", "0", "20910", 4), // ComReg: 020 910 0000 and on
		},
		{
			country: "AU", alias: "Australia", language: "en-AU", weight: 4,
			zones:  []string{"Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe"},
			cities: []string{"Sydney", "Adelaide", "Wagga Wagga"},
			first:  []string{"Jack", "Matilda", "Lachlan"},
			last:   []string{"Wilson", "Nguyen", "Kelly"},
			phone:  plain("61", "0", "255500", 3), // ACMA: 02 5550 xxxx
		},
		{
			country: "DE", alias: "Deutschland", language: "de", weight: 12,
			zones:  []string{"Europe/Berlin"},
			cities: []string{"Berlin", "München", "Köln", "Düsseldorf", "Frankfurt (Oder)"},
			first:  []string{"Jürgen", "Anna", "Björn", "Käthe", "Max", "Zoë"},
			last:   []string{"Müller", "Groß", "von der Heide", "Özdemir", "Schröder", "Meyer-Lüdenscheidt"},
			phone:  german,
		},
		{
			country: "AT", alias: "Austria", language: "de-AT", weight: 3,
			zones:  []string{"Europe/Vienna"},
			cities: []string{"Wien", "Graz", "St. Pölten"},
			first:  []string{"Franz", "Sissi", "Jörg"},
			last:   []string{"Gruber", "Höfer", "Wörndl"},
			phone:  plain("43", "0", "6640000", 4),
		},
		{
			country: "CH", alias: "Suisse", language: "fr-CH", weight: 3,
			zones:  []string{"Europe/Zurich"},
			cities: []string{"Genève", "Zürich", "Lugano"},
			first:  []string{"Urs", "Mélanie", "Reto"},
			last:   []string{"Bünzli", "Favre", "Känel"},
			phone:  plain("41", "0", "79000", 4),
		},
		{
			country: "FR", alias: "France", language: "fr", weight: 8,
			zones:  []string{"Europe/Paris"},
			cities: []string{"Paris", "L'Haÿ-les-Roses", "Saint-Étienne", "Nîmes"},
			first:  []string{"Chloé", "François", "Maëlys", "Jean-Noël", "Inès"},
			last:   []string{"Lefèvre", "d'Artagnan", "Dupont", "Bœuf", "N'Diaye"},
			phone:  plain("33", "0", "639980", 3), // ARCEP: 06 39 98 xx xx
		},
		{
			country: "ES", alias: "España", language: "es", weight: 5,
			zones:  []string{"Europe/Madrid", "Atlantic/Canary"},
			cities: []string{"Madrid", "A Coruña", "Las Palmas"},
			first:  []string{"Íñigo", "María José", "Begoña"},
			last:   []string{"Núñez Peña", "García y Vega", "Etxeberria"},
			phone:  plain("34", "", "600000", 3),
		},
		{
			country: "IT", alias: "Italia", language: "it", weight: 5,
			zones:  []string{"Europe/Rome"},
			cities: []string{"Roma", "Forlì", "L'Aquila"},
			first:  []string{"Niccolò", "Giulia", "Desirée"},
			last:   []string{"D'Amico", "Rossi", "De Cesàris"},
			phone:  plain("39", "", "3200000", 3),
		},
		{
			country: "PT", alias: "Portugal", language: "pt-PT", weight: 3,
			zones:  []string{"Europe/Lisbon", "Atlantic/Azores"},
			cities: []string{"Lisboa", "Évora", "Ponta Delgada"},
			first:  []string{"João", "Inês", "Gonçalo"},
			last:   []string{"Conceição", "Magalhães", "Simões"},
			phone:  plain("351", "", "910000", 3),
		},
		{
			country: "BR", alias: "Brasil", language: "pt-BR", weight: 6,
			zones:  []string{"America/Sao_Paulo", "America/Manaus", "America/Noronha"},
			cities: []string{"São Paulo", "Manaus", "Fernando de Noronha"},
			first:  []string{"Antônio", "Thaís", "Luã"},
			last:   []string{"dos Santos", "Araújo", "Guimarães"},
			phone:  plain("55", "0", "1190000", 4),
		},
		{
			country: "MX", alias: "México", language: "es-MX", weight: 4,
			zones:  []string{"America/Mexico_City", "America/Tijuana"},
			cities: []string{"Ciudad de México", "Tijuana"},
			first:  []string{"Xóchitl", "José Ángel", "Lupita"},
			last:   []string{"Hernández", "Ibáñez", "Cuauhtémoc"},
			phone:  plain("52", "", "5500000", 3),
		},
		{
			country: "NL", alias: "Niederlande", language: "nl", weight: 3,
			zones:  []string{"Europe/Amsterdam"},
			cities: []string{"Amsterdam", "'s-Hertogenbosch"},
			first:  []string{"Daniël", "Sanne", "Jo-Anne"},
			last:   []string{"van 't Hof", "de Vries", "IJsselstein"},
			phone:  plain("31", "0", "6100000", 2),
		},
		{
			country: "SE", alias: "Sweden", language: "sv", weight: 3,
			zones:  []string{"Europe/Stockholm"},
			cities: []string{"Malmö", "Åre", "Göteborg"},
			first:  []string{"Åsa", "Örjan", "Märta"},
			last:   []string{"Sjöström", "Ångström", "Lindqvist"},
			// PTS: 070-174 06 05 to 99.
			phone: func(n int) number {
				return number{"46", fmt.Sprintf("701740%03d", 605+n), fmt.Sprintf("070-1740%03d", 605+n)}
			},
		},
		{
			country: "IS", alias: "Island", language: "is", weight: 1,
			zones:  []string{"Atlantic/Reykjavik"},
			cities: []string{"Reykjavík", "Ísafjörður"},
			first:  []string{"Þór:thor", "Guðrún:gudrun"},
			last:   []string{"Jónsdóttir", "Ægisson:aegisson"},
			phone:  plain("354", "", "61100", 2),
		},
		{
			country: "PL", alias: "Polonia", language: "pl", weight: 4,
			zones:  []string{"Europe/Warsaw"},
			cities: []string{"Łódź", "Kraków", "Gdańsk"},
			first:  []string{"Łukasz:lukasz", "Małgorzata:malgorzata", "Żaneta"},
			last:   []string{"Wójcik", "Brzęczyszczykiewicz", "Śliwiński"},
			phone:  plain("48", "", "500000", 3),
		},
		{
			country: "CZ", alias: "Czechia", language: "cs", weight: 2,
			zones:  []string{"Europe/Prague"},
			cities: []string{"Praha", "Plzeň"},
			first:  []string{"Jiří", "Božena"},
			last:   []string{"Dvořák", "Němcová"},
			phone:  plain("420", "", "601000", 3),
		},
		{
			country: "GR", alias: "Greece", language: "el", weight: 2,
			zones:  []string{"Europe/Athens"},
			cities: []string{"Αθήνα", "Θεσσαλονίκη"},
			first:  []string{"Γιώργος:giorgos", "Ελένη:eleni"},
			last:   []string{"Παπαδόπουλος:papadopoulos", "Οικονόμου:oikonomou"},
			phone:  plain("30", "", "6900000", 3),
		},
		{
			country: "BG", alias: "Bulgaria", language: "bg", weight: 2,
			zones:  []string{"Europe/Sofia"},
			cities: []string{"София", "Пловдив"},
			first:  []string{"Жанна:zhanna", "Георги:georgi"},
			last:   []string{"Димитрова:dimitrova", "Щерев:shterev"},
			phone:  plain("359", "0", "870000", 3),
		},
		{
			country: "UA", alias: "Ukraine", language: "uk", weight: 3,
			zones:  []string{"Europe/Kyiv"},
			cities: []string{"Київ", "Львів", "Одеса"},
			first:  []string{"Олександр:oleksandr", "Їванна:ivanna", "Софія:sofiia"},
			last:   []string{"Шевченко:shevchenko", "Мар'яненко:marianenko", "Гнатюк:hnatiuk"},
			phone:  plain("380", "0", "500000", 3),
		},
		{
			country: "TR", alias: "Türkei", language: "tr", weight: 3,
			zones:  []string{"Europe/Istanbul"},
			cities: []string{"İstanbul", "Eskişehir", "Iğdır"},
			first:  []string{"İbrahim", "Işıl:isil", "Gülşen"},
			last:   []string{"Yıldız:yildiz", "Öztürk", "Çağlar"},
			phone:  plain("90", "0", "5000000", 3),
		},
		{
			country: "EG", alias: "Egypt", language: "ar", weight: 3,
			zones:  []string{"Africa/Cairo"},
			cities: []string{"القاهرة", "الإسكندرية"},
			first:  []string{"محمد:mohamed", "فاطمة:fatima", "نور:nour"},
			last:   []string{"عبد الله:abdallah", "حسن:hassan"},
			phone:  plain("20", "0", "1000000", 3),
		},
		{
			country: "IL", alias: "Israel", language: "he", weight: 2,
			zones:  []string{"Asia/Jerusalem"},
			cities: []string{"תל אביב", "חיפה"},
			first:  []string{"נועה:noa", "יוסי:yossi"},
			last:   []string{"כהן:cohen", "לוי:levi"},
			phone:  plain("972", "0", "500000", 3),
		},
		{
			country: "IN", alias: "India", language: "hi", weight: 6,
			zones:  []string{"Asia/Kolkata"},
			cities: []string{"मुंबई", "Bengaluru", "Kolkata"},
			first:  []string{"आरव:aarav", "Priya", "Ananya", "रवि:ravi"},
			last:   []string{"शर्मा:sharma", "Subramaniam", "Das"},
			phone:  plain("91", "0", "9000000", 3),
		},
		{
			country: "NP", alias: "Nepal", language: "ne", weight: 1,
			zones:  []string{"Asia/Kathmandu"},
			cities: []string{"काठमाडौं"},
			first:  []string{"सीता:sita", "Tenzing"},
			last:   []string{"Sherpa", "थापा:thapa"},
			phone:  plain("977", "0", "9800000", 3),
		},
		{
			country: "TH", alias: "Thailand", language: "th", weight: 2,
			zones:  []string{"Asia/Bangkok"},
			cities: []string{"กรุงเทพฯ", "เชียงใหม่"},
			first:  []string{"สมชาย:somchai", "มาลี:malee"},
			last:   []string{"ใจดี:jaidee", "ทองคำ:thongkham"},
			phone:  plain("66", "0", "810000", 3),
		},
		{
			country: "VN", alias: "Vietnam", language: "vi", weight: 2,
			zones:  []string{"Asia/Ho_Chi_Minh"},
			cities: []string{"Hà Nội", "Đà Nẵng"},
			first:  []string{"Thị Hạnh", "Văn Đức:van.duc"},
			last:   []string{"Nguyễn", "Trần"},
			phone:  plain("84", "0", "900000", 3),
		},
		{
			country: "CN", alias: "China", language: "zh-CN", weight: 5,
			zones:  []string{"Asia/Shanghai", "Asia/Urumqi"},
			cities: []string{"北京", "上海", "乌鲁木齐"},
			first:  []string{"伟:wei", "秀英:xiuying", "子涵:zihan"},
			last:   []string{"王:wang", "李:li", "欧阳:ouyang"},
			phone:  plain("86", "", "1300000", 4),
		},
		{
			country: "TW", alias: "Taiwan", language: "zh-TW", weight: 2,
			zones:  []string{"Asia/Taipei"},
			cities: []string{"臺北", "高雄"},
			first:  []string{"雅婷:yating", "志明:zhiming"},
			last:   []string{"陳:chen", "林:lin"},
			phone:  plain("886", "0", "900000", 3),
		},
		{
			country: "JP", alias: "Japan", language: "ja", weight: 5,
			zones:  []string{"Asia/Tokyo"},
			cities: []string{"東京", "さいたま", "神戸"},
			first:  []string{"さくら:sakura", "健:ken", "ケンジ:kenji"},
			last:   []string{"山田:yamada", "髙橋:takahashi", "佐々木:sasaki"},
			phone:  plain("81", "0", "9000000", 3),
		},
		{
			country: "KR", alias: "South Korea", language: "ko", weight: 3,
			zones:  []string{"Asia/Seoul"},
			cities: []string{"서울", "부산"},
			first:  []string{"민준:minjun", "서연:seoyeon"},
			last:   []string{"김:kim", "박:park"},
			phone:  plain("82", "0", "1000000", 3),
		},
		{
			country: "NG", alias: "Nigeria", language: "en-NG", weight: 3,
			zones:  []string{"Africa/Lagos"},
			cities: []string{"Lagos", "Kano", "Ìbàdàn"},
			first:  []string{"Chinụa", "Adébáyọ̀", "Ngozi"},
			last:   []string{"Okonkwo", "Ọláwálé", "Musa"},
			phone:  plain("234", "0", "8000000", 3),
		},
		{
			country: "ZA", alias: "South Africa", language: "af", weight: 2,
			zones:  []string{"Africa/Johannesburg"},
			cities: []string{"Kaapstad", "eThekwini"},
			first:  []string{"Thandiwe", "Jan-Hendrik"},
			last:   []string{"van der Merwe", "Nkosi"},
			phone:  plain("27", "0", "600000", 3),
		},
	}
}
