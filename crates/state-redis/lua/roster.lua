-- Names the groups of a shard: each has a place in a queue.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance
-- Reply    the last change, then the groups
--
-- Safe in every prefix because it writes nothing.

local reply = { redis.call('HGET', shard, 'last') or '0-0' }
for _, queue_name in ipairs({ QUEUE_DUE, QUEUE_INFLIGHT }) do
  for _, group in ipairs(redis.call('ZRANGE', queue_name, 0, -1)) do reply[#reply + 1] = group end
end
return reply
