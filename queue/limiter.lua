-- The rate limiter of one channel, of its account, and of the groups of its recipients
-- that are at one mailbox provider: all checks, then all charges, in one step.
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
--            anew     until when slots may lie that were given out before the state was
--                     lost, of a group or of all that have none: as if one lay there
--            counted  as what the recipients of a day were seeded, the channel's and its
--                     groups'; absent or "" where nobody is counted
--          A group's hash is the same, so that it is throttled in the same way, with
--          the place of its latest slot as last, and beside:
--            soon     the latest time for which somebody who is near was told to ask again
--            rate,cap the limits by which those who wait were told
-- KEYS[2]  campaign state, a string: place of its latest slot
-- KEYS[3]  sorted set: recipient -> time of its latest slot, 24 h back; of the channel, or
--          of all that count together
-- KEYS[4]  account state, a string: time of its latest slot
-- KEYS[5..] per job, only if ARGV[10] > 0: place of the recipient's latest slot, which
--          is its time unless a burst moved it on; then three for each group: its hash, its recipients as KEYS[3], and the
--          campaign's line at it, a string: the latest time that somebody who is not
--          near was told, and the rate and the cap by which. Each campaign has a line of
--          its own, or one that comes later would wait for all of those before
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
-- ARGV[16] number of groups
-- ARGV[17] how soon, us, a group has to have room for who is denied to be told so;
--          who is not gets a time of its own at the end of the line
-- ARGV[18] how many slots a recipient may have ahead of its spacing, which they are
--          paid for by, >= 1
-- ARGV[19] as what the recipients of a day are counted, "" where nobody is. Where they
--          were seeded as something else, ARGV[12] is as if there were no state
-- ARGV[20..] two for each group: its rate per second, and most recipients in 24 h,
--          0 for none; then for each job the number of its group, 0 for none, only
--          if there are groups; then recipients, one a job, only if any are counted, ""
--          for who is not
--   returns {jobs answered, us to come back in, 1 if there was no state,
--            us blocked, factor * 1e6, us until the channel's slots are paid for,
--            us until the campaign's are, now in us since BASE, a number a job};
--            the number is the wait in us, or -1 - 4*retry - reason (0 spacing, 1 recipients a day,
--            2 the group's rate, 3 the group's recipients a day)
-- next:      as reserve with one job and no recipient, and charges nothing: us to
--            come back in is the wait for the slot;  returns as reserve, no jobs
-- throttle:
-- ARGV[6]  us that the channel is to rest;  returns as reserve, no jobs
-- seed:
-- ARGV[6]  until when the channel's latest slots are paid for, or ""
-- ARGV[7]  rest of the spacing to remember, us
-- ARGV[8]  the campaign's interval, us, and ARGV[9] until when its latest slots
--          are paid for, or ""
-- ARGV[10] as what the recipients of a day are counted from now on, or "" to leave that
-- ARGV[11] how much later than its time the place of a recipient's slot may be, us;
--          then triples: 0-based number of the KEYS[5..] entry or -1, recipient or "",
--          time.
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
local DESERTED = 10000000   -- a line in which nobody came for so long is nobody's

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

-- What a hash holds, by now. A channel that was resumed or configured anew begins
-- anew: what the provider said before was said to another configuration.
local function load(key)
  local h = redis.call("HMGET", key, "last", "debt", "credit", "blocked", "factor", "event", "epoch", "anew", "counted")
  local s = {
    missing = not h[1], last = read(h[1], NEVER), debt = read(h[2], 0), credit = read(h[3], 0), blocked = read(h[4], NEVER),
    factor = read(h[5], 1), event = read(h[6], NEVER), known = read(h[7], 0), anew = read(h[8], NEVER),
    counted = h[9] or "", had = h[9] or "", changed = false
  }
  if epoch > s.known then
    if not s.missing then s.changed = true end
    s.known = epoch
    s.blocked = NEVER
    s.factor = 1
    s.event = NEVER
  end
  -- A clock that went back (a failover) must not hold anybody up.
  if s.last > math.max(now, s.blocked) + MINUTE + WINDOW then s.last = now; s.debt = 0; s.credit = 0; s.changed = true end
  if s.blocked > now + DAY + MINUTE then s.blocked = now end
  if s.event > now + MINUTE then s.event = now end
  s.calm = math.max(s.event, s.blocked)
  s.eased = s.factor
  if s.eased < 1 and now > s.calm then
    s.eased = math.min(1, s.factor + GAIN * math.floor((now - s.calm) / STEP))
  end
  return s
end

local function interval(share, rate, eased)
  local r = 0
  if rate > 0 then r = rate * eased elseif eased < 1 then r = CEILING * eased end
  if r > 0 then return 1000000 / (share * r) end
  return 0
end

local c = load(KEYS[1])
local missing = c.missing

local function save(key, s, T)
  redis.call("HSET", key, "last", text(s.last), "debt", text(s.debt), "credit", text(s.credit),
    "blocked", text(s.blocked), "factor", text(s.factor), "event", text(s.event), "epoch", text(s.known))
  if s.anew > NEVER then redis.call("HSET", key, "anew", text(s.anew)) end
  if s.counted ~= s.had then redis.call("HSET", key, "counted", s.counted) end
  -- What was throttled before it was seeded is as little known as it was.
  if s.missing and op == "throttle" then redis.call("HDEL", key, "last") end
  local ttl = math.max(s.last, s.blocked, now) - now + s.debt + T + KEEP
  redis.call("PEXPIRE", key, px(ttl))
end

local place = NEVER
local function answer(n, retry)
  return {n, math.ceil(retry), missing and 1 or 0, math.ceil(math.max(0, c.blocked - now)), math.floor(c.eased * 1000000 + 0.5),
    math.ceil(math.max(0, c.last + c.debt - now)), math.ceil(math.max(0, place - now)), math.floor(now)}
end

if op == "state" then
  local out = answer(0, 0)
  if c.eased == 1 then return out end
  out[1] = 2
  out[9] = math.floor(now - c.event)
  out[10] = math.ceil(c.calm + STEP * math.ceil((1 - c.factor) / GAIN) - now)
  return out
end

if op == "throttle" then
  if epoch < c.known then return answer(0, 0) end
  if now >= c.blocked and now - c.event >= 1000000 then
    -- A new event, not another answer of the same overload.
    c.factor = c.eased
    if now - c.calm <= MINUTE then c.factor = math.max(c.eased / 2, LEAST) end
    c.event = now
    c.eased = c.factor
  end
  c.blocked = math.max(c.blocked, now + tonumber(ARGV[6]))
  c.credit = 0
  save(KEYS[1], c, 0)
  return answer(0, 0)
end

if op == "seed" then
  if ARGV[6] ~= "" then
    -- A burst is paid for within WINDOW; what lies further ahead is of a clock
    -- that went back.
    if missing then c.anew = now + ALOST end
    c.last = math.max(c.last, math.min(tonumber(ARGV[6]), now + WINDOW))
  end
  if ARGV[10] ~= "" then c.counted = ARGV[10] end
  if ARGV[6] ~= "" or ARGV[10] ~= "" then save(KEYS[1], c, 0) end
  local per = tonumber(ARGV[7])
  local owed = tonumber(ARGV[11])
  if ARGV[9] ~= "" then
    place = math.max(read(redis.call("GET", KEYS[2]), NEVER), math.min(tonumber(ARGV[9]), now + WINDOW))
    redis.call("SET", KEYS[2], text(place), "PX", px(math.max(place, now) - now + tonumber(ARGV[8]) + KEEP))
  end
  for i = 12, #ARGV, 3 do
    local key, recipient, at = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2])
    local before = key >= 0 and redis.call("GET", KEYS[5 + key])
    if key >= 0 and at + owed + per > now and (not before or tonumber(before) < at + owed) then
      redis.call("SET", KEYS[5 + key], text(at + owed), "PX", px(at + owed + per - now))
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

