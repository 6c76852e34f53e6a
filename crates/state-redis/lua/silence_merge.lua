-- Merges silences in: of each the one changed later stays.
--
-- KEYS[1]  silences:<tenant>
-- ARGV     channel to wake, for how many milliseconds they are kept, then of each: id, silence, its instant `updated`
-- Reply    the version then
--
-- Safe in every prefix because each silence is merged by itself, and a repeat finishes the rest.

local silences, channel, kept_ms = KEYS[1], ARGV[1], tonumber(ARGV[2])
if not kept_ms then return redis.error_reply('ERR silences cannot be read') end
local later = {}
for at = 3, #ARGV, 3 do
  local known = redis.call('HGET', silences, ARGV[at])
  local updated = known and string.match(known, '^{"at":%["%d+","%d+","(%d+)"%]') or ''
  if updated < ARGV[at + 2] then later[#later + 1] = at end
end
if #later == 0 then return tonumber(redis.call('HGET', silences, 'version')) or 0 end
-- Above every version there ever was, also before a loss.
local time = redis.call('TIME')
local version = (tonumber(redis.call('HGET', silences, 'version')) or 0) + 1
local now = time[1] * 1000 + math.floor(time[2] / 1000)
version = math.max(version, now)
redis.call('HSET', silences, 'version', string.format('%.0f', version))
for _, at in ipairs(later) do redis.call('HSET', silences, ARGV[at], ARGV[at + 1]) end
-- Never in the past: that would delete them.
local kept_until = now + math.max(kept_ms, 86400000)
local expires = redis.call('PEXPIRETIME', silences)
if expires < kept_until then redis.call('PEXPIREAT', silences, string.format('%.0f', kept_until)) end
redis.call('PUBLISH', channel, 'silences')
return version
