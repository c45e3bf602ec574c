package queue

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"carillon/internal/fault"
)

// rights are the commands that Carillon and asynq send or run in scripts, each once in a form that
// Redis knows. docs/network.md has them as the rules of a user; a test compares the two. What is
// not here is done without: INFO tells the policy and the memory, SELECT is for another database
// than 0.
var rights = strings.Split(`time
multi
exec
eval x 0
evalsha x 0
subscribe asynq:cancel
get carillon:{x}
get asynq:{x}
set asynq:{x} 1
setex asynq:{x} 1 1
incr asynq:{x}
del asynq:{x}
exists asynq:{x}
expire asynq:{x} 1
pexpire asynq:{x} 1
expireat asynq:{x} 1
hget asynq:{x} 1
hset asynq:{x} 1 1
hmget asynq:{x} 1
hgetall asynq:{x}
hdel asynq:{x} 1
llen asynq:{x}
lpush asynq:{x} 1
rpush asynq:{x} 1
lrange asynq:{x} 0 1
lrem asynq:{x} 0 1
ltrim asynq:{x} 0 1
rpoplpush asynq:{x} asynq:{x}
sadd asynq:{x} 1
zadd asynq:{x} 1 1
zcard asynq:{x}
zcount asynq:{x} 0 1
zrange asynq:{x} 0 1
zrangebyscore asynq:{x} 0 1
zscore asynq:{x} 1
zrem asynq:{x} 1
zremrangebyrank asynq:{x} 0 1
zremrangebyscore asynq:{x} 0 1`, "\n")

// ARGV are commands; the result are those that the user may not run. Before Redis 7 nobody tells.
const rightsSource = `
local lacking = {}
if not redis.acl_check_cmd then return lacking end
for _, command in ipairs(ARGV) do
	local words = {}
	for word in string.gmatch(command, "%S+") do words[#words + 1] = word end
	if not redis.acl_check_cmd(unpack(words)) then lacking[#lacking + 1] = command end
end
return lacking`

const rightsAdvice = "give it the rules of docs/network.md (ACL SETUSER)"

// checkRights is Invalid if the user may not do what will be needed later, in the middle of the work.
func checkRights(ctx context.Context, node redis.UniversalClient) error {
	args := make([]any, len(rights))
	for i, command := range rights {
		args[i] = command
	}
	lacking, err := node.Eval(ctx, rightsSource, nil, args...).StringSlice()
	if err != nil {
		return refusal("ask what the user of Redis may do", err)
	}
	if len(lacking) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "the user of redis_url lacks rights in Redis, %s: it may not %s", rightsAdvice, strings.Join(lacking, ", "))
}

// refusal is Unavailable, and says what to do if it is told by the error; nil stays nil.
func refusal(op string, err error) error {
	var advice string
	switch {
	case err == nil:
		return nil
	case redis.HasErrorPrefix(err, "NOPERM"):
		advice = "the user of redis_url lacks rights in Redis: " + rightsAdvice
	case redis.HasErrorPrefix(err, "WRONGPASS"), redis.HasErrorPrefix(err, "NOAUTH"):
		advice = "Redis does not take the user and password of redis_url: compare them with its ACL LIST"
	case isUntrusted(err):
		advice = "the certificate of Redis is not trusted: name the file of its authority by ca_file in redis_url (rediss://…?ca_file=redis-ca.pem), " +
			"and the host as the certificate does"
	default:
		return unavailable(op, err)
	}
	return &fault.Error{Code: fault.Unavailable, Op: op, Message: advice, Err: err}
}
