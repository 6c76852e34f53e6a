-- Replaces what counts as told without a message, under a claim, if that is still as it was seen
-- (domain::group::Group::settle); what was seen in flight is taken back with it.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, fence, integration, number seen, number seen in flight (0 = none), what is told (JSON)
-- Reply    {'lost'}, or {'held', seq, last, pending} ('' = none)
--
-- Safe in every prefix because the number is raised first.

local group, fence, integration, last = ARGV[2], ARGV[3], ARGV[4], ARGV[7]
local seen, in_flight = tonumber(ARGV[5]), tonumber(ARGV[6])
if not (seen and in_flight and last) then return redis.error_reply('ERR what is told cannot be read') end
if not is_held(group, fence) then return { 'lost' } end
local told = read_told(group, integration)
if told.seq == seen and (pending_seq(told.pend) or 0) == in_flight then
  -- Numbered as messages are: later than all that was told before this group was last gone.
  told.seq = next_number(math.max(told.seq + 1, floor_of_shard() + 1, now), 0)
  told.last, told.pend = last, ''
  write_told(group, integration, told)
end
touch(group)
close()
return { 'held', int(told.seq), told.last, told.pend }
