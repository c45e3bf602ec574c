-- The rate limiter of one channel and of its account: all checks, then all charges,
-- in one step.
--
-- Times are microseconds since BASE (a double keeps them to 1/100 us), by
-- Redis's own clock. All keys share the account's hash tag.
--
-- KEYS[1]  channel state, a hash:
--            last     when the latest slot is (may lie in the future)
--            debt     us that bursts took ahead of their turn
--            credit   what is left of the burst
--            blocked  no slot before this
--            factor   share of the rate that throttling left, at
--            event    the time of the last throttling (absent: none)
--            epoch    the channel's epoch that blocked, factor and event are of
-- KEYS[2]  campaign state, a string: place of its latest slot
-- KEYS[3]  sorted set: recipient -> time of its latest slot, 24 h back
-- KEYS[4]  account state, a string: time of its latest slot
-- KEYS[5..] per job, only if ARGV[10] > 0: time of the recipient's latest slot
--
-- ARGV[1]  operation: "reserve", "next", "throttle", "seed", "state"
-- ARGV[2]  now in us since BASE; "" for Redis's own clock (tests give one)
-- ARGV[3]  channel rate per second, 0 for none
-- ARGV[4]  burst, >= 1
-- ARGV[5]  the channel's epoch: a later one begins anew, an earlier one's
--          throttling is not heard
-- reserve:
-- ARGV[6]  number of jobs
-- ARGV[7]  how far ahead a slot may lie, us
-- ARGV[8]  us that slots may lie ahead which were given out before Redis lost the
--          state; 0 if the caller had none lately: missing state is a new channel
-- ARGV[9]  campaign rate per second, 0 for none
-- ARGV[10] least time between two slots of a recipient, us, 0 for none
-- ARGV[11] most recipients in 24 h, 0 for none
-- ARGV[12] 1 to be told alone, and given nothing, where there is no state of the
--          channel or of a campaign that has a rate
-- ARGV[13] the slot that this one is instead of, us since BASE as it was answered, if
--          it was missed and nothing was sent in it; else 0. Where it is still the
--          latest one, of the channel or of the campaign, it is moved to now: gaps
--          between slots only grow by that, so that nothing is charged twice
-- ARGV[14] account rate per second, over all of its channels, 0 for none
-- ARGV[15] how far ahead, us, a slot may lie that the channel has later than the
--          account: the account's time before it is left unused
-- ARGV[16..] recipients, one a job, only if ARGV[11] > 0
--   returns {jobs answered, us to come back in, 1 if there was no state,
--            us blocked, factor * 1e6, us until the channel's slots are paid for,
--            us until the campaign's are, now in us since BASE, a number a job};
--            the number is the wait in us, or -1 - 2*retry - reason (0 spacing, 1 recipients a day)
-- next:      as reserve with one job and no recipient, and charges nothing: us to
--            come back in is the wait for the slot;  returns as reserve, no jobs
-- throttle:
-- ARGV[6]  us that the channel is to rest;  returns as reserve, no jobs
-- seed:
-- ARGV[6]  until when the channel's latest slots are paid for, or ""
-- ARGV[7]  rest of the spacing to remember, us
-- ARGV[8]  the campaign's interval, us, and ARGV[9] until when its latest slots
--          are paid for, or ""; then triples: 0-based number of the KEYS[5..]
--          entry or -1, recipient or "", time.
-- state:     returns as reserve, no jobs; where throttling left less than the whole rate, two
--            numbers in place of jobs: us since the last throttling, and until all is had again

local BASE = 1750000000
local WINDOW = 1015000      -- a second and the slack that jitter may take
local SHARE = 0.985         -- of the limit: even spacing leaves the same slack
local CSHARE = 0.965        -- the same for campaigns, which have
local CSLACK = 20000        -- this tolerance, so that they may take slots in bunches
local SAME = 2              -- answers are whole us: two times of one slot differ by less
local DAY = 86400000000
local MINUTE = 60000000
local KEEP = 400000000      -- idle state is kept as long as it can matter
local CEILING = 1000        -- rate that throttling halves where none is set
local LEAST = 1 / 32        -- of the rate is always left
local STEP = 10000000       -- of quiet give back
local GAIN = 0.1            -- of the rate
local NEVER = -1e15
local ALOST = 1000000       -- as far ahead as an account's slots may lie
local AKEEP = 172800000000  -- how long an idle account's latest slot is kept

local op = ARGV[1]
local now
if ARGV[2] == "" then
  local t = redis.call("TIME")
  now = (tonumber(t[1]) - BASE) * 1000000 + tonumber(t[2])
else
  now = tonumber(ARGV[2])
end
local rate = tonumber(ARGV[3])
local burst = tonumber(ARGV[4])
local epoch = tonumber(ARGV[5])

local function text(x) return string.format("%.17g", x) end
local function px(us) return string.format("%.0f", math.max(1, math.ceil(us / 1000))) end
local function read(v, default)
  if v then return tonumber(v) end
  return default
end

local h = redis.call("HMGET", KEYS[1], "last", "debt", "credit", "blocked", "factor", "event", "epoch")
local missing = not h[1]
local last = read(h[1], NEVER)
local debt = read(h[2], 0)
local credit = read(h[3], 0)
local blocked = read(h[4], NEVER)
local factor = read(h[5], 1)
local event = read(h[6], NEVER)
local known = read(h[7], 0)

-- A channel that was resumed or configured anew begins anew: what the provider
-- said before was said to another configuration.
local changed = false
if epoch > known then
  if not missing then changed = true end
  known = epoch
  blocked = NEVER
  factor = 1
  event = NEVER
end

-- A clock that went back (a failover) must not hold the channel up.
if last > math.max(now, blocked) + MINUTE + WINDOW then last = now; debt = 0; credit = 0; changed = true end
if blocked > now + DAY + MINUTE then blocked = now end
if event > now + MINUTE then event = now end

local calm = math.max(event, blocked)
local eased = factor
if eased < 1 and now > calm then
  eased = math.min(1, factor + GAIN * math.floor((now - calm) / STEP))
end

local function effective()
  if rate > 0 then return rate * eased end
  if eased < 1 then return CEILING * eased end
  return 0
end

local function save(T)
  redis.call("HSET", KEYS[1], "last", text(last), "debt", text(debt), "credit", text(credit),
    "blocked", text(blocked), "factor", text(factor), "event", text(event), "epoch", text(known))
  -- What was throttled before it was seeded is as little known as it was.
  if missing and op == "throttle" then redis.call("HDEL", KEYS[1], "last") end
  local ttl = math.max(last, blocked, now) - now + debt + T + KEEP
  redis.call("PEXPIRE", KEYS[1], px(ttl))
end

local place = NEVER
local function answer(n, retry)
  return {n, math.ceil(retry), missing and 1 or 0, math.ceil(math.max(0, blocked - now)), math.floor(eased * 1000000 + 0.5),
    math.ceil(math.max(0, last + debt - now)), math.ceil(math.max(0, place - now)), math.floor(now)}
end

if op == "state" then
  local out = answer(0, 0)
  if eased == 1 then return out end
  out[1] = 2
  out[9] = math.floor(now - event)
  out[10] = math.ceil(calm + STEP * math.ceil((1 - factor) / GAIN) - now)
  return out
end

if op == "throttle" then
  if epoch < known then return answer(0, 0) end
  if now >= blocked and now - event >= 1000000 then
    -- A new event, not another answer of the same overload.
    factor = eased
    if now - calm <= MINUTE then factor = math.max(eased / 2, LEAST) end
    event = now
    eased = factor
  end
  blocked = math.max(blocked, now + tonumber(ARGV[6]))
  credit = 0
  save(0)
  return answer(0, 0)
end

if op == "seed" then
  if ARGV[6] ~= "" then
    -- A burst is paid for within WINDOW; what lies further ahead is of a clock
    -- that went back.
    last = math.max(last, math.min(tonumber(ARGV[6]), now + WINDOW))
    save(0)
  end
  local per = tonumber(ARGV[7])
  if ARGV[9] ~= "" then
    place = math.max(read(redis.call("GET", KEYS[2]), NEVER), math.min(tonumber(ARGV[9]), now + WINDOW))
    redis.call("SET", KEYS[2], text(place), "PX", px(math.max(place, now) - now + tonumber(ARGV[8]) + KEEP))
  end
  for i = 10, #ARGV, 3 do
    local key, recipient, at = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2])
    local before = key >= 0 and redis.call("GET", KEYS[5 + key])
    if key >= 0 and at + per > now and (not before or tonumber(before) < at) then
      redis.call("SET", KEYS[5 + key], text(at), "PX", px(at + per - now))
    end
    if recipient ~= "" and at > now - DAY then
      local had = redis.call("ZSCORE", KEYS[3], recipient)
      if not had or tonumber(had) < at then redis.call("ZADD", KEYS[3], text(at), recipient) end
      redis.call("PEXPIRE", KEYS[3], DAY / 1000)
    end
  end
  return answer(0, 0)
