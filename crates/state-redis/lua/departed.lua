-- Answers which of some alerts may have left a group after an instant: those with a tombstone, or all of them if somebody who
-- left after it may be forgotten.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, the instant in milliseconds, life of a tombstone in milliseconds, then fingerprints
-- Reply    those of them
--
-- Safe in every prefix because it writes nothing.

local group, since, tomb_ms = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if not (since and tomb_ms) then return redis.error_reply('ERR a question for who left cannot be read') end
-- A tenth less: after its server's clock stepped back the shard's goes slower than what expires.
tomb_ms = tomb_ms - math.floor(tomb_ms / 10)

-- Who left up to then may be forgotten.
local function forgotten_until()
  local read = redis.call('HMGET', shard, 'known_since', 'first_left', 'last_left')
  local known_since, first_left, last_left = tonumber(read[1]), tonumber(read[2]), tonumber(read[3])
  if not known_since then return now end
  if not (first_left and last_left) or now < first_left + tomb_ms then return known_since end
  return math.max(known_since, math.min(last_left, now - tomb_ms))
end

local is_known, departed = forgotten_until() < since, {}
for index = 5, #ARGV do
  if not is_known or redis.call('ZSCORE', tomb_of(group), ARGV[index]) then departed[#departed + 1] = ARGV[index] end
end
return departed
