-- Notes that an instance has merged all it knows into an epoch of a shard: claims need not wait for that any more.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, epoch
-- Reply    'noted', or 'other' when the epoch is no longer in force
--
-- Safe in every prefix because it is one write.

if redis.call('HGET', shard, 'epoch') ~= ARGV[2] then return 'other' end
redis.call('HDEL', shard, 'hold')
return 'noted'
