#!lua flags=allow-oom
--[[
lock/extend: adds to what is left of the lease of a holder, up to a bound.

KEYS[1]  lock     text, the holder's token; its expiry is the lease

ARGV[1]  token     the one given to lock/acquire
ARGV[2]  by_ms     0 or more
ARGV[3]  max_ms    most that may be left afterwards, 1 or more

Returns  {"kept", lease left in ms} | {"lost"}
Writes   1. the expiry.
]]
local lock_key = KEYS[1]
local token, by_ms, max_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if not by_ms or by_ms < 0 or not max_ms or max_ms < 1 then
  return redis.error_reply("BADARG lock/extend: an extension of 0 ms or more, a bound of 1 ms or more")
end

if redis.call("GET", lock_key) ~= token then
  return { "lost" }
end
local left_ms = math.max(redis.call("PTTL", lock_key), 1)
local wanted_ms = math.min(left_ms + by_ms, max_ms)
if left_ms < wanted_ms then
  redis.call("PEXPIRE", lock_key, wanted_ms)
  left_ms = wanted_ms
end
return { "kept", left_ms }