end

-- reserve
local k = tonumber(ARGV[6])
local ahead = tonumber(ARGV[7])
local lost = tonumber(ARGV[8])
local crate = tonumber(ARGV[9])
local per = tonumber(ARGV[10])
local cap = tonumber(ARGV[11])
local missed = tonumber(ARGV[13])
local arate = tonumber(ARGV[14])
local gap = tonumber(ARGV[15])
if missed + 2 * SAME > now then missed = 0 end -- it has not gone by

local r = effective()
local T = 0
if r > 0 then T = 1000000 / (SHARE * r) end
local most = math.max(1, math.min(burst, math.floor(rate)))
if eased < 1 then most = 1 end

local Tc = 0
if crate > 0 then
  Tc = 1000000 / (CSHARE * crate)
  local stood = redis.call("GET", KEYS[2])
  if not stood and ARGV[12] == "1" then missing = true end
  place = read(stood, NEVER)
  if place > now + MINUTE + WINDOW then place = now; changed = true end
end
if missing and ARGV[12] == "1" then return answer(0, 0) end

-- Nobody but the account's channels together knows of all slots that may still be
-- used. Where its state is missing they are waited for, and none is lost with it.
local Ta = 0
local aplace = NEVER
local function keep()
  redis.call("SET", KEYS[4], text(aplace), "PX", px(math.max(aplace, now) - now + AKEEP))
