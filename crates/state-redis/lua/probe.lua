-- Writes something that says who tried; it proves that writing works.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, life of the trace in milliseconds
-- Reply    the shard clock
--
-- Safe in every prefix because nobody reads it.

if not tonumber(ARGV[2]) then return redis.error_reply('ERR a probe cannot be read') end
redis.call('SET', prefix .. 'probe:' .. tag, instance, 'PX', ARGV[2])
return now
