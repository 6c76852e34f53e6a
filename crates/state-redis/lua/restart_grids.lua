-- Restarts the grids of a tenant's groups that have ticked, once per configuration
-- (domain::group::grid::Grid::restart). The first configuration ever heard of restarts nothing.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, tenant, hash of its configuration
-- Reply    1 if it did, else 0
--
-- Safe in every prefix because the hash is noted last; a repeat restarts again what was restarted.

local tenant, hash = ARGV[2], ARGV[3]
if not hash then return redis.error_reply('ERR a configuration cannot be read') end
local known = redis.call('HGET', shard, 'cfg:' .. tenant)
if known == hash then return 0 end

local function restart(group, is_due)
  if string.match(group, '^(.*):') ~= tenant then return end
  local grid = read_grid(group)
  if not grid or not grid.ticked then return end
  redis.call('HSET', meta_of(group), 'first', int(now), 'next', int(now), 'restart', '1')
  if is_due then queue(QUEUE_DUE, now, group) end
  emit_grid(group, now, now, int(grid.interval), true)
end

if known then
  for _, group in ipairs(redis.call('ZRANGE', QUEUE_DUE, 0, -1)) do restart(group, true) end
  for _, group in ipairs(redis.call('ZRANGE', QUEUE_INFLIGHT, 0, -1)) do restart(group, false) end
end
redis.call('HSET', shard, 'cfg:' .. tenant, hash)
keep(shard)
close()
return known and 1 or 0
