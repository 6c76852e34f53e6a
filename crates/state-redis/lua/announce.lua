-- Notes what an instance says of itself, for as long as it says it again.
--
-- KEYS[1]  instance:<id>
-- ARGV     life in milliseconds, then names and values
-- Reply    'noted'
--
-- Safe in every prefix because nobody decides by it.

local instance = KEYS[1]
redis.call('DEL', instance)
for at = 2, #ARGV, 2 do redis.call('HSET', instance, ARGV[at], ARGV[at + 1]) end
redis.call('PEXPIRE', instance, ARGV[1])
return 'noted'
