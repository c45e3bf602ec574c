package tracking

import "strings"

// Why says why a click or an open is not a person's. The words are kept with each, and never
// change their meaning.
type Why string

// The reasons. What asks is judged first, and then how it behaves.
const (
	Person Why = ""
	// Head is of who asks for the head alone, which no reader does.
	Head Why = "head"
	// Prefetch is of a browser that says that it only loads ahead (Sec-Purpose, or Purpose,
	// X-Purpose and X-Moz before that: https://wicg.github.io/nav-speculation/prefetch.html).
	Prefetch Why = "prefetch"
	// Scanner is of who names itself a program in its user agent: mail gateways, link
	// previews, crawlers, libraries.
	Scanner Why = "scanner"
	// NoAgent is of who does not say what it is; every browser does.
	NoAgent Why = "no_agent"
	// ApplePrivacy is of Apple's Mail Privacy Protection, which loads the pictures of every
	// mail through proxies whether it is read or not.
	ApplePrivacy Why = "apple_privacy"
	// GmailPrefetch is of Gmail, which loads the pictures of mail that arrives while its
	// reader is open.
	GmailPrefetch Why = "gmail_prefetch"
	// Burst is of several links of one message that are followed within BurstFor.
	Burst Why = "burst"
	// AllLinks is of all links of a message that are followed within EarlyFor of its sending.
	AllLinks Why = "all_links"
)

// Whys are the reasons, in the order in which they are looked for.
func Whys() []Why {
	return []Why{Head, Prefetch, Scanner, NoAgent, ApplePrivacy, GmailPrefetch, Burst, AllLinks}
}

// Words are a reason in words.
func (w Why) Words() string {
	return map[Why]string{
		Person: "a person", Head: "a program that asked for the head alone", Prefetch: "a browser that loaded ahead",
		Scanner: "a program, by its name", NoAgent: "a program without a name", ApplePrivacy: "Apple's mail privacy, read or not",
		GmailPrefetch: "Gmail, when it arrived", Burst: "a program that followed several links at once",
		AllLinks: "a program that followed every link as soon as it was sent",
	}[w]
}

// Request is what is known of who asks for a link or a picture.
type Request struct {
	// Head says that the head alone is asked for.
	Head bool
	// Purposes are the values of the headers Sec-Purpose, Purpose, X-Purpose and X-Moz.
	Purposes []string
	// Agent is the user agent.
	Agent string
}

// programs are words in the user agents of what is no reader: gateways that check the links
// of mail, previews of messengers, crawlers, and the libraries that programs are made with.
// Gateways that pass for a browser, as Microsoft's Safe Links does, are told by what they do.
var programs = []string{
	"barracuda", "proofpoint", "mimecast", "symantec", "messagelabs", "sophos", "trendmicro", "trend micro", "fortinet", "forcepoint", "ironport",
	"ciscosecure", "cloudmark", "safelinks", "bitdefender", "kaspersky", "virustotal", "urlscan", "zscaler", "ms-office; msoffice",
	"bot", "crawler", "spider", "scanner", "checker", "preview", "fetcher", "monitor", "facebookexternalhit", "whatsapp/", "slack-imgproxy",
	"embedly", "headlesschrome", "phantomjs", "puppeteer", "playwright", "selenium", "lighthouse",
	"curl/", "wget/", "python-requests", "python-urllib", "aiohttp", "httpx/", "go-http-client", "java/", "okhttp", "apache-httpclient", "libwww-perl",
	"node-fetch", "axios/", "undici", "guzzlehttp", "ruby", "winhttp", "powershell",
}

const (
	// appleAgent is all that Apple's proxies say (help.socketlabs.com, "Identifying Apple MPP
	// opens"; seen so since iOS 15).
	appleAgent = "mozilla/5.0"
	// gmailAgent ends what Gmail says when it loads ahead (SparkPost, "Gmail is prefetching
	// images", 2021); when a person opens the mail, its proxy says GoogleImageProxy.
	gmailAgent = "chrome/42.0.2311.135 safari/537.36 edge/12.246 mozilla/5.0"
)

// Judge says whether a person asks, or why not. Proxies that ask when a person looks, such as
// Gmail's GoogleImageProxy and Yahoo's YahooMailProxy, are persons.
func Judge(r Request, open bool) Why {
	if r.Head {
		return Head
	}
	for _, purpose := range r.Purposes {
		purpose = strings.ToLower(purpose)
		if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "preview") || strings.Contains(purpose, "prerender") {
			return Prefetch
		}
	}
	agent := strings.ToLower(strings.TrimSpace(r.Agent))
	switch {
	case agent == "":
		return NoAgent
	case agent == appleAgent && open:
		return ApplePrivacy
	case agent == appleAgent:
		return Scanner // no browser says so little
	case strings.HasSuffix(agent, gmailAgent):
		return GmailPrefetch
	}
	for _, word := range programs {
		if strings.Contains(agent, word) && !strings.Contains(agent, "cubot") { // a maker of phones
			return Scanner
		}
	}
	return Person
}
