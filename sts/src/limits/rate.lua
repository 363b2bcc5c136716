-- A token bucket in one number, the moment at which it is full again (GCRA), by the server's clock:
-- one for all replicas. KEYS[1]: the bucket. ARGV: microseconds of one request, and of a burst.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
local next = math.max(full, now) + ARGV[1]
if next - now > tonumber(ARGV[2]) then
  return 0
end
-- As many digits as it has: the default form of a number would lose some.
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
return 1
