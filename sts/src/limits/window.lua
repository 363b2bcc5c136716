-- Counts one event in a window that begins with the first. KEYS[1]: the counter. ARGV[1]: length of
-- the window in milliseconds. Returns the count.
local count = redis.call('INCR', KEYS[1])
if count == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return count
