#!lua flags=allow-oom
--[[ state-redis/lua/preflight.lua
preflight: tries every command our scripts use and tells which of them fail.

It works on scratch keys, which expire after a minute and are deleted at the end. Where keys cannot be deleted or made
to expire nothing is written.

KEYS[1]  text     string
KEYS[2]  hash     hash
KEYS[3]  zset     sorted set
KEYS[4]  stream   stream

ARGV[1]  channel  a message goes here

Returns  {{command, error}, ...}; nothing when all work
Cost     O(1)
Keeps    S6
]]
local text, hash, zset, stream = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local channel = ARGV[1]
local expiry_s = 60

local failed = {}
local function try(command, ...)
  local answer = redis.pcall(command, ...)
  if type(answer) == "table" and answer.err then
    failed[#failed + 1] = { command, answer.err }
  end
end

try("DEL", text, hash, zset, stream)
try("EXPIRE", text, expiry_s)
try("PEXPIRE", text, expiry_s * 1000)
if #failed > 0 then
  return failed
end

try("PTTL", text)
try("PEXPIREAT", text, "9999999999999")
try("PEXPIRETIME", text)

try("TIME")
-- Where it is not allowed, nobody notices that keys are thrown away.
redis.pcall("INFO", "stats")
try("SET", text, "1", "EX", expiry_s)
try("GET", text)
try("EXISTS", text)
try("TYPE", text)
try("PUBLISH", channel, "1")

try("HSET", hash, "a", "1", "b", "2")
redis.pcall("EXPIRE", hash, expiry_s)
try("HSETNX", hash, "a", "1")
try("HGET", hash, "a")
try("HMGET", hash, "a", "b")
try("HGETALL", hash)
try("HKEYS", hash)
try("HVALS", hash)
try("HLEN", hash)
try("HEXISTS", hash, "a")
try("HINCRBY", hash, "a", 1)
try("HSCAN", hash, "0")
try("HDEL", hash, "a")

try("ZADD", zset, 1, "a", 2, "b")
redis.pcall("EXPIRE", zset, expiry_s)
try("ZRANGE", zset, 0, -1)
try("ZRANGEBYSCORE", zset, "-inf", "+inf")
try("ZREVRANGE", zset, 0, -1)
try("ZSCAN", zset, "0")
try("ZCOUNT", zset, "-inf", "+inf")
try("ZSCORE", zset, "a")
try("ZMSCORE", zset, "a")
try("ZCARD", zset)
try("ZREM", zset, "a")
try("ZREMRANGEBYRANK", zset, 0, -100)
try("ZREMRANGEBYSCORE", zset, "-inf", "+inf")

-- With an id of its own, so that the stream exists whatever the clock says.
try("XADD", stream, "MAXLEN", "~", "10", "1-1", "a", "1")
try("XTRIM", stream, "MAXLEN", "~", "10")
if #failed == 0 then
  redis.pcall("EXPIRE", stream, expiry_s)
  try("XINFO", "STREAM", stream)
end
try("XRANGE", stream, "-", "+", "COUNT", "1")
try("XREVRANGE", stream, "+", "-", "COUNT", "1")
try("XREAD", "COUNT", "1", "STREAMS", stream, "0")
try("XLEN", stream)

redis.pcall("DEL", text, hash, zset, stream)
return failed