local groups = tonumber(ARGV[16])
local near = tonumber(ARGV[17])
local pahead = (tonumber(ARGV[18]) - 1) * per
if op == "reserve" and c.counted ~= ARGV[19] then
  if ARGV[19] == "" then
    c.counted = ""
    c.changed = true
  elseif ARGV[12] == "1" then
    missing = true
  end
end

local T = interval(SHARE, rate, c.eased)
local most = math.max(1, math.min(burst, math.floor(rate)))
if c.eased < 1 then most = 1 end

local Tc = 0
if crate > 0 then
  Tc = 1000000 / (CSHARE * crate)
  local stood = redis.call("GET", KEYS[2])
  if not stood and ARGV[12] == "1" then missing = true end
  place = read(stood, NEVER)
  if place > now + MINUTE + WINDOW then place = now; c.changed = true end
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

if missing and lost > 0 and (T > 0 or Tc > 0 or groups > 0) then
  c.last = now + lost + (most - 1) * T
  c.credit = 0
  c.anew = now + lost
  place = now + lost
  c.changed = true
end
-- A campaign's place lies up to its tolerance behind its slot; a later slot's at
-- least an interval.
local function lags(place, T) return missed > 0 and place > missed - SAME and place < missed + math.min(CSLACK, T - 2 * SAME) end
local moves = missed > 0 and math.abs(c.last - missed) < SAME
local cmoves = lags(place, Tc)
local amoves = missed > 0 and math.abs(aplace - missed) < SAME
-- The burst is had again after a quiet second, and not before all that was had
-- is paid for: a slot each ten seconds stays one. A slot that is used only now is
-- itself one of the burst.
if not moves and now >= math.max(math.max(c.last, c.blocked) + WINDOW, c.last + c.debt + T) then c.credit = most end
c.credit = math.min(c.credit, moves and most - 1 or most)

