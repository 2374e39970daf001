-- Posts one GraphQL body. TOKENS names a file of access tokens, one a line: a single one stays warm, of many each is used in
-- its turn.
local tokens = {}
local at = 0
local body = os.getenv("BODY")

function init(args)
  for line in io.lines(os.getenv("TOKENS")) do
    tokens[#tokens + 1] = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nAuthorization: Bearer " .. line ..
      "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
  end
end

function request()
  at = at % #tokens + 1
  return tokens[at]
end

dofile(os.getenv("REPORT"))
