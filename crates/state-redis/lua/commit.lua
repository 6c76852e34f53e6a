-- Records that a message was accepted, by its number, whoever reports it: late truth is still truth
-- (domain::group::told::Told::accept). A group that is gone stays gone.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, integration, number, the message as accepted (JSON)
-- Reply    {seq, last, pending} ('' = none)
--
-- Safe in every prefix because what was told is replaced before the pending message goes; a repeat finishes the rest.

local group, integration, seq, accepted = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
if not (seq and accepted) then return redis.error_reply('ERR a commit cannot be read') end
if not exists(group) then return { ARGV[4], accepted, '' } end
local told = read_told(group, integration)
local pending = pending_seq(told.pend)
local is_awaited = pending ~= nil and pending <= seq
-- Said by an earlier group of this name: it is no news of this one.
local is_older = seq <= (tonumber(redis.call('HGET', meta_of(group), 'born')) or 0) and pending ~= seq
if is_older then return told_reply(told) end
if is_awaited or seq > told.seq then
  told.seq = math.max(told.seq, seq)
  told.last = accepted
  if is_awaited then told.pend = '' end
  write_told(group, integration, told)
end
touch(group)
close()
return told_reply(told)
