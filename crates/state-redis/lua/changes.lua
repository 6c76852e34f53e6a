-- Reads a shard's feed after a place.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, the place ('0-0' = the beginning), most changes wanted
-- Reply    1 if changes before the first are missing, then of each change: its place, its fields as {name, value, …}
--
-- Safe in every prefix because it writes nothing.

local after, count = ARGV[2], tonumber(ARGV[3])
if not (after and count) then return redis.error_reply('ERR a place cannot be read') end
local last = redis.call('HGET', shard, 'last') or '0-0'
if last == after then return { 0 } end
local start = after == '0-0' and '-' or after
local entries = redis.call('XRANGE', EVENTS, start, '+', 'COUNT', count + 1)
-- The place itself is still in the feed, or something between it and the first change may be missing.
local is_first_known = entries[1] ~= nil and entries[1][1] == after
local is_broken = not is_first_known
if after == '0-0' and entries[1] then
  local info = redis.call('XINFO', 'STREAM', EVENTS)
  local facts = {}
  for index = 1, #info, 2 do facts[info[index]] = info[index + 1] end
  is_broken = facts['entries-added'] ~= facts['length']
end
local reply = { is_broken and 1 or 0 }
for index = is_first_known and 2 or 1, #entries do
  reply[#reply + 1] = entries[index][1]
  reply[#reply + 1] = entries[index][2]
end
return reply
