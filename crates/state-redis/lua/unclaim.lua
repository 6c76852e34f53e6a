-- Gives a claim back as if it had not been made; the group is due again after a delay, for the same tick: what is put off
-- is its place in the queue.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, fence, delay in milliseconds
-- Reply    'held' or 'lost'
--
-- Safe in every prefix because the group is due before it stops being in flight.

local group, fence, delay_ms = ARGV[2], ARGV[3], tonumber(ARGV[4])
if not delay_ms then return redis.error_reply('ERR a return cannot be read') end
if not lease_end(group, fence) then return 'lost' end
if is_seized(group, fence) then release(group) else release(group, now + delay_ms) end
touch(group)
if delay_ms == 0 then redis.call('PUBLISH', prefix .. 'wake', tag) end
return 'held'
