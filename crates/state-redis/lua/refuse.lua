-- Takes back a message that was surely not accepted. A group that is gone stays gone.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, integration, number
-- Reply    {seq, last, pending} ('' = none)
--
-- Safe in every prefix because it is one change.

local group, integration, seq = ARGV[2], ARGV[3], tonumber(ARGV[4])
if not seq then return redis.error_reply('ERR a refusal cannot be read') end
local told = read_told(group, integration)
if pending_seq(told.pend) == seq then
  told.pend = ''
  write_told(group, integration, told)
  touch(group)
end
close()
return told_reply(told)
