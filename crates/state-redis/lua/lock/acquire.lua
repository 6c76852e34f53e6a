#!lua
--[[
lock/acquire: gives a lock to a holder unless somebody else has it, and numbers the acquisition.

The number, the fence, is larger than every one before for this name: one more than the last, or the server's time in
microseconds if that is more. So it also grows when the counter was lost with all other data: no two scripts run in the
same microsecond. A repeat by the holder itself, whose answer was lost, gets the same fence and no more time.

KEYS[1]  lock     text, the holder's token; its expiry is the lease
KEYS[2]  fence    number, the last fence given out for this name

ARGV[1]  token         not empty, drawn anew for each acquisition
ARGV[2]  lease_ms      1 or more
ARGV[3]  fence_ms      how long the counter is remembered after the last acquisition, 1 or more

Returns  {"granted", fence, lease left in ms}
         {"held", the holder's lease left in ms}
Writes   1. the counter: raised without the lock being taken, a fence is skipped, which nobody minds.
         2. the lock.
]]
local lock_key, fence_key = KEYS[1], KEYS[2]
local token = ARGV[1]
local lease_ms, fence_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
if token == "" or not lease_ms or lease_ms < 1 or not fence_ms or fence_ms < 1 then
  return redis.error_reply("BADARG lock/acquire: a token, and times of 1 ms or more")
end

local time = redis.call("TIME")
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
local holder = redis.call("GET", lock_key)
local last = tonumber(redis.call("GET", fence_key) or "0") or 0

if holder and holder ~= token then
  return { "held", math.max(redis.call("PTTL", lock_key), 1) }
end
if holder and last > 0 then
  return { "granted", last, math.max(redis.call("PTTL", lock_key), 0) }
end

local fence = math.max(last + 1, now_us)
redis.call("SET", fence_key, string.format("%.0f", fence), "PX", fence_ms)
redis.call("SET", lock_key, token, "PX", lease_ms)
return { "granted", fence, lease_ms }
