#!lua
--[[
rate/take: takes tokens from a bucket, all or none.

A bucket fills evenly, so all there is to know of it is when it will be full again. Taking tokens moves that instant
away by the time they need to come back; more than an empty bucket's worth away is refused.

KEYS[1]  bucket    number, when it will be full (microseconds); it expires then

ARGV[1]  cost_us     how long the tokens asked for need to come back, 0 or more
ARGV[2]  empty_us    how long an empty bucket needs to fill, 1 or more, cost_us or more

Returns  {"taken"} | {"wait", microseconds}
Writes   1. the bucket with its expiry.
]]
local bucket_key = KEYS[1]
local cost_us, empty_us = tonumber(ARGV[1]), tonumber(ARGV[2])
if not cost_us or not empty_us or cost_us < 0 or empty_us < 1 or empty_us < cost_us then
  return redis.error_reply("BADARG rate/take: 0 <= cost_us <= empty_us, 1 <= empty_us")
end

local time = redis.call("TIME")
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
-- No emptier than empty, also when the bucket was larger before, or the server's clock stepped back.
local full_at_us = tonumber(redis.call("GET", bucket_key) or nil) or now_us
full_at_us = math.min(math.max(full_at_us, now_us), now_us + empty_us) + cost_us

if now_us + empty_us < full_at_us then
  return { "wait", full_at_us - (now_us + empty_us) }
end
if now_us < full_at_us then
  local lasts_ms = math.ceil((full_at_us - now_us) / 1000)
  redis.call("SET", bucket_key, string.format("%.0f", full_at_us), "PX", lasts_ms)
end
return { "taken" }
