-- wrk: posts payments, each with a number of its own, or asks for the ПТ of a loan; counts the replies that are no
-- success. Arguments: payment or by_dbz, token, first number, threads.
local threads = {}
local places = { payment = "k2extreq_pay_from_eko", by_dbz = "k2extreq_by_dbz" }

function setup(thread)
    thread:set("thread_number", #threads)
    table.insert(threads, thread)
end

function init(arguments)
    kind, refused = arguments[1], 0
    number, step = tonumber(arguments[3]) + thread_number, tonumber(arguments[4])
    path = wrk.path .. places[kind]
    headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. arguments[2], ["Host"] = "localhost" }
    math.randomseed(number + 1)
end

function request()
    local body
    if kind == "payment" then
        number = number + step
        body = string.format('[{"request_id": %d, "trn_id": %d, "refer": "R-%d", "cur": "KZT", "amount": 0.10}]',
            number, number, math.random(0, 999))
    else
        body = string.format('{"contract_number": "D%d", "dbz_dt": "2021-01-01"}', math.random(1, 1000))
    end
    return wrk.format("POST", path, headers, body)
end

function response(status, _, body)
    if status ~= 200 or not body:find('"error_code": 0', 1, true) then
        refused = refused + 1
    end
end

function done(_, latency)
    local sum = 0
    for _, thread in ipairs(threads) do
        sum = sum + thread:get("refused")
    end
    print(string.format("mean %.2f", latency.mean / 1000))
    print("refused " .. sum)
end
