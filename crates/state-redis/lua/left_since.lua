-- Answers who is remembered to have left a group in a state of an instant or a later one, or at an instant or later, and in which state.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, the instant of the state in milliseconds, when it left in milliseconds
-- Reply    of each, one after the other: fingerprint, the instant of its state in milliseconds; one may come twice
--
-- Safe in every prefix because it writes nothing.

local group, state, at = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if not (state and at) then return redis.error_reply('ERR a question for who left cannot be read') end
local left = redis.call('ZRANGEBYSCORE', tomb_of(group), int(state), '+inf', 'WITHSCORES')
for _, fingerprint in ipairs(redis.call('ZRANGEBYSCORE', left_of(group), int(at), '+inf')) do
  local known = redis.call('ZSCORE', tomb_of(group), fingerprint)
  if known then
    left[#left + 1] = fingerprint
    left[#left + 1] = known
  end
end
return left
