package ses

import (
	"fmt"
	"regexp"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Config is the configuration of a channel of Amazon SES.
type Config struct {
	Region           string        `json:"region" destination:"true" maxLength:"30" doc:"Region of the account whose SES sends, such as eu-west-1."`
	API              string        `json:"api,omitempty" destination:"true" format:"uri" doc:"Where the API is; left out it is that of the region. Redirects are not followed."`
	AccessKeyID      string        `json:"access_key_id" maxLength:"128" doc:"Id of an access key of an IAM user who may send."`
	SecretAccessKey  secret.String `json:"secret_access_key" writeOnly:"true" doc:"The access key's secret."`
	From             string        `json:"from" format:"email" doc:"Sender's address: a verified identity, or of a verified domain."`
	FromName         string        `json:"from_name,omitempty" maxLength:"200" doc:"Sender's name for display."`
	ReplyTo          string        `json:"reply_to,omitempty" doc:"Address for replies."`
	ConfigurationSet string        `json:"configuration_set,omitempty" maxLength:"64" doc:"Configuration set that publishes events to the topic; left out it is the identity's."`
	TopicARN         string        `json:"topic_arn,omitempty" maxLength:"400" doc:"ARN of the SNS topic that reports to /hooks/{channel_id}; without it what is reported is refused."`

	TimeoutMS      int `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"60000" doc:"Milliseconds that one request may take."`
	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

var (
	// regions is the form of a region's name, which stands in the names of hosts.
	regions = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	// accessKeys is that of an access key's id (the IAM API's AccessKey).
	accessKeys = regexp.MustCompile(`^[A-Za-z0-9_]{16,128}$`)
	// sets is that of a configuration set's name (the SES API's CreateConfigurationSet).
	sets = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)
	// topics is that of the ARN of a standard topic, the only kind that reports over HTTPS; its
	// parts are the partition and the region.
	topics = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}):[0-9]{12}:[A-Za-z0-9_-]{1,256}$`)
)

// domainOf is the domain of a partition's hosts.
func domainOf(partition string) string {
	if partition == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// endpoint is where the API is.
func (c *Config) endpoint() string {
	if c.API != "" {
		return strings.TrimSuffix(c.API, "/")
	}
	partition := "aws"
	if strings.HasPrefix(c.Region, "cn-") {
		partition = "aws-cn"
	}
	return "https://email." + c.Region + "." + domainOf(partition)
}

func check(c *Config) []fault.Field {
	wrong := mail.WrongSender(c.From, c.FromName, c.ReplyTo)
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if c.API != "" {
		if wrong := line.WrongAddress(c.API, "or left out for the region's own"); wrong != "" {
			refuse("api", "%s", wrong)
		}
	}
	if !regions.MatchString(c.Region) {
		refuse("region", "must be the name of a region, such as eu-west-1")
	}
	if !accessKeys.MatchString(c.AccessKeyID) {
		refuse("access_key_id", "must be the id of an access key, such as AKIAIOSFODNN7EXAMPLE")
	}
	if c.SecretAccessKey.Empty() {
		refuse("secret_access_key", "is required: it is shown once, when the access key is made")
	}
	if strings.ContainsFunc(c.SecretAccessKey.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		refuse("secret_access_key", "must be printable ASCII without spaces")
	}
	if !sets.MatchString(c.ConfigurationSet) {
		refuse("configuration_set", "must be the name of a configuration set: letters, digits, hyphens and underscores")
	}
	if c.TopicARN != "" && !topics.MatchString(c.TopicARN) {
		refuse("topic_arn", "must be the ARN of a standard topic, such as arn:aws:sns:eu-west-1:123456789012:mail")
	}
	return wrong
}
