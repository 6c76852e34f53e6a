-- Freezes a message under a claim before it is sent, with a number never used before for this group and integration. A
-- message that is still pending is repeated as it was.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, fence, integration, pending message (JSON from behind its number on), slot of its number
-- Reply    {'lost'}, or {'held', seq, last, pending} ('' = none)
--
-- Safe in every prefix because the number is raised before the message that bears it is there.

local group, fence, integration, message, slot = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
if not (message and slot) then return redis.error_reply('ERR a message cannot be read') end
if not is_held(group, fence) then return { 'lost' } end
redis.call('HSET', meta_of(group), 'begun', fence)
local told = read_told(group, integration)
local pending = pending_seq(told.pend)
if pending then
  told.seq = math.max(told.seq, pending)
else
  told.seq = next_number(math.max(told.seq + 1, floor_of_shard() + 1, now), slot)
  told.pend = '{"seq":' .. int(told.seq) .. ',' .. message
  write_told(group, integration, told)
end
touch(group)
close()
return { 'held', int(told.seq), told.last, told.pend }
