-- Throws away what is left of a shard of which the server threw keys away.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, 1 if more groups follow in another call, groups that may have no place in a queue
-- Reply    1 if there was a reason, else 0
--
-- Safe in every prefix because the reason is forgotten last; a repeat deletes the rest.

if not ARGV[2] then return redis.error_reply('ERR a new start cannot be read') end
if not has_evicted() then return 0 end
for index = 3, #ARGV do delete_group(ARGV[index]) end
if ARGV[2] == '1' then return 1 end
for _, name in ipairs({ QUEUE_DUE, QUEUE_INFLIGHT, QUEUE_ENDS }) do
  for _, group in ipairs(redis.call('ZRANGE', name, 0, -1)) do delete_group(group) end
end
redis.call('DEL', QUEUE_DUE, QUEUE_INFLIGHT, QUEUE_ENDS)
redis.call('HDEL', shard, 'epoch')
redis.call('HSET', shard, 'evicted', int(count_evicted()))
keep(shard)
return 1
