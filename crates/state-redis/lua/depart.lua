-- Forgets an instance that goes in peace: nobody waits for it to come back.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance that asks, instance that goes
-- Reply    'noted'
--
-- Safe in every prefix because whoever is still named only makes others wait for a while.

local gone, kept = ARGV[2], {}
if not gone then return redis.error_reply('ERR nobody was named') end
if redis.call('EXISTS', shard) == 0 then return 'noted' end
for id in string.gmatch(redis.call('HGET', shard, 'instances') or '', '%S+') do
  if id ~= gone then kept[#kept + 1] = id end
end
redis.call('HSET', shard, 'instances', table.concat(kept, ' '))
redis.call('HDEL', shard, 'seen:' .. gone, 'nonce:' .. gone, 'claims:' .. gone, 'newest:' .. gone)
keep(shard)
return 'noted'
