#!lua flags=no-writes
--[[
session/count: counts the sessions of a tenant that have not ended, by its index.

KEYS[1]  index    sorted set, session id -> when it ends (ms), of one tenant

Returns  {"counted", number}
Writes   nothing.
]]
local index_key = KEYS[1]

local time = redis.call("TIME")
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return { "counted", redis.call("ZCOUNT", index_key, "(" .. string.format("%.0f", now_ms), "+inf") }
