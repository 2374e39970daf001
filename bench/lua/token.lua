-- Exchanges API keys for tokens. PAIRS names a file of records, "client_id client_secret\n", all of one length; each
-- request draws one at random.
local prefix = "grant_type=client_credentials&client_id="
local pairs_file, width, count
local head

function init(args)
  local file = assert(io.open(os.getenv("PAIRS"), "rb"))
  pairs_file = file:read("*a")
  file:close()
  width = pairs_file:find("\n")
  count = #pairs_file / width
  math.randomseed(tonumber(os.getenv("SEED") or "1"))
  local sample = pairs_file:sub(1, width - 1):gsub(" ", "&client_secret=")
  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host ..
    "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. (#prefix + #sample) .. "\r\n\r\n" .. prefix
end

function request()
  local at = math.random(0, count - 1) * width
  local space = pairs_file:find(" ", at + 1, true)
  return head .. pairs_file:sub(at + 1, space - 1) .. "&client_secret=" .. pairs_file:sub(space + 1, at + width - 1)
end

dofile(os.getenv("REPORT"))
