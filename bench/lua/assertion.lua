-- Exchanges assertions for tokens. ASSERTIONS names a file with one a line, CLIENT the key that they are for. Each request takes the next
-- line, from number FIRST on, and begins again at the end.
local kind = "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="
local assertions, next_one
local prefix, head

function init(args)
  assertions = {}
  for line in io.lines(os.getenv("ASSERTIONS")) do assertions[#assertions + 1] = line end
  next_one = tonumber(os.getenv("FIRST"))
  prefix = "grant_type=client_credentials&client_id=" .. os.getenv("CLIENT") .. kind
  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host ..
    "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
end

function request()
  local assertion = assertions[next_one % #assertions + 1]
  next_one = next_one + 1
  return head .. (#prefix + #assertion) .. "\r\n\r\n" .. prefix .. assertion
end

dofile(os.getenv("REPORT"))
