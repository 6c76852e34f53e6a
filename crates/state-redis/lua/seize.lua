-- Claims one group out of turn, due or not; its ticks go on as they were. Asked again by whoever did so, because the answer was
-- lost, it is the same claim.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, lease in milliseconds
-- Reply    {'none'} when it is not there, {'lost'} when somebody holds it or nothing may be claimed now, or {'held', group, fence, tick, members}
--
-- Safe in every prefix because the group is in flight before it stops being due.

local group, lease_ms = ARGV[2], tonumber(ARGV[3])
if not (group and lease_ms) then return redis.error_reply('ERR a seizure cannot be read') end
local grid = read_grid(group)
if not grid then return { 'none' } end
local deadline = tonumber(redis.call('ZSCORE', QUEUE_INFLIGHT, group))
if is_on_hold() then return { 'lost' } end
if deadline and now < deadline then
  local read = redis.call('HMGET', meta_of(group), 'fence', 'seized', 'begun')
  local fence = read[1]
  local is_ours = fence and redis.call('GET', lock_of(group)) == instance .. ':' .. fence
  if not is_ours or read[2] ~= fence or read[3] == fence then return { 'lost' } end
  lease(group, fence, lease_ms)
  return { 'held', group, fence, int(now), count_members(group) }
end
-- An instance that has not polled yet: should it be silent from here on, its claim is free early all the same.
local instances = redis.call('HGET', shard, 'instances') or ''
if not string.find(' ' .. instances .. ' ', ' ' .. instance .. ' ', 1, true) then
  redis.call('HSET', shard, 'instances', instances == '' and instance or instances .. ' ' .. instance,
    'seen:' .. instance, int(now), 'newest:' .. instance, int(newest))
end
local claimed = claim(group, now, lease_ms)
redis.call('HSET', meta_of(group), 'seized', claimed[2])
return { 'held', claimed[1], claimed[2], claimed[3], claimed[4] }