-- How many recipients a day's set has by now.
local function counted(key)
  redis.call("ZREMRANGEBYSCORE", key, "-inf", text(now - DAY))
  return redis.call("ZCARD", key)
end

-- When a set, of which so many are counted, has room for one more.
local function roomAt(key, count, cap)
  local oldest = redis.call("ZRANGE", key, count - cap, count - cap, "WITHSCORES")
  return tonumber(oldest[2]) + DAY
end

local count = 0
if cap > 0 then count = counted(KEYS[3]) end

local gkeys = 4
if per > 0 then gkeys = 4 + k end
local gargs = 19 + 2 * groups
local names = gargs
if groups > 0 then names = gargs + k end

local opened = {}
local function group(j)
  if opened[j] then return opened[j] end
  local key = KEYS[gkeys + 3 * j - 2]
  local g = load(key)
  local told = redis.call("HMGET", key, "soon", "rate", "cap")
  g.soon = read(told[1], NEVER)
  local grate, gcap = tonumber(ARGV[18 + 2 * j]), tonumber(ARGV[19 + 2 * j])
  g.T = interval(CSHARE, grate, g.eased)
  g.day = KEYS[gkeys + 3 * j - 1]
  g.own = KEYS[gkeys + 3 * j]
  local line, lrate, lcap = string.match(redis.call("GET", g.own) or "", "^(%S+) (%S+) (%S+)$")
  g.line = read(line, NEVER)
  g.count = 0
  if gcap > 0 then g.count = counted(g.day) end
  g.last = math.max(g.last, g.missing and c.anew or g.anew)
  -- Who was told a time by other limits is told another one. A line in which nobody
  -- comes although there is room is of messages that are gone.
  local deserted = g.line > now and math.max(g.last, g.blocked) + math.max(DESERTED, 3 * g.T) < now and (gcap == 0 or g.count < gcap)
  if read(told[2], 0) ~= grate or read(told[3], 0) ~= gcap or deserted then g.soon = NEVER end
  if read(lrate, 0) ~= grate or read(lcap, 0) ~= gcap or deserted then g.line = NEVER end
  g.rate = grate
  g.cap = gcap
  g.moves = g.T > 0 and lags(g.last, g.T)
  opened[j] = g
  return g
end

-- When to ask again of who would be in turn at first, of all that come one each step.
local function again(g, first, step)
  g.changed = true
  local soon = math.max(g.soon + step, first)
  if soon - now <= near then
    g.soon = soon
    return soon - now
  end
  local line = math.max(math.max(g.line, g.soon) + step, first)
  if line > now + DAY then return DAY end
  g.line = line
  g.stands = true
  return line - now
end

