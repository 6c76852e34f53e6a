-- Replaces what counts as told without a message. A group that is gone stays gone.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, integration, what is told (JSON)
-- Reply    {seq, last, pending} ('' = none)
--
-- Safe in every prefix because the number is raised first.

local group, integration, last = ARGV[2], ARGV[3], ARGV[4]
if not last then return redis.error_reply('ERR what is told cannot be read') end
if not exists(group) then return { '0', '', '' } end
local told = read_told(group, integration)
if told.last == last then return told_reply(told) end
told.seq, told.last = told.seq + 1, last
write_told(group, integration, told)
touch(group)
close()
return told_reply(told)
