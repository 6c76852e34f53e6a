-- Stores a silence if it is still as it was read.
--
-- KEYS[1]  silences:<tenant>
-- ARGV     channel to wake, id, silence, its instant `updated` when it was read ('' = there was none), for how many
--          milliseconds it is kept
-- Reply    the version then, or -1 when somebody changed it meanwhile
--
-- Safe in every prefix because the version is raised before the silence changes: whoever reads both sees a version that is
-- too new rather than a silence that is too new.

local silences, channel, id, silence, seen, kept_ms = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if not kept_ms then return redis.error_reply('ERR a silence cannot be read') end
local known = redis.call('HGET', silences, id)
-- The answer to the first request was lost.
if known == silence then return tonumber(redis.call('HGET', silences, 'version')) or 0 end
local updated = known and string.match(known, '^{"at":%["%d+","%d+","(%d+)"%]') or ''
if updated ~= seen then return -1 end
-- Above every version there ever was, also before a loss.
local time = redis.call('TIME')
local version = (tonumber(redis.call('HGET', silences, 'version')) or 0) + 1
local now = time[1] * 1000 + math.floor(time[2] / 1000)
version = math.max(version, now)
redis.call('HSET', silences, 'version', string.format('%.0f', version))
redis.call('HSET', silences, id, silence)
-- Never in the past: that would delete them.
local kept_until = now + math.max(kept_ms, 86400000)
local expires = redis.call('PEXPIRETIME', silences)
if expires < kept_until then redis.call('PEXPIREAT', silences, string.format('%.0f', kept_until)) end
redis.call('PUBLISH', channel, 'silences')
return version