end
if arate > 0 then
  Ta = 1000000 / (SHARE * arate)
  aplace = read(redis.call("GET", KEYS[4]), NEVER)
  if aplace == NEVER then
    aplace = now + ALOST
    keep()
  end
  if aplace > now + MINUTE + WINDOW then aplace = now end
end

if missing and lost > 0 and (T > 0 or Tc > 0) then
  last = now + lost + (most - 1) * T
  credit = 0
  place = now + lost
  changed = true
end
-- A campaign's place lies up to its tolerance behind its slot; a later slot's at
-- least an interval.
local moves = missed > 0 and math.abs(last - missed) < SAME
local cmoves = missed > 0 and place > missed - SAME and place < missed + math.min(CSLACK, Tc - 2 * SAME)
local amoves = missed > 0 and math.abs(aplace - missed) < SAME
-- The burst is had again after a quiet second, and not before all that was had
-- is paid for: a slot each ten seconds stays one. A slot that is used only now is
-- itself one of the burst.
if not moves and now >= math.max(math.max(last, blocked) + WINDOW, last + debt + T) then credit = most end
credit = math.min(credit, moves and most - 1 or most)

local count = 0
if cap > 0 then
  redis.call("ZREMRANGEBYSCORE", KEYS[3], "-inf", text(now - DAY))
  count = redis.call("ZCARD", KEYS[3])
end

local waits = {}
local retry = 0
local added = false
local charged = false
local acharged = false
for i = 1, k do
  local pos = math.max(now, blocked)
  local turn = pos
  if T > 0 and not moves then
    turn = math.max(last + debt + T, pos)
    if credit > 0 then pos = math.max(pos, last) else pos = turn end
  end
  if Ta > 0 and not amoves then
    local free = math.max(now, aplace + Ta)
    if op ~= "next" and pos > free and pos > now + gap then
      retry = math.max(1000, pos - now - gap / 2)
      break
    end
    pos = math.max(pos, free)
  end
  if Tc > 0 and not cmoves and pos < place + Tc - CSLACK then
    if op == "next" then
      pos = place + Tc - CSLACK
    elseif T > 0 or Ta > 0 then
      -- Waiting would leave the channel's slots, or the account's, before it unused.
      retry = math.max(1000, place + Tc - CSLACK / 2 - pos)
      break
    else
      pos = place + Tc
    end
  end
  if op == "next" then return answer(0, pos - now) end
  if pos > now + ahead then
    retry = math.max(1000, pos - now - ahead / 2)
    break
  end
  local denied
  if per > 0 then
    local before = redis.call("GET", KEYS[4 + i])
    local own = missed > 0 and before and math.abs(tonumber(before) - missed) < SAME
    if before and not own and pos < tonumber(before) + per then
      denied = -1 - 2 * math.ceil(tonumber(before) + per - now)
    end
  end
  local new = false
  if not denied and cap > 0 then
    new = not redis.call("ZSCORE", KEYS[3], ARGV[15 + i])
    if new and count >= cap then
      local oldest = redis.call("ZRANGE", KEYS[3], count - cap, count - cap, "WITHSCORES")
      denied = -2 - 2 * math.ceil(tonumber(oldest[2]) + DAY - now)
    end
  end
  if denied then
    waits[i] = denied
  else
    waits[i] = math.ceil(pos - now)
    if T > 0 and not moves then
      if credit > 0 then
        credit = credit - 1
        debt = math.max(0, turn - pos)
      else
        debt = 0
      end
    end
    last = math.max(last, pos)
    changed = true
    if Tc > 0 then
      if cmoves then place = math.max(place, pos) else place = math.max(place + Tc, pos) end
      charged = true
    end
    if Ta > 0 then
      if amoves then aplace = math.max(aplace, pos) else aplace = pos end
      acharged = true
    end
    if per > 0 then
      redis.call("SET", KEYS[4 + i], text(pos), "PX", px(pos + per - now))
    end
    if cap > 0 then
      redis.call("ZADD", KEYS[3], text(pos), ARGV[15 + i])
      if new then count = count + 1 end
      added = true
    end
  end
end
if changed then save(T) end
if charged or (Tc > 0 and changed) then
  redis.call("SET", KEYS[2], text(place), "PX", px(math.max(place, now) - now + Tc + KEEP))
end
if acharged then keep() end
if added then redis.call("PEXPIRE", KEYS[3], DAY / 1000 + 60000) end

local n = #waits
local out = answer(n, retry)
for i = 1, n do out[8 + i] = waits[i] end
return out