local function refuses(g, pos, recipient)
  if pos < g.blocked or (g.T > 0 and not g.moves and pos < g.last + g.T - CSLACK) then
    return -3 - 4 * math.ceil(math.max(1000, again(g, math.max(g.last + g.T, g.blocked), g.T)))
  end
  if g.cap > 0 and recipient ~= "" and g.count >= g.cap and not redis.call("ZSCORE", g.day, recipient) then
    return -4 - 4 * math.ceil(math.max(1000, again(g, roomAt(g.day, g.count, g.cap), math.max(g.T, DAY / g.cap))))
  end
end

local function take(g, pos, recipient)
  if g.moves then g.last = math.max(g.last, pos) else g.last = math.max(g.last + g.T, pos) end
  g.changed = true
  if g.cap > 0 and recipient ~= "" then
    g.count = g.count + redis.call("ZADD", g.day, text(pos), recipient)
    redis.call("PEXPIRE", g.day, DAY / 1000 + 60000)
  end
end

local waits = {}
local retry = 0
local added = false
local charged = false
local acharged = false
for i = 1, k do
  local pos = math.max(now, c.blocked)
  local turn = pos
  if T > 0 and not moves then
    turn = math.max(c.last + c.debt + T, pos)
    if c.credit > 0 then pos = math.max(pos, c.last) else pos = turn end
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
  local pmoves, pplace = false, NEVER
  if per > 0 then
    local before = redis.call("GET", KEYS[4 + i])
    pplace = read(before, NEVER)
    pmoves = missed > 0 and math.abs(pplace - missed) < SAME
    if not pmoves and pos < pplace + per - pahead then
      denied = -1 - 4 * math.ceil(pplace + per - pahead - now)
    end
  end
  local new = false
  local counts = cap > 0 and ARGV[names + i] ~= ""
  if not denied and counts then
    new = not redis.call("ZSCORE", KEYS[3], ARGV[names + i])
    if new and count >= cap then
      denied = -2 - 4 * math.ceil(roomAt(KEYS[3], count, cap) - now)
    end
  end
  local g
  if not denied and groups > 0 and ARGV[gargs + i] ~= "0" then
    g = group(tonumber(ARGV[gargs + i]))
    denied = refuses(g, pos, ARGV[names + i])
  end
  if denied then
    waits[i] = denied
  else
    waits[i] = math.ceil(pos - now)
    if T > 0 and not moves then
      if c.credit > 0 then
        c.credit = c.credit - 1
        c.debt = math.max(0, turn - pos)
      else
        c.debt = 0
      end
    end
    c.last = math.max(c.last, pos)
    c.changed = true
    if Tc > 0 then
      if cmoves then place = math.max(place, pos) else place = math.max(place + Tc, pos) end
      charged = true
    end
    if Ta > 0 then
      if amoves then aplace = math.max(aplace, pos) else aplace = pos end
      acharged = true
    end
    if per > 0 then
      if not pmoves and pahead > 0 then pplace = math.max(pplace + per, pos) else pplace = pos end
      redis.call("SET", KEYS[4 + i], text(pplace), "PX", px(pplace + per - now))
    end
    if counts then
      redis.call("ZADD", KEYS[3], text(pos), ARGV[names + i])
      if new then count = count + 1 end
      added = true
    end
    if g then take(g, pos, ARGV[names + i]) end
  end
end
if c.changed then save(KEYS[1], c, T) end
for j, g in pairs(opened) do
  if g.changed then
    local key = KEYS[gkeys + 3 * j - 2]
    redis.call("HSET", key, "soon", text(g.soon), "rate", text(g.rate), "cap", g.cap)
    save(key, g, g.T)
    if g.stands then
      redis.call("SET", g.own, text(g.line) .. " " .. text(g.rate) .. " " .. text(g.cap), "PX", px(g.line - now + KEEP))
    end
  end
end
if charged or (Tc > 0 and c.changed) then
  redis.call("SET", KEYS[2], text(place), "PX", px(math.max(place, now) - now + Tc + KEEP))
end
if acharged then keep() end
if added then redis.call("PEXPIRE", KEYS[3], DAY / 1000 + 60000) end

local n = #waits
local out = answer(n, retry)
for i = 1, n do out[8 + i] = waits[i] end
return out
