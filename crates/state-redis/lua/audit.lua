-- Gives groups that are there and have no place in a queue one, and answers how many there were: there must be none.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, groups; none: those that have ends to come
-- Reply    how many were repaired
--
-- Safe in every prefix because each repair is one write.

local repaired = 0
local function repair(group)
  if ensure_queued(group) then repaired = repaired + 1 end
end
for index = 2, #ARGV do repair(ARGV[index]) end
if not ARGV[2] then
  for _, group in ipairs(redis.call('ZRANGE', QUEUE_ENDS, 0, -1)) do repair(group) end
end
return repaired
