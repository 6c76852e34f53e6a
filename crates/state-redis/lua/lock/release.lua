#!lua flags=allow-oom
--[[
lock/release: frees a lock if the caller holds it, and tells those who wait.

KEYS[1]  lock     text, the holder's token; its expiry is the lease

ARGV[1]  token      the one given to lock/acquire
ARGV[2]  channel    where waiters listen
ARGV[3]  name       the lock's name, as they know it

Returns  {"released"} | {"lost"}
Writes   1. the lock goes: waiters that were not told find out by asking.
         2. the message.
]]
local lock_key = KEYS[1]
local token, channel, name = ARGV[1], ARGV[2], ARGV[3]

if redis.call("GET", lock_key) ~= token then
  return { "lost" }
end
redis.call("DEL", lock_key)
redis.call("PUBLISH", channel, name)
return { "released" }
