#!lua flags=allow-oom
--[[
lock/renew: makes the lease of a holder last at least so long from now.

It is never shortened. A lapsed lease is not revived, even for its last holder: somebody else may have worked since.

KEYS[1]  lock     text, the holder's token; its expiry is the lease

ARGV[1]  token        the one given to lock/acquire
ARGV[2]  lease_ms     1 or more

Returns  {"kept", lease left in ms} | {"lost"}
Writes   1. the expiry.
]]
local lock_key = KEYS[1]
local token, lease_ms = ARGV[1], tonumber(ARGV[2])
if not lease_ms or lease_ms < 1 then
  return redis.error_reply("BADARG lock/renew: a lease of 1 ms or more")
end

if redis.call("GET", lock_key) ~= token then
  return { "lost" }
end
local left_ms = redis.call("PTTL", lock_key)
if left_ms < lease_ms then
  redis.call("PEXPIRE", lock_key, lease_ms)
  left_ms = lease_ms
end
return { "kept", left_ms }
